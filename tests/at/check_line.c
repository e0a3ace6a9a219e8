/* SPDX-License-Identifier: Apache-2.0 */
#include "at/line.h"

#include "fake/suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define B "-----BEGIN CERTIFICATE-----"
#define E "-----END CERTIFICATE-----"

/* Commands that end in "=pem" take a body here, OTW may take the line. */
static enum line_follows follows(void *userdata, const uint8_t *data, size_t n)
{
	++*(unsigned *)userdata;
	if (n >= 4 && memcmp(data, "+OTW", 4) == 0)
		return LINE_BYTES;
	return n >= 4 && memcmp(data + n - 4, "=pem", 4) == 0 ? LINE_PASTE : LINE_NOTHING;
}

static struct line_reader *reader;
static unsigned asked;

static void setup(void)
{
	ck_assert_int_eq(line_reader_new(&reader, follows, &asked), 0);
}

static void teardown(void)
{
	reader = line_reader_free(reader);
}

static void feed(const char *text)
{
	if (line_feed(reader, text, strlen(text)) != strlen(text)) /* ck_assert() is slow, and this runs very often */
		ck_abort_msg("stopped");
}

/* What line_next() gives, as text: "[+X]" a command, "!" an overflow, "{...}" a body, "{}" one that was broken off. LF in
 * a body is shown as '/', dashes of PEM are left out. */
static void show(char *to, size_t size)
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

static void expect(const char *lines)
{
	char text[20000];

	ck_assert_int_eq(line_ready(reader), lines[0] != '\0');
	show(text, sizeof(text));
	ck_assert_str_eq(text, lines);
	ck_assert(!line_ready(reader));
}

