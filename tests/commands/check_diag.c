/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "config.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "util/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;

static void setup(void)
{
	rig_make_module(&rig, NULL);
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

/* Is " name=value" among the words of DIAG INFO? */
static void assert_info(const char *name, const char *value)
{
	const char *answer = rig_ask(&rig, "AT+DIAG INFO");
	char word[64];
	const char *at;

	(void)snprintf(word, sizeof(word), " %s=", name);
	at = strstr(answer, word);
	ck_assert_ptr_nonnull(at);
	at += strlen(word);
	(void)snprintf(word, sizeof(word), "%.*s", (int)strcspn(at, " \r"), at);
	ck_assert_msg(strcmp(word, value) == 0, "%s=%s, not %s", name, word, value);
}

START_TEST(at_rest)
{
	const char *answer = rig_ask(&rig, "AT+DIAG INFO");

	ck_assert_int_eq(strncmp(answer, "OK version=" PACKAGE_VERSION " ", strlen("OK version=" PACKAGE_VERSION " ")),
			 0);
	ck_assert_str_eq(answer + strlen(answer) - 2, "\r\n");
	assert_info("uptime", "0");
	assert_info("state", "active");
	assert_info("messages", "0/64");
	assert_info("bytes", "0/262144");
	assert_info("events", "1/64");
	assert_info("connects", "0/0");
	assert_info("losses", "0");
	assert_info("damaged", "0");
	assert_info("lost", "0");
	fake_timer_pass(61000);
	assert_info("uptime", "61");
}
END_TEST

START_TEST(memory)
{
	const char *answer = rig_ask(&rig, "AT+DIAG INFO");
	const char *at = strstr(answer, " memory=");

	ck_assert_ptr_nonnull(at);
	ck_assert_uint_gt(strtoul(at + strlen(" memory="), NULL, 10), 100);
}
END_TEST

START_TEST(counts)
{
	expect("AT", "OK\r\n");
	expect("AT+FOO", "ERR3 COMMAND NOT FOUND\r\n");
	assert_info("commands", "2");
	assert_info("errors", "1");
	expect("AT+CONF CustomName=me", "OK\r\n");
	assert_info("writes", "1");
	expect("AT+CONF Topic1=t", "OK\r\n");
	assert_info("writes", "1");
	rig_connect(&rig);
	assert_info("state", "connected");
	assert_info("connects", "1/1");
	expect("AT+SEND1 hello", "OK\r\n");
	assert_info("sent", "1");
	fake_mqtt_text("t", "hello");
	assert_info("messages", "1/64");
	assert_info("bytes", "6/262144");
	assert_info("received", "1");
	for (unsigned i = 0; i < 65; i++)
		fake_mqtt_text("t", "x");
	assert_info("lost", "2");
	fake_mqtt_lose(0);
	assert_info("losses", "1");
	assert_info("state", "active");
}
END_TEST

/* --- NETWORK --- */

/* Lines as many as are announced, among them those of fake/network.c. */
START_TEST(network)
{
	const char *answer = rig_ask(&rig, "AT+DIAG NETWORK");
	unsigned long lines;
	char *at;

	ck_assert_int_eq(strncmp(answer, "OK", 2), 0);
	lines = strtoul(answer + 2, &at, 10);
	ck_assert_uint_gt(lines, 0);
	ck_assert_int_eq(strncmp(at, "\r\n", 2), 0);
	ck_assert_ptr_nonnull(strstr(answer, "\r\nlo up 127.0.0.1/24\r\neth0 up 192.0.2.5/24\r\n"));
	for (at += 2; *at; lines--) {
		at = strstr(at, "\r\n");
		ck_assert_ptr_nonnull(at);
		at += 2;
	}
	ck_assert_uint_eq(lines, 0);
}
END_TEST

/* --- LOG --- */

static const struct {
	const char *word;
	int priority;
} levels[] = {
	{ "error", LOG_ERR }, { "warning", LOG_WARNING }, { "notice", LOG_NOTICE },
	{ "info", LOG_INFO }, { "debug", LOG_DEBUG },
};

START_TEST(log_level)
{
	char line[64], answer[64];

	(void)snprintf(line, sizeof(line), "AT+DIAG LOG %s", levels[_i].word);
	(void)snprintf(answer, sizeof(answer), "OK %s\r\n", levels[_i].word);
	expect(line, "OK\r\n");
	expect("AT+DIAG LOG", answer);
	expect("AT+DIAG LOG ", answer);
	ck_assert(log_enabled(levels[_i].priority));
	ck_assert(!log_enabled(levels[_i].priority + 1));
	expect("AT+RESET", "OK\r\n");
	expect("AT+DIAG LOG", answer);
}
END_TEST

START_TEST(no_log_level)
{
	expect("AT+DIAG LOG Notice", "OK\r\n");
	expect("AT+DIAG LOG loud", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG LOG 7", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG LOG debug now", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG LOG  debug", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG LOG", "OK notice\r\n");
}
END_TEST

/* clang-format off */
static const struct {
	const char *line, *answer;
} errors[] = {
	{ "AT+DIAG", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG ", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG FOO", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG INFO now", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG INF", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG  INFO", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG NETWORK eth0", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG SCAN", "ERR17 MODE NOT AVAILABLE\r\n" },
	{ "AT+DIAG SCAN 10", "ERR17 MODE NOT AVAILABLE\r\n" },
	{ "AT+DIAG scan ten", "ERR17 MODE NOT AVAILABLE\r\n" },
	{ "AT+DIAG1 INFO", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DIAG?", "ERR3 COMMAND NOT FOUND\r\n" },
};
/* clang-format on */

START_TEST(wrong_use)
{
	expect(errors[_i].line, errors[_i].answer);
}
END_TEST

START_TEST(any_letter_case)
{
	ck_assert_int_eq(strncmp(rig_ask(&rig, "at+diag Info"), "OK version=", 11), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diag");
	TCase *tc = tcase_create("diag");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, at_rest);
	tcase_add_test(tc, memory);
	tcase_add_test(tc, counts);
	tcase_add_test(tc, network);
	tcase_add_loop_test(tc, log_level, 0, ELEMENTS(levels));
	tcase_add_test(tc, no_log_level);
	tcase_add_loop_test(tc, wrong_use, 0, ELEMENTS(errors));
	tcase_add_test(tc, any_letter_case);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
