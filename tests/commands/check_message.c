/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "at/error.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <errno.h>
#include <string.h>

static struct rig rig;

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

static void setup(void)
{
	rig_make_module(&rig, NULL);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+CONF Topic1=data", "OK\r\n");
	expect("AT+CONF Topic2=state/#", "OK\r\n");
	expect("AT+CONF Topic16=last", "OK\r\n");
}

static void setup_connected(void)
{
	setup();
	rig_connect(&rig);
}

static void teardown(void)
{
	rig_done(&rig);
}

/* The host says it; nothing is answered yet. */
static void ask(const char *line)
{
	rig_say(&rig, line);
	ck_assert_str_eq(rig_hear(&rig), "");
}

static void assert_sent(const char *topic, const void *payload, size_t n, int qos)
{
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_PUBLISH);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], topic);
	ck_assert_uint_eq(fake_mqtt_last()->n, n);
	ck_assert_mem_eq(fake_mqtt_last()->payload, payload, n);
	ck_assert_int_eq(fake_mqtt_last()->qos, qos);
}

/* --- SEND (guide 4.1.4) --- */

START_TEST(sends)
{
	expect("AT+SEND1 Hello World", "OK\r\n");
	assert_sent("data", "Hello World", 11, 0);
	expect("AT+SEND16  x ", "OK\r\n");
	assert_sent("last", " x ", 3, 0);
	expect("AT+SEND01 \\\\\\A\\D", "OK\r\n");
	assert_sent("data", "\\\n\r", 3, 0);
	expect("at+send1 x", "OK\r\n");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 4);
}
END_TEST

START_TEST(send_nothing)
{
	expect("AT+SEND1", "OK\r\n");
	assert_sent("data", "", 0, 0);
	expect("AT+SEND1 ", "OK\r\n");
	assert_sent("data", "", 0, 0);
}
END_TEST

START_TEST(send_any_byte)
{
	static const char line[] = "AT+SEND1 \0\xff\t\x80\n";

	fake_tty_take(fake_tty());
	fake_tty_send(fake_tty(), line, sizeof(line) - 1);
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
	assert_sent("data", "\0\xff\t\x80", 4, 0);
}
END_TEST

/* 5120 bytes from "AT+": guide 3.4.1. */
START_TEST(send_much)
{
	char line[5122];
	size_t head = strlen("AT+SEND1 ");

	memset(line, 'p', sizeof(line));
	memcpy(line, "AT+SEND1 ", head);
	line[5120] = '\0';
	expect(line, "OK\r\n");
	assert_sent("data", line + head, 5120 - head, 0);
	line[5120] = 'p';
	line[5121] = '\0';
	expect(line, "ERR1 OVERFLOW\r\n");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
}
END_TEST

START_TEST(send_acknowledged)
{
	expect("AT+CONF QoS=1", "OK\r\n");
	ask("AT+SEND1 hello");
	assert_sent("data", "hello", 5, 1);
	fake_timer_pass(19000);
	ck_assert_str_eq(rig_hear(&rig), "");
	ck_assert(fake_mqtt_ack(0));
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
	expect("AT+CONF QoS=0", "OK\r\n");
	expect("AT+SEND1 hello", "OK\r\n");
}
END_TEST

START_TEST(send_not_acknowledged)
{
	expect("AT+CONF QoS=1", "OK\r\n");
	ask("AT+SEND1 hello");
	fake_timer_pass(20000);
	ck_assert_str_eq(rig_hear(&rig), "ERR6 NO CONNECTION\r\n");
	ck_assert(!fake_mqtt()->open);
	expect("AT+EVENT?", "OK 3 0 CONLOST\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	expect("AT+SEND1 hello", "ERR6 NO CONNECTION\r\n");
}
END_TEST

START_TEST(send_interrupted)
{
	expect("AT+CONF QoS=1", "OK\r\n");
	ask("AT+SEND1 hello");
	fake_mqtt_lose(0);
	ck_assert_str_eq(rig_hear(&rig), "ERR6 NO CONNECTION\r\n");
	expect("AT+EVENT?", "OK 3 0 CONLOST\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

START_TEST(send_refused_by_the_library)
{
	fake_mqtt()->send_result = -ENOMEM;
	expect("AT+SEND1 hello", "ERR6 NO CONNECTION\r\n");
	fake_mqtt()->send_result = 0;
	expect("AT+SEND1 hello", "OK\r\n");
}
END_TEST

START_TEST(send_in_order)
{
	expect("AT+CONF QoS=1", "OK\r\n");
	ask("AT+SEND1 a\nAT+SEND1 b\nAT+CONF QoS=0\nAT+SEND1 c");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
	ck_assert(fake_mqtt_ack(0));
	rig_idle(&rig);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 2);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_str_eq(rig_hear(&rig), "OK\r\nOK\r\nOK\r\nOK\r\n");
	assert_sent("data", "c", 1, 0);
}
END_TEST

/* --- SUBSCRIBE, UNSUBSCRIBE (guide 4.1.8, 4.1.9) --- */

START_TEST(subscribe)
{
	expect("AT+CONF QoS=0", "OK\r\n");
	ask("AT+SUBSCRIBE2");
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_SUBSCRIBE);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "state/#");
	ck_assert(fake_mqtt_ack(0));
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
}
END_TEST