static const struct {
	const char *in;
	const char *out;
} cases[] = {
	/* Guide 3.2.5, 3.5.3: every kind of EOL ends a command once. */
	{ "AT\n", "[]" },
	{ "AT\r", "[]" },
	{ "AT\r\n", "[]" },
	{ "AT\n\r", "[]" },
	{ "AT\r\r", "[]" },
	{ "AT\n\nAT\r\r\r\nAT\n", "[][][]" },
	{ "\n\r\n\r", "" },
	{ "AT", "" },
	{ "AT+X", "" },
	{ "AT+X\n", "[+X]" },
	{ "AT+X\r\nAT+Y\n\rAT\r\rAT+Z\n", "[+X][+Y][][+Z]" },
	{ "AT+\n", "[+]" },
	{ "AT+ X\r", "[+ X]" },
	{ "at+time?\n", "[+time?]" },
	{ "aT\nAt\nat\n", "[][][]" },
	{ "aT+a\nAt+b\n", "[+a][+b]" },
	/* Noise. */
	{ "abcdefAT\n", "[]" },
	{ "xxAT+CONNECT?\n", "[+CONNECT?]" },
	{ "hello\n", "" },
	{ "ATX\n", "" },
	{ "ATX\nAT\n", "[]" },
	{ "AT \n", "" },
	{ "AT?\n", "" },
	{ "A\nT\n", "" },
	{ "A\rT+X\n", "" },
	{ "AT\r+X\n", "[]" },
	{ "AAT\n", "[]" },
	{ "ATAT\n", "[]" },
	{ "ATAT+X\n", "[+X]" },
	{ "AATT+X\n", "" },
	{ "ATTAT\n", "[]" },
	{ "DATA AT+X\n", "[+X]" },
	{ "DAT\n", "[]" },
	{ "AT AT+A\n", "[+A]" },
	{ "helloAT+X\nworld\nAT+Y\n", "[+X][+Y]" },
	/* The first "AT+" begins the command, all others belong to it. */
	{ "AT+SEND1 AT+X\n", "[+SEND1 AT+X]" },
	{ "AT+SEND1 AT\n", "[+SEND1 AT]" },
	{ "AT+AT\n", "[+AT]" },
	{ "AT+A+B\\A\t \n", "[+A+B\\A\t ]" },
	/* Guide 8.11.2. */
	{ "AT+A=pem\r\n" B "\r\nMIIB\r\nab+/==\r\n" E "\r\nAT\r\n",
	  "[+A=pem]{BEGIN CERTIFICATE/MIIB/ab+/==/END CERTIFICATE}[]" },
	{ "AT+A=pem\n\n\r\n" B "\r\rMIIB\n\n" E "\n", "[+A=pem]{BEGIN CERTIFICATE/MIIB/END CERTIFICATE}" },
	{ "AT+A=pem\n" B " \nMIIB\t \n" E "  \nAT\n", "[+A=pem]{BEGIN CERTIFICATE/MIIB/END CERTIFICATE}[]" },
	{ "AT+A=pem\n" B "\n" E "\n", "[+A=pem]{BEGIN CERTIFICATE/END CERTIFICATE}" },
	{ "AT+A=pem\n" B "\nAT+X\n", "[+A=pem]" },
	{ "AT+A=pem\n" B "\nMIIB\n" E, "[+A=pem]" },
	{ "AT+A=pem\n" B "\nMIIB\n", "[+A=pem]" },
	{ "AT+A=pem\n" B "\nAT+/\n" E "\nAT+B\n", "[+A=pem]{BEGIN CERTIFICATE/AT+//END CERTIFICATE}[+B]" },
	{ "AT+A=pem\n" B "\nA\n" E "\nAT+B=pem\n" B "\nB\n" E "\nAT\n",
	  "[+A=pem]{BEGIN CERTIFICATE/A/END CERTIFICATE}[+B=pem]{BEGIN CERTIFICATE/B/END CERTIFICATE}[]" },
	{ "AT+A=pem\n" B "\nA\n" E "\n" B "\nAT+X\n" E "\n", "[+A=pem]{BEGIN CERTIFICATE/A/END CERTIFICATE}[+X]" },
	/* What can't be PEM breaks it off, up to the END line. */
	{ "AT+A=pem\nMIIB\nAT+X\n" E "\nAT\n", "[+A=pem]{}[]" },
	{ "AT+A=pem\nAT\nAT+X\n", "[+A=pem]{}" },
	{ "AT+A=pem\n" E "\nAT\n", "[+A=pem]{}[]" },
	{ "AT+A=pem\n-----BEGIN EC PRIVATE KEY-----\nAT+X\n-----END EC PRIVATE KEY-----\nAT\n", "[+A=pem]{}[]" },
	{ "AT+A=pem\n" B "\nMI*B\nAT+X\n" E "\nAT\n", "[+A=pem]{}[]" },
	{ "AT+A=pem\n" B "\n" B "\nAT\n" E "\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\n" B "\nMI IB\n" E "\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\n" B "x\nAT+X\n" E "\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\n" B "\nM\n" E "x\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\n" B "M" E "\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\nx\n------END X\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\nx\n---x-----END X\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\nx\n-----EN-----END X\nAT+Y\n", "[+A=pem]{}[+Y]" },
	{ "AT+A=pem\nx\n-----ENX\nAT+Y\n", "[+A=pem]{}" },
	{ "AT+A=pem\nx\n----END X\nAT+Y\n", "[+A=pem]{}" },
	{ "AT+A=pem\nx\n-----END\nAT+Y\n", "[+A=pem]{}" },
	{ "AT+A=pem\nx\n-----EN\nD X\nAT+Y\n", "[+A=pem]{}" },
};

START_TEST(lines)
{
	feed(cases[_i].in);
	expect(cases[_i].out);
}
END_TEST

START_TEST(lines_cut_anywhere)
{
	size_t n = strlen(cases[_i].in);

	for (size_t cut = 0; cut <= n; cut++) {
		line_reset(reader);
		(void)line_feed(reader, cases[_i].in, cut);
		(void)line_feed(reader, cases[_i].in + cut, n - cut);
		expect(cases[_i].out);
	}
	line_reset(reader);
	for (size_t i = 0; i < n; i++)
		(void)line_feed(reader, cases[_i].in + i, 1);
	expect(cases[_i].out);
}
END_TEST

START_TEST(noise_of_every_byte)
{
	uint8_t noise[256];
	size_t n = 0;

	for (unsigned i = 0; i < 256; i++)
		if (i != '\n' && i != '\r')
			noise[n++] = (uint8_t)i;
	(void)line_feed(reader, noise, n);
	feed("AT\n");
	(void)line_feed(reader, noise, n);
	feed("\n");
	expect("[]");
}
END_TEST

