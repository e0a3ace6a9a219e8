/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/connection.h"

#include "at/error.h"
#include "cloud/attempt.h"
#include "cloud/outbox.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "util/macro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NUMBER 4711

static struct rig rig;
static struct connection *connection;
static unsigned losses, messages, calls;
static unsigned steps; /* of completions that ask for more */
static int result;
static char topic[256], payload[256];
static void (*on_loss)(void);

static void on_lost(void *userdata)
{
	ck_assert_ptr_eq(userdata, &rig);
	ck_assert(!connection_is_up(connection));
	losses++;
	if (on_loss)
		on_loss();
}

static void on_message(void *userdata, const char *where, const void *what, size_t n)
{
	ck_assert_ptr_eq(userdata, &rig);
	messages++;
	(void)snprintf(topic, sizeof(topic), "%s", where);
	(void)snprintf(payload, sizeof(payload), "%.*s", (int)n, (const char *)what);
}

static bool network_is_usable(void)
{
	return true;
}

static void look_at_clock(void *userdata)
{
	ck_assert_ptr_eq(userdata, &rig);
}

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &result);
	ck_assert_uint_eq(number, NUMBER);
	calls++;
	result = r;
}

static const struct done done = { .fn = on_done, .who = &result, .number = NUMBER };

static void make(const char *more)
{
	const struct connection_events events = {
		.on_lost = on_lost,
		.on_message = on_message,
		.network_is_usable = network_is_usable,
		.look_at_clock = look_at_clock,
		.userdata = &rig,
	};

	losses = messages = calls = steps = 0;
	result = 0;
	topic[0] = payload[0] = '\0';
	on_loss = NULL;
	fake_ssl_forget();
	rig_make_dict(&rig, more);
	ck_assert_int_eq(connection_new(&connection, rig.event, rig.settings, rig.dict, rig.epoch, &events), 0);
}

static void setup(void)
{
	make(NULL);
}

static void teardown(void)
{
	ck_assert_ptr_null(connection_free(connection));
	ck_assert_ptr_null(connection_free(NULL));
	ck_assert(!fake_mqtt()->exists);
	rig_done(&rig);
}

/* done was called once, with r. */
static void assert_result(int r)
{
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq(result, r);
	calls = 0;
}

static void assert_pending(void)
{
	ck_assert_uint_eq(calls, 0);
}

static void connect_now(void)
{
	connection_open(connection, done);
	assert_pending();
	ck_assert(!connection_is_up(connection));
	fake_mqtt_succeed();
	assert_result(0);
	ck_assert(connection_is_up(connection));
	fake_mqtt_forget();
}

static void fail_now(void)
{
	connection_open(connection, done);
	assert_pending();
	fake_mqtt_lose(ECONNREFUSED);
	assert_result(AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_ENDPOINT);
	ck_assert(!connection_is_up(connection));
}

/* --- CONNECT --- */

