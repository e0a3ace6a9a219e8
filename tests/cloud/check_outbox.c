/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/outbox.h"

#include "at/error.h"
#include "fake/mqtt.h"
#include "fake/suite.h"

#include <errno.h>
#include <systemd/sd-event.h>

static sd_event *event;
static struct mqtt *mqtt;
static struct outbox outbox;

static void ignore(void *userdata)
{
	(void)userdata;
}

static void on_closed(void *userdata, int error)
{
	(void)userdata;
	(void)error;
	outbox_ended(&outbox);
}

static void on_connack(void *userdata, int code)
{
	(void)userdata;
	(void)code;
}

static void connect(void)
{
	const struct mqtt_target target = { .address = "192.0.2.1", .client_id = "thing" };

	ck_assert_int_eq(mqtt_open(mqtt, &target), 0);
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
}

static void setup(void)
{
	const struct mqtt_events events = { .on_tcp = ignore, .on_connack = on_connack, .on_closed = on_closed };

	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(mqtt_new(&mqtt, event, &events), 0);
	outbox_init(&outbox, mqtt);
	connect();
}

static void teardown(void)
{
	mqtt_free(mqtt);
	sd_event_unref(event);
}

static int send_one(int qos)
{
	return outbox_send(&outbox, "t", "payload", 7, qos, (struct done){ 0 });
}

static unsigned calls;
static int result;

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &outbox);
	ck_assert_uint_eq(number, 7);
	calls++;
	result = r;
}

static int watch(const char *filter)
{
	return outbox_watch(&outbox, filter, (struct done){ 0 });
}

static int watch_and_wait(const char *filter)
{
	return outbox_watch(&outbox, filter, (struct done){ on_done, &outbox, 7 });
}

static int send_and_wait(int qos)
{
	return outbox_send(&outbox, "t", "payload", 7, qos, (struct done){ on_done, &outbox, 7 });
}

/* A server that withholds acknowledgements is given no more than so many. */
START_TEST(bounded)
{
	for (unsigned i = 0; i < 3 * OUTBOX_MAX; i++)
		ck_assert_int_eq(send_one(0), 0);
	ck_assert_uint_eq(outbox.open, 0);
	fake_mqtt_forget();
	for (unsigned i = 0; i < OUTBOX_MAX; i++)
		ck_assert_int_eq(send_one(1), 0);
	ck_assert_int_eq(send_one(1), -EBUSY);
	ck_assert_int_eq(send_one(0), -EBUSY);
	ck_assert_int_eq(watch("a/+"), -EBUSY);
	ck_assert(!outbox_watches(&outbox, "a/+"));
	ck_assert_uint_eq(fake_mqtt()->packet_count, OUTBOX_MAX);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_int_eq(send_one(1), 0);
	ck_assert_int_eq(send_one(1), -EBUSY);
}
END_TEST

START_TEST(not_sent)
{
	fake_mqtt()->send_result = -ENOMEM;
	for (unsigned i = 0; i < 2 * OUTBOX_MAX; i++) {
		ck_assert_int_eq(send_one(1), -ENOMEM);
		ck_assert_int_eq(watch("a/+"), -ENOMEM);
	}
	ck_assert(!outbox_watches(&outbox, "a/+"));
	ck_assert_uint_eq(outbox.open, 0);
}
END_TEST

START_TEST(one_filter)
{
	ck_assert(!outbox_watches(&outbox, ""));
	ck_assert(!outbox_watches(&outbox, "a/+"));
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert(outbox_watches(&outbox, "a/+"));
	ck_assert(!outbox_watches(&outbox, "a/b"));
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(outbox.open, 0);
	ck_assert(outbox_watches(&outbox, "a/+"));
}
END_TEST

/* One that the server refuses may be tried again. */
START_TEST(refused)
{
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	ck_assert_uint_eq(outbox.open, 0);
	ck_assert(!outbox_watches(&outbox, "a/+"));
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 2);
}
END_TEST

START_TEST(lost)
{
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert_int_eq(send_one(1), 0);
	fake_mqtt_lose(ECONNRESET);
	ck_assert_uint_eq(outbox.open, 0);
	ck_assert(!outbox_watches(&outbox, "a/+"));
	ck_assert_int_eq(send_one(1), -ENOTCONN);
	ck_assert_uint_eq(outbox.open, 0);
}
END_TEST

/* AWS IoT ends the connection when the policy does not allow a filter. */
START_TEST(refused_by_losses)
{
	for (unsigned i = 0; i < 2 * OUTBOX_LOSSES - 1; i++) {
		ck_assert_int_eq(watch("a/+"), 0);
		/* Only those in a row count, and only those with nothing acknowledged. */
		if (i == OUTBOX_LOSSES - 2)
			ck_assert(fake_mqtt_ack(0));
		fake_mqtt_lose(ECONNRESET);
		connect();
	}
	ck_assert_int_eq(watch("a/+"), -EACCES);
	ck_assert_int_eq(watch("a/+"), 0);
}
END_TEST