START_TEST(parameter_of_every_byte)
{
	uint8_t all[256];
	struct line line;
	size_t n = 0;

	for (unsigned i = 0; i < 256; i++)
		if (i != '\n' && i != '\r')
			all[n++] = (uint8_t)i;
	feed("AT+X ");
	(void)line_feed(reader, all, n);
	feed("\n");
	ck_assert(line_next(reader, &line));
	ck_assert_int_eq(line.kind, LINE_COMMAND);
	ck_assert_uint_eq(line.n, 3 + n);
	ck_assert_mem_eq(line.data + 3, all, n);
	memset(line.data, 0xff, line.n); /* allowed */
	expect("");
}
END_TEST

/* A command of n bytes from "AT+" on. */
static void feed_long(size_t n)
{
	char *text = malloc(n);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', n);
	memcpy(text, "AT+", 3);
	(void)line_feed(reader, text, n);
	free(text);
}

START_TEST(length_limit)
{
	struct line line;

	for (size_t n = LINE_MAX_COMMAND - 2; n <= LINE_MAX_COMMAND; n++) {
		feed("noise that isn't counted");
		feed_long(n);
		ck_assert(!line_ready(reader));
		feed("\r\n");
		ck_assert(line_next(reader, &line));
		ck_assert_int_eq(line.kind, LINE_COMMAND);
		ck_assert_uint_eq(line.n, n - 2);
		ck_assert(!line_ready(reader));
	}
	feed_long(LINE_MAX_COMMAND + 1);
	ck_assert(!line_ready(reader));
	feed("AT+X");
	ck_assert(!line_ready(reader));
	feed("\rAT+Y\n");
	expect("![+Y]");
	feed_long(LINE_MAX_COMMAND);
	feed("x\nAT\n");
	expect("![]");
	feed_long(200000);
	feed("\nAT\n");
	expect("![]");
}
END_TEST

START_TEST(noise_needs_no_memory)
{
	static char noise[100000];

	memset(noise, 'A', sizeof(noise));
	for (int i = 0; i < 100; i++)
		(void)line_feed(reader, noise, sizeof(noise));
	feed("\nhello AT+X\n");
	expect("[+X]");
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
		feed(text);
	}
	while (line_next(reader, &line)) {
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
	feed("AT\n");
	expect("[]");
}
END_TEST

/* Overflows in several places, between commands that found room again. */
START_TEST(backlog_overflows_in_turn)
{
	struct line line;
	unsigned n = 0;

	for (;;) {
		feed_long(5000);
		feed("\n");
		if (++n * 5000 > LINE_BACKLOG)
			break;
	}
	/* The last one did not fit. */
	for (unsigned i = 0; i < 3; i++) {
		feed_long(4000);
		feed("\n");
	}
	for (unsigned i = 0; i < n - 1; i++) {
		ck_assert(line_next(reader, &line));
		ck_assert_int_eq(line.kind, LINE_COMMAND);
		if (i == 3)
			feed("AT+BETWEEN\n");
		if (i == 4) {
			feed_long(200000);
			feed("\n");
			feed_long(200000);
			feed("\nAT+LAST\n");
		}
	}
	expect("!!!![+BETWEEN]!![+LAST]");
}
END_TEST

