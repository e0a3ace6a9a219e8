/* SPDX-License-Identifier: Apache-2.0 */
/* at/server.c with hosts that write faster than commands run, or do not read, and with commands that are slow. */
#include "at/server.h"

#include "fake/suite.h"
#include "fake/talk.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct talk t;

static void setup(void)
{
	talk_make(&t);
}

static void teardown(void)
{
	talk_done(&t);
}

/* Answers of the host's side, counted. */
static void count(unsigned *ret_ok, unsigned *ret_overflow)
{
	const char *text, *end;
	size_t n;

	text = fake_tty_received(t.tty, &n);
	*ret_ok = *ret_overflow = 0;
	/* No strstr(): with a sanitizer each would look at all the text. */
	for (; n > 0; n -= (size_t)(end + 1 - text), text = end + 1) {
		end = memchr(text, '\n', n);
		if (!end)
			ck_abort_msg("half a line");
		if (memcmp(text, "OK", 2) == 0)
			++*ret_ok;
		else if (end - text == 14 && memcmp(text, "ERR1 OVERFLOW\r", 14) == 0)
			++*ret_overflow;
		else
			ck_abort_msg("%.40s", text);
	}
	fake_tty_take(t.tty);
}

/* A host that writes much faster than its commands are run loses none: reading pauses. */
START_TEST(flood_with_reading)
{
	enum { COMMANDS = 100000 };
	unsigned ok, overflow;
	char *text = malloc(COMMANDS * 16), *to = text;

	ck_assert_ptr_nonnull(text);
	for (unsigned i = 0; i < COMMANDS; i++)
		to += sprintf(to, "AT\n");
	/* In pieces as a tty gives them; those that come while reading is paused wait in the kernel. */
	for (char *p = text; p < to; p += 4096)
		fake_tty_send(t.tty, p, to - p < 4096 ? (size_t)(to - p) : 4096);
	ck_assert(fake_tty_paused(t.tty));
	talk_loop(&t);
	ck_assert(!fake_tty_paused(t.tty));
	count(&ok, &overflow);
	ck_assert_uint_eq(ok, COMMANDS);
	ck_assert_uint_eq(overflow, 0);
	free(text);
}
END_TEST

/* A turn of the loop ends after some time, though commands are left. */
START_TEST(slow_commands_let_others_in)
{
	char text[20 * 8 + 1] = "";
	unsigned first, rest, overflow;

	for (unsigned i = 0; i < 20; i++)
		strcat(text, "AT+SLOW\n");
	talk_say(&t, text);
	count(&first, &overflow);
	ck_assert_uint_ge(first, 1);
	ck_assert_uint_le(first, 8);
	ck_assert(fake_tty_paused(t.tty));
	talk_loop(&t);
	count(&rest, &overflow);
	ck_assert_uint_eq(first + rest, 20);
	ck_assert(!fake_tty_paused(t.tty));
}
END_TEST

/* A host that does not read: memory stays bounded, and when it reads at last every command has its answer. */
START_TEST(flood_without_reading)
{
	unsigned ok, overflow;
	char piece[1024], *to = piece;

	for (unsigned i = 0; i < 40; i++)
		to += sprintf(to, "AT+ECHO abcdefghijklmnop\n");
	fake_tty_set_pace(t.tty, 0);
	for (unsigned i = 0; i < 1000; i++) {
		fake_tty_send(t.tty, piece, (size_t)(to - piece));
		talk_loop(&t);
		ck_assert(!fake_tty_paused(t.tty));
	}
	ck_assert_uint_gt(fake_tty_waiting(t.tty), TTY_BUSY);
	ck_assert_uint_lt(fake_tty_waiting(t.tty), TTY_BUSY + 100);
	fake_tty_set_pace(t.tty, 10000);
	talk_loop(&t);
	count(&ok, &overflow);
	ck_assert_uint_eq(ok + overflow, 40000);
	ck_assert_uint_ge(ok, 64 * 1024 / 25);
	talk_say(&t, "AT\n");
	talk_expect(&t, "OK\r\n");
}
END_TEST

START_TEST(large_answers_wait_for_the_host)
{
	const char *text;
	size_t n;

	memset(t.module.blob, '\n', sizeof(t.module.blob));
	fake_tty_set_pace(t.tty, 0);
	talk_say(&t, "AT+BLOB\nAT+BLOB\nAT\n");
	talk_loop(&t);
	ck_assert_uint_eq(fake_tty_waiting(t.tty), 5 + 2 * sizeof(t.module.blob) + 2);
	fake_tty_set_pace(t.tty, 50000);
	talk_loop(&t);
	text = fake_tty_received(t.tty, &n);
	ck_assert_uint_eq(n, 2 * (5 + 2 * sizeof(t.module.blob) + 2) + 4);
	ck_assert_mem_eq(text + n - 8, "\\A\r\nOK\r\n", 8);
}
END_TEST

/* A line that takes few bytes at a time. */
START_TEST(small_writes)
{
	for (size_t pace = 1; pace <= 5; pace++) {
		fake_tty_set_pace(t.tty, pace);
		talk_say(&t, "AT\nAT+ECHO 1\nAT+NO\nAT+ECHO abcdefghijkl\n");
		talk_expect(&t, "OK\r\nOK 1\r\nERR3 COMMAND NOT FOUND\r\nOK abcdefghijkl\r\n");
	}
}
END_TEST

START_TEST(hold_during_a_flood)
{
	for (unsigned i = 0; i < 1000; i++)
		talk_say(&t, "AT\nAT\nAT\nAT\nAT\nAT\nAT\nAT\n");
	talk_say(&t, "AT+SLOW\nAT+SLOW\nAT+SLOW\nAT+SLOW\n");
	at_server_hold(t.server);
	ck_assert(!fake_tty_paused(t.tty));
	talk_loop(&t);
	fake_tty_take(t.tty);
	at_server_release(t.server);
	talk_say(&t, "\nAT+ECHO 1\n");
	talk_expect(&t, "OK 1\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server_floods");
	TCase *tc = tcase_create("server_floods");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, flood_with_reading);
	tcase_add_test(tc, slow_commands_let_others_in);
	tcase_add_test(tc, flood_without_reading);
	tcase_add_test(tc, large_answers_wait_for_the_host);
	tcase_add_test(tc, small_writes);
	tcase_add_test(tc, hold_during_a_flood);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
