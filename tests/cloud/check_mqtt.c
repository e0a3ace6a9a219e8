/* SPDX-License-Identifier: Apache-2.0 */
/* The edge to the MQTT library, and its TLS side, with a real broker. */
#include "cloud/mqtt.h"

#include "fake/client.h"
#include "fake/descriptors.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>

static struct client c;
static bool reopen_within;

static void setup(void)
{
	reopen_within = false;
	client_make(&c);
}

static void teardown(void)
{
	client_done(&c);
}

/* Connected to a broker under this version of TLS. */
static void start(int version)
{
	client_start_broker(&c, c.server);
	client_make_ssl(&c, c.parties.device, "localhost", version);
	client_connect(&c);
	ck_assert_uint_eq(c.tcps, 1);
}

static void subscribe(const char *filter)
{
	unsigned before = c.dones;

	ck_assert_int_eq(mqtt_subscribe(c.mqtt, &filter, 1, c.done), 0);
	client_wait_for(&c, &c.dones, before + 1);
	ck_assert_int_eq(c.done_r, 0);
}

static void publish(const char *topic, const void *payload, size_t n, int qos)
{
	unsigned before = c.dones;

	ck_assert_int_eq(mqtt_publish(c.mqtt, topic, payload, n, qos, c.done), 0);
	client_wait_for(&c, &c.dones, before + 1);
	ck_assert_int_eq(c.done_r, 0);
}

/* --- a good connection --- */

START_TEST(connects)
{
	start(client_versions[_i]);
	broker_await(&c.broker, " (p2, c1, k45"); /* MQTT 3.1.1, clean session, three quarters of 60 s */
	mqtt_close(c.mqtt);
	broker_await(&c.broker, "Received DISCONNECT from thing");
	client_idle(&c);
	ck_assert_uint_eq(c.closes, 0);
}
END_TEST

START_TEST(publishes_and_receives)
{
	static const char payload[] = "a\0b\r\n\xff";

	start(client_versions[_i]);
	subscribe("some/#");
	for (int qos = 0; qos < 2; qos++) {
		publish("some/topic", payload, sizeof(payload), qos);
		client_wait_for(&c, &c.messages, (unsigned)qos + 1);
		ck_assert_uint_eq(c.last_n, sizeof(payload));
		ck_assert_mem_eq(c.last, payload, sizeof(payload));
	}
	publish("some", NULL, 0, 0);
	client_wait_for(&c, &c.messages, 3);
	ck_assert_uint_eq(c.last_n, 0);
	ck_assert_str_eq(c.topics, "some/topic some/topic some ");
}
END_TEST

START_TEST(several_filters)
{
	const char *filters[] = { "a/+", "b", "$aws/things/thing/jobs/notify" };

	start(client_versions[_i]);
	ck_assert_int_eq(mqtt_subscribe(c.mqtt, filters, 3, c.done), 0);
	client_wait_for(&c, &c.dones, 1);
	publish("b", "x", 1, 1);
	publish("$aws/things/thing/jobs/notify", "x", 1, 1);
	publish("a/1", "x", 1, 1);
	client_wait_for(&c, &c.messages, 3);
	ck_assert_str_eq(c.topics, "b $aws/things/thing/jobs/notify a/1 ");
}
END_TEST

START_TEST(unsubscribes)
{
	start(client_versions[_i]);
	subscribe("a");
	subscribe("b");
	ck_assert_int_eq(mqtt_unsubscribe(c.mqtt, "a", c.done), 0);
	client_wait_for(&c, &c.dones, 3);
	ck_assert_int_eq(c.done_r, 0);
	publish("a", "x", 1, 1);
	publish("b", "x", 1, 1);
	client_wait_for(&c, &c.messages, 1);
	ck_assert_str_eq(c.topics, "b ");
}
END_TEST

START_TEST(large_messages)
{
	static char payload[CLIENT_LARGE];

	start(client_versions[_i]);
	for (size_t i = 0; i < sizeof(payload); i++)
		payload[i] = (char)(i * 31);
	subscribe("t");
	for (unsigned i = 0; i < 4; i++) {
		publish("t", payload, sizeof(payload), (int)(i % 2));
		client_wait_for(&c, &c.messages, i + 1);
		ck_assert_uint_eq(c.last_n, sizeof(payload));
		ck_assert_mem_eq(c.last, payload, sizeof(payload));
	}
}
END_TEST

