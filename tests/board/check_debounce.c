/* SPDX-License-Identifier: Apache-2.0 */
#include "board/debounce.h"

#include "fake/suite.h"

static struct debounce d;
static uint64_t wait_ns;

START_TEST(starts_with_its_level)
{
	for (int level = 0; level < 2; level++) {
		debounce_init(&d, 100, level);
		wait_ns = 1;
		ck_assert(!debounce_settle(&d, level, 1000, &wait_ns));
		ck_assert_uint_eq(wait_ns, 0);
		ck_assert(d.level == level);
	}
}
END_TEST

START_TEST(level_that_lasts)
{
	debounce_init(&d, 100, true);
	ck_assert(!debounce_edge(&d, false, 1000));
	ck_assert(!debounce_settle(&d, false, 1040, &wait_ns));
	ck_assert_uint_eq(wait_ns, 60);
	ck_assert(d.level);
	ck_assert(!debounce_settle(&d, false, 1099, &wait_ns));
	ck_assert_uint_eq(wait_ns, 1);
	ck_assert(debounce_settle(&d, false, 1100, &wait_ns));
	ck_assert(!d.level);
	ck_assert(!debounce_settle(&d, false, 1300, &wait_ns));
	ck_assert_uint_eq(wait_ns, 0);
}
END_TEST

START_TEST(bounces)
{
	debounce_init(&d, 100, true);
	for (uint64_t t = 1000; t < 2000; t += 50)
		ck_assert(!debounce_edge(&d, t / 50 % 2, t));
	ck_assert(!debounce_settle(&d, true, 2049, &wait_ns));
	ck_assert(!debounce_settle(&d, true, 2050, &wait_ns)); /* high it was before */
	ck_assert_uint_eq(wait_ns, 0);
	ck_assert(d.level);
}
END_TEST

/* Both edges came while the loop was busy. */
START_TEST(pulse_in_the_past)
{
	debounce_init(&d, 100, true);
	ck_assert(!debounce_edge(&d, false, 1000));
	ck_assert(debounce_edge(&d, true, 1100));
	ck_assert(!d.level);
	ck_assert(debounce_settle(&d, true, 5000, &wait_ns));
	ck_assert(d.level);
	ck_assert(!debounce_settle(&d, true, 5000, &wait_ns));

	ck_assert(!debounce_edge(&d, false, 6000));
	ck_assert(!debounce_edge(&d, true, 6099));
	ck_assert(!debounce_settle(&d, true, 9000, &wait_ns));
	ck_assert(d.level);
}
END_TEST

START_TEST(lost_edge)
{
	debounce_init(&d, 100, true);
	ck_assert(!debounce_settle(&d, false, 1000, &wait_ns));
	ck_assert_uint_eq(wait_ns, 100);
	ck_assert(debounce_settle(&d, false, 1100, &wait_ns));
	ck_assert(!d.level);

	/* the falling edge came, the rising one after it did not */
	ck_assert(!debounce_edge(&d, true, 2000));
	ck_assert(debounce_settle(&d, false, 3000, &wait_ns));
	ck_assert(d.level);
	ck_assert(!debounce_settle(&d, false, 3000, &wait_ns));
	ck_assert_uint_eq(wait_ns, 100);
	ck_assert(debounce_settle(&d, false, 3100, &wait_ns));
	ck_assert(!d.level);
}
END_TEST

/* The kernel has done it: every edge counts. */
START_TEST(nothing_left_to_do)
{
	debounce_init(&d, 0, true);
	ck_assert(!debounce_edge(&d, false, 1000));
	ck_assert(debounce_edge(&d, true, 1000));
	ck_assert(!d.level);
	ck_assert(debounce_edge(&d, false, 1001));
	ck_assert(d.level);
	ck_assert(debounce_settle(&d, false, 1001, &wait_ns));
	ck_assert(!d.level);
	ck_assert(!debounce_settle(&d, false, 1001, &wait_ns));
	ck_assert_uint_eq(wait_ns, 0);
}
END_TEST

/* A clock that an edge is ahead of is no reason to take it early. */
START_TEST(edge_in_the_future)
{
	debounce_init(&d, 100, true);
	ck_assert(!debounce_edge(&d, false, 1000));
	ck_assert(!debounce_settle(&d, false, 990, &wait_ns));
	ck_assert_uint_eq(wait_ns, 110);
	ck_assert(d.level);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("debounce");
	TCase *tc = tcase_create("debounce");

	tcase_add_test(tc, starts_with_its_level);
	tcase_add_test(tc, level_that_lasts);
	tcase_add_test(tc, bounces);
	tcase_add_test(tc, pulse_in_the_past);
	tcase_add_test(tc, lost_edge);
	tcase_add_test(tc, nothing_left_to_do);
	tcase_add_test(tc, edge_in_the_future);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
