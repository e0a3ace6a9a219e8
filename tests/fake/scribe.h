#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A reader of lines (at/line.c), which is fed, and somebody who writes down what comes out of it. Commands that end in
 * "=pem" take a body here, OTW may take the line. */

#include "at/line.h"

#include <stddef.h>

#define SCRIBE_BEGIN "-----BEGIN CERTIFICATE-----"
#define SCRIBE_END   "-----END CERTIFICATE-----"

struct scribe {
	const struct scribe *self; /* as callbacks should have it */
	struct line_reader *reader;
};

void scribe_make(struct scribe *s);
void scribe_done(struct scribe *s);

/* All of it is taken. */
void scribe_feed(struct scribe *s, const char *text);

/* A command of n bytes from "AT+" on, up to its EOL. */
void scribe_feed_long(struct scribe *s, size_t n);

/* What line_next() gives, and then no more, as text: "[+X]" a command, "!" an overflow, "{...}" a body, "{}" one that
 * was broken off. LF in a body is shown as '/', dashes of PEM are left out. */
void scribe_expect(struct scribe *s, const char *lines);
