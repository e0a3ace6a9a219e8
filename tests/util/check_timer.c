/* SPDX-License-Identifier: Apache-2.0 */
#include "util/timer.h"

#include "fake/suite.h"

#include <time.h>

#define LONG 1000000

static sd_event *event;
static struct timer a, b;
static unsigned a_fired, b_fired;
static bool again;

static void on_a(void *userdata)
{
	ck_assert_ptr_eq(userdata, &a);
	ck_assert(!timer_armed(&a));
	a_fired++;
	if (again) {
		again = false;
		timer_arm(&a, 0);
	}
}

static void on_b(void *userdata)
{
	ck_assert_ptr_eq(userdata, &b);
	b_fired++;
}

static void setup(void)
{
	a_fired = b_fired = 0;
	again = false;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(timer_init(&a, event, on_a, &a), 0);
	ck_assert_int_eq(timer_init(&b, event, on_b, &b), 0);
}

static void teardown(void)
{
	timer_done(&a);
	timer_done(&b);
	timer_done(&b);
	sd_event_unref(event);
}

static void run_until(const unsigned *counter, unsigned value)
{
	while (*counter < value)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
}

static void run_what_is_due(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

START_TEST(rests_at_first)
{
	ck_assert(!timer_armed(&a));
	run_what_is_due();
	ck_assert_uint_eq(a_fired, 0);
}
END_TEST

START_TEST(fires_once)
{
	timer_arm(&a, 0);
	ck_assert(timer_armed(&a));
	run_until(&a_fired, 1);
	ck_assert(!timer_armed(&a));
	run_what_is_due();
	ck_assert_uint_eq(a_fired, 1);
}
END_TEST

START_TEST(not_too_early)
{
	uint64_t before = timer_now();

	timer_arm(&a, 30);
	run_until(&a_fired, 1);
	ck_assert_uint_ge(timer_now() - before, 30);
}
END_TEST

START_TEST(in_order)
{
	timer_arm(&a, LONG);
	timer_arm(&b, 5);
	run_until(&b_fired, 1);
	ck_assert_uint_eq(a_fired, 0);
}
END_TEST

START_TEST(arming_again_moves_it)
{
	timer_arm(&a, LONG);
	timer_arm(&a, 0);
	run_until(&a_fired, 1);
	timer_arm(&a, 0);
	timer_arm(&a, LONG);
	timer_arm(&b, 0);
	run_until(&b_fired, 1);
	run_what_is_due();
	ck_assert_uint_eq(a_fired, 1);
}
END_TEST

START_TEST(disarmed_stays_silent)
{
	timer_arm(&a, 0);
	timer_disarm(&a);
	ck_assert(!timer_armed(&a));
	run_what_is_due();
	ck_assert_uint_eq(a_fired, 0);
}
END_TEST

START_TEST(armed_from_within)
{
	again = true;
	timer_arm(&a, 0);
	run_until(&a_fired, 2);
	run_what_is_due();
	ck_assert_uint_eq(a_fired, 2);
}
END_TEST

START_TEST(empty_one_is_harmless)
{
	struct timer empty = { 0 };

	timer_disarm(&empty);
	ck_assert(!timer_armed(&empty));
	timer_done(&empty);
}
END_TEST

START_TEST(clock_is_boottime)
{
	struct timespec ts;
	uint64_t before = timer_now(), ms;

	ck_assert_int_eq(clock_gettime(CLOCK_BOOTTIME, &ts), 0);
	ms = (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
	ck_assert_uint_ge(ms, before);
	ck_assert_uint_ge(timer_now(), ms);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("timer");
	TCase *tc = tcase_create("timer");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rests_at_first);
	tcase_add_test(tc, fires_once);
	tcase_add_test(tc, not_too_early);
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, arming_again_moves_it);
	tcase_add_test(tc, disarmed_stays_silent);
	tcase_add_test(tc, armed_from_within);
	tcase_add_test(tc, empty_one_is_harmless);
	tcase_add_test(tc, clock_is_boottime);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
