/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/survey.h"

#include "fake/jobs.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static sd_event *event;
static struct jobs *jobs;
static struct survey *survey;
static unsigned gone, seen, offered;
static char last[JOBS_MAX_ID + 1];
static bool ready; /* what on_job() answers */

static void on_gone(void *userdata)
{
	(void)userdata;
	gone++;
}

static void on_seen(void *userdata, const struct jobs_execution *e)
{
	(void)userdata;
	(void)snprintf(last, sizeof(last), "%s", e->id);
	seen++;
}

static bool on_job(void *userdata, const struct jobs_execution *e)
{
	(void)userdata;
	(void)snprintf(last, sizeof(last), "%s", e->id);
	offered++;
	return ready;
}

/* What the jobs tell is handed on. */
static void on_next(void *userdata, const struct jobs_execution *next)
{
	(void)userdata;
	survey_next(survey, next);
}

static void on_described(void *userdata, const struct jobs_execution *e, const char *code)
{
	(void)userdata;
	survey_described(survey, e, code);
}

static void on_pending(void *userdata, const struct jobs_execution *all, size_t n)
{
	(void)userdata;
	survey_pending(survey, all, n);
}

static void setup(void)
{
	const struct jobs_events told = { .on_next = on_next, .on_described = on_described, .on_pending = on_pending };
	const struct survey_events events = { .on_gone = on_gone, .on_seen = on_seen, .on_job = on_job };

	gone = seen = offered = 0;
	ready = true;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(jobs_new(&jobs, event, "thing", &told), 0);
	ck_assert_int_eq(survey_new(&survey, event, jobs, &events), 0);
	jobs_up(jobs);
	survey_up(survey);
}

static void teardown(void)
{
	ck_assert_ptr_null(survey_free(survey));
	ck_assert_ptr_null(survey_free(NULL));
	jobs_free(jobs);
	sd_event_unref(event);
}

static void hold(const char *id, int64_t number)
{
	survey_hold(survey, id, number);
	fake_jobs_forget();
}

#define expect_asked(what, n) ck_assert_uint_eq(fake_jobs()->what, n)

START_TEST(nothing_in_hand)
{
	fake_jobs_next(NULL, 0, 0, NULL);
	ck_assert_uint_eq(offered, 0);
	fake_jobs_next("a", 1, JOBS_QUEUED, "{}");
	ck_assert_uint_eq(offered, 1);
	ck_assert_str_eq(last, "a");

	/* It is offered each time: the owner knows what is over. */
	fake_jobs_next("a", 1, JOBS_QUEUED, "{}");
	ck_assert_uint_eq(offered, 2);
	expect_asked(describes, 0);
	expect_asked(next, 0);
	survey_look(survey);
	expect_asked(next, 1);
}
END_TEST

START_TEST(a_list_while_nothing_is_in_hand)
{
	const struct fake_pending all[] = { { "a", 1 } };

	fake_jobs_pending(NULL, 0);
	expect_asked(next, 0);
	fake_jobs_pending(all, 1);
	expect_asked(next, 1);
}
END_TEST

