/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/connection.c when CONNECT fails: the wait before the next one, and when it tries again by itself. */
#include "cloud/connection.h"

#include "at/error.h"
#include "fake/mqtt.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/uplink.h"

#include <errno.h>
#include <stdio.h>

static struct uplink u;

static void setup(void)
{
	uplink_make(&u, NULL);
}

static void teardown(void)
{
	uplink_done(&u);
}

/* --- backoff (guide 3.7.2.4) --- */

/* The first wait is 1 to 2 s: in place. */
START_TEST(short_wait_in_place)
{
	uint64_t wait;

	uplink_fail(&u);
	connection_open(u.connection, u.done);
	uplink_assert_pending(&u);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	wait = fake_timer_next();
	ck_assert_uint_ge(wait, 1000);
	ck_assert_uint_le(wait, 2000);
	fake_timer_pass(wait - 1);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
}
END_TEST

/* Whoever waited for the first attempt is told. */
START_TEST(opening_again_starts_anew)
{
	uplink_fail(&u);
	connection_open(u.connection, u.done); /* waits for the backoff */
	uplink_assert_pending(&u);
	fake_timer_pass(500);
	connection_open(u.connection, u.done);
	uplink_assert_result(&u, -ECANCELED);
	fake_timer_pass(2000);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
}
END_TEST

START_TEST(no_wait_when_time_has_passed)
{
	uplink_fail(&u);
	fake_timer_pass(2000);
	connection_open(u.connection, u.done);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
}
END_TEST

/* Fails until the backoff is longer than 5 s; yields its milliseconds. */
static uint64_t fail_often(void)
{
	for (unsigned i = 0; i < 4; i++) {
		uplink_fail(&u);
		fake_timer_pass(i < 3 ? 8000 : 0);
	}
	return 8000; /* the fourth: 8 to 16 s */
}

START_TEST(long_wait_is_answered)
{
	unsigned seconds;
	char text[64];

	(void)fail_often();
	connection_open(u.connection, u.done);
	uplink_assert_result(&u, AT_ERR_CONNECT);
	ck_assert_uint_eq(fake_mqtt()->opens, 4);
	ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_BACKOFF);
	ck_assert_int_eq(sscanf(connection_fault(u.connection)->detail, "Retry in %u s", &seconds), 1);
	(void)snprintf(text, sizeof(text), "Retry in %u s", seconds);
	ck_assert_str_eq(connection_fault(u.connection)->detail, text);
	ck_assert_uint_ge(seconds, 8);
	ck_assert_uint_le(seconds, 16);

	/* It is true, and asking was no failure. */
	fake_timer_pass((uint64_t)seconds * 1000 - 5001);
	connection_open(u.connection, u.done);
	if (u.calls == 1) {
		ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_BACKOFF);
		u.calls = 0;
	}
	fake_timer_pass(5001);
	if (!fake_mqtt()->open)
		connection_open(u.connection, u.done);
	ck_assert_uint_eq(fake_mqtt()->opens, 5);
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
}
END_TEST

/* A short ConnectTimeout: a wait that leaves no time for the attempt is answered at once. */
START_TEST(wait_leaves_time_to_connect)
{
	u.rig.settings->connect_timeout = 5;
	(void)fail_often();
	for (;;) {
		connection_open(u.connection, u.done);
		if (u.calls == 0)
			break;
		uplink_assert_result(&u, AT_ERR_CONNECT);
		ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_BACKOFF);
		fake_timer_pass(50);
	}
	ck_assert_uint_gt(fake_timer_next(), 2650);
	ck_assert_uint_le(fake_timer_next(), 2750);
	fake_timer_pass(fake_timer_next());
	fake_mqtt_succeed();
	uplink_assert_result(&u, 0);
}
END_TEST

/* At the border: 5 s are waited for, a millisecond more is not. */
START_TEST(five_seconds_are_waited_for)
{
	uint64_t wait;
	unsigned seconds;

	(void)fail_often();
	connection_open(u.connection, u.done);
	uplink_assert_result(&u, AT_ERR_CONNECT);
	ck_assert_int_eq(sscanf(connection_fault(u.connection)->detail, "Retry in %u s", &seconds), 1);
	fake_timer_pass((uint64_t)(seconds - 5) * 1000); /* the detail is rounded up: at most 5 s are left */
	connection_open(u.connection, u.done);
	uplink_assert_pending(&u);
	wait = fake_timer_next();
	ck_assert_uint_gt(wait, 4000);
	ck_assert_uint_le(wait, 5000);
	connection_close(u.connection);
	uplink_assert_result(&u, -ECANCELED);
}
END_TEST