START_TEST(connects)
{
	ck_assert(!connection_is_up(connection));
	connect_now();
	ck_assert_uint_eq(losses, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(connected_already)
{
	connect_now();
	connection_open(connection, done);
	assert_result(0);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

START_TEST(failure_has_hint_and_detail)
{
	connection_open(connection, done);
	fake_mqtt_tcp();
	fake_mqtt_connack(5);
	assert_result(AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_LOGIN);
	ck_assert_str_eq(connection_fault(connection)->detail, "Login refused: check registration and policy");
	ck_assert_uint_eq(losses, 0);
}
END_TEST

/* The answer is out within ConnectTimeout=, 25 s. */
START_TEST(within_the_timeout)
{
	connection_open(connection, done);
	fake_timer_pass(9000);
	fake_mqtt_tcp();
	fake_timer_pass(9000);
	fake_mqtt_connack(0);
	fake_timer_pass(6500);
	assert_pending();
	fake_timer_pass(500);
	assert_result(AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_JOBS);
}
END_TEST

START_TEST(closed_while_connecting)
{
	connection_open(connection, done);
	connection_close(connection);
	assert_result(-ECANCELED);
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(losses, 0);

	/* That was no failure. */
	connect_now();
}
END_TEST

START_TEST(freed_while_connecting)
{
	connection_open(connection, done);
	teardown();
	assert_pending();
	make(NULL);
}
END_TEST

/* --- backoff (guide 3.7.2.4) --- */

/* The first wait is 1 to 2 s: in place. */
START_TEST(short_wait_in_place)
{
	uint64_t wait;

	fail_now();
	connection_open(connection, done);
	assert_pending();
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	wait = fake_timer_next();
	ck_assert_uint_ge(wait, 1000);
	ck_assert_uint_le(wait, 2000);
	fake_timer_pass(wait - 1);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	assert_result(0);
}
END_TEST

/* Whoever waited for the first attempt is told. */
START_TEST(opening_again_starts_anew)
{
	fail_now();
	connection_open(connection, done); /* waits for the backoff */
	assert_pending();
	fake_timer_pass(500);
	connection_open(connection, done);
	assert_result(-ECANCELED);
	fake_timer_pass(2000);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	assert_result(0);
}
END_TEST

START_TEST(no_wait_when_time_has_passed)
{
	fail_now();
	fake_timer_pass(2000);
	connection_open(connection, done);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	assert_result(0);
}
END_TEST

/* Fails until the backoff is longer than 5 s; yields its milliseconds. */
static uint64_t fail_often(void)
{
	for (unsigned i = 0; i < 4; i++) {
		fail_now();
		fake_timer_pass(i < 3 ? 8000 : 0);
	}
	return 8000; /* the fourth: 8 to 16 s */
}

START_TEST(long_wait_is_answered)
{
	unsigned seconds;
	char text[64];

	(void)fail_often();
	connection_open(connection, done);
	assert_result(AT_ERR_CONNECT);
	ck_assert_uint_eq(fake_mqtt()->opens, 4);
	ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_BACKOFF);
	ck_assert_int_eq(sscanf(connection_fault(connection)->detail, "Retry in %u s", &seconds), 1);
	(void)snprintf(text, sizeof(text), "Retry in %u s", seconds);
	ck_assert_str_eq(connection_fault(connection)->detail, text);
	ck_assert_uint_ge(seconds, 8);
	ck_assert_uint_le(seconds, 16);

	/* It is true, and asking was no failure. */
	fake_timer_pass((uint64_t)seconds * 1000 - 5001);
	connection_open(connection, done);
	if (calls == 1) {
		ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_BACKOFF);
		calls = 0;
	}
	fake_timer_pass(5001);
	if (!fake_mqtt()->open)
		connection_open(connection, done);
	ck_assert_uint_eq(fake_mqtt()->opens, 5);
	fake_mqtt_succeed();
	assert_result(0);
}
END_TEST

/* A short ConnectTimeout: a wait that leaves no time for the attempt is answered at once. */
START_TEST(wait_leaves_time_to_connect)
{
	rig.settings->connect_timeout = 5;
	(void)fail_often();
	for (;;) {
		connection_open(connection, done);
		if (calls == 0)
			break;
		assert_result(AT_ERR_CONNECT);
		ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_BACKOFF);
		fake_timer_pass(50);
	}
	ck_assert_uint_gt(fake_timer_next(), 2650);
	ck_assert_uint_le(fake_timer_next(), 2750);
	fake_timer_pass(fake_timer_next());
	fake_mqtt_succeed();
	assert_result(0);
}
END_TEST

/* At the border: 5 s are waited for, a millisecond more is not. */
START_TEST(five_seconds_are_waited_for)
{
	uint64_t wait;
	unsigned seconds;

	(void)fail_often();
	connection_open(connection, done);
	assert_result(AT_ERR_CONNECT);
	ck_assert_int_eq(sscanf(connection_fault(connection)->detail, "Retry in %u s", &seconds), 1);
	fake_timer_pass((uint64_t)(seconds - 5) * 1000); /* the detail is rounded up: at most 5 s are left */
	connection_open(connection, done);
	assert_pending();
	wait = fake_timer_next();
	ck_assert_uint_gt(wait, 4000);
	ck_assert_uint_le(wait, 5000);
	connection_close(connection);
	assert_result(-ECANCELED);
}
END_TEST

