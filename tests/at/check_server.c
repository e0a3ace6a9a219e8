/* SPDX-License-Identifier: Apache-2.0 */
#include "at/server.h"

#include "at/line.h"
#include "fake/suite.h"
#include "fake/talk.h"
#include "fake/timer.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

START_TEST(dialogue)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "AT\r\n", "OK\r\n" },
		{ "abcdefAT\n", "OK\r\n" },
		{ "hello\nATX\n\n\r\r", "" },
		{ "at+echo a\\Ab\\\\\r", "OK a\\Ab\\\\\r\n" },
		{ "AT+ECHO \r", "OK\r\n" },
		{ "AT+NONE\n", "ERR3 COMMAND NOT FOUND\r\n" },
		{ "AT+SEND0x\n", "ERR2 PARSE ERROR\r\n" },
		{ "AT+SEND0 \\x\n", "ERR7 OUT OF RANGE\r\n" },
		{ "AT+SEND3 \\x\n", "ERR5 INVALID ESCAPE\r\n" },
		{ "AT+SEND3 x\n", "ERR8 PARAMETER UNDEFINED\r\n" },
		{ "AT+SEND1 x\n", "ERR6 NO CONNECTION\r\n" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		talk_say(&t, cases[i].in);
		talk_expect(&t, cases[i].out);
	}
	t.module.connected = true;
	talk_say(&t, "AT+SEND1 x\n");
	talk_expect(&t, "OK x\r\n");
	ck_assert_uint_eq(t.module.lines, 11);
}
END_TEST

START_TEST(pipelined)
{
	unsigned before = fake_tty_writes(t.tty);

	talk_say(&t, "AT\nAT+ECHO 1\r\nAT+NO\r\rhello\n\rAT+ECHO 2\nAT+ECHO 3");
	/* Before the loop turns again, and in one write. */
	ck_assert_str_eq(fake_tty_received(t.tty, NULL), "OK\r\nOK 1\r\nERR3 COMMAND NOT FOUND\r\nOK 2\r\n");
	ck_assert_uint_eq(t.module.turns, 1);
	ck_assert_int_eq(t.module.turns_open, 0);
	ck_assert_uint_eq(fake_tty_writes(t.tty), before + 1);
	fake_tty_take(t.tty);
	talk_say(&t, "\n");
	talk_expect(&t, "OK 3\r\n");
}
END_TEST

START_TEST(commands_wait_for_the_pending_one)
{
	talk_say(&t, "AT+ECHO 1\nAT+LATER\nAT+ECHO 2\nAT+LATER\nAT+EC");
	talk_expect(&t, "OK 1\r\n");
	done_call(&t.module.done, AT_ERR_TIME);
	talk_expect(&t, "ERR15 TIME NOT AVAILABLE\r\nOK 2\r\n");
	talk_say(&t, "HO 3\n");
	talk_expect(&t, "");
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nOK 3\r\n");
}
END_TEST

START_TEST(deadline_then_the_next)
{
	talk_say(&t, "AT+LATER\nAT+ECHO 2\n");
	talk_expect(&t, "");
	fake_timer_pass(19999);
	talk_expect(&t, "");
	fake_timer_pass(1);
	talk_expect(&t, "ERR6 NO CONNECTION\r\nOK 2\r\n");
	done_call(&t.module.done, 0);
	talk_expect(&t, "");
}
END_TEST

START_TEST(no_timer_for_simple_commands)
{
	talk_say(&t, "AT\nAT+ECHO 1\nAT+NO\n");
	talk_expect(&t, "OK\r\nOK 1\r\nERR3 COMMAND NOT FOUND\r\n");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(too_long)
{
	char *text = malloc(200000 + 20);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 200000);
	memcpy(text, "AT+ECHO ", 8);
	fake_tty_send(t.tty, text, 200000);
	talk_expect(&t, "");
	talk_say(&t, "\nAT\n");
	talk_expect(&t, "ERR1 OVERFLOW\r\nOK\r\n");
	fake_tty_send(t.tty, text, LINE_MAX_COMMAND);
	talk_say(&t, "\r");
	talk_loop(&t);
	ck_assert_uint_eq(strlen(fake_tty_received(t.tty, NULL)), 3 + LINE_MAX_COMMAND - 8 + 2);
	fake_tty_take(t.tty);
	fake_tty_send(t.tty, text, LINE_MAX_COMMAND + 1);
	talk_say(&t, "\r\n");
	talk_expect(&t, "ERR1 OVERFLOW\r\n");
	free(text);
}
END_TEST

