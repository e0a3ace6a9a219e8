#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The answer (guide 3.6.1): the only writer of CR LF and of escapes. */

#include "at/error.h"
#include "util/buf.h"
#include "util/macro.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#define REPLY_MAX_DETAIL 64                          /* bytes of an error's detail: hosts have small buffers */
#define REPLY_MAX        (2 * 128 * 1024 + 2 * 1024) /* a message of 128 KiB, all of it escaped, and its topic */

struct reply {
	struct buf first; /* what follows "OK" or "OK#" on the first line, escaped */
	struct buf lines; /* the further lines, each with its CR LF */
	unsigned count;   /* of further lines */
	bool counted;     /* "OK#" even when # is 0 */
	char hint[12];    /* of an error: the number between "ERR14" and its text, or "" */
	char detail[REPLY_MAX_DETAIL + 1];
};

void reply_init(struct reply *r);
void reply_done(struct reply *r);
void reply_clear(struct reply *r);

/* First line of a success, raw bytes; escaped here. 0 or -errno. */
int reply_ok(struct reply *r, const void *data, size_t n) _must_check_;

/* One further line; the number behind OK follows from these calls. 0 or -errno. */
int reply_line(struct reply *r, const void *data, size_t n) _must_check_;

/* Hint (-1: none) and detail of an error; the detail is cut to 64 bytes. */
void reply_hint(struct reply *r, int hint, const char *format, va_list ap) _printf_(3, 0);

/* Appends the whole answer to out: OK for error 0, else "ERR<n> <text>". All or nothing. 0 or -errno. */
int reply_write(const struct reply *r, int error, struct buf *out) _must_check_;
