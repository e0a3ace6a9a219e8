/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/timer.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define TIMERS 64
#define START  1000000 /* ms: as if the machine had run for a while */

struct armed {
	struct timer *timer; /* NULL: free */
	bool armed;
	uint64_t due;
	uint64_t order; /* of those that are due at the same moment the one armed first goes first */
};

static struct armed all[TIMERS];
static uint64_t now = START;
static uint64_t order;

/* Not ck_assert(): fuzz targets have clocks, too. */
#define must(what)                                                       \
	do {                                                             \
		if (!(what)) {                                           \
			fprintf(stderr, "fake timer: not: %s\n", #what); \
			abort();                                         \
		}                                                        \
	} while (0)

static struct armed *find(const struct timer *t)
{
	for (size_t i = 0; i < TIMERS; i++) {
		if (all[i].timer == t)
			return &all[i];
	}
	return NULL;
}

uint64_t timer_now(void)
{
	return now;
}

int timer_init(struct timer *t, sd_event *event, void (*fn)(void *userdata), void *userdata)
{
	struct armed *a = find(NULL);

	must(event);
	must(a);
	*t = (struct timer){ .fn = fn, .userdata = userdata };
	*a = (struct armed){ .timer = t };
	return 0;
}

void timer_done(struct timer *t)
{
	struct armed *a = find(t);

	if (a)
		*a = (struct armed){ 0 };
}

void timer_arm(struct timer *t, uint64_t ms)
{
	struct armed *a = find(t);

	must(a);
	a->armed = true;
	a->due = ms > UINT64_MAX - now ? UINT64_MAX : now + ms;
	a->order = order++;
}

void timer_disarm(struct timer *t)
{
	struct armed *a = find(t);

	if (a)
		a->armed = false;
}

bool timer_armed(const struct timer *t)
{
	const struct armed *a = find(t);

	return a && a->armed;
}

static struct armed *first(void)
{
	struct armed *found = NULL;

	for (size_t i = 0; i < TIMERS; i++) {
		struct armed *a = &all[i];

		if (!a->timer || !a->armed)
			continue;
		if (!found || a->due < found->due || (a->due == found->due && a->order < found->order))
			found = a;
	}
	return found;
}

uint64_t fake_timer_next(void)
{
	const struct armed *a = first();

	if (!a)
		return UINT64_MAX;
	return a->due > now ? a->due - now : 0;
}

void fake_timer_pass(uint64_t ms)
{
	uint64_t end = now + ms;
	struct armed *a;

	while ((a = first()) != NULL && a->due <= end) {
		struct timer *t = a->timer;

		if (a->due > now)
			now = a->due;
		a->armed = false;
		t->fn(t->userdata);
	}
	now = end;
}
