/* SPDX-License-Identifier: Apache-2.0 */
#include "util/worker.h"

#include "fake/suite.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static bool no_threads;

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(ret, attr, start, arg);
}

struct job {
	struct worker *worker;
	sd_event *event;
	int go[2]; /* the job waits for a byte */
	pthread_t thread;
	sigset_t mask;
	int returns;
	unsigned ran, finished;
	int result;
	unsigned again; /* times to run once more from finished() */
	bool busy_in_finished;
};

static void setup_job(struct job *j)
{
	memset(j, 0, sizeof(*j));
	ck_assert_int_ge(sd_event_new(&j->event), 0);
	ck_assert_int_eq(worker_new(&j->worker, j->event), 0);
	ck_assert_int_eq(pipe(j->go), 0);
}

static void done_job(struct job *j)
{
	worker_free(j->worker);
	sd_event_unref(j->event);
	close(j->go[0]);
	close(j->go[1]);
}

static int run(void *arg)
{
	struct job *j = arg;
	char byte;

	j->thread = pthread_self();
	pthread_sigmask(SIG_SETMASK, NULL, &j->mask);
	ck_assert_int_eq(read(j->go[0], &byte, 1), 1);
	j->ran++;
	return j->returns;
}

static void on_finished(void *arg, int r)
{
	struct job *j = arg;

	j->finished++;
	j->result = r;
	j->busy_in_finished = worker_busy(j->worker);
	if (j->again) {
		j->again--;
		ck_assert_int_eq(worker_run(j->worker, run, on_finished, j), 0);
	}
}

static void let_go(struct job *j)
{
	ck_assert_int_eq(write(j->go[1], "x", 1), 1);
}

static void turn(struct job *j)
{
	ck_assert_int_gt(sd_event_run(j->event, UINT64_MAX), 0);
}

START_TEST(runs_on_a_thread_and_finishes_on_the_loop)
{
	struct job j;

	setup_job(&j);
	ck_assert(!worker_busy(j.worker));
	j.returns = -ENOSPC;
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), 0);
	ck_assert(worker_busy(j.worker));
	ck_assert_int_eq(sd_event_run(j.event, 0), 0);
	ck_assert_uint_eq(j.finished, 0);
	let_go(&j);
	turn(&j);
	ck_assert_uint_eq(j.ran, 1);
	ck_assert_uint_eq(j.finished, 1);
	ck_assert_int_eq(j.result, -ENOSPC);
	ck_assert(!j.busy_in_finished);
	ck_assert(!worker_busy(j.worker));
	ck_assert(!pthread_equal(j.thread, pthread_self()));
	/* Signals are for the loop. */
	ck_assert_int_eq(sigismember(&j.mask, SIGTERM), 1);
	ck_assert_int_eq(sigismember(&j.mask, SIGCHLD), 1);
	ck_assert_int_eq(sd_event_run(j.event, 0), 0);
	done_job(&j);
}
END_TEST

START_TEST(leaves_the_signals_of_the_caller_alone)
{
	sigset_t before, after;
	struct job j;

	setup_job(&j);
	sigprocmask(SIG_SETMASK, NULL, &before);
	let_go(&j);
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), 0);
	sigprocmask(SIG_SETMASK, NULL, &after);
	ck_assert_int_eq(sigismember(&before, SIGTERM), sigismember(&after, SIGTERM));
	ck_assert_int_eq(sigismember(&after, SIGTERM), 0);
	turn(&j);
	done_job(&j);
}
END_TEST

START_TEST(takes_one_job_at_a_time)
{
	struct job j;

	setup_job(&j);
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), 0);
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), -EBUSY);
	let_go(&j);
	turn(&j);
	ck_assert_uint_eq(j.ran, 1);
	ck_assert_uint_eq(j.finished, 1);
	done_job(&j);
}
END_TEST

START_TEST(may_run_again_from_finished)
{
	struct job j;

	setup_job(&j);
	j.again = 50;
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), 0);
	for (unsigned i = 1; i <= 51; i++) {
		let_go(&j);
		turn(&j);
		ck_assert_uint_eq(j.ran, i);
		ck_assert_uint_eq(j.finished, i);
	}
	ck_assert(!worker_busy(j.worker));
	done_job(&j);
}
END_TEST

START_TEST(free_waits_and_does_not_finish)
{
	struct job j;

	setup_job(&j);
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), 0);
	let_go(&j);
	j.worker = worker_free(j.worker);
	ck_assert_ptr_null(j.worker);
	ck_assert_uint_eq(j.ran, 1);
	ck_assert_int_eq(sd_event_run(j.event, 0), 0);
	ck_assert_uint_eq(j.finished, 0);
	done_job(&j);
}
END_TEST

START_TEST(says_when_there_is_no_thread)
{
	struct job j;

	setup_job(&j);
	no_threads = true;
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), -EAGAIN);
	no_threads = false;
	ck_assert(!worker_busy(j.worker));
	let_go(&j);
	ck_assert_int_eq(worker_run(j.worker, run, on_finished, &j), 0);
	turn(&j);
	ck_assert_uint_eq(j.finished, 1);
	done_job(&j);
}
END_TEST

START_TEST(free_takes_null)
{
	ck_assert_ptr_null(worker_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("worker");
	TCase *c = tcase_create("worker");

	tcase_add_test(c, runs_on_a_thread_and_finishes_on_the_loop);
	tcase_add_test(c, leaves_the_signals_of_the_caller_alone);
	tcase_add_test(c, takes_one_job_at_a_time);
	tcase_add_test(c, may_run_again_from_finished);
	tcase_add_test(c, free_waits_and_does_not_finish);
	tcase_add_test(c, says_when_there_is_no_thread);
	tcase_add_test(c, free_takes_null);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
