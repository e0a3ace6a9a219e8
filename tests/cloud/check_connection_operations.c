/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/connection.c while it is up: what the host and the module send, and how that ends. */
#include "cloud/connection.h"

#include "at/error.h"
#include "cloud/outbox.h"
#include "fake/mqtt.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/uplink.h"

#include <errno.h>
#include <string.h>

static struct uplink u;

static void setup(void)
{
	uplink_make(&u, NULL);
}

static void teardown(void)
{
	uplink_done(&u);
}

/* --- operations --- */

START_TEST(not_connected)
{
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), -ENOTCONN);
	ck_assert_int_eq(connection_subscribe(u.connection, "a", 1, u.done), -ENOTCONN);
	ck_assert_int_eq(connection_unsubscribe(u.connection, "a", 1, u.done), -ENOTCONN);
	uplink_assert_pending(&u);
}
END_TEST

START_TEST(publish)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a/bxxx", 3, "x\0y", 3, 0, u.done), 0);
	uplink_assert_result(&u, 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "a/b");
	ck_assert_uint_eq(fake_mqtt_last()->n, 3);
	ck_assert_mem_eq(fake_mqtt_last()->payload, "x\0y", 3);
	ck_assert_int_eq(fake_mqtt_last()->qos, 0);
	ck_assert_int_eq(connection_publish(u.connection, "c", 1, NULL, 0, 1, u.done), 0);
	uplink_assert_pending(&u);
	ck_assert_uint_eq(fake_mqtt_last()->n, 0);
	ck_assert_int_eq(fake_mqtt_last()->qos, 1);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
}
END_TEST

START_TEST(subscribe)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_subscribe(u.connection, "a/#xxx", 3, u.done), 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "a/#");
	ck_assert_uint_eq(fake_mqtt_last()->count, 1);
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_SUBSCRIBE);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
	ck_assert_int_eq(connection_subscribe(u.connection, "b", 1, u.done), 0);
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	uplink_assert_result(&u, AT_ERR_PARAMETER);
	ck_assert(connection_is_up(u.connection));
}
END_TEST

START_TEST(unsubscribe)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_unsubscribe(u.connection, "a/#", 3, u.done), 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "a/#");
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_UNSUBSCRIBE);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
}
END_TEST

START_TEST(own_subscriptions_stay)
{
	static const char own[] = "$aws/things/thing/jobs/notify";

	uplink_connect(&u);
	ck_assert_int_eq(connection_unsubscribe(u.connection, own, strlen(own), u.done), 0);
	uplink_assert_result(&u, 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 0);
}
END_TEST

START_TEST(too_long)
{
	char text[256];

	uplink_connect(&u);
	memset(text, 't', sizeof(text));
	ck_assert_int_eq(connection_publish(u.connection, text, 256, "x", 1, 0, u.done), -EMSGSIZE);
	ck_assert_int_eq(connection_subscribe(u.connection, text, 256, u.done), -EMSGSIZE);
	ck_assert_int_eq(connection_unsubscribe(u.connection, text, 256, u.done), -EMSGSIZE);
	ck_assert_int_eq(connection_publish(u.connection, text, 255, "x", 1, 0, u.done), 0);
	uplink_assert_result(&u, 0);
}
END_TEST

START_TEST(refused_by_the_library)
{
	uplink_connect(&u);
	fake_mqtt()->send_result = -EBUSY;
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), -EBUSY);
	fake_timer_pass(CONNECTION_OPERATION_MS + 1000);
	uplink_assert_pending(&u);
	ck_assert(connection_is_up(u.connection));
	ck_assert_uint_eq(u.losses, 0);
}
END_TEST

/* libmosquitto sends again only after a reconnect. */
START_TEST(no_acknowledgement)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
	fake_timer_pass(CONNECTION_OPERATION_MS - 1);
	uplink_assert_pending(&u);
	ck_assert(connection_is_up(u.connection));
	fake_timer_pass(1);
	ck_assert_uint_eq(u.calls, 1);
	ck_assert_int_lt(u.result, 0);
	ck_assert_uint_eq(u.losses, 1);
	ck_assert(!connection_is_up(u.connection));
	ck_assert(!fake_mqtt()->open);
	fake_timer_pass(100000);
	ck_assert_uint_eq(u.calls, 1);
	ck_assert_uint_eq(u.losses, 1);
}
END_TEST

/* The deadline is that of the last operation, not of the first. */
START_TEST(each_has_its_own_deadline)
{
	uplink_connect(&u);
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
		fake_timer_pass(CONNECTION_OPERATION_MS - 1);
		ck_assert(fake_mqtt_ack(0));
		uplink_assert_result(&u, 0);
	}
	ck_assert_int_eq(connection_subscribe(u.connection, "a", 1, u.done), 0);
	fake_timer_pass(CONNECTION_OPERATION_MS - 1);
	uplink_assert_pending(&u);
	fake_timer_pass(1);
	ck_assert_uint_eq(u.calls, 1);
	ck_assert_uint_eq(u.losses, 1);
}
END_TEST

START_TEST(quiet_after_the_acknowledgement)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
	fake_timer_pass(10 * CONNECTION_OPERATION_MS);
	ck_assert(connection_is_up(u.connection));
	ck_assert_uint_eq(u.losses, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(lost_during_an_operation)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
	fake_mqtt_lose(0);
	ck_assert_uint_eq(u.calls, 1);
	ck_assert_int_lt(u.result, 0);
	ck_assert_uint_eq(u.losses, 1);
}
END_TEST