START_TEST(success_clears_the_backoff)
{
	(void)fail_often();
	fake_timer_pass(16000);
	connect_now();
	connection_close(connection);
	connection_open(connection, done);
	ck_assert_uint_eq(fake_mqtt()->opens, 6);
	fake_mqtt_lose(ECONNREFUSED);
	assert_result(AT_ERR_CONNECT);

	/* The first in a row again. */
	connection_open(connection, done);
	assert_pending();
	ck_assert_uint_le(fake_timer_next(), 2000);
}
END_TEST

START_TEST(cleared_on_request)
{
	(void)fail_often();
	connection_clear_backoff(connection);
	connect_now();
}
END_TEST

START_TEST(closed_while_waiting)
{
	fail_now();
	connection_open(connection, done);
	connection_close(connection);
	assert_result(-ECANCELED);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(10000);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

/* With ConnectTimeout=5 there is no room to wait for 5 s. */
START_TEST(no_room_to_wait)
{
	teardown();
	make("ConnectTimeout=5\n");
	for (unsigned i = 0; i < 3; i++) {
		fail_now();
		fake_timer_pass(i < 2 ? 8000 : 0);
	}
	/* 4 to 8 s */
	connection_open(connection, done);
	if (calls == 0) {
		ck_assert_uint_le(fake_timer_next(), 4750);
		connection_close(connection);
	} else {
		ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_BACKOFF);
	}
}
END_TEST

/* The wait counts, too. */
START_TEST(wait_and_attempt_within_the_timeout)
{
	uint64_t wait;

	fail_now();
	connection_open(connection, done);
	wait = fake_timer_next();
	fake_timer_pass(wait);
	fake_timer_pass(9999);
	fake_mqtt_tcp();
	fake_timer_pass(9999);
	assert_pending();
	fake_timer_pass(1);
	assert_result(AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(connection)->hint, HINT_TLS);

	fake_timer_pass(4000);
	connection_open(connection, done);
	fake_timer_pass(9000);
	fake_mqtt_tcp();
	fake_timer_pass(9000);
	fake_mqtt_connack(0);
	fake_timer_pass(7000);
	assert_result(AT_ERR_CONNECT);
}
END_TEST

/* --- the end --- */

START_TEST(disconnect_is_no_loss)
{
	connect_now();
	connection_close(connection);
	ck_assert(!connection_is_up(connection));
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(losses, 0);
	connection_close(connection);
	assert_pending();
}
END_TEST

START_TEST(loss_is_told_once)
{
	connect_now();
	fake_mqtt_lose(ECONNRESET);
	ck_assert_uint_eq(losses, 1);
	ck_assert(!connection_is_up(connection));
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	fake_timer_pass(100000);
	ck_assert_uint_eq(losses, 1);

	/* Never by itself. */
	ck_assert_uint_eq(fake_mqtt()->opens, 1);

	/* A loss is no failure to connect. */
	connect_now();
}
END_TEST

START_TEST(message_arrives)
{
	connect_now();
	fake_mqtt_text("some/topic", "hello");
	ck_assert_uint_eq(messages, 1);
	ck_assert_str_eq(topic, "some/topic");
	ck_assert_str_eq(payload, "hello");
}
END_TEST

/* --- operations --- */

START_TEST(not_connected)
{
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), -ENOTCONN);
	ck_assert_int_eq(connection_subscribe(connection, "a", 1, done), -ENOTCONN);
	ck_assert_int_eq(connection_unsubscribe(connection, "a", 1, done), -ENOTCONN);
	assert_pending();
}
END_TEST

START_TEST(publish)
{
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a/bxxx", 3, "x\0y", 3, 0, done), 0);
	assert_result(0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "a/b");
	ck_assert_uint_eq(fake_mqtt_last()->n, 3);
	ck_assert_mem_eq(fake_mqtt_last()->payload, "x\0y", 3);
	ck_assert_int_eq(fake_mqtt_last()->qos, 0);
	ck_assert_int_eq(connection_publish(connection, "c", 1, NULL, 0, 1, done), 0);
	assert_pending();
	ck_assert_uint_eq(fake_mqtt_last()->n, 0);
	ck_assert_int_eq(fake_mqtt_last()->qos, 1);
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
}
END_TEST

