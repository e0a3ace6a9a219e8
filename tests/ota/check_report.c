/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/report.h"

#include "fake/jobs.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static sd_event *event;
static struct jobs *jobs;
static struct report *report;
static unsigned results, doubts;
static struct record_result last;
static char last_code[JOBS_MAX_CODE + 1];

static void on_result(void *userdata, const struct record_result *result, const char *code)
{
	ck_assert_ptr_eq(userdata, &results);
	last = *result;
	(void)snprintf(last_code, sizeof(last_code), "%s", code ? code : "taken");
	results++;
}

static void on_doubt(void *userdata)
{
	ck_assert_ptr_eq(userdata, &results);
	doubts++;
}

static void setup(void)
{
	static const struct jobs_events none;
	const struct report_events events = { .on_result = on_result, .on_doubt = on_doubt, .userdata = &results };

	results = doubts = 0;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(jobs_new(&jobs, event, "thing", &none), 0);
	ck_assert_int_eq(report_new(&report, event, jobs, &events), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(report_free(report));
	ck_assert_ptr_null(report_free(NULL));
	jobs_free(jobs);
	sd_event_unref(event);
}

static void connect(void)
{
	jobs_up(jobs);
	report_up(report);
}

static void disconnect(void)
{
	jobs_down(jobs);
	report_down(report);
}

static void add(const char *id, int64_t number, enum jobs_status status)
{
	struct record_result result = { .number = number, .status = status };

	(void)snprintf(result.id, sizeof(result.id), "%s", id);
	(void)snprintf(result.reason, sizeof(result.reason), "reason of %s", id);
	report_add(report, &result);
}

static size_t waiting(void)
{
	size_t n;

	(void)report_results(report, &n);
	return n;
}

static void begin(const char *id, int64_t number)
{
	report_begin(report, id, number, 100);
	report_tell(report, 5);
}

static void answer(const char *code)
{
	char id[JOBS_MAX_ID + 1];

	ck_assert(fake_jobs()->updating);
	fake_jobs()->updating = false;
	memcpy(id, fake_jobs()->id, sizeof(id));
	report_updated(report, id, code);
}

static void expect_update(const char *id, int64_t number, enum jobs_status status, const char *key, const char *value)
{
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_str_eq(fake_jobs()->id, id);
	ck_assert_int_eq(fake_jobs()->number, number);
	ck_assert_int_eq(fake_jobs()->status, status);
	ck_assert_str_eq(fake_jobs()->key, key);
	ck_assert_str_eq(fake_jobs()->value, value);
	fake_jobs_forget();
}

static void pass_silently(uint64_t ms)
{
	fake_timer_pass(ms);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
}

START_TEST(results_wait_for_the_connection)
{
	add("a", 1, JOBS_SUCCEEDED);
	add("b", 7, JOBS_REJECTED);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	connect();
	expect_update("a", 1, JOBS_SUCCEEDED, "reason", "reason of a");
	answer(NULL);
	ck_assert_uint_eq(results, 1);
	ck_assert_str_eq(last.id, "a");
	ck_assert_str_eq(last_code, "taken");
	expect_update("b", 7, JOBS_REJECTED, "reason", "reason of b");
	answer("InvalidStateTransition");
	ck_assert_uint_eq(results, 2);
	ck_assert_str_eq(last_code, "InvalidStateTransition");
	ck_assert_uint_eq(waiting(), 0);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
}
END_TEST

START_TEST(a_result_is_told_until_it_is_taken)
{
	static const char *const codes[] = { "", "InternalError", "RequestThrottled", "ServiceUnavailable" };

	connect();
	add("a", 1, JOBS_FAILED);
	for (size_t i = 0; i < ELEMENTS(codes); i++) {
		expect_update("a", 1, JOBS_FAILED, "reason", "reason of a");
		answer(codes[i]);
		ck_assert_uint_eq(results, 0);
		ck_assert_uint_eq(waiting(), 1);
		pass_silently(((uint64_t)REPORT_RETRY_MS << i) - 1);
		fake_timer_pass(1);
	}
	expect_update("a", 1, JOBS_FAILED, "reason", "reason of a");

	/* The connection is lost with the answer. */
	disconnect();
	pass_silently(REPORT_RETRY_MS);
	connect();
	expect_update("a", 1, JOBS_FAILED, "reason", "reason of a");
	answer(NULL);
	ck_assert_uint_eq(results, 1);
	pass_silently(REPORT_RETRY_MS);
}
END_TEST

START_TEST(what_cannot_be_sent_is_sent_later)
{
	connect();
	fake_jobs()->result = -ENOMEM;
	add("a", 1, JOBS_FAILED);
	fake_jobs()->result = 0;
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	fake_timer_pass(REPORT_RETRY_MS);
	expect_update("a", 1, JOBS_FAILED, "reason", "reason of a");
}
END_TEST

START_TEST(too_many_results)
{
	char id[8], expected[8];

	for (unsigned i = 0; i <= RECORD_MAX_RESULTS; i++) {
		(void)snprintf(id, sizeof(id), "%u", i);
		add(id, 1, JOBS_FAILED);
	}
	ck_assert_uint_eq(waiting(), RECORD_MAX_RESULTS);
	connect();
	for (unsigned i = 1; i <= RECORD_MAX_RESULTS; i++) {
		(void)snprintf(expected, sizeof(expected), "%u", i);
		ck_assert_str_eq(fake_jobs()->id, expected);
		answer(NULL);
	}
	ck_assert_uint_eq(waiting(), 0);
}
END_TEST

START_TEST(too_many_results_while_one_is_told)
{
	connect();
	for (unsigned i = 0; i <= RECORD_MAX_RESULTS; i++) {
		char id[8];

		(void)snprintf(id, sizeof(id), "%u", i);
		add(id, 1, JOBS_FAILED);
	}
	ck_assert_str_eq(fake_jobs()->id, "0");

	/* Its answer is not taken for that of the next one. */
	answer(NULL);
	ck_assert_uint_eq(results, 0);
	ck_assert_uint_eq(waiting(), RECORD_MAX_RESULTS);
	ck_assert_str_eq(fake_jobs()->id, "1");
}
END_TEST

START_TEST(what_is_over)
{
	bool told;

	connect();
	add("a", 2, JOBS_FAILED);
	ck_assert(report_is_over(report, "a", 2, &told));
	ck_assert(!told);
	ck_assert(report_is_over(report, "a", 0, &told));
	ck_assert(!report_is_over(report, "a", 3, &told));
	ck_assert(!report_is_over(report, "b", 2, &told));
	answer(NULL);
	ck_assert(report_is_over(report, "a", 2, &told));
	ck_assert(told);
	fake_timer_pass(REPORT_MEMORY_MS - 1);
	ck_assert(report_is_over(report, "a", 2, &told));
	fake_timer_pass(1);
	ck_assert(!report_is_over(report, "a", 2, &told));
}
END_TEST

START_TEST(the_job_in_hand)
{
	connect();
	begin("a", 3);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
	ck_assert_uint_eq(fake_jobs()->progress, 0);
	ck_assert_int_eq(fake_jobs()->version, 5);

	/* Not before the cloud knows that it is in progress; then at a bounded rate. */
	report_progress(report, 1);
	pass_silently(REPORT_PROGRESS_MS);
	answer(NULL);
	for (unsigned i = 2; i <= 50; i++)
		report_progress(report, i);
	pass_silently(REPORT_PROGRESS_MS - 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(fake_jobs()->progress, 1);
	ck_assert_int_eq(fake_jobs()->version, 0);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "50/100");
	pass_silently(10 * REPORT_PROGRESS_MS);

	/* A piece that is lost again is no progress, but what is there counts. */
	report_progress(report, 49);
	fake_timer_pass(REPORT_PROGRESS_MS);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "49/100");

	/* It waits while something else is told. */
	add("b", 1, JOBS_REJECTED);
	expect_update("b", 1, JOBS_REJECTED, "reason", "reason of b");
	report_progress(report, 51);
	pass_silently(REPORT_PROGRESS_MS);
	answer(NULL);
	fake_timer_pass(REPORT_PROGRESS_MS);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "51/100");

	report_progress(report, 52);
	report_end(report);
	pass_silently(REPORT_PROGRESS_MS);
}
END_TEST