START_TEST(closed_during_an_operation)
{
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
	connection_close(u.connection);
	ck_assert_uint_eq(u.calls, 1);
	ck_assert_int_lt(u.result, 0);
	ck_assert_uint_eq(u.losses, 0);
}
END_TEST

/* --- what the module itself sends --- */

#define STREAMS "$aws/things/thing/streams/+/+/json"

static int send_own(int qos)
{
	return connection_send(u.connection, "$aws/x", "own", 3, qos, (struct done){ 0 });
}

START_TEST(own_packets)
{
	ck_assert_int_eq(send_own(1), -ENOTCONN);
	ck_assert_int_eq(connection_watch(u.connection, STREAMS, (struct done){ 0 }), -ENOTCONN);
	uplink_connect(&u);
	ck_assert_int_eq(send_own(0), 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "$aws/x");
	ck_assert_mem_eq(fake_mqtt_last()->payload, "own", 4);
	ck_assert_int_eq(fake_mqtt_last()->qos, 0);
	ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(fake_mqtt_last()->qos, 1);
	ck_assert(fake_mqtt_last()->open);
	uplink_assert_pending(&u);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_pending(&u);
	ck_assert_int_eq(connection_send(u.connection, "$aws/x", "own", 3, 1, u.done), 0);
	uplink_assert_pending(&u);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
}
END_TEST

/* Neither hinders the other, in whatever order they are acknowledged. */
START_TEST(own_packets_beside_the_hosts)
{
	uplink_connect(&u);
	ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
	ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(connection_watch(u.connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_pending(&u);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_pending(&u);
}
END_TEST

/* Without an acknowledgement they don't end the connection, nor move the deadline of the host's. */
START_TEST(own_packets_have_no_deadline)
{
	uplink_connect(&u);
	ck_assert_int_eq(send_own(1), 0);
	fake_timer_pass(10 * CONNECTION_OPERATION_MS);
	ck_assert(connection_is_up(u.connection));
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "x", 1, 1, u.done), 0);
	fake_timer_pass(CONNECTION_OPERATION_MS - 1);
	ck_assert_int_eq(send_own(1), 0);
	uplink_assert_pending(&u);
	fake_timer_pass(1);
	ck_assert_uint_eq(u.calls, 1);
	ck_assert_uint_eq(u.losses, 1);
	u.calls = 0;

	/* Nothing of the old connection counts in the new one. */
	uplink_connect(&u);
	for (unsigned i = 0; i < OUTBOX_MAX; i++)
		ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(send_own(1), -EBUSY);
}
END_TEST

START_TEST(own_filter_stays)
{
	uplink_connect(&u);

	/* As long as it is the host's alone it is the host's to end. */
	ck_assert_int_eq(connection_unsubscribe(u.connection, STREAMS, strlen(STREAMS), u.done), 0);
	ck_assert(fake_mqtt_ack(0));
	uplink_assert_result(&u, 0);
	fake_mqtt_forget();
	ck_assert_int_eq(connection_watch(u.connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_SUBSCRIBE);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], STREAMS);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_int_eq(connection_unsubscribe(u.connection, STREAMS, strlen(STREAMS), u.done), 0);
	uplink_assert_result(&u, 0);
	ck_assert_int_eq(connection_watch(u.connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);

	/* A new connection has none. */
	fake_mqtt_lose(0);
	uplink_connect(&u);
	ck_assert_int_eq(connection_watch(u.connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
	ck_assert(fake_mqtt_ack(0));
}
END_TEST

/* --- what it counts --- */

START_TEST(statistics)
{
	struct connection_stats stats;

	uplink_fail(&u);
	connection_clear_backoff(u.connection);
	uplink_connect(&u);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "xy", 2, 0, u.done), 0);
	uplink_assert_result(&u, 0);
	ck_assert_int_eq(send_own(0), 0);
	fake_mqtt()->send_result = -ENOMEM;
	ck_assert_int_eq(send_own(0), -ENOMEM);
	ck_assert_int_eq(connection_publish(u.connection, "a", 1, "xy", 2, 0, u.done), -ENOMEM);
	fake_mqtt()->send_result = 0;
	fake_mqtt_text("t", "x");
	fake_mqtt_text("t", "y");
	fake_mqtt_lose(0);
	uplink_connect(&u);
	connection_close(u.connection);
	connection_get_stats(u.connection, &stats);
	ck_assert_uint_eq(stats.attempts, 3);
	ck_assert_uint_eq(stats.connects, 2);
	ck_assert_uint_eq(stats.losses, 1);
	ck_assert_uint_eq(stats.sent, 1); /* the host's, not the questions for jobs */
	ck_assert_uint_eq(stats.received, 2);
	ck_assert_uint_eq(stats.published, 2);
	ck_assert_uint_eq(stats.bytes_out, 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection_operations");
	TCase *tc = tcase_create("connection_operations");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, not_connected);
	tcase_add_test(tc, publish);
	tcase_add_test(tc, subscribe);
	tcase_add_test(tc, unsubscribe);
	tcase_add_test(tc, own_subscriptions_stay);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, refused_by_the_library);
	tcase_add_test(tc, no_acknowledgement);
	tcase_add_test(tc, each_has_its_own_deadline);
	tcase_add_test(tc, quiet_after_the_acknowledgement);
	tcase_add_test(tc, lost_during_an_operation);
	tcase_add_test(tc, closed_during_an_operation);
	tcase_add_test(tc, own_packets);
	tcase_add_test(tc, own_packets_beside_the_hosts);
	tcase_add_test(tc, own_packets_have_no_deadline);
	tcase_add_test(tc, own_filter_stays);
	tcase_add_test(tc, statistics);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