START_TEST(every_byte_comes_back)
{
	char in[8 + 256 + 1] = "AT+ECHO ";
	size_t n = 8, got;
	const char *text;

	for (unsigned i = 0; i < 256; i++)
		if (i != '\n' && i != '\r' && i != '\\')
			in[n++] = (char)i;
	in[n++] = '\r';
	fake_tty_send(t.tty, in, n);
	text = fake_tty_received(t.tty, &got);
	ck_assert_uint_eq(got, 3 + (n - 9) + 2);
	ck_assert_mem_eq(text + 3, in + 8, n - 9);
	ck_assert_mem_eq(text + got - 2, "\r\n", 2);
}
END_TEST

START_TEST(afterwards_when_the_answer_has_left)
{
	fake_tty_set_sent(t.tty, false);
	talk_say(&t, "AT+RESET\nAT+ECHO 1\n");
	talk_expect(&t, "OK\r\n");
	ck_assert_uint_eq(t.module.then, 0);
	fake_tty_set_sent(t.tty, true);
	talk_expect(&t, "OK 1\r\n");
	ck_assert_uint_eq(t.module.then, 1);

	fake_tty_set_pace(t.tty, 0);
	talk_say(&t, "AT+RESET\n");
	talk_loop(&t);
	ck_assert_uint_eq(t.module.then, 1);
	fake_tty_set_pace(t.tty, 1);
	talk_expect(&t, "OK\r\n");
	ck_assert_uint_eq(t.module.then, 2);

	t.module.reset_then = true;
	talk_say(&t, "AT+RESET\nAT+ECHO gone\n");
	talk_expect(&t, "OK\r\n");
	talk_say(&t, "AT+ECHO 2\n");
	talk_expect(&t, "OK 2\r\n");
}
END_TEST

START_TEST(hold_forgets_everything)
{
	struct done old;

	talk_say(&t, "AT+LATER\nAT+ECHO 1\nAT+EC");
	old = t.module.done;
	at_server_hold(t.server);
	talk_say(&t, "AT+ECHO 2\nAT+ECHO");
	talk_expect(&t, "");
	at_server_release(t.server);
	done_call(&old, 0);
	talk_say(&t, " 3\nAT+ECHO 4\n");
	talk_expect(&t, "OK 4\r\n");

	/* Answers on their way, and what should follow them. */
	fake_tty_set_pace(t.tty, 0);
	talk_say(&t, "AT+ECHO 5\nAT+RESET\n");
	at_server_hold(t.server);
	fake_tty_set_pace(t.tty, SIZE_MAX);
	talk_expect(&t, "");
	at_server_release(t.server);
	ck_assert_uint_eq(t.module.then, 0);
	talk_say(&t, "AT\n");
	talk_expect(&t, "OK\r\n");
	fake_timer_pass(100000);
	talk_expect(&t, "");

	/* A paste. */
	talk_say(&t, "AT+CONF X=pem\n" B "MII");
	at_server_hold(t.server);
	at_server_release(t.server);
	talk_say(&t, "AT\n");
	talk_expect(&t, "OK\r\n");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* The cable was pulled in the middle: what comes next begins anew. */
START_TEST(gap)
{
	talk_say(&t, "AT+CONF X=pem\n" B "MII");
	fake_tty_lose(t.tty);
	talk_say(&t, "AT+ECHO 3\n");
	talk_expect(&t, "ERR4 PARAMETER ERROR\r\nOK 3\r\n");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);

	talk_say(&t, "AT+LATER\nAT+ECHO 1\nAT+ECHO half");
	fake_tty_lose(t.tty);
	talk_say(&t, "AT+ECHO 2\n");
	talk_expect(&t, "");
	done_call(&t.module.done, 0);
	talk_expect(&t, "OK\r\nOK 1\r\nOK 2\r\n");
}
END_TEST

START_TEST(shut_and_opened)
{
	talk_say(&t, "AT+LATER\nAT+ECHO 1\nAT+ECHO half");
	at_server_shut(t.server);
	ck_assert(fake_tty_is_shut(t.tty));
	talk_say(&t, " line\nAT+ECHO 2\n");
	done_call(&t.module.done, 0);
	fake_tty_lose(t.tty);
	ck_assert_str_eq(fake_tty_received(t.tty, NULL), "OK\r\n");
	fake_tty_take(t.tty);
	at_server_open(t.server);
	ck_assert(!fake_tty_is_shut(t.tty));
	talk_expect(&t, "OK 1\r\n");
	talk_say(&t, "AT+ECHO 3\n");
	talk_expect(&t, "OK 3\r\n");

	/* RST in between. */
	at_server_shut(t.server);
	at_server_open(t.server);
	at_server_hold(t.server);
	talk_say(&t, "AT\n");
	talk_expect(&t, "");
	at_server_release(t.server);
	talk_say(&t, "AT\n");
	talk_expect(&t, "OK\r\n");
}
END_TEST

