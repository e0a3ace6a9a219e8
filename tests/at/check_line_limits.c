/* SPDX-License-Identifier: Apache-2.0 */
/* at/line.c and what is too long, or too much while nobody takes it. */
#include "at/line.h"

#include "fake/scribe.h"
#include "fake/suite.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct scribe scribe;

static void setup(void)
{
	scribe_make(&scribe);
}

static void teardown(void)
{
	scribe_done(&scribe);
}

START_TEST(length_limit)
{
	struct line line;

	for (size_t n = LINE_MAX_COMMAND - 2; n <= LINE_MAX_COMMAND; n++) {
		scribe_feed(&scribe, "noise that isn't counted");
		scribe_feed_long(&scribe, n);
		ck_assert(!line_ready(scribe.reader));
		scribe_feed(&scribe, "\r\n");
		ck_assert(line_next(scribe.reader, &line));
		ck_assert_int_eq(line.kind, LINE_COMMAND);
		ck_assert_uint_eq(line.n, n - 2);
		ck_assert(!line_ready(scribe.reader));
	}
	scribe_feed_long(&scribe, LINE_MAX_COMMAND + 1);
	ck_assert(!line_ready(scribe.reader));
	scribe_feed(&scribe, "AT+X");
	ck_assert(!line_ready(scribe.reader));
	scribe_feed(&scribe, "\rAT+Y\n");
	scribe_expect(&scribe, "![+Y]");
	scribe_feed_long(&scribe, LINE_MAX_COMMAND);
	scribe_feed(&scribe, "x\nAT\n");
	scribe_expect(&scribe, "![]");
	scribe_feed_long(&scribe, 200000);
	scribe_feed(&scribe, "\nAT\n");
	scribe_expect(&scribe, "![]");
}
END_TEST

START_TEST(noise_needs_no_memory)
{
	static char noise[100000];

	memset(noise, 'A', sizeof(noise));
	for (int i = 0; i < 100; i++)
		(void)line_feed(scribe.reader, noise, sizeof(noise));
	scribe_feed(&scribe, "\nhello AT+X\n");
	scribe_expect(&scribe, "[+X]");
}
END_TEST

/* While nobody takes lines: those that fit are kept, the others become one answer each, in their turn. */
START_TEST(backlog)
{
	unsigned kept = 0, lost = 0, late = 0;
	struct line line;
	char text[32];

	for (unsigned i = 0; i < 100000; i++) {
		(void)snprintf(text, sizeof(text), "AT+X%05u\n", i);
		scribe_feed(&scribe, text);
	}
	while (line_next(scribe.reader, &line)) {
		if (line.kind == LINE_OVERFLOW) {
			lost++;
			continue;
		}
		(void)snprintf(text, sizeof(text), "+X%05u", kept + lost);
		if (line.n != 7 || memcmp(line.data, text, 7) != 0)
			ck_abort_msg("line %u", kept + lost);
		kept++;
		late += lost > 0;
	}
	ck_assert_uint_eq(kept + lost, 100000);
	ck_assert_uint_ge(kept, 64 * 1024 / 10);
	ck_assert_uint_le(kept, LINE_BACKLOG / 7);
	ck_assert_uint_eq(late, 0);
	scribe_feed(&scribe, "AT\n");
	scribe_expect(&scribe, "[]");
}
END_TEST

/* Overflows in several places, between commands that found room again. */
START_TEST(backlog_overflows_in_turn)
{
	struct line line;
	unsigned n = 0;

	for (;;) {
		scribe_feed_long(&scribe, 5000);
		scribe_feed(&scribe, "\n");
		if (++n * 5000 > LINE_BACKLOG)
			break;
	}
	/* The last one did not fit. */
	for (unsigned i = 0; i < 3; i++) {
		scribe_feed_long(&scribe, 4000);
		scribe_feed(&scribe, "\n");
	}
	for (unsigned i = 0; i < n - 1; i++) {
		ck_assert(line_next(scribe.reader, &line));
		ck_assert_int_eq(line.kind, LINE_COMMAND);
		if (i == 3)
			scribe_feed(&scribe, "AT+BETWEEN\n");
		if (i == 4) {
			scribe_feed_long(&scribe, 200000);
			scribe_feed(&scribe, "\n");
			scribe_feed_long(&scribe, 200000);
			scribe_feed(&scribe, "\nAT+LAST\n");
		}
	}
	scribe_expect(&scribe, "!!!![+BETWEEN]!![+LAST]");
}
END_TEST

