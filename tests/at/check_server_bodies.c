/* SPDX-License-Identifier: Apache-2.0 */
/* at/server.c and what follows a command without being a line: a pasted certificate, and the bytes of a file. */
#include "at/server.h"

#include "at/line.h"
#include "fake/suite.h"
#include "fake/talk.h"
#include "fake/timer.h"

#include <string.h>

#define B TALK_PEM_BEGIN
#define E TALK_PEM_END

static struct talk t;

static void setup(void)
{
	talk_make(&t);
}

static void teardown(void)
{
	talk_done(&t);
}

START_TEST(body)
{
	talk_say(&t, "AT+CONF X=pem\r\n");
	talk_expect(&t, "");
	talk_say(&t, B "MIIB\n");
	talk_expect(&t, "");
	talk_say(&t, E "AT\n");
	talk_expect(&t, "OK X=pem 58\r\nOK\r\n");
	talk_say(&t, "AT+CONF X=pem\n" B "MIIB\n" E "AT+CONF Y=pem\r" B E "AT\n");
	talk_expect(&t, "OK X=pem 58\r\nOK Y=pem 53\r\nOK\r\n");
	talk_say(&t, "AT+LATER\nAT+CONF X=pem\n" B "MIIB\n" E "AT\n");
	talk_expect(&t, "");
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nOK X=pem 58\r\nOK\r\n");
	ck_assert_uint_eq(t.module.lines, 8);
	fake_timer_pass(100000);
	talk_expect(&t, "");
}
END_TEST

START_TEST(body_that_is_none)
{
	talk_say(&t, "AT+CONF X=pem\nMIIB\n");
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\n");
	talk_say(&t, "AT+ECHO 1\n");
	talk_expect(&t, "");
	talk_say(&t, E "AT+ECHO 2\n");
	talk_expect(&t, "OK 2\r\n");
	talk_say(&t, "AT+CONF X=pem\n" B "M\nM M\nAT+ECHO 1\n");
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS - 1);
	talk_say(&t, "AT+ECHO 1\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS - 1);
	talk_say(&t, "AT+ECHO 1\n");
	talk_expect(&t, "");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS);
	talk_say(&t, "AT+ECHO 2\n");
	talk_expect(&t, "OK 2\r\n");
}
END_TEST

START_TEST(body_that_never_ends)
{
	talk_say(&t, "AT+CONF X=pem\n" B "MIIB\n");
	fake_timer_pass(LINE_BODY_SILENCE_MS - 1);
	talk_say(&t, "M");
	fake_timer_pass(LINE_BODY_SILENCE_MS - 1);
	talk_expect(&t, "");
	fake_timer_pass(1);
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\n");
	talk_say(&t, "AT\n");
	talk_expect(&t, "OK\r\n");
	talk_say(&t, "AT+CONF X=pem\n");
	fake_timer_pass(LINE_BODY_SILENCE_MS);
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\n");
	talk_say(&t, "AT+CONF X=pem\n" B);
	for (unsigned i = 0; i < 17; i++)
		for (unsigned j = 0; j < 16; j++)
			talk_say(&t, "MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM\n");
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\n");
	talk_say(&t, "AT\n" E "AT\n");
	talk_expect(&t, "OK\r\n");
}
END_TEST

