/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define BUF_FIRST 256  /* smallest allocation */
#define BUF_KEEP  8192 /* an empty buffer larger than this is given back */

void buf_init(struct buf *b, size_t limit)
{
	*b = (struct buf){ .limit = limit };
}

void buf_done(struct buf *b)
{
	free(b->data);
	*b = (struct buf){ .limit = b->limit };
}

static void buf_compact(struct buf *b)
{
	if (b->start == 0)
		return;
	memmove(b->data, b->data + b->start, buf_used(b));
	b->end -= b->start;
	b->start = 0;
}

/* More is allocated than may be used at once: moving the bytes to the front is then rare, and its cost per byte stays
 * constant even in a queue that is always nearly full. */
static int buf_grow(struct buf *b, size_t n)
{
	size_t most = b->limit + b->limit / 2;
	size_t want = b->size * 2;
	uint8_t *data;

	buf_compact(b);
	if (want < BUF_FIRST)
		want = BUF_FIRST;
	if (want < b->end + n)
		want = b->end + n;
	if (want > most)
		want = most;
	if (want <= b->size)
		return 0;
	data = realloc(b->data, want);
	if (!data)
		return -ENOMEM;
	b->data = data;
	b->size = want;
	return 0;
}

int buf_reserve(struct buf *b, size_t n, uint8_t **ret)
{
	int r;

	if (n > buf_room(b))
		return -ENOBUFS;
	if (n > b->size - b->end) {
		if (b->start > b->size / 2 && buf_used(b) + n <= b->size) {
			buf_compact(b);
		} else {
			r = buf_grow(b, n);
			if (r < 0)
				return r;
		}
	}
	*ret = b->data + b->end;
	return 0;
}

void buf_commit(struct buf *b, size_t n)
{
	assert(n <= b->size - b->end);
	b->end += n;
}

int buf_append(struct buf *b, const void *data, size_t n)
{
	uint8_t *to;
	int r;

	if (n == 0)
		return 0;
	r = buf_reserve(b, n, &to);
	if (r < 0)
		return r;
	memcpy(to, data, n);
	buf_commit(b, n);
	return 0;
}

static void buf_emptied(struct buf *b)
{
	if (b->size > BUF_KEEP)
		buf_done(b);
	b->start = 0;
	b->end = 0;
}

void buf_consume(struct buf *b, size_t n)
{
	assert(n <= buf_used(b));
	b->start += n;
	if (b->start == b->end)
		buf_emptied(b);
}

void buf_truncate(struct buf *b, size_t n)
{
	assert(n <= buf_used(b));
	b->end = b->start + n;
	if (n == 0)
		buf_emptied(b);
}

void buf_clear(struct buf *b)
{
	buf_emptied(b);
}
