/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/scribe.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static enum line_follows follows(void *userdata, const uint8_t *data, size_t n)
{
	const struct scribe *s = userdata;

	if (s->self != s) /* ck_assert() is slow, and this runs very often */
		ck_abort_msg("not ours");
	if (n >= 4 && memcmp(data, "+OTW", 4) == 0)
		return LINE_BYTES;
	return n >= 4 && memcmp(data + n - 4, "=pem", 4) == 0 ? LINE_PASTE : LINE_NOTHING;
}

void scribe_make(struct scribe *s)
{
	s->self = s;
	ck_assert_int_eq(line_reader_new(&s->reader, follows, s), 0);
}

void scribe_done(struct scribe *s)
{
	s->reader = line_reader_free(s->reader);
}

void scribe_feed(struct scribe *s, const char *text)
{
	if (line_feed(s->reader, text, strlen(text)) != strlen(text)) /* this, too */
		ck_abort_msg("stopped");
}

void scribe_feed_long(struct scribe *s, size_t n)
{
	char *text = malloc(n);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', n);
	memcpy(text, "AT+", 3);
	(void)line_feed(s->reader, text, n);
	free(text);
}

static void show(struct line_reader *reader, char *to, size_t size)
{
	struct line line;
	size_t n = 0;

	while (line_next(reader, &line)) {
		if (line.kind == LINE_OVERFLOW) {
			ck_assert_uint_eq(line.n, 0);
			n += (size_t)snprintf(to + n, size - n, "!");
			continue;
		}
		to[n++] = line.kind == LINE_COMMAND ? '[' : '{';
		for (size_t i = 0; i < line.n; i++) {
			ck_assert_uint_lt(n, size - 4);
			if (line.kind == LINE_BODY && line.data[i] == '-')
				continue;
			to[n++] = line.data[i] == '\n' ? '/' : (char)line.data[i];
		}
		to[n++] = line.kind == LINE_COMMAND ? ']' : '}';
	}
	to[n] = '\0';
}

void scribe_expect(struct scribe *s, const char *lines)
{
	char text[20000];

	ck_assert_int_eq(line_ready(s->reader), lines[0] != '\0');
	show(s->reader, text, sizeof(text));
	ck_assert_str_eq(text, lines);
	ck_assert(!line_ready(s->reader));
}