START_TEST(refused_body)
{
	/* Refused by the command, with and without the paste, in one piece and not. */
	talk_say(&t, "AT+CONF R=pem\n");
	talk_expect(&t, "ERR12 KEY READONLY\r\n");
	talk_say(&t, B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	talk_expect(&t, "OK 2\r\n");
	talk_say(&t, "AT+CONF R=pem\n" B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	talk_expect(&t, "ERR12 KEY READONLY\r\nOK 2\r\n");
	/* In one piece nobody can tell a command from a bad paste. */
	talk_say(&t, "AT+CONF R=pem\r\nAT+ECHO 1\n");
	talk_expect(&t, "ERR12 KEY READONLY\r\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS);
	/* By the gate. */
	talk_say(&t, "AT+CONF1 X=pem\n" B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\nOK 2\r\n");
	talk_say(&t, "AT+CONF \\x=pem\n" B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	talk_expect(&t, "ERR5 INVALID ESCAPE\r\nOK 2\r\n");
	/* No paste comes. */
	talk_say(&t, "AT+CONF R=pem\r");
	talk_expect(&t, "ERR12 KEY READONLY\r\n");
	talk_say(&t, "\nAT+ECHO 2\n");
	talk_expect(&t, "OK 2\r\n");
	talk_say(&t, "AT+CONF R=pem\n");
	talk_expect(&t, "ERR12 KEY READONLY\r\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS);
	talk_say(&t, B "AT+ECHO 1\n");
	talk_expect(&t, "OK 1\r\n");
}
END_TEST

#define E21 "ERR21 INVALID OTA UPDATE\r\n"

START_TEST(bytes_instead_of_lines)
{
	talk_say(&t, "AT+LINE\r");
	talk_expect(&t, "OK\r\nC");
	talk_say(&t, "\nAT+ECHO a\n");
	talk_say(&t, "AT\n");
	talk_expect(&t, "");
	ck_assert_str_eq(t.raw, "\nAT+ECHO a\nAT\n");
	at_server_raw_answer(t.server, 0, "");
	at_server_raw_send(t.server, "\x06", 1);
	talk_expect(&t, "OK\r\n\x06");
	talk_say(&t, "x");
	talk_expect(&t, "OK DONE\r\n");
	talk_say(&t, "AT+ECHO b\n");
	talk_expect(&t, "OK b\r\n");

	/* Behind the last byte there are lines again. */
	talk_say(&t, "AT+LINE\n");
	talk_expect(&t, "OK\r\nC");
	talk_say(&t, "!xAT+ECHO c\nAT");
	talk_expect(&t, E21 "OK c\r\n");
	talk_say(&t, "\n");
	talk_expect(&t, "OK\r\n");
}
END_TEST

START_TEST(bytes_before_the_answer_has_left)
{
	fake_tty_set_sent(t.tty, false);
	talk_say(&t, "AT+ECHO a\nAT+LINE\nabAT\n");
	talk_expect(&t, "OK a\r\nOK\r\n");
	talk_say(&t, "cdxAT+ECHO d\n");
	talk_expect(&t, "");
	fake_tty_set_sent(t.tty, true);
	talk_expect(&t, "OK DONE\r\nCOK d\r\n");
	ck_assert_str_eq(t.raw, "abAT\ncdx");
}
END_TEST

START_TEST(line_that_is_not_taken)
{
	talk_say(&t, "AT+LINE no\nAT+ECHO a\nAT+LINE5\r\nAT+ECHO b\n");
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\nOK a\r\nERR4 PARAMETER ERROR\r\nOK b\r\n");
	talk_say(&t, "AT+LATER\nAT+LINE no\nAT+ECHO c\nAT+EC");
	talk_expect(&t, "");
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nERR4 PARAMETER ERROR\r\nOK c\r\n");
	talk_say(&t, "HO d\n");
	talk_expect(&t, "OK d\r\n");
}
END_TEST

/* More than is kept: the line that lost a piece is told of, those before and behind are as ever. */
START_TEST(more_behind_than_is_kept)
{
	static char much[80000];

	memset(much, 'y', sizeof(much) - 1);
	talk_say(&t, "AT+LATER\nAT+LINE no\nAT+ECHO a\nAT+ECHO ");
	talk_say(&t, much);
	talk_say(&t, "\nAT+ECHO b\n");
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nERR4 PARAMETER ERROR\r\nOK a\r\n");
	talk_say(&t, "\nAT+ECHO c\n");
	talk_expect(&t, "ERR1 OVERFLOW\r\nOK c\r\n");
}
END_TEST

/* ... but for the bytes of a file, which no line has lost. */
START_TEST(more_bytes_than_are_kept)
{
	static char much[80000];

	memset(much, 'y', sizeof(much) - 1);
	fake_tty_set_sent(t.tty, false);
	talk_say(&t, "AT+LINE\nab");
	talk_say(&t, much);
	talk_say(&t, "cd");
	fake_tty_set_sent(t.tty, true);
	talk_expect(&t, "OK\r\nC");
	talk_say(&t, "ef");
	ck_assert_str_eq(t.raw, "abef");
	talk_say(&t, "xAT+ECHO a\nAT+ECHO b\n");
	talk_expect(&t, "OK DONE\r\nOK a\r\nOK b\r\n");

	/* The bytes end before it: it was a line again. */
	fake_tty_set_sent(t.tty, false);
	talk_say(&t, "AT+LINE\nabxAT+ECHO a\nAT+ECHO ");
	talk_say(&t, much);
	fake_tty_set_sent(t.tty, true);
	talk_expect(&t, "OK\r\nOK DONE\r\nCOK a\r\n");
	talk_say(&t, "\nAT+ECHO b\n");
	talk_expect(&t, "ERR1 OVERFLOW\r\nOK b\r\n");
}
END_TEST

/* Two that may be followed by bytes, and what is lost stands right behind the second one. */
START_TEST(lost_behind_another_one)
{
	static char much[80000];

	memset(much, 'y', sizeof(much) - 1);
	talk_say(&t, "AT+LATER\nAT+LINE no\nAT+ECHO a\nAT+LINE no\n");
	talk_say(&t, much);
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nERR4 PARAMETER ERROR\r\nOK a\r\nERR4 PARAMETER ERROR\r\n");
	talk_say(&t, "zAT+ECHO b\nAT+ECHO c\n");
	talk_expect(&t, "ERR1 OVERFLOW\r\nOK c\r\n");
}
END_TEST

START_TEST(ends_of_the_bytes)
{
	struct at_server_stats stats;

	talk_say(&t, "AT+LINE\nab");
	talk_expect(&t, "OK\r\nC");
	fake_tty_lose(t.tty);
	talk_expect(&t, E21);
	ck_assert_str_eq(t.raw, "ab<gap>");

	/* Before the answer has left, or even before it. */
	fake_tty_set_sent(t.tty, false);
	talk_say(&t, "AT+LINE\nab");
	fake_tty_lose(t.tty);
	talk_say(&t, "AT+ECHO b\n");
	fake_tty_set_sent(t.tty, true);
	talk_expect(&t, "OK\r\n" E21 "COK b\r\n");
	ck_assert_str_eq(t.raw, "<gap>");
	talk_say(&t, "AT+LATER\nAT+LINE\n");
	fake_tty_lose(t.tty);
	talk_say(&t, "AT+ECHO b\n");
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nOK\r\n" E21 "COK b\r\n");
	ck_assert_str_eq(t.raw, "<gap>");
	talk_say(&t, "AT+LINE\nab");
	talk_expect(&t, "OK\r\nC");
	at_server_hold(t.server);
	at_server_release(t.server);
	talk_say(&t, "AT+ECHO c\n");
	talk_expect(&t, "OK c\r\n");
	ck_assert_str_eq(t.raw, "ab");
	at_server_get_stats(t.server, &stats);
	ck_assert_uint_eq(stats.commands, 8);
	ck_assert_uint_eq(stats.errors, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server_bodies");
	TCase *tc = tcase_create("server_bodies");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, body);
	tcase_add_test(tc, body_that_is_none);
	tcase_add_test(tc, body_that_never_ends);
	tcase_add_test(tc, refused_body);
	tcase_add_test(tc, bytes_instead_of_lines);
	tcase_add_test(tc, bytes_before_the_answer_has_left);
	tcase_add_test(tc, line_that_is_not_taken);
	tcase_add_test(tc, more_behind_than_is_kept);
	tcase_add_test(tc, more_bytes_than_are_kept);
	tcase_add_test(tc, lost_behind_another_one);
	tcase_add_test(tc, ends_of_the_bytes);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