START_TEST(subscribe)
{
	connect_now();
	ck_assert_int_eq(connection_subscribe(connection, "a/#xxx", 3, done), 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "a/#");
	ck_assert_uint_eq(fake_mqtt_last()->count, 1);
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_SUBSCRIBE);
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
	ck_assert_int_eq(connection_subscribe(connection, "b", 1, done), 0);
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	assert_result(AT_ERR_PARAMETER);
	ck_assert(connection_is_up(connection));
}
END_TEST

START_TEST(unsubscribe)
{
	connect_now();
	ck_assert_int_eq(connection_unsubscribe(connection, "a/#", 3, done), 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "a/#");
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_UNSUBSCRIBE);
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
}
END_TEST

START_TEST(own_subscriptions_stay)
{
	static const char own[] = "$aws/things/thing/jobs/notify";

	connect_now();
	ck_assert_int_eq(connection_unsubscribe(connection, own, strlen(own), done), 0);
	assert_result(0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 0);
}
END_TEST

START_TEST(too_long)
{
	char text[256];

	connect_now();
	memset(text, 't', sizeof(text));
	ck_assert_int_eq(connection_publish(connection, text, 256, "x", 1, 0, done), -EMSGSIZE);
	ck_assert_int_eq(connection_subscribe(connection, text, 256, done), -EMSGSIZE);
	ck_assert_int_eq(connection_unsubscribe(connection, text, 256, done), -EMSGSIZE);
	ck_assert_int_eq(connection_publish(connection, text, 255, "x", 1, 0, done), 0);
	assert_result(0);
}
END_TEST

START_TEST(refused_by_the_library)
{
	connect_now();
	fake_mqtt()->send_result = -EBUSY;
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), -EBUSY);
	fake_timer_pass(CONNECTION_OPERATION_MS + 1000);
	assert_pending();
	ck_assert(connection_is_up(connection));
	ck_assert_uint_eq(losses, 0);
}
END_TEST

