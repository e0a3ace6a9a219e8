/* SPDX-License-Identifier: Apache-2.0 */
#include "at/line.h"

#include "fake/scribe.h"
#include "fake/suite.h"

#include <check.h>
#include <string.h>

#define B SCRIBE_BEGIN
#define E SCRIBE_END

static struct scribe scribe;

static void setup(void)
{
	scribe_make(&scribe);
}

static void teardown(void)
{
	scribe_done(&scribe);
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
	scribe_feed(&scribe, cases[_i].in);
	scribe_expect(&scribe, cases[_i].out);
}
END_TEST

START_TEST(lines_cut_anywhere)
{
	size_t n = strlen(cases[_i].in);

	for (size_t cut = 0; cut <= n; cut++) {
		line_reset(scribe.reader);
		(void)line_feed(scribe.reader, cases[_i].in, cut);
		(void)line_feed(scribe.reader, cases[_i].in + cut, n - cut);
		scribe_expect(&scribe, cases[_i].out);
	}
	line_reset(scribe.reader);
	for (size_t i = 0; i < n; i++)
		(void)line_feed(scribe.reader, cases[_i].in + i, 1);
	scribe_expect(&scribe, cases[_i].out);
}
END_TEST

START_TEST(noise_of_every_byte)
{
	uint8_t noise[256];
	size_t n = 0;

	for (unsigned i = 0; i < 256; i++)
		if (i != '\n' && i != '\r')
			noise[n++] = (uint8_t)i;
	(void)line_feed(scribe.reader, noise, n);
	scribe_feed(&scribe, "AT\n");
	(void)line_feed(scribe.reader, noise, n);
	scribe_feed(&scribe, "\n");
	scribe_expect(&scribe, "[]");
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
	scribe_feed(&scribe, "AT+X ");
	(void)line_feed(scribe.reader, all, n);
	scribe_feed(&scribe, "\n");
	ck_assert(line_next(scribe.reader, &line));
	ck_assert_int_eq(line.kind, LINE_COMMAND);
	ck_assert_uint_eq(line.n, 3 + n);
	ck_assert_mem_eq(line.data + 3, all, n);
	memset(line.data, 0xff, line.n); /* allowed */
	scribe_expect(&scribe, "");
}
END_TEST

START_TEST(refused_before_the_paste)
{
	struct line line;

	scribe_feed(&scribe, "AT+A=pem\r\n");
	ck_assert(line_next(scribe.reader, &line));
	line_swallow(scribe.reader);
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_SWALLOW_SILENCE_MS);
	scribe_feed(&scribe, B "\r\nAT+X\r\n");
	scribe_expect(&scribe, "");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_SWALLOW_SILENCE_MS);
	scribe_feed(&scribe, E "\r");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	scribe_feed(&scribe, "\nAT+Y\n");
	scribe_expect(&scribe, "[+Y]");
}
END_TEST

START_TEST(refused_and_no_paste_comes)
{
	struct line line;

	scribe_feed(&scribe, "AT+A=pem\r");
	ck_assert(line_next(scribe.reader, &line));
	line_swallow(scribe.reader);
	scribe_feed(&scribe, "\n");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_SWALLOW_SILENCE_MS);
	scribe_feed(&scribe, "AT\r\n");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	scribe_expect(&scribe, "[]");
	scribe_feed(&scribe, "AT+A=pem\n");
	ck_assert(line_next(scribe.reader, &line));
	line_swallow(scribe.reader);
	line_silence(scribe.reader);
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	scribe_feed(&scribe, B "\nAT+X\n");
	scribe_expect(&scribe, "[+X]");
}
END_TEST

/* The refusal comes while the paste comes in: at every byte of it. */
START_TEST(refused_in_the_middle)
{
	static const char paste[] = B "\nAT+X\nMIIB\n" E "\n";
	struct line line;

	for (size_t cut = 0; cut < sizeof(paste); cut++) {
		line_reset(scribe.reader);
		scribe_feed(&scribe, "AT+A=pem\n");
		(void)line_feed(scribe.reader, paste, cut);
		ck_assert(line_next(scribe.reader, &line));
		ck_assert_int_eq(line.kind, LINE_COMMAND);
		line_swallow(scribe.reader);
		ck_assert(!line_ready(scribe.reader));
		scribe_feed(&scribe, paste + cut);
		scribe_feed(&scribe, "AT+Y\n");
		scribe_expect(&scribe, "[+Y]");
	}
}
END_TEST

START_TEST(refused_after_the_paste)
{
	struct line line;

	scribe_feed(&scribe, "AT+A=pem\n" B "\nMIIB\n" E "\nAT+X\nAT+B=pem\n" B "\nB\n");
	ck_assert(line_next(scribe.reader, &line));
	line_swallow(scribe.reader);
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_BODY_SILENCE_MS);
	ck_assert(line_next(scribe.reader, &line));
	ck_assert_mem_eq(line.data, "+X", 2);
	scribe_feed(&scribe, E "\n");
	scribe_expect(&scribe, "[+B=pem]{BEGIN CERTIFICATE/B/END CERTIFICATE}");
}
END_TEST