START_TEST(stats)
{
	struct at_server_stats s;

	talk_say(&t, "AT\nAT+NO\nAT+ECHO 1\nhello\nAT+LATER\n");
	talk_loop(&t);
	at_server_get_stats(t.server, &s);
	ck_assert_uint_eq(s.commands, 3);
	ck_assert_uint_eq(s.errors, 1);
}
END_TEST

/* The trace shows the dialogue, but no passphrase and no key. */
START_TEST(trace_masks_secrets)
{
	static const char *const lines[] = {
		"AT+CONF Pass\\phrase=geheim\n",
		"AT+CONF Pass phrase=geheim\n",
		"AT+CONF Pasphrase=geheim\n",
		"AT+CONF Password=geheim\n",
		"AT+CONF OTAcertificate=-----BEGIN PRIVATE KEY-----\\Ageheim\\A-----END PRIVATE KEY-----\n",
		"AT+CONF RootCA=-----BEGIN EC PRIVATE KEY-----\\Ageheim\\A-----END EC PRIVATE KEY-----\n",
		"AT+CONF Passphrase=geheim\n",
		"AT+conf passphrase=geheim\r",
		"AT+CONF  PASSPHRASE = geheim\n",
		"AT+CONF5 Passphrase geheim\n",
		"AT+CONFPassphrase=geheim\n",
		"noise AT+CONF Passphrase=geheim\n",
	};
	char text[8192];
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_set_level(LOG_DEBUG);
	talk_say(&t, "AT+ECHO visible\n");
	for (size_t i = 0; i < ELEMENTS(lines); i++)
		talk_say(&t, lines[i]);
	talk_say(&t, "AT+CONF X=pem\n" B "geheim\n" E);
	log_set_level(LOG_EMERG);
	(void)dup2(old, STDERR_FILENO);
	n = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "AT+ECHO visible"));
	ck_assert_ptr_nonnull(strstr(text, "OK visible"));
	ck_assert_ptr_nonnull(strstr(text, "***"));
	ck_assert_ptr_null(strstr(text, "geheim"));
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(old);
}
END_TEST

static char heard[1024];

static void on_dialogue(void *userdata, enum trace_side side, const void *shown, size_t shown_n, size_t n)
{
	size_t used = strlen(heard);

	ck_assert_ptr_eq(userdata, &t);
	ck_assert_uint_le(shown_n, n);
	(void)snprintf(heard + used, sizeof(heard) - used, "%s%.*s|", side == TRACE_HOST ? ">" : "<", (int)shown_n,
		       (const char *)shown);
}

/* Without the debug log. */
START_TEST(watched)
{
	at_server_watch(t.server, on_dialogue, &t);
	talk_say(&t, "noise\nxAT+ECHO one\nAT+ECHO Passphrase=geheim\nAT+NO\n");
	ck_assert_ptr_eq(strstr(heard, ">AT+ECHO one|<OK one\r\n|>AT+ECHO Passphrase=***|<OK"), heard);
	ck_assert_ptr_nonnull(strstr(heard, "|>AT+NO|<ERR3 COMMAND NOT FOUND\r\n|"));
	at_server_watch(t.server, NULL, NULL);
	heard[0] = '\0';
	talk_say(&t, "AT\n");
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(start_fails)
{
	fake_tty_set_start(-EBUSY);
	ck_assert_int_eq(at_server_start(t.server), -EBUSY);
	fake_tty_set_start(0);
	ck_assert_ptr_null(at_server_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("server");
	TCase *tc = tcase_create("server");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, dialogue);
	tcase_add_test(tc, pipelined);
	tcase_add_test(tc, commands_wait_for_the_pending_one);
	tcase_add_test(tc, deadline_then_the_next);
	tcase_add_test(tc, no_timer_for_simple_commands);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, every_byte_comes_back);
	tcase_add_test(tc, afterwards_when_the_answer_has_left);
	tcase_add_test(tc, hold_forgets_everything);
	tcase_add_test(tc, gap);
	tcase_add_test(tc, shut_and_opened);
	tcase_add_test(tc, stats);
	tcase_add_test(tc, trace_masks_secrets);
	tcase_add_test(tc, watched);
	tcase_add_test(tc, start_fails);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
