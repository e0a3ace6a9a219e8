/* SPDX-License-Identifier: Apache-2.0 */
#include "at/reply.h"

#include "fake/suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct reply reply;
static struct buf out;

static void setup(void)
{
	reply_init(&reply);
	buf_init(&out, 1000000);
}

static void teardown(void)
{
	reply_done(&reply);
	buf_done(&out);
}

static void expect(int error, const char *text)
{
	buf_clear(&out);
	ck_assert_int_eq(reply_write(&reply, error, &out), 0);
	ck_assert_uint_eq(buf_used(&out), strlen(text));
	ck_assert_mem_eq(buf_head(&out), text, strlen(text));
}

static void _printf_(2, 3) hint(int number, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reply_hint(&reply, number, format, ap);
	va_end(ap);
}

static void ok(const char *text)
{
	ck_assert_int_eq(reply_ok(&reply, text, strlen(text)), 0);
}

static void line(const char *text)
{
	ck_assert_int_eq(reply_line(&reply, text, strlen(text)), 0);
}

START_TEST(success)
{
	expect(0, "OK\r\n");
	ok("");
	expect(0, "OK\r\n");
	ok("1 CONNECTED");
	expect(0, "OK 1 CONNECTED\r\n");
	reply_clear(&reply);
	expect(0, "OK\r\n");
	ok("a\nb\rc\\d");
	expect(0, "OK a\\Ab\\Dc\\\\d\r\n");
	reply_clear(&reply);
	ok(" x ");
	expect(0, "OK  x \r\n");
}
END_TEST

START_TEST(further_lines)
{
	ok("data");
	line("Hello\nWorld");
	expect(0, "OK1 data\r\nHello\\AWorld\r\n");
	line("");
	expect(0, "OK2 data\r\nHello\\AWorld\r\n\r\n");
	reply_clear(&reply);
	line("only");
	expect(0, "OK1\r\nonly\r\n");
	reply_clear(&reply);
	for (int i = 0; i < 12; i++)
		line("x");
	ok("pem");
	expect(0, "OK12 pem\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\nx\r\n");
}
END_TEST

START_TEST(counted_even_without_lines)
{
	reply.counted = true;
	ok("pem");
	expect(0, "OK0 pem\r\n");
	reply_clear(&reply);
	ok("pem");
	expect(0, "OK pem\r\n");
}
END_TEST

START_TEST(errors)
{
	expect(AT_ERR_OVERFLOW, "ERR1 OVERFLOW\r\n");
	expect(AT_ERR_SIGNATURE, "ERR23 INVALID SIGNATURE\r\n");
	/* What was gathered for a success is no part of an error. */
	ok("half an answer");
	line("and a line");
	expect(AT_ERR_PARAMETER, "ERR4 PARAMETER ERROR\r\n");
	/* Only ERR14 has a detail. */
	hint(3, "something");
	expect(AT_ERR_PARAMETER, "ERR4 PARAMETER ERROR\r\n");
}
END_TEST

START_TEST(hints)
{
	hint(3, "Name not found: check %s", "Endpoint");
	expect(AT_ERR_CONNECT, "ERR14 3 UNABLE TO CONNECT Name not found: check Endpoint\r\n");
	hint(0, "%s", "");
	expect(AT_ERR_CONNECT, "ERR14 0 UNABLE TO CONNECT\r\n");
	hint(2, NULL);
	expect(AT_ERR_CONNECT, "ERR14 2 UNABLE TO CONNECT\r\n");
	hint(-1, "why");
	expect(AT_ERR_CONNECT, "ERR14 UNABLE TO CONNECT why\r\n");
	hint(5, "two\nlines\r\\");
	expect(AT_ERR_CONNECT, "ERR14 5 UNABLE TO CONNECT two\\Alines\\D\\\\\r\n");
	reply_clear(&reply);
	expect(AT_ERR_CONNECT, "ERR14 UNABLE TO CONNECT\r\n");
}
END_TEST