START_TEST(subscription_refused)
{
	ask("AT+SUBSCRIBE2");
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	ck_assert_str_eq(rig_hear(&rig), "ERR4 PARAMETER ERROR\r\n");
	expect("AT+CONNECT?", "OK 1 0 CONNECTED STAGING\r\n");
}
END_TEST

START_TEST(subscription_not_answered)
{
	ask(_i == 0 ? "AT+SUBSCRIBE2" : "AT+UNSUBSCRIBE2");
	fake_timer_pass(20000);
	ck_assert_str_eq(rig_hear(&rig), "ERR6 NO CONNECTION\r\n");
	expect("AT+EVENT?", "OK 3 0 CONLOST\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

START_TEST(unsubscribe)
{
	ask("AT+UNSUBSCRIBE2");
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_UNSUBSCRIBE);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "state/#");
	ck_assert(fake_mqtt_ack(0));
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
}
END_TEST

START_TEST(own_subscriptions_stay)
{
	expect("AT+CONF Topic3=$aws/things/thing/jobs/notify-next", "OK\r\n");
	expect("AT+UNSUBSCRIBE3", "OK\r\n");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 0);
	ask("AT+SUBSCRIBE3");
	ck_assert(fake_mqtt_ack(0));
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
}
END_TEST

/* --- GET (guide 4.1.5 - 4.1.7) --- */

START_TEST(get)
{
	fake_mqtt_text("state/a", "one");
	fake_mqtt_text("data", "two");
	fake_mqtt_text("elsewhere", "three");
	fake_mqtt_text("state/b", "four");
	expect("AT+GET2", "OK one\r\n");
	expect("AT+GET0", "OK1 elsewhere\r\nthree\r\n");
	expect("AT+GET0", "OK\r\n");
	expect("AT+GET", "OK1 data\r\ntwo\r\n");
	expect("AT+GET1", "OK\r\n");
	expect("AT+GET02", "OK four\r\n");
	expect("AT+GET", "OK\r\n");
}
END_TEST

START_TEST(get_escapes)
{
	static const char bytes[] = "a\0\r\n\\\xff";
	size_t n;
	const char *answer;

	fake_mqtt_text("to\\pic", "line one\nline two\r");
	expect("AT+GET", "OK1 to\\\\pic\r\nline one\\Aline two\\D\r\n");
	fake_mqtt_message("data", bytes, sizeof(bytes) - 1);
	answer = rig_ask(&rig, "AT+GET1");
	(void)fake_tty_received(fake_tty(), &n);
	ck_assert_uint_eq(n, 14);
	ck_assert_mem_eq(answer, "OK a\0\\D\\A\\\\\xff\r\n", 14);
}
END_TEST

START_TEST(get_an_empty_message)
{
	fake_mqtt_message("data", NULL, 0);
	fake_mqtt_message("elsewhere", NULL, 0);
	expect("AT+GET1", "OK\r\n");
	expect("AT+GET", "OK1 elsewhere\r\n\r\n");
}
END_TEST

/* Works without a connection. */
START_TEST(get_disconnected)
{
	fake_mqtt_text("data", "one");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	expect("AT+GET1", "OK one\r\n");
}
END_TEST

START_TEST(get_the_largest)
{
	static char payload[MESSAGE_MAX_PAYLOAD];
	const char *answer;
	size_t n;

	memset(payload, '\\', sizeof(payload)); /* each becomes two */
	fake_mqtt_message("data", payload, sizeof(payload));
	answer = rig_ask(&rig, "AT+GET");
	(void)fake_tty_received(fake_tty(), &n);
	ck_assert_uint_eq(n, strlen("OK1 data\r\n\r\n") + 2 * sizeof(payload));
	ck_assert_mem_eq(answer, "OK1 data\r\n\\\\\\\\", 14);
	ck_assert_mem_eq(answer + n - 4, "\\\\\r\n", 4);
}
END_TEST