START_TEST(success_clears_the_backoff)
{
	(void)fail_often();
	fake_timer_pass(16000);
	uplink_connect(&u);
	connection_close(u.connection);
	connection_open(u.connection, u.done);
	ck_assert_uint_eq(fake_mqtt()->opens, 6);
	fake_mqtt_lose(ECONNREFUSED);
	uplink_assert_result(&u, AT_ERR_CONNECT);

	/* The first in a row again. */
	connection_open(u.connection, u.done);
	uplink_assert_pending(&u);
	ck_assert_uint_le(fake_timer_next(), 2000);
}
END_TEST

START_TEST(cleared_on_request)
{
	(void)fail_often();
	connection_clear_backoff(u.connection);
	uplink_connect(&u);
}
END_TEST

START_TEST(closed_while_waiting)
{
	uplink_fail(&u);
	connection_open(u.connection, u.done);
	connection_close(u.connection);
	uplink_assert_result(&u, -ECANCELED);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(10000);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

/* With ConnectTimeout=5 there is no room to wait for 5 s. */
START_TEST(no_room_to_wait)
{
	uplink_done(&u);
	uplink_make(&u, "ConnectTimeout=5\n");
	for (unsigned i = 0; i < 3; i++) {
		uplink_fail(&u);
		fake_timer_pass(i < 2 ? 8000 : 0);
	}
	/* 4 to 8 s */
	connection_open(u.connection, u.done);
	if (u.calls == 0) {
		ck_assert_uint_le(fake_timer_next(), 4750);
		connection_close(u.connection);
	} else {
		ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_BACKOFF);
	}
}
END_TEST

/* The wait counts, too. */
START_TEST(wait_and_attempt_within_the_timeout)
{
	uint64_t wait;

	uplink_fail(&u);
	connection_open(u.connection, u.done);
	wait = fake_timer_next();
	fake_timer_pass(wait);
	fake_timer_pass(9999);
	fake_mqtt_tcp();
	fake_timer_pass(9999);
	uplink_assert_pending(&u);
	fake_timer_pass(1);
	uplink_assert_result(&u, AT_ERR_CONNECT);
	ck_assert_int_eq((int)connection_fault(u.connection)->hint, HINT_TLS);

	fake_timer_pass(4000);
	connection_open(u.connection, u.done);
	fake_timer_pass(9000);
	fake_mqtt_tcp();
	fake_timer_pass(9000);
	fake_mqtt_connack(0);
	fake_timer_pass(7000);
	uplink_assert_result(&u, AT_ERR_CONNECT);
}
END_TEST

/* --- a cloud that registers the module just in time --- */

/* Whether a drop is tried again, and the CONNECT then ends. */
static bool is_tried_again(void)
{
	unsigned opens = fake_mqtt()->opens;
	bool again;

	connection_open(u.connection, u.done);
	while (fake_mqtt()->opens == opens)
		fake_timer_pass(100);
	fake_ssl_drop();
	again = u.calls == 0;
	while (u.calls == 0) {
		fake_timer_pass(1000);
		if (fake_mqtt()->open)
			fake_ssl_drop();
	}
	uplink_assert_result(&u, AT_ERR_CONNECT);
	return again;
}

START_TEST(drop_is_tried_again_once_for_an_endpoint)
{
	ck_assert(is_tried_again());
	ck_assert(!is_tried_again());
	connection_clear_backoff(u.connection);
	ck_assert(is_tried_again());

	/* Another one does not know the module. */
	ck_assert_int_eq(rig_set(&u.rig, "Endpoint", "192.0.2.77"), 0);
	ck_assert(is_tried_again());
}
END_TEST

START_TEST(drop_after_a_success_is_not_tried_again)
{
	uplink_connect(&u);
	connection_close(u.connection);
	ck_assert(!is_tried_again());
	ck_assert_int_eq(rig_set(&u.rig, "Endpoint", "192.0.2.77"), 0);
	ck_assert(is_tried_again());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("connection_backoff");
	TCase *tc = tcase_create("connection_backoff");

	tcase_add_checked_fixture(tc, setup, teardown);
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
	tcase_add_test(tc, drop_is_tried_again_once_for_an_endpoint);
	tcase_add_test(tc, drop_after_a_success_is_not_tried_again);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