/* What several commands of one turn send goes out in one piece, in order. */
START_TEST(corked)
{
	start(client_versions[_i]);
	subscribe("#");
	mqtt_cork(c.mqtt, true);
	for (unsigned i = 0; i < 5; i++) {
		char topic[8];

		(void)snprintf(topic, sizeof(topic), "t%u", i);
		ck_assert_int_eq(mqtt_publish(c.mqtt, topic, "x", 1, 0, c.done), 0);
	}
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t5", "x", 1, 1, c.done), 0);
	mqtt_cork(c.mqtt, false);
	client_wait_for(&c, &c.messages, 6);
	ck_assert_str_eq(c.topics, "t0 t1 t2 t3 t4 t5 ");
	while (c.dones < 7)
		ck_assert_int_gt(sd_event_run(c.event, UINT64_MAX), 0);
	mqtt_cork(c.mqtt, true);
	mqtt_close(c.mqtt);
	broker_await(&c.broker, "Received DISCONNECT from thing");
	mqtt_cork(c.mqtt, false);
}
END_TEST

/* A broker that does not read stops only what does not fit. */
START_TEST(slow_broker)
{
	static char payload[CLIENT_LARGE];
	unsigned sent = 0;

	start(client_versions[_i]);
	ck_assert_int_eq(kill(c.broker.pid, SIGSTOP), 0);
	while (c.dones == sent && sent < 500)
		ck_assert_int_eq((sent++, mqtt_publish(c.mqtt, "t", payload, sizeof(payload), 0, c.done)), 0);
	ck_assert_uint_lt(sent, 500);
	ck_assert_uint_eq(c.dones, sent - 1);
	client_idle(&c);
	ck_assert_int_eq(kill(c.broker.pid, SIGCONT), 0);
	client_wait_for(&c, &c.dones, sent);
	ck_assert_int_eq(c.done_r, 0);
	publish("u", "x", 1, 1);
}
END_TEST

START_TEST(again_and_again)
{
	unsigned before;

	start(client_versions[_i]);
	mqtt_close(c.mqtt);
	ssl_restart(c.ssl);
	before = descriptors();
	for (unsigned i = 0; i < 10; i++) {
		client_connect(&c);
		publish("t", "x", 1, 1);
		if (i % 2)
			mqtt_close(c.mqtt);
		/* else the next mqtt_open() closes it */
	}
	mqtt_close(c.mqtt);
	ssl_restart(c.ssl);
	ck_assert_uint_eq(descriptors(), before);
	ck_assert_uint_eq(c.closes, 0);
}
END_TEST

/* --- the connection ends --- */

START_TEST(broker_dies)
{
	start(client_versions[_i]);
	broker_kill(&c.broker);
	client_wait_for(&c, &c.closes, 1);
	client_idle(&c);
	ck_assert_uint_eq(c.closes, 1);
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, c.done), -ENOTCONN);
	ck_assert_int_eq(mqtt_unsubscribe(c.mqtt, "t", c.done), -ENOTCONN);
	ck_assert_uint_eq(c.dones, 0);
}
END_TEST

static void on_done_after_close(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_eq(r, -ECONNRESET);
	ck_assert_uint_eq(c.closes, 1); /* the owner knows first */
	c.dones++;
	if (reopen_within)
		ck_assert_int_eq(client_open_port(&c, c.broker.port), 0);
}

START_TEST(broker_dies_during_operations)
{
	const struct done after = { .fn = on_done_after_close };
	const char *filter = "a";

	start(client_versions[_i]);
	ck_assert_int_eq(kill(c.broker.pid, SIGSTOP), 0);
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, after), 0);
	ck_assert_int_eq(mqtt_subscribe(c.mqtt, &filter, 1, after), 0);
	ck_assert_int_eq(mqtt_unsubscribe(c.mqtt, "a", after), 0);
	client_idle(&c);
	ck_assert_uint_eq(c.dones, 0);
	broker_kill(&c.broker);
	client_wait_for(&c, &c.dones, 3);
	ck_assert_uint_eq(c.closes, 1);
}
END_TEST

