/* SPDX-License-Identifier: Apache-2.0 */
#include "util/later.h"

#include "fake/suite.h"

#include <errno.h>

static sd_event *event;
static struct later *later;
static uint64_t numbers[16];
static int results[16];
static unsigned calls;

static void setup(void)
{
	calls = 0;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(later_new(&later, event), 0);
}

static void teardown(void)
{
	later_free(later);
	sd_event_unref(event);
}

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, numbers);
	ck_assert_uint_lt(calls, 16);
	numbers[calls] = number;
	results[calls++] = r;
}

static struct done done(uint64_t number)
{
	return (struct done){ on_done, numbers, number };
}

START_TEST(from_the_loop_and_in_order)
{
	later_call(later, done(1), -ENOENT);
	later_call(later, done(2), 0);
	later_call(later, done(3), 19);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_uint_eq(calls, 3);
	for (unsigned i = 0; i < 3; i++)
		ck_assert_uint_eq(numbers[i], i + 1);
	ck_assert_int_eq(results[0], -ENOENT);
	ck_assert_int_eq(results[1], 0);
	ck_assert_int_eq(results[2], 19);
	/* Once. */
	ck_assert_int_eq(sd_event_run(event, 0), 0);
	ck_assert_uint_eq(calls, 3);
}
END_TEST

static void again(void *who, uint64_t number, int r)
{
	on_done(who, number, r);
	if (number < 4)
		later_call(later, (struct done){ again, numbers, number + 1 }, r);
}

/* One more in each turn: nobody else is kept waiting. */
START_TEST(from_a_completion)
{
	later_call(later, (struct done){ again, numbers, 0 }, 0);
	for (unsigned i = 1; i <= 5; i++) {
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
		ck_assert_uint_eq(calls, i);
	}
	ck_assert_int_eq(sd_event_run(event, 0), 0);
}
END_TEST

START_TEST(nobody_to_be_called)
{
	later_call(later, (struct done){ 0 }, 0);
	ck_assert_int_eq(sd_event_run(event, 0), 0);
}
END_TEST

START_TEST(free_calls_nobody)
{
	later_call(later, done(1), 0);
	later = later_free(later);
	ck_assert_ptr_null(later);
	ck_assert_int_eq(sd_event_run(event, 0), 0);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("later");
	TCase *c = tcase_create("later");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, from_the_loop_and_in_order);
	tcase_add_test(c, from_a_completion);
	tcase_add_test(c, nobody_to_be_called);
	tcase_add_test(c, free_calls_nobody);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