START_TEST(backlog_always_has_room_for_a_marker)
{
	unsigned commands = 0, overflows = 0;
	struct line line;

	/* Fill to the last byte with "AT", then alternate. */
	for (unsigned i = 0; i < 70000; i++)
		feed("AT\n");
	for (unsigned i = 0; i < 1000; i++) {
		ck_assert(line_next(reader, &line));
		if (line.kind == LINE_COMMAND)
			commands++;
		else
			overflows++;
		feed("AT\nAT\nAT\n");
	}
	while (line_next(reader, &line)) {
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
	feed(B "\n");
	for (size_t i = 0; i < base64; i++)
		feed("M");
	feed("\n" E "\n");
}

START_TEST(body_limit)
{
	size_t rest = strlen(B) + strlen(E) + 2;
	struct line line;

	feed("AT+A=pem\n");
	feed_body(LINE_MAX_BODY - rest);
	ck_assert(line_next(reader, &line));
	ck_assert(line_next(reader, &line));
	ck_assert_int_eq(line.kind, LINE_BODY);
	ck_assert_uint_eq(line.n, LINE_MAX_BODY);
	ck_assert_mem_eq(line.data, B "\nMMM", strlen(B) + 4);
	ck_assert_mem_eq(line.data + line.n - strlen(E) - 2, "M\n" E, strlen(E) + 2);

	feed("AT+A=pem\n");
	feed_body(LINE_MAX_BODY - rest + 1);
	feed("AT+X\n");
	expect("[+A=pem]{}[+X]");
	/* A line that ends at the limit has no room for another. */
	feed("AT+A=pem\n" B "\n");
	for (size_t i = strlen(B) + 1; i < LINE_MAX_BODY; i++)
		feed("M");
	feed("\n");
	ck_assert_uint_eq(line_silence_ms(reader), LINE_SWALLOW_SILENCE_MS);
	feed(E "\n");
	expect("[+A=pem]{}");
	feed("AT+A=pem\n");
	feed_body(100000);
	feed("AT+X\n");
	expect("[+A=pem]{}[+X]");
}
END_TEST

/* A paste that was announced has room, however full the backlog is. */
START_TEST(body_behind_a_full_backlog)
{
	unsigned bodies = 0, commands = 0, overflows = 0;
	struct line line;

	for (unsigned i = 0; i < 100; i++) {
		feed("AT+A=pem\n");
		feed_body(16000);
	}
	while (line_next(reader, &line)) {
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

START_TEST(refused_before_the_paste)
{
	struct line line;

	feed("AT+A=pem\r\n");
	ck_assert(line_next(reader, &line));
	line_swallow(reader);
	ck_assert_uint_eq(line_silence_ms(reader), LINE_SWALLOW_SILENCE_MS);
	feed(B "\r\nAT+X\r\n");
	expect("");
	ck_assert_uint_eq(line_silence_ms(reader), LINE_SWALLOW_SILENCE_MS);
	feed(E "\r");
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	feed("\nAT+Y\n");
	expect("[+Y]");
}
END_TEST

START_TEST(refused_and_no_paste_comes)
{
	struct line line;

	feed("AT+A=pem\r");
	ck_assert(line_next(reader, &line));
	line_swallow(reader);
	feed("\n");
	ck_assert_uint_eq(line_silence_ms(reader), LINE_SWALLOW_SILENCE_MS);
	feed("AT\r\n");
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	expect("[]");
	feed("AT+A=pem\n");
	ck_assert(line_next(reader, &line));
	line_swallow(reader);
	line_silence(reader);
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	feed(B "\nAT+X\n");
	expect("[+X]");
}
END_TEST

/* The refusal comes while the paste comes in: at every byte of it. */
START_TEST(refused_in_the_middle)
{
	static const char paste[] = B "\nAT+X\nMIIB\n" E "\n";
	struct line line;

	for (size_t cut = 0; cut < sizeof(paste); cut++) {
		line_reset(reader);
		feed("AT+A=pem\n");
		(void)line_feed(reader, paste, cut);
		ck_assert(line_next(reader, &line));
		ck_assert_int_eq(line.kind, LINE_COMMAND);
		line_swallow(reader);
		ck_assert(!line_ready(reader));
		feed(paste + cut);
		feed("AT+Y\n");
		expect("[+Y]");
	}
}
END_TEST

START_TEST(refused_after_the_paste)
{
	struct line line;

	feed("AT+A=pem\n" B "\nMIIB\n" E "\nAT+X\nAT+B=pem\n" B "\nB\n");
	ck_assert(line_next(reader, &line));
	line_swallow(reader);
	ck_assert_uint_eq(line_silence_ms(reader), LINE_BODY_SILENCE_MS);
	ck_assert(line_next(reader, &line));
	ck_assert_mem_eq(line.data, "+X", 2);
	feed(E "\n");
	expect("[+B=pem]{BEGIN CERTIFICATE/B/END CERTIFICATE}");
}
END_TEST

START_TEST(refused_after_it_was_broken_off)
{
	struct line line;

	feed("AT+A=pem\nAT+X\nAT+Y\n");
	ck_assert(line_next(reader, &line));
	line_swallow(reader);
	ck_assert(!line_ready(reader));
	ck_assert_uint_eq(line_silence_ms(reader), LINE_SWALLOW_SILENCE_MS);
	feed(E "\nAT+Z\n");
	expect("[+Z]");
}
END_TEST

START_TEST(silence_breaks_off)
{
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	feed("AT+A=pem\n" B "\nMIIB\nMI");
	ck_assert_uint_eq(line_silence_ms(reader), LINE_BODY_SILENCE_MS);
	line_silence(reader);
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	feed("AT\n");
	expect("[+A=pem]{}[]");

	feed("AT+A=pem\nx\nMII");
	ck_assert_uint_eq(line_silence_ms(reader), LINE_SWALLOW_SILENCE_MS);
	line_silence(reader);
	feed("AT+X\n");
	expect("[+A=pem]{}[+X]");

	/* The next paste begins from nothing. */
	feed("AT+A=pem\n" B "\nMI");
	line_silence(reader);
	feed("AT+A=pem\n" B "\nB\n" E "\n");
	expect("[+A=pem]{}[+A=pem]{BEGIN CERTIFICATE/B/END CERTIFICATE}");
}
END_TEST

START_TEST(reset_forgets)
{
	feed("AT+X\nAT+HALF");
	line_reset(reader);
	feed("\nAT+Y\n");
	expect("[+Y]");
	feed("AT+A=pem\n" B "\nM");
	line_reset(reader);
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	feed("AT\n");
	expect("[]");
	feed_long(100000);
	line_reset(reader);
	feed("\nAT\n");
	expect("[]");
	feed("A");
	line_reset(reader);
	feed("T\n");
	expect("");
	for (unsigned i = 0; i < 100; i++) {
		feed_long(5000);
		feed("\n");
	}
	line_reset(reader);
	feed("AT+X\n");
	expect("[+X]");
}
END_TEST

START_TEST(without_bodies)
{
	teardown();
	ck_assert_int_eq(line_reader_new(&reader, NULL, NULL), 0);
	feed("AT+A=pem\nAT\n");
	expect("[+A=pem][]");
	ck_assert_ptr_null(line_reader_free(NULL));
}
END_TEST

/* Guide 8.13: nobody knows yet what the bytes behind it are. */
START_TEST(stopped)
{
	static const char text[] = "AT+X\nAT+OTW\r\nAT+Y\nAT+OTW 1\nAT+Z\n";
	const char *rest = text;

	rest += line_feed(reader, text, strlen(text));
	ck_assert_str_eq(rest, "\nAT+Y\nAT+OTW 1\nAT+Z\n");
	ck_assert(line_stopped(reader));
	ck_assert_uint_eq(line_feed(reader, rest, strlen(rest)), 0);
	expect("[+X][+OTW]");
	ck_assert_uint_eq(line_silence_ms(reader), 0);
	line_silence(reader);
	ck_assert(line_stopped(reader));

	rest += line_go_on(reader, rest, strlen(rest), false);
	ck_assert_str_eq(rest, "AT+Z\n");
	expect("[+Y][+OTW 1]");
	ck_assert_uint_eq(line_go_on(reader, rest, strlen(rest), false), strlen(rest));
	ck_assert(!line_stopped(reader));
	expect("[+Z]");

	/* A line that has lost its middle is none. */
	feed("AT+OTW\n");
	expect("[+OTW]");
	ck_assert_uint_eq(line_go_on(reader, "AT+A\nAT+B", 9, true), 9);
	feed("BB\nAT+C\n");
	expect("[+A]![+C]");

	feed("AT+OTW\n");
	line_reset(reader);
	feed("AT+D\n");
	expect("[+D]");
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("line");
	TCase *tc = tcase_create("line");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, lines, 0, ELEMENTS(cases));
	tcase_add_loop_test(tc, lines_cut_anywhere, 0, ELEMENTS(cases));
	tcase_add_test(tc, noise_of_every_byte);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, parameter_of_every_byte);
	tcase_add_test(tc, length_limit);
	tcase_add_test(tc, noise_needs_no_memory);
	tcase_add_test(tc, backlog);
	tcase_add_test(tc, backlog_overflows_in_turn);
	tcase_add_test(tc, backlog_always_has_room_for_a_marker);
	tcase_add_test(tc, body_limit);
	tcase_add_test(tc, body_behind_a_full_backlog);
	tcase_add_test(tc, refused_before_the_paste);
	tcase_add_test(tc, refused_and_no_paste_comes);
	tcase_add_test(tc, refused_in_the_middle);
	tcase_add_test(tc, refused_after_the_paste);
	tcase_add_test(tc, refused_after_it_was_broken_off);
	tcase_add_test(tc, silence_breaks_off);
	tcase_add_test(tc, reset_forgets);
	tcase_add_test(tc, without_bodies);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