/* What waits is looked at as it is beside a job, and nothing is taken for ours. */
START_TEST(what_is_in_hand_is_no_job)
{
	const struct fake_pending all[] = { { "a", 1 }, { "b", 1 } };

	survey_hold(survey, "", 0);
	expect_asked(pending, 1);
	fake_jobs_forget();
	fake_jobs_pending(all, 2);
	ck_assert_str_eq(fake_jobs()->described, "a");
	fake_jobs_described("a", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_str_eq(fake_jobs()->described, "b");
	fake_jobs_described("b", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(offered, 2);

	/* Once. */
	fake_jobs_pending(all, 2);
	fake_jobs_next("a", 1, JOBS_QUEUED, "{}");
	fake_jobs_pending(NULL, 0);
	expect_asked(describes, 2);
	ck_assert_uint_eq(offered, 2);
	ck_assert_uint_eq(gone + seen, 0);

	/* Over a loss. */
	survey_down(survey);
	survey_up(survey);
	expect_asked(pending, 1);
	expect_asked(next, 0);
	survey_release(survey);
	survey_look(survey);
	expect_asked(next, 1);
}
END_TEST

START_TEST(the_job_in_hand_is_named)
{
	hold("a", 2);
	fake_jobs_next("a", 2, JOBS_IN_PROGRESS, "{}");
	fake_jobs_next("a", 0, JOBS_IN_PROGRESS, "{}");
	ck_assert_uint_eq(seen, 2);
	ck_assert_uint_eq(offered, 0);
	expect_asked(describes, 0);
}
END_TEST

/* Neither silence nor another name is the end of ours. */
START_TEST(another_job_or_none_is_named)
{
	hold("a", 2);
	fake_jobs_next(NULL, 0, 0, NULL);
	expect_asked(describes, 1);
	ck_assert_str_eq(fake_jobs()->described, "a");
	ck_assert_uint_eq(gone, 0);
	fake_jobs_described("a", 2, JOBS_IN_PROGRESS, "{}", NULL);
	ck_assert_uint_eq(gone, 0);
	ck_assert_uint_eq(seen, 1);

	fake_jobs_next("b", 1, JOBS_QUEUED, "{}");
	expect_asked(describes, 2);
	ck_assert_uint_eq(offered, 1);
	fake_jobs_described("a", 2, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(gone, 0);

	/* b was looked at. */
	fake_jobs_next("b", 1, JOBS_QUEUED, "{}");
	ck_assert_uint_eq(offered, 1);
}
END_TEST

static const struct {
	int64_t number;
	enum jobs_status status;
	const char *code;
	bool gone;
} answers[] = {
	{ 2, JOBS_QUEUED, NULL, false },
	{ 0, JOBS_IN_PROGRESS, NULL, false },
	{ 2, JOBS_IN_PROGRESS, NULL, false },
	{ 3, JOBS_QUEUED, NULL, true },
	{ 2, JOBS_GONE, NULL, true },
	{ 2, JOBS_SUCCEEDED, NULL, true },
	{ 2, JOBS_FAILED, NULL, true },
	{ 2, JOBS_REJECTED, NULL, true },
	{ 0, JOBS_QUEUED, "ResourceNotFound", true },
	{ 0, JOBS_QUEUED, "TerminalStateReached", true },
	{ 0, JOBS_QUEUED, "", false },
	{ 0, JOBS_QUEUED, "RequestThrottled", false },
	{ 0, JOBS_QUEUED, "InternalError", false },
	{ 0, JOBS_QUEUED, "InvalidRequest", false },
};

START_TEST(what_the_cloud_says_of_ours)
{
	hold("a", 2);
	survey_doubt(survey);
	fake_jobs_described("a", answers[_i].number, answers[_i].status, NULL, answers[_i].code);
	ck_assert_uint_eq(gone, answers[_i].gone);
	ck_assert_uint_eq(seen, !answers[_i].gone && !answers[_i].code);
	expect_asked(describes, 1);
	fake_timer_pass(SURVEY_RETRY_MS);

	/* It is asked again as long as there is no answer. */
	expect_asked(describes, answers[_i].code && !answers[_i].gone ? 2 : 1);
}
END_TEST

START_TEST(doubts_do_not_pile_up)
{
	hold("a", 1);
	for (unsigned i = 0; i < 5; i++)
		survey_doubt(survey);
	expect_asked(describes, 1);
	fake_jobs_described("a", 1, JOBS_IN_PROGRESS, NULL, NULL);
	expect_asked(describes, 2);
	fake_jobs_described("a", 1, JOBS_IN_PROGRESS, NULL, NULL);
	expect_asked(describes, 2);
}
END_TEST

START_TEST(jobs_behind_ours)
{
	const struct fake_pending all[] = { { "a", 1 }, { "b", 1 }, { "c", 4 } };

	survey_hold(survey, "a", 1);
	expect_asked(pending, 1);
	fake_jobs_pending(all, 3);
	ck_assert_str_eq(fake_jobs()->described, "b");
	fake_jobs_described("b", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(offered, 1);
	ck_assert_str_eq(last, "b");
	ck_assert_str_eq(fake_jobs()->described, "c");
	fake_jobs_described("c", 0, JOBS_QUEUED, NULL, "ResourceNotFound");
	ck_assert_uint_eq(offered, 1);
	ck_assert_uint_eq(gone, 0);

	/* b need not be looked at again; c does. */
	fake_jobs_pending(all, 3);
	ck_assert_str_eq(fake_jobs()->described, "c");
	fake_jobs_described("c", 4, JOBS_GONE, "{}", NULL);
	ck_assert_uint_eq(offered, 1);

	/* But when ours is not there any more. */
	survey_release(survey);
	hold("x", 1);
	fake_jobs_pending(&all[1], 1);
	expect_asked(describes, 1);
	ck_assert_str_eq(fake_jobs()->described, "x");
	fake_jobs_described("x", 1, JOBS_IN_PROGRESS, NULL, NULL);
	ck_assert_str_eq(fake_jobs()->described, "b");
}
END_TEST

START_TEST(ours_comes_before_those_behind)
{
	const struct fake_pending all[] = { { "b", 1 }, { "c", 1 } };

	hold("a", 1);
	fake_jobs_pending(all, 2);
	ck_assert_str_eq(fake_jobs()->described, "a");
	fake_jobs_described("a", 1, JOBS_IN_PROGRESS, NULL, NULL);
	ck_assert_str_eq(fake_jobs()->described, "b");
	survey_doubt(survey);
	fake_jobs_described("b", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_str_eq(fake_jobs()->described, "a");
}
END_TEST

/* A list that may have been cut says nothing of what it does not name. */
START_TEST(a_full_list)
{
	struct fake_pending all[JOBS_MAX_PENDING];
	char names[JOBS_MAX_PENDING][8];

	for (size_t i = 0; i < ELEMENTS(all); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "j%zu", i);
		all[i] = (struct fake_pending){ names[i], 1 };
	}
	hold("a", 1);
	for (unsigned again = 0; again < 2; again++) {
		fake_jobs_pending(all, ELEMENTS(all));
		for (size_t i = 0; i < ELEMENTS(all) && again == 0; i++) {
			ck_assert_str_eq(fake_jobs()->described, names[i]);
			fake_jobs_described(names[i], 1, JOBS_QUEUED, "{}", NULL);
		}
	}
	expect_asked(describes, JOBS_MAX_PENDING);
	ck_assert_uint_eq(offered, JOBS_MAX_PENDING);
	ck_assert(!fake_jobs()->describing);
}
END_TEST

START_TEST(not_now)
{
	const struct fake_pending all[] = { { "a", 1 }, { "b", 1 } };

	hold("a", 1);
	ready = false;
	fake_jobs_pending(all, 2);
	fake_jobs_described("b", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(offered, 1);
	ready = true;
	survey_look(survey);
	expect_asked(pending, 1);
	fake_jobs_pending(all, 2);
	fake_jobs_described("b", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(offered, 2);
}
END_TEST

START_TEST(without_a_connection)
{
	const struct fake_pending all[] = { { "a", 1 }, { "b", 1 } };

	hold("a", 1);
	fake_jobs_pending(all, 2);
	survey_doubt(survey);
	jobs_down(jobs);
	survey_down(survey);
	fake_jobs_forget();
	survey_doubt(survey);
	survey_look(survey);
	survey_look_later(survey, 5);
	fake_timer_pass(SURVEY_RETRY_MS);
	expect_asked(describes, 0);
	expect_asked(pending, 0);

	/* Then all is asked anew. */
	jobs_up(jobs);
	survey_up(survey);
	expect_asked(pending, 1);
	expect_asked(describes, 0);
	fake_jobs_pending(all, 2);
	ck_assert_str_eq(fake_jobs()->described, "b");

	/* The next job is asked for by CONNECT itself. */
	survey_release(survey);
	jobs_down(jobs);
	survey_down(survey);
	fake_jobs_forget();
	jobs_up(jobs);
	survey_up(survey);
	expect_asked(pending, 0);
	expect_asked(next, 0);
}
END_TEST

START_TEST(questions_that_cannot_be_sent)
{
	hold("a", 1);
	fake_jobs()->result = -ENOMEM;
	survey_doubt(survey);
	survey_look(survey);
	expect_asked(describes, 0);
	fake_jobs()->result = 0;
	fake_timer_pass(SURVEY_RETRY_MS);
	expect_asked(describes, 1);
	expect_asked(pending, 1);

	survey_release(survey);
	fake_jobs_forget();
	fake_jobs()->result = -ENOMEM;
	survey_look(survey);
	fake_jobs()->result = 0;
	fake_timer_pass(SURVEY_RETRY_MS);
	expect_asked(next, 1);
}
END_TEST

START_TEST(later)
{
	survey_look_later(survey, 100);
	fake_timer_pass(99);
	expect_asked(next, 0);
	fake_timer_pass(1);
	expect_asked(next, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("survey");
	TCase *tc = tcase_create("survey");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing_in_hand);
	tcase_add_test(tc, a_list_while_nothing_is_in_hand);
	tcase_add_test(tc, what_is_in_hand_is_no_job);
	tcase_add_test(tc, the_job_in_hand_is_named);
	tcase_add_test(tc, another_job_or_none_is_named);
	tcase_add_loop_test(tc, what_the_cloud_says_of_ours, 0, ELEMENTS(answers));
	tcase_add_test(tc, doubts_do_not_pile_up);
	tcase_add_test(tc, jobs_behind_ours);
	tcase_add_test(tc, ours_comes_before_those_behind);
	tcase_add_test(tc, a_full_list);
	tcase_add_test(tc, not_now);
	tcase_add_test(tc, without_a_connection);
	tcase_add_test(tc, questions_that_cannot_be_sent);
	tcase_add_test(tc, later);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