START_TEST(refused_after_it_was_broken_off)
{
	struct line line;

	scribe_feed(&scribe, "AT+A=pem\nAT+X\nAT+Y\n");
	ck_assert(line_next(scribe.reader, &line));
	line_swallow(scribe.reader);
	ck_assert(!line_ready(scribe.reader));
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_SWALLOW_SILENCE_MS);
	scribe_feed(&scribe, E "\nAT+Z\n");
	scribe_expect(&scribe, "[+Z]");
}
END_TEST

START_TEST(silence_breaks_off)
{
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	scribe_feed(&scribe, "AT+A=pem\n" B "\nMIIB\nMI");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_BODY_SILENCE_MS);
	line_silence(scribe.reader);
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	scribe_feed(&scribe, "AT\n");
	scribe_expect(&scribe, "[+A=pem]{}[]");

	scribe_feed(&scribe, "AT+A=pem\nx\nMII");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), LINE_SWALLOW_SILENCE_MS);
	line_silence(scribe.reader);
	scribe_feed(&scribe, "AT+X\n");
	scribe_expect(&scribe, "[+A=pem]{}[+X]");

	/* The next paste begins from nothing. */
	scribe_feed(&scribe, "AT+A=pem\n" B "\nMI");
	line_silence(scribe.reader);
	scribe_feed(&scribe, "AT+A=pem\n" B "\nB\n" E "\n");
	scribe_expect(&scribe, "[+A=pem]{}[+A=pem]{BEGIN CERTIFICATE/B/END CERTIFICATE}");
}
END_TEST

START_TEST(reset_forgets)
{
	scribe_feed(&scribe, "AT+X\nAT+HALF");
	line_reset(scribe.reader);
	scribe_feed(&scribe, "\nAT+Y\n");
	scribe_expect(&scribe, "[+Y]");
	scribe_feed(&scribe, "AT+A=pem\n" B "\nM");
	line_reset(scribe.reader);
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	scribe_feed(&scribe, "AT\n");
	scribe_expect(&scribe, "[]");
	scribe_feed_long(&scribe, 100000);
	line_reset(scribe.reader);
	scribe_feed(&scribe, "\nAT\n");
	scribe_expect(&scribe, "[]");
	scribe_feed(&scribe, "A");
	line_reset(scribe.reader);
	scribe_feed(&scribe, "T\n");
	scribe_expect(&scribe, "");
	for (unsigned i = 0; i < 100; i++) {
		scribe_feed_long(&scribe, 5000);
		scribe_feed(&scribe, "\n");
	}
	line_reset(scribe.reader);
	scribe_feed(&scribe, "AT+X\n");
	scribe_expect(&scribe, "[+X]");
}
END_TEST

START_TEST(without_bodies)
{
	teardown();
	ck_assert_int_eq(line_reader_new(&scribe.reader, NULL, NULL), 0);
	scribe_feed(&scribe, "AT+A=pem\nAT\n");
	scribe_expect(&scribe, "[+A=pem][]");
	ck_assert_ptr_null(line_reader_free(NULL));
}
END_TEST

/* Guide 8.13: nobody knows yet what the bytes behind it are. */
START_TEST(stopped)
{
	static const char text[] = "AT+X\nAT+OTW\r\nAT+Y\nAT+OTW 1\nAT+Z\n";
	const char *rest = text;

	rest += line_feed(scribe.reader, text, strlen(text));
	ck_assert_str_eq(rest, "\nAT+Y\nAT+OTW 1\nAT+Z\n");
	ck_assert(line_stopped(scribe.reader));
	ck_assert_uint_eq(line_feed(scribe.reader, rest, strlen(rest)), 0);
	scribe_expect(&scribe, "[+X][+OTW]");
	ck_assert_uint_eq(line_silence_ms(scribe.reader), 0);
	line_silence(scribe.reader);
	ck_assert(line_stopped(scribe.reader));

	rest += line_go_on(scribe.reader, rest, strlen(rest), false);
	ck_assert_str_eq(rest, "AT+Z\n");
	scribe_expect(&scribe, "[+Y][+OTW 1]");
	ck_assert_uint_eq(line_go_on(scribe.reader, rest, strlen(rest), false), strlen(rest));
	ck_assert(!line_stopped(scribe.reader));
	scribe_expect(&scribe, "[+Z]");

	/* A line that has lost its middle is none. */
	scribe_feed(&scribe, "AT+OTW\n");
	scribe_expect(&scribe, "[+OTW]");
	ck_assert_uint_eq(line_go_on(scribe.reader, "AT+A\nAT+B", 9, true), 9);
	scribe_feed(&scribe, "BB\nAT+C\n");
	scribe_expect(&scribe, "[+A]![+C]");

	scribe_feed(&scribe, "AT+OTW\n");
	line_reset(scribe.reader);
	scribe_feed(&scribe, "AT+D\n");
	scribe_expect(&scribe, "[+D]");
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