START_TEST(the_job_in_hand_is_told_until_it_is_known)
{
	begin("a", 3);
	connect();
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
	answer("");
	fake_timer_pass(REPORT_RETRY_MS);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
	disconnect();
	connect();
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
	ck_assert_uint_eq(doubts, 0);
	answer("ResourceNotFound");
	ck_assert_uint_eq(doubts, 1);
	ck_assert_uint_eq(fake_jobs()->updates, 0);

	report_tell(report, 9);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	fake_timer_pass(REPORT_RETRY_MS);
	ck_assert_int_eq(fake_jobs()->version, 9);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
	answer(NULL);
	disconnect();
	connect();
	ck_assert_uint_eq(fake_jobs()->updates, 0);
}
END_TEST

/* The owner asks for the job, finds it queued, and wants it told again. */
START_TEST(a_beginning_that_is_refused_again_and_again)
{
	uint64_t pause = REPORT_RETRY_MS;

	connect();
	begin("a", 3);
	for (unsigned i = 0; i < 10; i++) {
		expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
		answer("InvalidRequest");
		report_tell(report, 5);
		pass_silently(pause - 1);
		fake_timer_pass(1);
		if (pause < REPORT_RETRY_MS << REPORT_RETRY_MAX)
			pause *= 2;
	}
	answer("InvalidRequest");
	fake_jobs_forget();

	/* Neither a result nor the next job has to wait for that. */
	report_tell(report, 5);
	add("b", 1, JOBS_REJECTED);
	expect_update("b", 1, JOBS_REJECTED, "reason", "reason of b");
	answer(NULL);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	report_end(report);
	begin("c", 1);
	expect_update("c", 1, JOBS_IN_PROGRESS, "receive", "0/100");
	answer("InvalidRequest");
	report_tell(report, 5);
	fake_timer_pass(REPORT_RETRY_MS);
	expect_update("c", 1, JOBS_IN_PROGRESS, "receive", "0/100");
}
END_TEST