START_TEST(details_are_cut)
{
	char text[400], expected[200];

	memset(text, 'x', sizeof(text));
	text[399] = '\0';
	(void)snprintf(expected, sizeof(expected), "ERR14 4 UNABLE TO CONNECT %.64s\r\n", text);
	hint(4, "%s", text);
	expect(AT_ERR_CONNECT, expected);
	text[64] = '\0';
	hint(4, "%s", text);
	expect(AT_ERR_CONNECT, expected);

	/* No blank at the end, ... */
	text[62] = text[63] = ' ';
	(void)snprintf(expected, sizeof(expected), "ERR14 4 UNABLE TO CONNECT %.62s\r\n", text);
	hint(4, "%s", text);
	expect(AT_ERR_CONNECT, expected);

	/* ... and no half character. */
	memcpy(text + 62, "\xe2\x82\xac and more", sizeof("\xe2\x82\xac and more"));
	hint(4, "%s", text);
	expect(AT_ERR_CONNECT, expected);
	memcpy(text + 61, "\xe2\x82\xac and more", sizeof("\xe2\x82\xac and more"));
	(void)snprintf(expected, sizeof(expected), "ERR14 4 UNABLE TO CONNECT %.64s\r\n", text);
	hint(4, "%s", text);
	expect(AT_ERR_CONNECT, expected);
}
END_TEST

START_TEST(all_or_nothing)
{
	struct buf small;

	buf_init(&small, 20);
	ck_assert_int_eq(buf_append(&small, "before", 6), 0);
	ok("123456789");
	ck_assert_int_eq(reply_write(&reply, 0, &small), 0);
	ck_assert_int_eq(reply_write(&reply, 0, &small), -ENOBUFS);
	ck_assert_uint_eq(buf_used(&small), 20);
	ck_assert_mem_eq(buf_head(&small), "beforeOK 123456789\r\n", 20);
	buf_consume(&small, 6);
	line("12");
	ck_assert_int_eq(reply_write(&reply, 0, &small), -ENOBUFS);
	ck_assert_int_eq(reply_write(&reply, AT_ERR_PARSE, &small), -ENOBUFS);
	ck_assert_mem_eq(buf_head(&small), "OK 123456789\r\n", 14);
	ck_assert_uint_eq(buf_used(&small), 14);
	ck_assert_int_eq(reply_write(&reply, 22, &small), -EINVAL);
	buf_done(&small);
}
END_TEST

START_TEST(largest_message)
{
	size_t n = 128 * 1024;
	char *message = malloc(n);

	ck_assert_ptr_nonnull(message);
	memset(message, '\n', n);
	ok("topic");
	ck_assert_int_eq(reply_line(&reply, message, n), 0);
	ck_assert_int_eq(reply_write(&reply, 0, &out), 0);
	ck_assert_uint_eq(buf_used(&out), 11 + 2 * n + 2);
	ck_assert_int_eq(reply_line(&reply, message, n), -ENOBUFS);
	ck_assert_uint_eq(reply.count, 1);
	reply_clear(&reply);
	ck_assert_int_eq(reply_ok(&reply, message, n), 0);
	buf_clear(&out);
	ck_assert_int_eq(reply_write(&reply, 0, &out), 0);
	ck_assert_uint_eq(buf_used(&out), 3 + 2 * n + 2);
	free(message);
}
END_TEST

START_TEST(a_line_that_does_not_fit_leaves_none)
{
	size_t n = REPLY_MAX - 1;
	char *text = calloc(1, n);

	ck_assert_ptr_nonnull(text);
	ck_assert_int_eq(reply_line(&reply, text, n), -ENOBUFS);
	ck_assert_uint_eq(buf_used(&reply.lines), 0);
	ck_assert_uint_eq(reply.count, 0);
	expect(0, "OK\r\n");
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reply");
	TCase *tc = tcase_create("reply");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, success);
	tcase_add_test(tc, further_lines);
	tcase_add_test(tc, counted_even_without_lines);
	tcase_add_test(tc, errors);
	tcase_add_test(tc, hints);
	tcase_add_test(tc, details_are_cut);
	tcase_add_test(tc, all_or_nothing);
	tcase_add_test(tc, largest_message);
	tcase_add_test(tc, a_line_that_does_not_fit_leaves_none);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
