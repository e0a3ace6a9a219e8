/* SPDX-License-Identifier: Apache-2.0 */
#include "util/thread.h"

#include "fake/suite.h"

#include <errno.h>
#include <signal.h>

struct life {
	pthread_t self;
	sigset_t mask;
	size_t stack;
};

static void *run(void *arg)
{
	struct life *life = arg;
	pthread_attr_t attr;

	life->self = pthread_self();
	(void)pthread_sigmask(SIG_SETMASK, NULL, &life->mask);
	if (pthread_getattr_np(life->self, &attr) == 0) {
		(void)pthread_attr_getstacksize(&attr, &life->stack);
		(void)pthread_attr_destroy(&attr);
	}
	return arg;
}

START_TEST(has_a_small_stack_and_no_signals)
{
	struct life life = { 0 };
	sigset_t before, after;
	pthread_t thread;
	void *result;

	(void)sigprocmask(SIG_SETMASK, NULL, &before);
	ck_assert_int_eq(thread_start(&thread, run, &life), 0);
	(void)sigprocmask(SIG_SETMASK, NULL, &after);
	ck_assert_int_eq(pthread_join(thread, &result), 0);
	ck_assert_ptr_eq(result, &life);
	ck_assert(!pthread_equal(life.self, pthread_self()));
	ck_assert_uint_gt(life.stack, 0);
	ck_assert_uint_le(life.stack, 1024 * 1024);
	for (int number = 1; number < 32; number++) {
		if (number != SIGKILL && number != SIGSTOP)
			ck_assert_int_eq(sigismember(&life.mask, number), 1);
		ck_assert_int_eq(sigismember(&after, number), sigismember(&before, number));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("thread");
	TCase *c = tcase_create("thread");

	tcase_add_test(c, has_a_small_stack_and_no_signals);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