/* libmosquitto sends again only after a reconnect. */
START_TEST(no_acknowledgement)
{
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
	fake_timer_pass(CONNECTION_OPERATION_MS - 1);
	assert_pending();
	ck_assert(connection_is_up(connection));
	fake_timer_pass(1);
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_lt(result, 0);
	ck_assert_uint_eq(losses, 1);
	ck_assert(!connection_is_up(connection));
	ck_assert(!fake_mqtt()->open);
	fake_timer_pass(100000);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

/* The deadline is that of the last operation, not of the first. */
START_TEST(each_has_its_own_deadline)
{
	connect_now();
	for (unsigned i = 0; i < 5; i++) {
		ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
		fake_timer_pass(CONNECTION_OPERATION_MS - 1);
		ck_assert(fake_mqtt_ack(0));
		assert_result(0);
	}
	ck_assert_int_eq(connection_subscribe(connection, "a", 1, done), 0);
	fake_timer_pass(CONNECTION_OPERATION_MS - 1);
	assert_pending();
	fake_timer_pass(1);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

START_TEST(quiet_after_the_acknowledgement)
{
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
	fake_timer_pass(10 * CONNECTION_OPERATION_MS);
	ck_assert(connection_is_up(connection));
	ck_assert_uint_eq(losses, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(lost_during_an_operation)
{
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
	fake_mqtt_lose(0);
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_lt(result, 0);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

START_TEST(closed_during_an_operation)
{
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
	connection_close(connection);
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_lt(result, 0);
	ck_assert_uint_eq(losses, 0);
}
END_TEST

/* --- what the module itself sends --- */

#define STREAMS "$aws/things/thing/streams/+/+/json"

static int send_own(int qos)
{
	return connection_send(connection, "$aws/x", "own", 3, qos, (struct done){ 0 });
}

START_TEST(own_packets)
{
	ck_assert_int_eq(send_own(1), -ENOTCONN);
	ck_assert_int_eq(connection_watch(connection, STREAMS, (struct done){ 0 }), -ENOTCONN);
	connect_now();
	ck_assert_int_eq(send_own(0), 0);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], "$aws/x");
	ck_assert_mem_eq(fake_mqtt_last()->payload, "own", 4);
	ck_assert_int_eq(fake_mqtt_last()->qos, 0);
	ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(fake_mqtt_last()->qos, 1);
	ck_assert(fake_mqtt_last()->open);
	assert_pending();
	ck_assert(fake_mqtt_ack(0));
	assert_pending();
	ck_assert_int_eq(connection_send(connection, "$aws/x", "own", 3, 1, done), 0);
	assert_pending();
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
}
END_TEST

/* Neither hinders the other, in whatever order they are acknowledged. */
START_TEST(own_packets_beside_the_hosts)
{
	connect_now();
	ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
	ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(connection_watch(connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert(fake_mqtt_ack(0));
	assert_pending();
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(0));
	assert_pending();
}
END_TEST

/* Without an acknowledgement they don't end the connection, nor move the deadline of the host's. */
START_TEST(own_packets_have_no_deadline)
{
	connect_now();
	ck_assert_int_eq(send_own(1), 0);
	fake_timer_pass(10 * CONNECTION_OPERATION_MS);
	ck_assert(connection_is_up(connection));
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, done), 0);
	fake_timer_pass(CONNECTION_OPERATION_MS - 1);
	ck_assert_int_eq(send_own(1), 0);
	assert_pending();
	fake_timer_pass(1);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(losses, 1);
	calls = 0;

	/* Nothing of the old connection counts in the new one. */
	connect_now();
	for (unsigned i = 0; i < OUTBOX_MAX; i++)
		ck_assert_int_eq(send_own(1), 0);
	ck_assert_int_eq(send_own(1), -EBUSY);
}
END_TEST

START_TEST(own_filter_stays)
{
	connect_now();

	/* As long as it is the host's alone it is the host's to end. */
	ck_assert_int_eq(connection_unsubscribe(connection, STREAMS, strlen(STREAMS), done), 0);
	ck_assert(fake_mqtt_ack(0));
	assert_result(0);
	fake_mqtt_forget();
	ck_assert_int_eq(connection_watch(connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert_int_eq((int)fake_mqtt_last()->kind, (int)FAKE_SUBSCRIBE);
	ck_assert_str_eq(fake_mqtt_last()->topics[0], STREAMS);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_int_eq(connection_unsubscribe(connection, STREAMS, strlen(STREAMS), done), 0);
	assert_result(0);
	ck_assert_int_eq(connection_watch(connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);

	/* A new connection has none. */
	fake_mqtt_lose(0);
	connect_now();
	ck_assert_int_eq(connection_watch(connection, STREAMS, (struct done){ 0 }), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
	ck_assert(fake_mqtt_ack(0));
}
END_TEST

/* --- what a completion sets off finds everything in order: the next command may be waiting --- */

static void on_done_connect_again(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_lt(r, 0);
	ck_assert_uint_eq(losses, 1); /* the host reads CONLOST when it reads the error */
	ck_assert(!connection_is_up(connection));
	steps++;
	connection_open(connection, done);
}

static void on_done_disconnect(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_lt(r, 0);
	steps++;
	connection_close(connection);
}

START_TEST(connect_from_within_a_loss)
{
	connect_now();
	ck_assert_int_eq(
		connection_publish(connection, "a", 1, "x", 1, 1, (struct done){ .fn = on_done_connect_again }), 0);
	if (_i == 0) {
		fake_mqtt_lose(0);
	} else {
		fake_timer_pass(CONNECTION_OPERATION_MS);
	}
	ck_assert_uint_eq(steps, 1);
	ck_assert_uint_eq(losses, 1);
	assert_pending();
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed + 1);
	fake_mqtt_succeed();
	assert_result(0);
	ck_assert(connection_is_up(connection));
}
END_TEST

START_TEST(disconnect_from_within_a_loss)
{
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a", 1, "x", 1, 1, (struct done){ .fn = on_done_disconnect }),
			 0);
	if (_i == 0) {
		fake_mqtt_lose(0);
	} else {
		fake_timer_pass(CONNECTION_OPERATION_MS);
	}
	ck_assert_uint_eq(steps, 1);
	ck_assert_uint_eq(losses, 1);
	connect_now();
}
END_TEST

static void on_done_connect_after_failure(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_eq(r, AT_ERR_CONNECT);
	steps++;
	connection_clear_backoff(connection);
	connection_open(connection, done);
}

START_TEST(connect_from_within_a_failure)
{
	connection_open(connection, (struct done){ .fn = on_done_connect_after_failure });
	fake_mqtt_tcp();
	if (_i == 0) {
		fake_mqtt_connack(5);
	} else {
		fake_mqtt_connack(0);
		ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	}
	ck_assert_uint_eq(steps, 1);
	assert_pending();
	fake_mqtt_succeed();
	assert_result(0);
}
END_TEST

static void restart_on_loss(void)
{
	on_loss = NULL;
	connection_open(connection, done);
}

START_TEST(connect_from_within_the_notice)
{
	connect_now();
	on_loss = restart_on_loss;
	fake_mqtt_lose(0);
	assert_pending();
	fake_mqtt_succeed();
	assert_result(0);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

START_TEST(remembers_what_was)
{
	const struct history *h = connection_history(connection);
	uint64_t wait;

	ck_assert_uint_eq(connection_wait(connection), 0);
	fail_now();
	wait = connection_wait(connection);
	ck_assert_uint_ge(wait, 1000);
	fake_timer_pass(1);
	ck_assert_uint_eq(connection_wait(connection), wait - 1);
	ck_assert(!history_get(h, 0)->connected);
	ck_assert_int_eq((int)history_get(h, 0)->fault.hint, HINT_ENDPOINT);
	ck_assert_str_eq(history_get(h, 0)->endpoint, RIG_STAGING);
	connection_clear_backoff(connection);
	connect_now();
	ck_assert(history_get(h, 0)->connected);
	ck_assert_int_eq(history_get(h, 0)->lost_at, 0);
	fake_mqtt_lose(ECONNRESET);
	ck_assert_str_eq(history_get(h, 0)->reason, "Connection reset by peer");
	connect_now();
	connection_close(connection);
	ck_assert_str_eq(history_get(h, 0)->reason, "closed by the module");
	ck_assert_str_eq(history_get(h, 1)->reason, "Connection reset by peer");
	ck_assert_ptr_null(history_get(h, 3));
	/* Closed in the middle, and closed again, is none. */
	connection_open(connection, done);
	connection_close(connection);
	ck_assert_ptr_null(history_get(h, 3));
}
END_TEST

START_TEST(statistics)
{
	struct connection_stats stats;

	fail_now();
	connection_clear_backoff(connection);
	connect_now();
	ck_assert_int_eq(connection_publish(connection, "a", 1, "xy", 2, 0, done), 0);
	assert_result(0);
	ck_assert_int_eq(send_own(0), 0);
	fake_mqtt()->send_result = -ENOMEM;
	ck_assert_int_eq(send_own(0), -ENOMEM);
	ck_assert_int_eq(connection_publish(connection, "a", 1, "xy", 2, 0, done), -ENOMEM);
	fake_mqtt()->send_result = 0;
	fake_mqtt_text("t", "x");
	fake_mqtt_text("t", "y");
	fake_mqtt_lose(0);
	connect_now();
	connection_close(connection);
	connection_get_stats(connection, &stats);
	ck_assert_uint_eq(stats.attempts, 3);
	ck_assert_uint_eq(stats.connects, 2);
	ck_assert_uint_eq(stats.losses, 1);
	ck_assert_uint_eq(stats.sent, 1); /* the host's, not the questions for jobs */
	ck_assert_uint_eq(stats.received, 2);
	ck_assert_uint_eq(stats.published, 2);
	ck_assert_uint_eq(stats.bytes_out, 5);
}
END_TEST

/* --- onboarding --- */

START_TEST(given_up)
{
	connect_now();
	connection_give_up(connection);
	ck_assert_uint_eq(losses, 1);
	ck_assert(!connection_is_up(connection));
	connection_give_up(connection);
	ck_assert_uint_eq(losses, 1);
}
END_TEST

/* The message may come before CONNECT is answered: it succeeds, and then it is a loss. */
START_TEST(given_up_while_connecting)
{
	connection_open(connection, done);
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	connection_give_up(connection);
	assert_pending();
	ck_assert_uint_eq(losses, 0);
	while (fake_mqtt_ack(0))
		;
	assert_result(0);
	ck_assert_uint_eq(losses, 1);
	ck_assert(!connection_is_up(connection));

	/* It holds for this CONNECT only. */
	connection_open(connection, done);
	fake_mqtt_succeed();
	assert_result(0);
	ck_assert_uint_eq(losses, 1);
	ck_assert(connection_is_up(connection));
}
END_TEST

/* --- a cloud that registers the module just in time --- */

static void drop(void)
{
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_lose(0);
}

/* Whether a drop is tried again, and the CONNECT then ends. */
static bool is_tried_again(void)
{
	unsigned opens = fake_mqtt()->opens;
	bool again;

	connection_open(connection, done);
	while (fake_mqtt()->opens == opens)
		fake_timer_pass(100);
	drop();
	again = calls == 0;
	while (calls == 0) {
		fake_timer_pass(1000);
		if (fake_mqtt()->open)
			drop();
	}
	assert_result(AT_ERR_CONNECT);
	return again;
}

START_TEST(drop_is_tried_again_once_for_an_endpoint)
{
	ck_assert(is_tried_again());
	ck_assert(!is_tried_again());
	connection_clear_backoff(connection);
	ck_assert(is_tried_again());

	/* Another one does not know the module. */
	ck_assert_int_eq(rig_set(&rig, "Endpoint", "192.0.2.77"), 0);
	ck_assert(is_tried_again());
}
END_TEST

START_TEST(drop_after_a_success_is_not_tried_again)
{
	connect_now();
	connection_close(connection);
	ck_assert(!is_tried_again());
	ck_assert_int_eq(rig_set(&rig, "Endpoint", "192.0.2.77"), 0);
	ck_assert(is_tried_again());
}
END_TEST

static void add_operations(TCase *tc)
{
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
	tcase_add_loop_test(tc, connect_from_within_a_loss, 0, 2);
	tcase_add_loop_test(tc, disconnect_from_within_a_loss, 0, 2);
	tcase_add_loop_test(tc, connect_from_within_a_failure, 0, 2);
	tcase_add_test(tc, connect_from_within_the_notice);
	tcase_add_test(tc, remembers_what_was);
	tcase_add_test(tc, statistics);
}

int main(void)
{
	Suite *suite = suite_create("connection");
	TCase *tc = tcase_create("connection");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, connects);
	tcase_add_test(tc, connected_already);
	tcase_add_test(tc, failure_has_hint_and_detail);
	tcase_add_test(tc, within_the_timeout);
	tcase_add_test(tc, closed_while_connecting);
	tcase_add_test(tc, freed_while_connecting);
	tcase_add_test(tc, short_wait_in_place);
	tcase_add_test(tc, opening_again_starts_anew);
	tcase_add_test(tc, no_wait_when_time_has_passed);
	tcase_add_test(tc, long_wait_is_answered);
	tcase_add_test(tc, wait_leaves_time_to_connect);
	tcase_add_test(tc, five_seconds_are_waited_for);
	tcase_add_test(tc, success_clears_the_backoff);
	tcase_add_test(tc, cleared_on_request);
	tcase_add_test(tc, closed_while_waiting);
	tcase_add_test(tc, no_room_to_wait);
	tcase_add_test(tc, wait_and_attempt_within_the_timeout);
	tcase_add_test(tc, disconnect_is_no_loss);
	tcase_add_test(tc, loss_is_told_once);
	tcase_add_test(tc, message_arrives);
	add_operations(tc);
	tcase_add_test(tc, own_packets);
	tcase_add_test(tc, own_packets_beside_the_hosts);
	tcase_add_test(tc, own_packets_have_no_deadline);
	tcase_add_test(tc, own_filter_stays);
	tcase_add_test(tc, given_up);
	tcase_add_test(tc, given_up_while_connecting);
	tcase_add_test(tc, drop_is_tried_again_once_for_an_endpoint);
	tcase_add_test(tc, drop_after_a_success_is_not_tried_again);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
