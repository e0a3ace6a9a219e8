/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/window.h"

#include <string.h>

#define LIMIT_FIRST  4     /* blocks under way in the beginning */
#define QUEUE_MS     4000  /* no more is under way than comes in this time */
#define SILENCE_MS   500   /* beyond twice the longest pause */
#define PAUSE_FIRST  1000  /* as long as none is known */
#define SILENCE_MOST 10000 /* to which it grows, unless the pauses are longer */
#define GROW_MOST    4     /* times twice */

static bool is_taken(const struct window *w, unsigned block)
{
	return w->taken[block / 64] >> (block % 64) & 1;
}

static bool is_under_way(const struct window *w, unsigned block)
{
	for (unsigned i = 0; i < WINDOW_REQUESTS; i++) {
		const struct window_request *r = &w->requests[i];

		if (block >= r->first && block - r->first < WINDOW_SPAN && (r->blocks >> (block - r->first) & 1))
			return true;
	}
	return false;
}

static unsigned bits(uint64_t blocks)
{
	return (unsigned)__builtin_popcountll(blocks);
}

static unsigned under_way(const struct window *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW_REQUESTS; i++)
		n += bits(w->requests[i].blocks);
	return n;
}

/* Those that have ended make room behind the others. */
static void compact(struct window *w)
{
	unsigned n = 0;

	for (unsigned i = 0; i < WINDOW_REQUESTS; i++) {
		if (w->requests[i].blocks)
			w->requests[n++] = w->requests[i];
	}
	while (n < WINDOW_REQUESTS)
		w->requests[n++].blocks = 0;
}

static void step_over_taken(struct window *w)
{
	while (w->first < w->count && is_taken(w, w->first))
		w->first++;
}

void window_init(struct window *w, unsigned count, unsigned have, uint64_t now)
{
	*w = (struct window){
		.count = count, .limit = LIMIT_FIRST, .since = now, .waiting = now, .pause = PAUSE_FIRST
	};
	for (unsigned i = 0; i < have; i++)
		w->taken[i / 64] |= UINT64_C(1) << (i % 64);
	step_over_taken(w);
}

static struct window_request choose(const struct window *w, unsigned most)
{
	struct window_request request = { .blocks = 0 };

	for (unsigned i = w->first; i < w->count && bits(request.blocks) < most; i++) {
		if (request.blocks && i - request.first >= WINDOW_SPAN)
			break;
		if (is_taken(w, i) || is_under_way(w, i))
			continue;
		if (!request.blocks)
			request.first = i;
		request.blocks |= UINT64_C(1) << (i - request.first);
	}
	return request;
}

bool window_ask(struct window *w, uint64_t now, struct window_request *ret)
{
	unsigned batch = w->limit < WINDOW_BATCH ? w->limit : WINDOW_BATCH, open = under_way(w);
	struct window_request *last = &w->requests[WINDOW_REQUESTS - 1], request;

	/* Whole batches: small requests would cost a round trip each. */
	if (last->blocks || open + batch > w->limit)
		return false;
	request = choose(w, batch);
	if (!request.blocks)
		return false;
	if (open == 0)
		w->since = now;
	if (open == 0 && w->silences == 0)
		w->waiting = now;
	request.number = ++w->asked;
	*last = request;
	compact(w);
	*ret = request;
	return true;
}

bool window_wants(const struct window *w, uint64_t block)
{
	return block < w->count && !is_taken(w, (unsigned)block);
}

/* Another sign that blocks come, after so many ms. */
static void measure(struct window *w, uint64_t gap, uint64_t now)
{
	uint64_t most;

	w->since = w->waiting = now;
	w->heard = true;
	w->silences = 0;
	w->pause -= w->pause / 16;
	if (gap > w->pause)
		w->pause = gap;
	w->pace = w->pace ? w->pace - w->pace / 8 + gap * 2 : gap * 16;
	most = w->pace ? QUEUE_MS * 16 / w->pace : WINDOW_BLOCKS;
	if (most > WINDOW_BLOCKS)
		most = WINDOW_BLOCKS;
	w->limit++;
	if (w->limit > most)
		w->limit = most > 0 ? (unsigned)most : 1;
}

static struct window_request *find_late(struct window *w, unsigned number)
{
	for (unsigned i = 0; i < WINDOW_REQUESTS; i++) {
		if (w->late[i].blocks && w->late[i].number == number)
			return &w->late[i];
	}
	return NULL;
}

/* The rest of it, before all others, for it was asked for before them. */
static void expect_late(struct window *w, struct window_request *late, unsigned came)
{
	struct window_request request = { .first = late->first, .number = late->number };

	for (unsigned i = 0; i < WINDOW_SPAN; i++) {
		unsigned block = late->first + i;

		if ((late->blocks >> i & 1) && block != came && !is_taken(w, block) && !is_under_way(w, block))
			request.blocks |= UINT64_C(1) << i;
	}
	late->blocks = 0;
	if (!request.blocks || w->requests[WINDOW_REQUESTS - 1].blocks)
		return;
	memmove(&w->requests[1], &w->requests[0], (WINDOW_REQUESTS - 1) * sizeof(w->requests[0]));
	w->requests[0] = request;
}

void window_came(struct window *w, unsigned block, unsigned number, bool taken, uint64_t now)
{
	struct window_request *late = find_late(w, number);
	bool ended = false;

	measure(w, now - (late ? w->waiting : w->since), now);
	if (taken)
		w->taken[block / 64] |= UINT64_C(1) << (block % 64);
	for (unsigned i = WINDOW_REQUESTS; i-- > 0;) {
		struct window_request *r = &w->requests[i];

		/* What was asked for before a request that is answered in full will not come any more. */
		if (ended) {
			r->blocks = 0;
			continue;
		}
		if (block < r->first || block - r->first >= WINDOW_SPAN || !(r->blocks >> (block - r->first) & 1))
			continue;
		r->blocks &= ~(UINT64_C(1) << (block - r->first));
		ended = r->blocks == 0 && r->number == number;
	}
	compact(w);
	step_over_taken(w);
	if (late)
		expect_late(w, late, block);
}

uint64_t window_due(const struct window *w)
{
	uint64_t wait = SILENCE_MS + 2 * w->pause, grown = wait << w->silences;

	if (!w->requests[0].blocks)
		return UINT64_MAX;
	if (grown > SILENCE_MOST)
		grown = SILENCE_MOST;
	return w->since + (grown > wait ? grown : wait);
}

void window_lost(struct window *w, uint64_t now)
{
	for (unsigned i = 0; i < WINDOW_REQUESTS && w->requests[i].blocks; i++) {
		memmove(&w->late[1], &w->late[0], (WINDOW_REQUESTS - 1) * sizeof(w->late[0]));
		w->late[0] = w->requests[i];
		w->requests[i].blocks = 0;
	}
	w->since = now;

	/* A second time without any answer in between: less may get through. And as long as nothing has come, it may be
	 * on its way on a slow line, where what is asked for again has to wait its turn, and comes in vain. */
	if (!w->heard)
		w->limit = 1;
	else if (w->silences > 0)
		w->limit = w->limit > 1 ? w->limit / 2 : 1;
	if (w->silences < GROW_MOST)
		w->silences++;
}

void window_resume(struct window *w, uint64_t now)
{
	w->since = w->waiting = now;
}

bool window_complete(const struct window *w)
{
	return w->first == w->count;
}