START_TEST(a_service_that_never_answers)
{
	uint64_t pause = REPORT_RETRY_MS;

	connect();
	add("a", 1, JOBS_FAILED);
	for (unsigned i = 0; i < 10; i++) {
		expect_update("a", 1, JOBS_FAILED, "reason", "reason of a");
		answer("");
		pass_silently(pause - 1);
		fake_timer_pass(1);
		if (pause < REPORT_RETRY_MS << REPORT_RETRY_MAX)
			pause *= 2;
	}
	disconnect();
	fake_jobs_forget();
	connect();
	answer("");
	fake_jobs_forget();
	fake_timer_pass(REPORT_RETRY_MS);
	ck_assert_uint_eq(fake_jobs()->updates, 1);
}
END_TEST

START_TEST(after_a_restart_the_cloud_knows)
{
	report_begin(report, "a", 3, 100);
	connect();
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	report_progress(report, 20);
	fake_timer_pass(REPORT_PROGRESS_MS);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "20/100");
}
END_TEST

/* All of it is there before the cloud knows that it has begun. */
START_TEST(progress_before_it_is_known)
{
	connect();
	begin("a", 3);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "0/100");
	report_progress(report, 100);
	pass_silently(REPORT_PROGRESS_MS);
	answer(NULL);
	fake_timer_pass(REPORT_PROGRESS_MS);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "100/100");
}
END_TEST

/* And what the last connection has not been told, the next one is. */
START_TEST(progress_over_a_loss)
{
	connect();
	begin("a", 3);
	answer(NULL);
	fake_jobs_forget();
	report_progress(report, 100);
	disconnect();
	pass_silently(REPORT_PROGRESS_MS);
	connect();
	fake_timer_pass(REPORT_PROGRESS_MS);
	expect_update("a", 3, JOBS_IN_PROGRESS, "receive", "100/100");
}
END_TEST

START_TEST(an_answer_for_a_job_of_before)
{
	connect();
	begin("a", 1);
	report_end(report);
	begin("a", 2);
	expect_update("a", 1, JOBS_IN_PROGRESS, "receive", "0/100");
	answer("TerminalStateReached");
	ck_assert_uint_eq(doubts, 0);
	expect_update("a", 2, JOBS_IN_PROGRESS, "receive", "0/100");
}
END_TEST

/* The result of a job ends what is told of it in progress. */
START_TEST(results_go_first)
{
	begin("a", 1);
	add("b", 1, JOBS_FAILED);
	connect();
	expect_update("b", 1, JOBS_FAILED, "reason", "reason of b");
	answer(NULL);
	expect_update("a", 1, JOBS_IN_PROGRESS, "receive", "0/100");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *tc = tcase_create("report");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, results_wait_for_the_connection);
	tcase_add_test(tc, a_result_is_told_until_it_is_taken);
	tcase_add_test(tc, what_cannot_be_sent_is_sent_later);
	tcase_add_test(tc, too_many_results);
	tcase_add_test(tc, too_many_results_while_one_is_told);
	tcase_add_test(tc, what_is_over);
	tcase_add_test(tc, the_job_in_hand);
	tcase_add_test(tc, the_job_in_hand_is_told_until_it_is_known);
	tcase_add_test(tc, a_beginning_that_is_refused_again_and_again);
	tcase_add_test(tc, a_service_that_never_answers);
	tcase_add_test(tc, after_a_restart_the_cloud_knows);
	tcase_add_test(tc, progress_before_it_is_known);
	tcase_add_test(tc, progress_over_a_loss);
	tcase_add_test(tc, an_answer_for_a_job_of_before);
	tcase_add_test(tc, results_go_first);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
