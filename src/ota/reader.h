#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Reading through two windows of a file, one of them ahead of the reader. Does not touch the file itself: it says which
 * window it wants, and is given it. */

#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define READER_NONE UINT32_MAX /* no window */

struct reader_window {
	uint32_t index;
	char *data;
	size_t n;
};

struct reader {
	uint64_t size; /* of the file; 0: closed */
	size_t window; /* bytes of one */
	struct reader_window slots[2];

	/* what was asked for, now or at last */
	struct done done; /* empty: it was answered */
	uint64_t offset;
	size_t n;

	uint32_t ahead; /* the window that will probably be asked for next */
	char *data;
	size_t data_n;
};

/* A file of this size, of which nothing is known yet. window: at least as many bytes as are asked for at a time. */
void reader_open(struct reader *r, uint64_t size, size_t window);

/* Forgets everything; returns the completion that waits, if any. */
struct done reader_close(struct reader *r);

/* One question at a time: r->done is empty. Of n bytes at offset those that are there, at most a window: done gets 0,
 * before the return if it is possible, and r->data has data_n bytes until the next question. */
void reader_ask(struct reader *r, uint64_t offset, size_t n, struct done done);

/* The window that is to be loaded next, or READER_NONE. */
uint32_t reader_wants(const struct reader *r);

/* Here it is; takes data. The completion may be called. */
void reader_give(struct reader *r, uint32_t index, char *data, size_t n);

/* It cannot be had. */
void reader_fail(struct reader *r, uint32_t index, int error);