/* Nor does it count when the module ends the connection. */
START_TEST(not_refused_by_closing)
{
	for (unsigned i = 0; i < 2 * OUTBOX_LOSSES; i++) {
		ck_assert_int_eq(watch("a/+"), 0);
		outbox_ended(&outbox);
		mqtt_close(mqtt);
		connect();
	}
}
END_TEST

START_TEST(waiting_for_it)
{
	ck_assert_int_eq(watch_and_wait("a/+"), 0);
	ck_assert_int_eq(watch_and_wait("a/+"), -EBUSY);
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert_uint_eq(calls, 0);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq(result, 0);
	ck_assert_int_eq(watch_and_wait("a/+"), 0);
	ck_assert_uint_eq(calls, 2);
	ck_assert_uint_eq(fake_mqtt()->packet_count, 1);
	fake_mqtt_lose(0);
	connect();
	ck_assert_int_eq(watch_and_wait("a/+"), 0);
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	ck_assert_int_eq(result, AT_ERR_PARAMETER);
	ck_assert_int_eq(watch_and_wait("a/+"), 0);
	fake_mqtt_lose(0);
	ck_assert_uint_eq(calls, 4);
	ck_assert_int_eq(result, -ECONNRESET);

	/* Not sent: nobody is told twice. */
	connect();
	fake_mqtt()->send_result = -ENOMEM;
	ck_assert_int_eq(watch_and_wait("a/+"), -ENOMEM);
	fake_mqtt()->send_result = 0;
	ck_assert_int_eq(watch("a/+"), 0);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(calls, 4);
}
END_TEST

static unsigned numbers; /* a bit for each */

static void on_number(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &outbox);
	ck_assert_uint_eq(numbers & 1u << number, 0);
	numbers |= 1u << number;
	result = r;
}

/* Each is told of its own, once. */
START_TEST(waiting_for_what_was_sent)
{
	calls = 0;
	ck_assert_int_eq(send_and_wait(0), 0);
	ck_assert_uint_eq(calls, 1);
	fake_mqtt()->send_result = -ENOMEM;
	ck_assert_int_eq(send_and_wait(1), -ENOMEM);
	fake_mqtt()->send_result = 0;
	for (unsigned round = 0; round < 3; round++) {
		numbers = 0;
		for (unsigned i = 0; i < OUTBOX_MAX; i++)
			ck_assert_int_eq(outbox_send(&outbox, "t", "x", 1, 1, (struct done){ on_number, &outbox, i }),
					 0);
		ck_assert_int_eq(send_and_wait(1), -EBUSY);
		for (unsigned i = 0; i < OUTBOX_MAX / 2; i++) {
			ck_assert(fake_mqtt_ack(0));
			ck_assert_uint_eq(numbers, (2u << i) - 1);
			ck_assert_int_eq(result, 0);
		}
		/* Some that nobody waits for between them. */
		ck_assert_int_eq(send_one(1), 0);
		ck_assert_int_eq(watch("a/+"), 0);
		fake_mqtt_lose(0);
		ck_assert_uint_eq(numbers, (1u << OUTBOX_MAX) - 1);
		ck_assert_int_eq(result, -ECONNRESET);
		ck_assert_uint_eq(outbox.open, 0);
		connect();
	}
	ck_assert_uint_eq(calls, 1);
}
END_TEST

/* Each has its own fate. */
START_TEST(two_filters)
{
	for (unsigned i = 0; i < OUTBOX_LOSSES; i++) {
		ck_assert_int_eq(watch("b/+"), 0);
		ck_assert(fake_mqtt_ack(0));
		ck_assert_int_eq(watch("a/+"), 0);
		ck_assert(outbox_watches(&outbox, "a/+") && outbox_watches(&outbox, "b/+"));
		fake_mqtt_lose(0);
		ck_assert(!outbox_watches(&outbox, "a/+") && !outbox_watches(&outbox, "b/+"));
		connect();
	}
	ck_assert_int_eq(watch("b/+"), 0);
	ck_assert_int_eq(watch("a/+"), -EACCES);
	ck_assert_int_eq(watch("c/+"), -ENOSPC);
	ck_assert(!outbox_watches(&outbox, "c/+"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("outbox");
	TCase *tc = tcase_create("outbox");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, not_sent);
	tcase_add_test(tc, one_filter);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, lost);
	tcase_add_test(tc, refused_by_losses);
	tcase_add_test(tc, not_refused_by_closing);
	tcase_add_test(tc, waiting_for_it);
	tcase_add_test(tc, waiting_for_what_was_sent);
	tcase_add_test(tc, two_filters);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
