/* SPDX-License-Identifier: Apache-2.0 */
#include "util/entropy.h"

#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <sys/types.h>

/* In the place of the kernel's (see Makefile.am). */
static long answer = -1;

ssize_t __real_getrandom(void *to, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags);
ssize_t __wrap_getrandom(void *to, size_t n, unsigned flags)
{
	ck_assert_uint_ne(flags, 0); /* never waits */
	if (answer < 0)
		return __real_getrandom(to, n, flags);
	errno = EAGAIN;
	return answer == 0 ? -1 : answer;
}

START_TEST(differs)
{
	ck_assert_uint_ne(entropy_get(), entropy_get());
}
END_TEST

/* Early in the boot, or not as many as were asked for. */
START_TEST(of_the_clock)
{
	answer = _i;
	ck_assert_uint_eq(entropy_get(), timer_now());
	fake_timer_pass(1);
	ck_assert_uint_eq(entropy_get(), timer_now());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("entropy");
	TCase *tc = tcase_create("entropy");

	tcase_add_test(tc, differs);
	tcase_add_loop_test(tc, of_the_clock, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
