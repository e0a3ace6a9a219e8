/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/keepalive.h"

#include "fake/suite.h"

#define START 1000000

START_TEST(gives_the_library_three_quarters)
{
	struct keepalive k;

	ck_assert_uint_eq(keepalive_start(&k, 60, START), 45);
	ck_assert_uint_eq(keepalive_start(&k, 30, START), 22);
	ck_assert_uint_eq(keepalive_start(&k, 1200, START), 900);
}
END_TEST

START_TEST(pings_after_a_silent_interval)
{
	struct keepalive k;

	(void)keepalive_start(&k, 60, START);
	ck_assert_uint_eq(keepalive_wait(&k, START), 45000);
	ck_assert(!keepalive_ping(&k, START + 44999));
	ck_assert(keepalive_ping(&k, START + 45000));
	ck_assert(!keepalive_ping(&k, START + 45001)); /* one at a time */
}
END_TEST

START_TEST(silence_of_one_direction_is_enough)
{
	struct keepalive k;

	(void)keepalive_start(&k, 60, START);
	keepalive_out(&k, START + 40000);
	ck_assert_uint_eq(keepalive_wait(&k, START + 40000), 5000);
	ck_assert(keepalive_ping(&k, START + 45000)); /* nothing came in */

	(void)keepalive_start(&k, 60, START);
	ck_assert(!keepalive_in(&k, START + 40000));
	ck_assert(keepalive_ping(&k, START + 45000)); /* nothing went out: the server wants to hear something */

	(void)keepalive_start(&k, 60, START);
	keepalive_out(&k, START + 30000);
	(void)keepalive_in(&k, START + 20000);
	ck_assert(!keepalive_ping(&k, START + 45000));
	ck_assert_uint_eq(keepalive_wait(&k, START + 45000), 20000);
}
END_TEST

START_TEST(an_unanswered_ping_ends_it_within_the_bound)
{
	struct keepalive k;

	(void)keepalive_start(&k, 60, START);
	ck_assert(!keepalive_is_lost(&k, START + 1000000));
	ck_assert(keepalive_ping(&k, START + 45000));
	ck_assert_uint_eq(keepalive_wait(&k, START + 45000), 15000);
	ck_assert(!keepalive_is_lost(&k, START + 59999));
	ck_assert(keepalive_is_lost(&k, START + 60000));
}
END_TEST

START_TEST(sending_does_not_put_the_end_off)
{
	struct keepalive k;

	(void)keepalive_start(&k, 60, START);
	ck_assert(keepalive_ping(&k, START + 45000));
	for (uint64_t t = 46000; t < 60000; t += 1000)
		keepalive_out(&k, START + t);
	ck_assert(keepalive_is_lost(&k, START + 60000));
}
END_TEST

START_TEST(an_answer_starts_anew)
{
	struct keepalive k;

	(void)keepalive_start(&k, 60, START);
	ck_assert(keepalive_ping(&k, START + 45000));
	ck_assert(keepalive_in(&k, START + 45100));
	ck_assert(!keepalive_is_lost(&k, START + 60000));
	ck_assert_uint_eq(keepalive_wait(&k, START + 45100), 44900);
	ck_assert(!keepalive_in(&k, START + 46000)); /* no answer awaited any more */
}
END_TEST

/* Two wakeups a ping, one of them the answer: at 60 s that is below four a minute. */
START_TEST(never_waits_for_less_than_a_second)
{
	struct keepalive k;

	(void)keepalive_start(&k, 60, START);
	ck_assert_uint_eq(keepalive_wait(&k, START + 44999), 1000);
	ck_assert_uint_eq(keepalive_wait(&k, START + 90000), 1000);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("keepalive");
	TCase *t = tcase_create("all");

	tcase_add_test(t, gives_the_library_three_quarters);
	tcase_add_test(t, pings_after_a_silent_interval);
	tcase_add_test(t, silence_of_one_direction_is_enough);
	tcase_add_test(t, an_unanswered_ping_ends_it_within_the_bound);
	tcase_add_test(t, sending_does_not_put_the_end_off);
	tcase_add_test(t, an_answer_starts_anew);
	tcase_add_test(t, never_waits_for_less_than_a_second);
	suite_add_tcase(s, t);
	return suite_run(s);
}
