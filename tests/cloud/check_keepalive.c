/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/keepalive.h"

#include "fake/suite.h"

#define NOW 1000000

static struct keepalive k;

static void setup(void)
{
	ck_assert_uint_eq(keepalive_start(&k, 60, NOW), 45);
}

START_TEST(interval_for_the_library)
{
	static const struct {
		unsigned seconds, interval;
	} cases[] = { { 30, 22 }, { 60, 45 }, { 61, 45 }, { 1200, 900 } };

	ck_assert_uint_eq(keepalive_start(&k, cases[_i].seconds, NOW), cases[_i].interval);
	ck_assert_uint_eq(keepalive_wait(&k, NOW), cases[_i].interval * 1000);
}
END_TEST

START_TEST(ping_after_the_interval)
{
	ck_assert(!keepalive_ping(&k, NOW + 44999));
	ck_assert_uint_eq(keepalive_wait(&k, NOW + 40000), 5000);
	ck_assert(keepalive_ping(&k, NOW + 45000));
	ck_assert(!keepalive_ping(&k, NOW + 45000)); /* one at a time */
	ck_assert(!keepalive_ping(&k, NOW + 200000));
}
END_TEST

/* Traffic in one direction does not do: a peer that only listens, or only talks, is looked after, too. */
START_TEST(both_directions_count)
{
	keepalive_out(&k, NOW + 44000);
	ck_assert_uint_eq(keepalive_wait(&k, NOW + 44000), 1000);
	ck_assert(keepalive_ping(&k, NOW + 45000));
	setup();
	ck_assert(!keepalive_in(&k, NOW + 44000));
	ck_assert(keepalive_ping(&k, NOW + 45000));
	setup();
	keepalive_out(&k, NOW + 30000);
	ck_assert(!keepalive_in(&k, NOW + 20000));
	ck_assert_uint_eq(keepalive_wait(&k, NOW + 30000), 35000);
	ck_assert(!keepalive_ping(&k, NOW + 64999));
	ck_assert(keepalive_ping(&k, NOW + 65000));
}
END_TEST

START_TEST(lost_without_an_answer)
{
	ck_assert(!keepalive_is_lost(&k, NOW + 1000000)); /* nothing was asked */
	ck_assert(keepalive_ping(&k, NOW + 45000));
	ck_assert_uint_eq(keepalive_wait(&k, NOW + 45000), 15000);
	ck_assert(!keepalive_is_lost(&k, NOW + 59999));
	ck_assert(keepalive_is_lost(&k, NOW + 60000));

	/* What we say ourselves is no answer. */
	keepalive_out(&k, NOW + 50000);
	ck_assert(keepalive_is_lost(&k, NOW + 60000));
}
END_TEST

START_TEST(answered)
{
	ck_assert(keepalive_ping(&k, NOW + 45000));
	ck_assert(keepalive_in(&k, NOW + 45100));
	ck_assert(!keepalive_in(&k, NOW + 45200));
	ck_assert(!keepalive_is_lost(&k, NOW + 60000));
	ck_assert_uint_eq(keepalive_wait(&k, NOW + 45200), 44800);
	ck_assert(!keepalive_ping(&k, NOW + 89999));
	ck_assert(keepalive_ping(&k, NOW + 90000));
}
END_TEST

/* A look that comes a moment early, or late, does not spin. */
START_TEST(never_waits_for_nothing)
{
	for (uint64_t t = NOW; t < NOW + 200000; t += 500)
		ck_assert_uint_ge(keepalive_wait(&k, t), 1000);
	ck_assert(keepalive_ping(&k, NOW + 45000));
	for (uint64_t t = NOW; t < NOW + 200000; t += 500)
		ck_assert_uint_ge(keepalive_wait(&k, t), 1000);
}
END_TEST

/* Connected and idle at 60 s the module wakes four times a minute at most. */
START_TEST(wakes_seldom)
{
	unsigned wakeups = 0;
	uint64_t t = NOW;

	while (t < NOW + 600000) {
		t += keepalive_wait(&k, t);
		wakeups++;
		ck_assert(!keepalive_is_lost(&k, t));
		if (keepalive_ping(&k, t)) {
			(void)keepalive_in(&k, t + 50); /* the answer wakes us, too */
			wakeups++;
		}
	}
	ck_assert_uint_le(wakeups, 40);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keepalive");
	TCase *tc = tcase_create("keepalive");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, interval_for_the_library, 0, 4);
	tcase_add_test(tc, ping_after_the_interval);
	tcase_add_test(tc, both_directions_count);
	tcase_add_test(tc, lost_without_an_answer);
	tcase_add_test(tc, answered);
	tcase_add_test(tc, never_waits_for_nothing);
	tcase_add_test(tc, wakes_seldom);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