/* --- errors --- */

struct dialogue {
	const char *line, *answer;
};

static const struct dialogue connected[] = {
	{ "AT+SEND", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SEND hello", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SEND0 x", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+SEND17 x", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+SEND99999999999999999999999999 x", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+SEND1x", "ERR2 PARSE ERROR\r\n" },
	{ "AT+SEND1\tx", "ERR2 PARSE ERROR\r\n" },
	{ "AT+SEND1 \\x", "ERR5 INVALID ESCAPE\r\n" },
	{ "AT+SEND17 \\x", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+SEND5 \\x", "ERR5 INVALID ESCAPE\r\n" },
	{ "AT+SEND5 x", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+SEND2 x", "ERR4 PARAMETER ERROR\r\n" }, /* a wildcard */
	{ "AT+SEND?", "ERR3 COMMAND NOT FOUND\r\n" },
	{ "AT+SUBSCRIBE", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SUBSCRIBE1 x", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SUBSCRIBE0", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+SUBSCRIBE17", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+SUBSCRIBE5", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+UNSUBSCRIBE", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+UNSUBSCRIBE0", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+UNSUBSCRIBE17", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+UNSUBSCRIBE5", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+GET x", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+GET1 x", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+GET17", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+GET5", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+GET1x", "ERR2 PARSE ERROR\r\n" },
};

START_TEST(wrong_use)
{
	expect(connected[_i].line, connected[_i].answer);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 0);
}
END_TEST

static const struct dialogue disconnected[] = {
	{ "AT+SEND1 x", "ERR6 NO CONNECTION\r\n" },
	{ "AT+SUBSCRIBE1", "ERR6 NO CONNECTION\r\n" },
	{ "AT+UNSUBSCRIBE1", "ERR6 NO CONNECTION\r\n" },
	{ "AT+SEND5 x", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+SUBSCRIBE5", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+UNSUBSCRIBE5", "ERR8 PARAMETER UNDEFINED\r\n" },
	{ "AT+SEND17 x", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+GET", "OK\r\n" },
	{ "AT+GET0", "OK\r\n" },
	{ "AT+GET1", "OK\r\n" },
};

START_TEST(without_a_connection)
{
	expect(disconnected[_i].line, disconnected[_i].answer);
}
END_TEST

/* Stored as they are, judged when they are used. */
START_TEST(odd_topics)
{
	expect("AT+CONF Topic3=a/#/b", "OK\r\n");
	expect("AT+SEND3 x", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+SUBSCRIBE3", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+UNSUBSCRIBE3", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+GET3", "OK\r\n");
	expect("AT+CONF Topic3=a\xff", "OK\r\n");
	expect("AT+SEND3 x", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+CONF Topic3=$aws/things/thing/shadow/update", "OK\r\n");
	expect("AT+SEND3 {}", "OK\r\n");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("message");
	TCase *tc = tcase_create("connected");
	TCase *without = tcase_create("disconnected");

	tcase_add_checked_fixture(tc, setup_connected, teardown);
	tcase_add_test(tc, sends);
	tcase_add_test(tc, send_nothing);
	tcase_add_test(tc, send_any_byte);
	tcase_add_test(tc, send_much);
	tcase_add_test(tc, send_acknowledged);
	tcase_add_test(tc, send_not_acknowledged);
	tcase_add_test(tc, send_interrupted);
	tcase_add_test(tc, send_refused_by_the_library);
	tcase_add_test(tc, send_in_order);
	tcase_add_test(tc, subscribe);
	tcase_add_test(tc, subscription_refused);
	tcase_add_loop_test(tc, subscription_not_answered, 0, 2);
	tcase_add_test(tc, unsubscribe);
	tcase_add_test(tc, own_subscriptions_stay);
	tcase_add_test(tc, get);
	tcase_add_test(tc, get_escapes);
	tcase_add_test(tc, get_an_empty_message);
	tcase_add_test(tc, get_disconnected);
	tcase_add_test(tc, get_the_largest);
	tcase_add_loop_test(tc, wrong_use, 0, ELEMENTS(connected));
	tcase_add_test(tc, odd_topics);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(without, setup, teardown);
	tcase_add_loop_test(without, without_a_connection, 0, ELEMENTS(disconnected));
	suite_add_tcase(suite, without);
	return suite_run(suite);
}
