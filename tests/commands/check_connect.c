/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "fake/mqtt.h"
#include "fake/resolve.h"
#include "fake/rig.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct rig rig;

static void setup(void)
{
	rig_make_module(&rig, NULL);
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

/* The host asks to connect; nothing is answered yet. */
static void ask(void)
{
	rig_say(&rig, "AT+CONNECT");
	ck_assert_str_eq(rig_hear(&rig), "");
}

#define hear(answer)                                      \
	do {                                              \
		ck_assert_str_eq(rig_hear(&rig), answer); \
		fake_tty_take(fake_tty());                \
	} while (0)

/* Guide 3.7.1. */
START_TEST(query)
{
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	expect("AT+CONF Endpoint=192.0.2.2", "OK\r\n");
	expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER\r\n");
	rig_connect(&rig);
	expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER\r\n");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	expect("AT+CONF Endpoint=" RIG_STAGING, "OK\r\n");
	rig_connect(&rig);
	expect("AT+CONNECT?", "OK 1 0 CONNECTED STAGING\r\n");

	/* Compared as a string. */
	expect("AT+CONF Endpoint=" RIG_STAGING ":8883", "OK\r\n");
	expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER\r\n");
}
END_TEST

START_TEST(no_staging_endpoint)
{
	teardown();
	rig_make_module(&rig, "[Log]\nLevel=error\n");
	free(rig.settings->staging_endpoint);
	ck_assert_ptr_nonnull(rig.settings->staging_endpoint = strdup(""));
	rig_restart(&rig);
	expect("AT+CONF? Endpoint", "OK\r\n");
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	expect("AT+CONNECT", "ERR14 3 UNABLE TO CONNECT No endpoint: set Endpoint\r\n");
}
END_TEST

START_TEST(connect_twice)
{
	rig_connect(&rig);
	expect("AT+CONNECT", "OK 1 CONNECTED\r\n");
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

/* Guide 3.7.2.2: one for each stage. */
START_TEST(hint_3)
{
	char expected[128];

	expect("AT+CONF Endpoint=nowhere.example", "OK\r\n");
	ask();
	fake_resolve_fail(-ENOENT);
	hear("ERR14 3 UNABLE TO CONNECT Name not found: check Endpoint\r\n");
	expect("AT+RESET", "OK\r\n");
	ask();
	fake_resolve_found("198.51.100.1\n");
	fake_mqtt_lose(ECONNREFUSED);
	(void)snprintf(expected, sizeof(expected), "ERR14 3 UNABLE TO CONNECT %s: check Endpoint and network\r\n",
		       strerror(ECONNREFUSED));
	hear(expected);
	expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER\r\n");
}
END_TEST

START_TEST(hint_4)
{
	ask();
	fake_mqtt_tcp();
	fake_ssl()->failure = "Server certificate not trusted: check RootCA";
	fake_mqtt_lose(0);
	hear("ERR14 4 UNABLE TO CONNECT Server certificate not trusted: check RootCA\r\n");
}
END_TEST

START_TEST(hint_5)
{
	ask();
	fake_mqtt_tcp();
	fake_mqtt_connack(5);
	hear("ERR14 5 UNABLE TO CONNECT Login refused: check registration and policy\r\n");
}
END_TEST

START_TEST(hint_6)
{
	ask();
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	fake_mqtt_lose(0);
	hear("ERR14 6 UNABLE TO CONNECT Closed by the server after login: check the policy\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

/* Guide 3.7.2.4. */
START_TEST(backoff)
{
	unsigned seconds;
	char expected[128];

	for (unsigned i = 0; i < 4; i++) {
		ask();
		if (!fake_mqtt()->open)
			fake_timer_pass(fake_timer_next());
		fake_mqtt_lose(ECONNREFUSED);
		rig_idle(&rig);
		fake_timer_pass(i < 3 ? 8000 : 0);
	}
	ck_assert_int_eq(sscanf(rig_ask(&rig, "AT+CONNECT"), "ERR14 1 UNABLE TO CONNECT Retry in %u s", &seconds), 1);
	(void)snprintf(expected, sizeof(expected), "ERR14 1 UNABLE TO CONNECT Retry in %u s\r\n", seconds);
	ck_assert_str_eq(rig_hear(&rig), expected);
	ck_assert_uint_ge(seconds, 8);
	ck_assert_uint_le(seconds, 16);

	/* RESET forgets. */
	expect("AT+RESET", "OK\r\n");
	rig_connect(&rig);
}
END_TEST

START_TEST(short_backoff_in_place)
{
	ask();
	fake_mqtt_lose(ECONNREFUSED);
	rig_idle(&rig);
	ask();
	ck_assert(!fake_mqtt()->open);
	fake_timer_pass(2000);
	ck_assert(fake_mqtt()->open);
	fake_mqtt_succeed();
	hear("OK 1 CONNECTED\r\n");
}
END_TEST

/* Real hosts wait for 30 s. */
START_TEST(within_its_time)
{
	uint64_t passed = 0;

	expect("AT+CONF Endpoint=many.example", "OK\r\n");
	ask();
	fake_timer_pass(5000);
	fake_resolve_found("198.51.100.1\n198.51.100.2\n198.51.100.3\n");
	for (passed = 5000; passed < 25000 && rig_hear(&rig)[0] == '\0'; passed += 250)
		fake_timer_pass(250);
	ck_assert_uint_le(passed, 25000);
	hear("ERR14 3 UNABLE TO CONNECT No answer from the server: check network\r\n");
}
END_TEST

/* Guide 3.7.3. */
START_TEST(disconnect)
{
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	rig_connect(&rig);
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	ck_assert(!fake_mqtt()->open);
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	rig_connect(&rig);
}
END_TEST

/* A command that arrives meanwhile waits for its turn. */
START_TEST(disconnect_waits_for_connect)
{
	ask();
	rig_say(&rig, "AT+DISCONNECT");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_mqtt_succeed();
	hear("OK 1 CONNECTED\r\nOK 0 DISCONNECTED\r\n");
}
END_TEST

static const struct {
	const char *line, *answer;
} errors[] = {
	{ "AT+CONNECT1", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+CONNECT now", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+CONNECT?1", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+CONNECT? x", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+CONNECT??", "ERR2 PARSE ERROR\r\n" },
	{ "AT+CONNECT!", "ERR3 COMMAND NOT FOUND\r\n" },
	{ "AT+DISCONNECT0", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DISCONNECT x", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+DISCONNECT?", "ERR3 COMMAND NOT FOUND\r\n" },
	{ "AT+CONFMODE My-Product", "ERR17 MODE NOT AVAILABLE\r\n" },
	{ "AT+CONFMODE 12345678901234567890123456789012", "ERR17 MODE NOT AVAILABLE\r\n" },
	{ "AT+CONFMODE 123456789012345678901234567890123", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+CONFMODE1 x", "ERR4 PARAMETER ERROR\r\n" },
};

START_TEST(wrong_use)
{
	expect(errors[_i].line, errors[_i].answer);
	ck_assert_uint_eq(fake_mqtt()->opens, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connect");
	TCase *tc = tcase_create("connect");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, query);
	tcase_add_test(tc, no_staging_endpoint);
	tcase_add_test(tc, connect_twice);
	tcase_add_test(tc, hint_3);
	tcase_add_test(tc, hint_4);
	tcase_add_test(tc, hint_5);
	tcase_add_test(tc, hint_6);
	tcase_add_test(tc, backoff);
	tcase_add_test(tc, short_backoff_in_place);
	tcase_add_test(tc, within_its_time);
	tcase_add_test(tc, disconnect);
	tcase_add_test(tc, disconnect_waits_for_connect);
	tcase_add_loop_test(tc, wrong_use, 0, ELEMENTS(errors));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
