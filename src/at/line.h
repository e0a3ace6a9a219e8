#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to command lines (guide 3.4.1, 3.5): drops noise, ends lines, bounds them, and keeps the lines
 * that wait for their turn. Collects the certificate that follows a "=pem" command (guide 8.11.2). */

#include "util/buf.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINE_MAX_COMMAND        5120         /* guide 3.4.1: from "AT+" to the byte before the EOL */
#define LINE_MAX_BODY           (16 * 1024)  /* a pasted certificate */
#define LINE_BACKLOG            (256 * 1024) /* commands that wait while one runs */
#define LINE_BODY_SILENCE_MS    30000
#define LINE_SWALLOW_SILENCE_MS 2000

enum line_kind {
	LINE_COMMAND,  /* data: what stands between "AT" and the EOL: "" or "+..." */
	LINE_OVERFLOW, /* a command that did not fit: no data (guide 3.5.2) */
	LINE_BODY,     /* data: the pasted PEM text, lines joined by LF; n == 0 if it was broken off */
};

struct line {
	enum line_kind kind;
	uint8_t *data; /* may be changed in place; valid until the next call for this reader */
	size_t n;
};

/* What comes behind a command. */
enum line_follows {
	LINE_NOTHING, /* the next line */
	LINE_PASTE,   /* a certificate, see LINE_BODY */
	LINE_BYTES,   /* perhaps the bytes of a file: the reader stops, until line_go_on() */
};

/* data: that of a LINE_COMMAND. */
typedef enum line_follows (*line_follows_fn)(void *userdata, const uint8_t *data, size_t n);

struct line_reader;

int line_reader_new(struct line_reader **ret, line_follows_fn follows, void *userdata) _must_check_;
struct line_reader *line_reader_free(struct line_reader *r);
DEFINE_CLEANUP(struct line_reader *, line_reader_free)

/* Takes in bytes as they come, in pieces of any size. Never fails: what does not fit becomes LINE_OVERFLOW,
 * in its turn. Returns how many it took: fewer when it stopped behind a command. */
size_t line_feed(struct line_reader *r, const void *data, size_t n);

/* It takes nothing before line_go_on(), which feeds what came in between: that command is the last line that
 * line_next() gives. cut: what followed these bytes is lost, up to now; the line that it belonged to is a
 * LINE_OVERFLOW. */
bool line_stopped(const struct line_reader *r);
size_t line_go_on(struct line_reader *r, const void *data, size_t n, bool cut);

/* The next whole line in order of arrival; false: none yet. A LINE_BODY is found only right behind the command
 * that takes it. */
bool line_next(struct line_reader *r, struct line *ret);

/* Is there one? */
bool line_ready(const struct line_reader *r);

/* The command just taken by line_next() refused its body: swallow what is still to come of it, up to its END
 * line or LINE_SWALLOW_SILENCE_MS without a byte, and drop what has come. A host that saw the refusal may not send it
 * at all: if nothing has come and the next thing isn't the "-" of a BEGIN line, it is no longer waited for. */
void line_swallow(struct line_reader *r);

/* How long a silence is awaited after the last line_feed(): 0 (none), or one of the two above. The caller says by
 * line_silence() when it has passed: a body is then broken off, or swallowing ends. */
unsigned line_silence_ms(const struct line_reader *r);
void line_silence(struct line_reader *r);

/* Drops everything: whole lines, half lines, modes. */
void line_reset(struct line_reader *r);
