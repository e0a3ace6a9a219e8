#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A bounded queue of bytes that grows up to its limit. Never a C string. */

#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

struct buf {
	uint8_t *data;
	size_t start; /* first byte not yet consumed */
	size_t end;   /* one past the last byte */
	size_t size;  /* bytes allocated */
	size_t limit; /* most bytes it may hold at once */
};

void buf_init(struct buf *b, size_t limit);
void buf_done(struct buf *b);

static inline size_t buf_used(const struct buf *b)
{
	return b->end - b->start;
}

static inline size_t buf_room(const struct buf *b)
{
	return b->limit - buf_used(b);
}

static inline const uint8_t *buf_head(const struct buf *b)
{
	return b->data ? b->data + b->start : NULL;
}

/* Appends all n bytes or nothing. 0, -ENOBUFS beyond the limit, -ENOMEM. */
int buf_append(struct buf *b, const void *data, size_t n) _must_check_;

/* Makes n more bytes writable behind the last one and says where; buf_commit()
 * then counts those that were written. Errors like buf_append(). */
int buf_reserve(struct buf *b, size_t n, uint8_t **ret) _must_check_;
void buf_commit(struct buf *b, size_t n);

/* Forgets the first n bytes; an emptied large buffer gives its memory back. */
void buf_consume(struct buf *b, size_t n);

/* Forgets the last bytes so that n remain. */
void buf_truncate(struct buf *b, size_t n);

void buf_clear(struct buf *b);
