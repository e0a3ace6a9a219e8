/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/attempt.c when it waits: for a cloud that registers modules just in time, for a clock that is not set. */
#include "cloud/attempt.h"

#include "fake/dial.h"
#include "fake/mqtt.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <stdio.h>
#include <time.h>

static struct dial d;

static void setup(void)
{
	dial_make(&d, NULL);
}

static void teardown(void)
{
	dial_done(&d);
}

/* --- a cloud that registers the module just in time --- */

START_TEST(first_drop_is_tried_again)
{
	attempt_start(d.attempt, timer_now() + DIAL_WHOLE, true);
	fake_ssl_drop();
	dial_assert_under_way(&d);
	ck_assert(!fake_mqtt()->open);
	fake_timer_pass(1999);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	ck_assert_uint_eq(d.successes, 1);
}
END_TEST

START_TEST(drops_have_an_end)
{
	attempt_start(d.attempt, timer_now() + DIAL_WHOLE, true);
	for (unsigned i = 0; i < 3; i++) {
		fake_ssl_drop();
		dial_assert_under_way(&d);
		fake_timer_pass(2000U << i);
		ck_assert_uint_eq(fake_mqtt()->opens, i + 2);
	}
	fake_ssl_drop();
	dial_assert_failed(&d, HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

/* The whole is not exceeded for it. */
START_TEST(drop_without_time)
{
	attempt_start(d.attempt, timer_now() + 3999, true);
	fake_ssl_drop();
	dial_assert_failed(&d, HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

START_TEST(drop_of_a_known_module)
{
	dial_start(&d);
	fake_ssl_drop();
	dial_assert_failed(&d, HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

START_TEST(other_failures_are_not_tried_again)
{
	attempt_start(d.attempt, timer_now() + DIAL_WHOLE, true);
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_mqtt_connack(5);
	dial_assert_failed(&d, HINT_LOGIN, "Login refused: check registration and policy");
	attempt_start(d.attempt, timer_now() + DIAL_WHOLE, true);
	fake_mqtt_tcp();
	fake_mqtt_lose(0);
	dial_assert_failed(&d, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
}
END_TEST

/* --- a clock that is not set --- */

/* As if that had been the time when the clock was last right. */
static void know_a_time(time_t when)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld\n", (long long)when);
	temp_text(d.rig.dir, "clock", text);
	epoch_start(d.rig.epoch);
}

static void fail_by_the_clock(void)
{
	fake_mqtt_tcp();
	fake_ssl()->failure = "Clock not set: check time synchronisation";
	fake_ssl()->clock_behind = true;
	fake_mqtt_lose(0);
}

START_TEST(waits_for_the_clock)
{
	know_a_time(time(NULL) + 1000000);
	dial_start(&d);
	fail_by_the_clock();
	dial_assert_under_way(&d);
	fake_timer_pass(DIAL_WHOLE / 2);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	dial_assert_under_way(&d);

	/* Now somebody sets it. */
	ck_assert_uint_gt(d.looks, 2);
	ck_assert_uint_eq(fake_ssl()->made, 1);
	epoch_note(d.rig.epoch, time(NULL));
	fake_timer_pass(1000);
	ck_assert_uint_eq(fake_ssl()->made, 2);
	ck_assert(fake_ssl()->config.clock_is_sure);
	dial_assert_target(RIG_STAGING, 8883);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	ck_assert_uint_eq(d.successes, 1);
}
END_TEST

START_TEST(clock_is_never_set)
{
	know_a_time(time(NULL) + 1000000);
	dial_start(&d);
	fail_by_the_clock();
	fake_timer_pass(DIAL_WHOLE - 1);
	dial_assert_under_way(&d);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_TLS, "Clock not set: check time synchronisation");
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

/* An address that came farther without the clock is what counts. */
START_TEST(clock_is_not_to_blame)
{
	know_a_time(time(NULL) + 1000000);
	dial_start_two(&d);
	fail_by_the_clock();
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_lose(0);
	dial_assert_failed(&d, HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attempt_waits");
	TCase *tc = tcase_create("attempt_waits");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, first_drop_is_tried_again);
	tcase_add_test(tc, drops_have_an_end);
	tcase_add_test(tc, drop_without_time);
	tcase_add_test(tc, drop_of_a_known_module);
	tcase_add_test(tc, other_failures_are_not_tried_again);
	tcase_add_test(tc, waits_for_the_clock);
	tcase_add_test(tc, clock_is_never_set);
	tcase_add_test(tc, clock_is_not_to_blame);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