START_TEST(backlog_always_has_room_for_a_marker)
{
	unsigned commands = 0, overflows = 0;
	struct line line;

	/* Fill to the last byte with "AT", then alternate. */
	for (unsigned i = 0; i < 70000; i++)
		scribe_feed(&scribe, "AT\n");
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert(line_next(scribe.reader, &line));
		if (line.kind == LINE_COMMAND)
			commands++;
		else
			overflows++;
		scribe_feed(&scribe, "AT\nAT\nAT\n");
	}
	while (line_next(scribe.reader, &line)) {
		if (line.kind == LINE_COMMAND)
			commands++;
		else
			overflows++;
	}
	ck_assert_uint_eq(commands + overflows, 70000 + 3000);
	ck_assert_uint_ge(overflows, 2000);
}
END_TEST

static void feed_body(size_t base64)
{
	scribe_feed(&scribe, SCRIBE_BEGIN "\n");
	for (size_t i = 0; i < base64; i++)
		scribe_feed(&scribe, "M");
	scribe_feed(&scribe, "\n" SCRIBE_END "\n");
}

START_TEST(body_limit)
{
	size_t rest = strlen(SCRIBE_BEGIN) + strlen(SCRIBE_END) + 2;
	struct line line;

	scribe_feed(&scribe, "AT+A=pem\n");
	feed_body(LINE_MAX_BODY - rest);
	ck_assert(line_next(scribe.reader, &line));
	ck_assert(line_next(scribe.reader, &line));
	ck_assert_int_eq(line.kind, LINE_BODY);
	ck_assert_uint_eq(line.n, LINE_MAX_BODY);
	ck_assert_mem_eq(line.data, SCRIBE_BEGIN "\nMMM", strlen(SCRIBE_BEGIN) + 4);
	ck_assert_mem_eq(line.data + line.n - strlen(SCRIBE_END) - 2, "M\n" SCRIBE_END, strlen(SCRIBE_END) + 2);

	scribe_feed(&scribe, "AT+A=pem\n");
	feed_body(LINE_MAX_BODY - rest + 1);
	scribe_feed(&scribe, "AT+X\n");
	scribe_expect(&scribe, "[+A=pem]{}[+X]");
	/* A line that ends at the limit has no room for another. */
	scribe_feed(&scribe, "AT+A=pem\n" SCRIBE_BEGIN "\n");
	for (size_t i = strlen(SCRIBE_BEGIN) + 1; i < LINE_MAX_BODY; i++)
		scribe_feed(&scribe, "M");
	scribe_feed(&scribe, "\n");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_SWALLOW_SILENCE_MS);
	scribe_feed(&scribe, SCRIBE_END "\n");
	scribe_expect(&scribe, "[+A=pem]{}");
	scribe_feed(&scribe, "AT+A=pem\n");
	feed_body(100000);
	scribe_feed(&scribe, "AT+X\n");
	scribe_expect(&scribe, "[+A=pem]{}[+X]");
}
END_TEST

/* A paste that was announced has room, however full the backlog is. */
START_TEST(body_behind_a_full_backlog)
{
	unsigned bodies = 0, commands = 0, overflows = 0;
	struct line line;

	for (unsigned i = 0; i < 100; i++) {
		scribe_feed(&scribe, "AT+A=pem\n");
		feed_body(16000);
	}
	while (line_next(scribe.reader, &line)) {
		switch (line.kind) {
		case LINE_COMMAND:
			commands++;
			break;
		case LINE_BODY:
			ck_assert_uint_gt(line.n, 16000);
			bodies++;
			break;
		case LINE_OVERFLOW:
			overflows++;
			break;
		}
	}
	ck_assert_uint_eq(commands, bodies);
	ck_assert_uint_ge(bodies, 10);
	/* The pastes of those that did not fit were swallowed. */
	ck_assert_uint_eq(commands + overflows, 100);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("line_limits");
	TCase *tc = tcase_create("line");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, length_limit);
	tcase_add_test(tc, noise_needs_no_memory);
	tcase_add_test(tc, backlog);
	tcase_add_test(tc, backlog_overflows_in_turn);
	tcase_add_test(tc, backlog_always_has_room_for_a_marker);
	tcase_add_test(tc, body_limit);
	tcase_add_test(tc, body_behind_a_full_backlog);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