/* The next command runs inside the completion of the one that failed. */
START_TEST(opened_from_within_the_end)
{
	const struct done after = { .fn = on_done_after_close };
	int port;

	start(client_versions[_i]);
	ck_assert_int_eq(kill(c.broker.pid, SIGSTOP), 0);
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, after), 0);
	client_idle(&c);
	port = c.broker.port;
	broker_kill(&c.broker);
	client_start_broker(&c, c.server);
	ck_assert_int_ne(port, c.broker.port);
	reopen_within = true;
	client_wait_for(&c, &c.dones, 1);
	client_wait_for(&c, &c.connacks, 2);
	ck_assert_int_eq(c.connack, 0);
	ck_assert_uint_eq(c.closes, 1);
	publish("t", "x", 1, 1);
}
END_TEST

START_TEST(closed_during_operations)
{
	start(client_versions[_i]);
	ck_assert_int_eq(kill(c.broker.pid, SIGSTOP), 0);
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, c.done), 0);
	mqtt_close(c.mqtt);
	ck_assert_uint_eq(c.dones, 1);
	ck_assert_int_eq(c.done_r, -ECANCELED);
	client_idle(&c);
	ck_assert_uint_eq(c.closes, 0);
}
END_TEST

START_TEST(many_operations)
{
	unsigned accepted = 0;

	start(client_versions[_i]);
	ck_assert_int_eq(kill(c.broker.pid, SIGSTOP), 0);
	while (mqtt_publish(c.mqtt, "t", "x", 1, 1, c.done) == 0)
		accepted++;
	ck_assert_uint_ge(accepted, 4);
	ck_assert_uint_le(accepted, 64);
	ck_assert_int_eq(mqtt_publish(c.mqtt, "t", "x", 1, 1, c.done), -EBUSY);
	ck_assert_int_eq(kill(c.broker.pid, SIGCONT), 0);
	client_wait_for(&c, &c.dones, accepted);
	publish("t", "x", 1, 1);
}
END_TEST

/* 60 s: a PINGREQ after 45 s of silence, the end 15 s later, before 90 s. */
START_TEST(silence_ends_it)
{
	start(client_versions[_i]);
	ck_assert_int_eq(kill(c.broker.pid, SIGSTOP), 0);
	fake_timer_pass(59000);
	ck_assert_uint_eq(c.closes, 0);
	fake_timer_pass(31000);
	ck_assert_uint_eq(c.closes, 1);
	ck_assert_int_eq(c.close_error, ETIMEDOUT);
	fake_timer_pass(1000000);
	ck_assert_uint_eq(c.closes, 1);
}
END_TEST

/* Whatever is heard behind a PINGREQ puts the deadline off. */
START_TEST(not_silent_any_more)
{
	start(client_versions[_i]);
	fake_timer_pass(46000);
	ck_assert_uint_le(fake_timer_next(), 15000);
	publish("t", "x", 1, 1);
	ck_assert_uint_gt(fake_timer_next(), 15000);
	ck_assert_uint_le(fake_timer_next(), 45000);
	ck_assert_uint_eq(c.closes, 0);
}
END_TEST

/* The timer is armed for real deadlines only. */
START_TEST(idle_sleeps)
{
	unsigned wakeups = 0;

	start(client_versions[_i]);
	for (uint64_t passed = 0, next; passed < 44000; passed += next, wakeups++) {
		next = fake_timer_next();
		ck_assert_uint_gt(next, 0);
		fake_timer_pass(next);
	}
	ck_assert_uint_le(wakeups, 3);
}
END_TEST

/* --- the library --- */

START_TEST(version_of_the_library)
{
	char text[MQTT_VERSION];
	unsigned major, minor, revision;

	mqtt_version(text);
	ck_assert_int_eq(sscanf(text, "%u.%u.%u", &major, &minor, &revision), 3);
	ck_assert_uint_eq(major, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mqtt");
	TCase *tc = tcase_create("mqtt");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, connects, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, publishes_and_receives, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, several_filters, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, unsubscribes, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, large_messages, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, corked, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, slow_broker, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, again_and_again, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, broker_dies, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, broker_dies_during_operations, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, opened_from_within_the_end, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, closed_during_operations, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, many_operations, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, silence_ends_it, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, not_silent_any_more, 0, CLIENT_VERSIONS);
	tcase_add_loop_test(tc, idle_sleeps, 0, CLIENT_VERSIONS);
	tcase_add_test(tc, version_of_the_library);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
