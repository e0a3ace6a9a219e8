/* SPDX-License-Identifier: Apache-2.0 */
#include "util/backoff.h"

#include "fake/suite.h"
#include "util/macro.h"

#define NOW 5000000

/* Guide 3.7.2.4; the n-th failure in a row has this cap. */
static const uint64_t caps[] = { 2000, 4000, 8000, 16000, 32000, 64000, 120000, 120000, 120000 };

START_TEST(nothing_to_wait_for)
{
	struct backoff b;

	backoff_clear(&b);
	ck_assert_uint_eq(backoff_wait(&b, NOW), 0);
	ck_assert_uint_eq(backoff_wait(&b, 0), 0);
}
END_TEST

static void fail_times(struct backoff *b, unsigned times, uint64_t entropy)
{
	backoff_clear(b);
	for (unsigned i = 0; i < times; i++)
		backoff_fail(b, NOW, entropy);
}

START_TEST(between_half_and_all_of_the_cap)
{
	uint64_t half = caps[_i] / 2;
	unsigned times = (unsigned)_i + 1;
	struct backoff b;

	fail_times(&b, times, 0);
	ck_assert_uint_eq(backoff_wait(&b, NOW), half);
	fail_times(&b, times, half);
	ck_assert_uint_eq(backoff_wait(&b, NOW), 2 * half);
	fail_times(&b, times, half + 1);
	ck_assert_uint_eq(backoff_wait(&b, NOW), half);
	fail_times(&b, times, UINT64_MAX);
	ck_assert_uint_ge(backoff_wait(&b, NOW), half);
	ck_assert_uint_le(backoff_wait(&b, NOW), 2 * half);
}
END_TEST

START_TEST(ends)
{
	struct backoff b;

	fail_times(&b, 1, 0);
	ck_assert_uint_eq(backoff_wait(&b, NOW + 400), 600);
	ck_assert_uint_eq(backoff_wait(&b, NOW + 999), 1);
	ck_assert_uint_eq(backoff_wait(&b, NOW + 1000), 0);
	ck_assert_uint_eq(backoff_wait(&b, NOW + 1001), 0);
}
END_TEST

START_TEST(success_clears_it)
{
	struct backoff b;

	fail_times(&b, 6, 0);
	backoff_clear(&b);
	ck_assert_uint_eq(backoff_wait(&b, NOW), 0);
	backoff_fail(&b, NOW, 0);
	ck_assert_uint_eq(backoff_wait(&b, NOW), caps[0] / 2);
}
END_TEST

START_TEST(failures_without_end)
{
	struct backoff b;

	fail_times(&b, 100000, 0);
	ck_assert_uint_eq(backoff_wait(&b, NOW), 60000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("backoff");
	TCase *tc = tcase_create("backoff");

	tcase_add_test(tc, nothing_to_wait_for);
	tcase_add_loop_test(tc, between_half_and_all_of_the_cap, 0, ELEMENTS(caps));
	tcase_add_test(tc, ends);
	tcase_add_test(tc, success_clears_it);
	tcase_add_test(tc, failures_without_end);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
