/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/reader.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void drop(struct reader_window *w)
{
	free(w->data);
	*w = (struct reader_window){ .index = READER_NONE };
}

struct done reader_close(struct reader *r)
{
	struct done done = r->done;

	for (unsigned i = 0; i < ELEMENTS(r->slots); i++)
		drop(&r->slots[i]);
	free(r->data);
	*r = (struct reader){ .ahead = READER_NONE };
	for (unsigned i = 0; i < ELEMENTS(r->slots); i++)
		r->slots[i].index = READER_NONE;
	return done;
}

void reader_open(struct reader *r, uint64_t size, size_t window)
{
	(void)reader_close(r);
	r->size = size;
	r->window = window;
}

static uint32_t first(const struct reader *r)
{
	assert(r->window);

	return (uint32_t)(r->offset / r->window);
}

/* There is no window in nothing. */
static uint32_t end(const struct reader *r)
{
	return r->n ? (uint32_t)((r->offset + r->n - 1) / r->window) + 1 : first(r);
}

static const struct reader_window *find(const struct reader *r, uint32_t index)
{
	for (unsigned i = 0; i < ELEMENTS(r->slots); i++) {
		if (r->slots[i].index == index)
			return &r->slots[i];
	}
	return NULL;
}

/* Of those that were asked for. */
static uint32_t missing(const struct reader *r)
{
	for (uint32_t i = first(r); i < end(r); i++) {
		if (!find(r, i))
			return i;
	}
	return READER_NONE;
}

uint32_t reader_wants(const struct reader *r)
{
	return r->done.fn ? missing(r) : r->ahead;
}

static void copy(struct reader *r)
{
	uint64_t offset = r->offset;
	size_t left = r->n;

	r->data_n = 0;
	while (left > 0) {
		const struct reader_window *w = find(r, (uint32_t)(offset / r->window));
		size_t skip = (size_t)(offset % r->window);
		size_t k = w->n - skip < left ? w->n - skip : left;

		memcpy(r->data + r->data_n, w->data + skip, k);
		r->data_n += k;
		offset += k;
		left -= k;
	}
}

static void answer(struct reader *r)
{
	uint64_t next = (uint64_t)end(r) * r->window;

	copy(r);
	if (r->n)
		r->ahead = next < r->size && !find(r, end(r)) ? end(r) : READER_NONE;
	done_call(&r->done, 0);
}

void reader_ask(struct reader *r, uint64_t offset, size_t n, struct done done)
{
	uint64_t rest = offset < r->size ? r->size - offset : 0;
	char *data;

	assert(!r->done.fn);

	if (n > rest)
		n = (size_t)rest;
	if (n > r->window)
		n = r->window;
	data = realloc(r->data, n ? n : 1);
	if (!data) {
		done_call(&done, -ENOMEM);
		return;
	}
	r->data = data;
	r->data_n = 0;
	r->offset = offset;
	r->n = n;
	r->done = done;
	if (missing(r) == READER_NONE)
		answer(r);
}

/* Not what is needed to answer; else what is not there. Of two, one is always free: what was asked for spans two. */
static struct reader_window *free_slot(struct reader *r)
{
	for (unsigned i = 0; i < ELEMENTS(r->slots); i++) {
		uint32_t index = r->slots[i].index;

		if (index == READER_NONE || index < first(r) || index >= end(r))
			return &r->slots[i];
	}
	return &r->slots[r->slots[0].index < r->slots[1].index ? 0 : 1];
}

void reader_give(struct reader *r, uint32_t index, char *data, size_t n)
{
	struct reader_window *slot = free_slot(r);

	drop(slot);
	*slot = (struct reader_window){ index, data, n };
	if (r->ahead == index)
		r->ahead = READER_NONE;
	if (r->done.fn && missing(r) == READER_NONE)
		answer(r);
}

void reader_fail(struct reader *r, uint32_t index, int error)
{
	if (r->ahead == index)
		r->ahead = READER_NONE;
	if (r->done.fn && index >= first(r) && index < end(r))
		done_call(&r->done, error);
}
