/* SPDX-License-Identifier: Apache-2.0 */
/* module/module.c, and the messages that arrive: for the host, and those that onboard. */
#include "module/module.h"

#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"

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

/* --- messages --- */

/* Decided at arrival for the event, and again when the host asks. */
START_TEST(index_at_arrival_and_again)
{
	expect("AT+CONF Topic3=state/+", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("state/a", "one");
	fake_mqtt_text("other", "two");
	expect("AT+CONF Topic2=state/a", "OK\r\n");
	expect("AT+CONF Topic5=other", "OK\r\n");
	ck_assert_str_eq(rig_events(&rig), "1 3 MSG\n1 0 MSG\n");
	expect("AT+GET3", "OK\r\n");
	expect("AT+GET2", "OK one\r\n");
	expect("AT+GET0", "OK\r\n");
	expect("AT+GET5", "OK two\r\n");
}
END_TEST

START_TEST(own_traffic_is_hidden)
{
	rig_connect(&rig);
	fake_mqtt_text("$aws/things/thing/jobs/$next/get/accepted", "{}");
	fake_mqtt_text("$aws/things/thing/jobs/notify", "{}");
	ck_assert_str_eq(rig_events(&rig), "");
	expect("AT+GET", "OK\r\n");
	expect("AT+GET0", "OK\r\n");

	/* A topic of the host's own makes it visible. */
	expect("AT+CONF Topic4=$aws/things/thing/jobs/#", "OK\r\n");
	fake_mqtt_text("$aws/things/thing/jobs/notify", "{}");
	ck_assert_str_eq(rig_events(&rig), "1 4 MSG\n");
	expect("AT+GET4", "OK {}\r\n");

	/* Another thing's is nothing special. */
	fake_mqtt_text("$aws/things/other/jobs/notify", "{}");
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n");
}
END_TEST

/* Guide 4.1.7.6. */
START_TEST(overrun)
{
	char payload[32];

	rig_connect(&rig);
	for (unsigned i = 0; i < 62; i++)
		fake_mqtt_text("t", "x");
	ck_assert_uint_eq(strlen(rig_events(&rig)), 62 * strlen("1 0 MSG\n"));
	fake_mqtt_text("t", "63");
	fake_mqtt_text("t", "64");
	fake_mqtt_text("first/lost", "x");
	fake_mqtt_text("second/lost", "x");
	fake_mqtt_text("third/lost", "x");
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n1 0 MSG\n1 0 MSG\n4 0 OVERRUN first/lost\n");
	ck_assert_uint_eq(rig.module->messages_lost, 3);
	fake_mqtt_text("fourth/lost", "x");
	ck_assert_str_eq(rig_events(&rig), "");

	/* The host reads: there is room for one, and the next loss is told again. */
	expect("AT+GET", "OK1 t\r\nx\r\n");
	fake_mqtt_text("kept", "x");
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n");
	expect("AT+CONF Topic2=lost", "OK\r\n");
	fake_mqtt_text("lost", "x");
	ck_assert_str_eq(rig_events(&rig), "1 2 MSG\n4 0 OVERRUN lost\n");

	/* Nothing that had arrived was lost. */
	for (unsigned i = 0; i < 61; i++)
		expect("AT+GET", "OK1 t\r\nx\r\n");
	for (unsigned i = 63; i < 65; i++) {
		(void)snprintf(payload, sizeof(payload), "OK1 t\r\n%u\r\n", i);
		expect("AT+GET", payload);
	}
	expect("AT+GET", "OK1 kept\r\nx\r\n");
	expect("AT+GET", "OK\r\n");
}
END_TEST

/* An empty GET reads no message. */
START_TEST(overrun_until_a_message_is_read)
{
	expect("AT+CONF Topic9=never", "OK\r\n");
	rig_connect(&rig);
	for (unsigned i = 0; i < 65; i++)
		fake_mqtt_text("t", "x");
	(void)rig_events(&rig);
	expect("AT+GET9", "OK\r\n");
	fake_mqtt_text("t", "x");
	ck_assert_str_eq(rig_events(&rig), "");
	expect("AT+GET0", "OK1 t\r\nx\r\n");
	fake_mqtt_text("t", "x");
	fake_mqtt_text("u", "x");
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n1 0 MSG\n4 0 OVERRUN u\n");
}
END_TEST

/* Full in bytes: a large one is lost, a later one that fits is kept. */
START_TEST(overrun_in_bytes)
{
	static char large[MESSAGE_MAX_PAYLOAD];

	memset(large, 'l', sizeof(large));
	rig_connect(&rig);
	fake_mqtt_message("a", large, sizeof(large));
	fake_mqtt_message("b", large, sizeof(large) - 20);
	fake_mqtt_message("c", large, sizeof(large));
	fake_mqtt_text("d", "small");
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n1 0 MSG\n1 0 MSG\n4 0 OVERRUN c\n1 0 MSG\n");
	ck_assert_uint_eq(strlen(rig_ask(&rig, "AT+GET")), strlen("OK1 a\r\n\r\n") + sizeof(large));
	ck_assert_uint_eq(strlen(rig_ask(&rig, "AT+GET")), strlen("OK1 b\r\n\r\n") + sizeof(large) - 20);
	expect("AT+GET", "OK1 d\r\nsmall\r\n");
}
END_TEST

/* AWS IoT knows no larger one; another broker may. */
START_TEST(too_large)
{
	static char large[MESSAGE_MAX_PAYLOAD + 1];

	rig_connect(&rig);
	fake_mqtt_message("t", large, sizeof(large));
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n4 0 OVERRUN t\n");
	expect("AT+GET", "OK\r\n");
	fake_mqtt_message("t", large, sizeof(large) - 1);
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n");
}
END_TEST

START_TEST(long_topic_in_the_event)
{
	char topic[201], expected[128];

	memset(topic, 't', sizeof(topic) - 1);
	topic[sizeof(topic) - 1] = '\0';
	rig_connect(&rig);
	for (unsigned i = 0; i < 64; i++)
		fake_mqtt_text("t", "x");
	(void)rig_events(&rig);
	fake_mqtt_text(topic, "x");
	(void)snprintf(expected, sizeof(expected), "1 0 MSG\n4 0 OVERRUN %.64s\n", topic);
	ck_assert_str_eq(rig_events(&rig), expected);
}
END_TEST

START_TEST(messages_outlive_the_connection)
{
	rig_connect(&rig);
	fake_mqtt_text("t", "one");
	fake_mqtt_text("t", "two");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	expect("AT+GET", "OK1 t\r\none\r\n");
	rig_connect(&rig);
	fake_mqtt_lose(0);
	expect("AT+GET", "OK1 t\r\ntwo\r\n");
}
END_TEST

/* --- onboarding (guide 10.3.1.1) --- */

#define CONFIG "thing/expresslink_config"

static void wait_for_write(void)
{
	while (connection_is_up(rig.module->connection))
		ck_assert_int_gt(sd_event_run(rig.event, 20000000), 0);
}

START_TEST(onboarding)
{
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	rig_connect(&rig);
	fake_mqtt_text(CONFIG, "{\"Endpoint\":\"customer.example\"}");
	wait_for_write();
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n3 0 CONLOST\n");
	expect("AT+CONF? Endpoint", "OK customer.example\r\n");
	expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER\r\n");
	expect("AT+GET", "OK1 " CONFIG "\r\n{\"Endpoint\":\"customer.example\"}\r\n");
	rig_restart(&rig);
	expect("AT+CONF? Endpoint", "OK customer.example\r\n");
}
END_TEST

START_TEST(onboarding_not_understood)
{
	rig_connect(&rig);
	fake_mqtt_text(CONFIG, "{\"Endpoint\":42}");
	fake_mqtt_text(CONFIG, "{\"Endpoint\":\"" RIG_STAGING "\"}");
	fake_mqtt_text("other/expresslink_config", "{\"Endpoint\":\"customer.example\"}");
	rig_idle(&rig);
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n1 0 MSG\n1 0 MSG\n");
	expect("AT+CONNECT?", "OK 1 0 CONNECTED STAGING\r\n");
}
END_TEST

START_TEST(onboarding_only_in_staging)
{
	expect("AT+CONF Endpoint=192.0.2.99", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text(CONFIG, "{\"Endpoint\":\"customer.example\"}");
	rig_idle(&rig);
	ck_assert_str_eq(rig_events(&rig), "1 0 MSG\n");
	expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER\r\n");
	expect("AT+CONF? Endpoint", "OK 192.0.2.99\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("module_messages");
	TCase *tc = tcase_create("module_messages");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, index_at_arrival_and_again);
	tcase_add_test(tc, own_traffic_is_hidden);
	tcase_add_test(tc, overrun);
	tcase_add_test(tc, overrun_until_a_message_is_read);
	tcase_add_test(tc, overrun_in_bytes);
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, long_topic_in_the_event);
	tcase_add_test(tc, messages_outlive_the_connection);
	tcase_add_test(tc, onboarding);
	tcase_add_test(tc, onboarding_not_understood);
	tcase_add_test(tc, onboarding_only_in_staging);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
