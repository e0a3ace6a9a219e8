/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/jobs.c and a service that does not answer, or is busy; connections that end; and questions from within. */
#include "cloud/jobs.h"

#include "fake/suite.h"
#include "fake/errands.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct errands errands;

static void setup(void)
{
	errands_make(&errands);
}

static void teardown(void)
{
	errands_done(&errands);
}

/* --- silence --- */

/* A plain broker never answers; a service may have lost one answer. */
START_TEST(first_answer_missing)
{
	jobs_up(errands.jobs);
	fake_timer_pass(JOBS_ANSWER_MS - 1);
	ck_assert_uint_eq(errands.sent.count, 0);
	fake_timer_pass(1);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "$next/get", 1);
	fake_timer_pass(10 * JOBS_ANSWER_MS);
	ck_assert_uint_eq(errands.sent.count, 2);
	errands_assert_told(&errands, "");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);

	/* Too late, but the truth is announced. */
	errands_message(&errands, "$next/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	errands_message(&errands, "notify-next", "{" ERRANDS_EXECUTION "}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");
}
END_TEST

START_TEST(answer_to_the_second_try)
{
	jobs_up(errands.jobs);
	fake_timer_pass(JOBS_ANSWER_MS);
	errands_message(&errands, "$next/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");
	fake_timer_pass(10 * JOBS_ANSWER_MS);
	ck_assert_uint_eq(errands.sent.count, 1);
}
END_TEST

START_TEST(description_missing)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	fake_timer_pass(3 * JOBS_ANSWER_MS - 1);
	errands_assert_told(&errands, "");
	errands_assert_sent(&errands, 3, ERRANDS_TOPICS "j-1/get", 1);
	fake_timer_pass(1);
	errands_assert_told(&errands, "described j-1: '';");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-2"), 0);
}
END_TEST

/* It may have been heard: repeated it would be refused. */
START_TEST(update_missing)
{
	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "x", false), 0);
	fake_timer_pass(JOBS_ANSWER_MS - 1);
	errands_assert_told(&errands, "");
	fake_timer_pass(1);
	errands_assert_told(&errands, "updated j-1: '';");
	ck_assert_uint_eq(errands.sent.count, 1);
	errands_message(&errands, "j-1/update/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "x", false), 0);
}
END_TEST

START_TEST(each_in_its_time)
{
	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "x", false), 0);
	fake_timer_pass(4000);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-2"), 0);
	fake_timer_pass(5999);
	errands_assert_told(&errands, "");
	fake_timer_pass(1);
	errands_assert_told(&errands, "updated j-1: '';");
	ck_assert_uint_eq(errands.sent.count, 2);
	fake_timer_pass(4000);
	errands_assert_sent(&errands, 3, ERRANDS_TOPICS "j-2/get", 1);
	errands_assert_told(&errands, "");
}
END_TEST

/* --- a service that is busy --- */

START_TEST(busy)
{
	unsigned count = 1;

	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "x", false), 0);
	for (uint64_t pause = 2000; pause <= 16000; pause *= 2) {
		errands_message(&errands, "j-1/update/rejected",
				"{\"code\":\"RequestThrottled\",\"clientToken\":\"@\"}");
		errands_assert_told(&errands, "");
		ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "x", false), -EBUSY);
		ck_assert_uint_eq(errands.sent.count, count);
		ck_assert_uint_ge(fake_timer_next(), pause);
		ck_assert_uint_lt(fake_timer_next(), pause + pause / 2);
		fake_timer_pass(fake_timer_next());
		errands_assert_sent(&errands, ++count, ERRANDS_TOPICS "j-1/update", 1);
		ck_assert_ptr_nonnull(strstr(errands.sent.payload, "SUCCEEDED"));
	}
	errands_message(&errands, "j-1/update/rejected", "{\"code\":\"RequestThrottled\",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "updated j-1: RequestThrottled;");
	fake_timer_pass(100000);
	ck_assert_uint_eq(errands.sent.count, count);
}
END_TEST

START_TEST(busy_for_a_while)
{
	jobs_up(errands.jobs);
	errands_message(&errands, "$next/get/rejected",
			"{\"code\":\"InternalError\",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	fake_timer_pass(3000);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "$next/get", 1);
	errands_message(&errands, "$next/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* After a failure of the network a whole fleet asks at once, and nobody would ask a second time. */
START_TEST(busy_for_long)
{
	const char *topic = _i ? "get" : "$next/get";
	char answer[32], request[64];

	(void)snprintf(answer, sizeof(answer), "%s/rejected", topic);
	(void)snprintf(request, sizeof(request), ERRANDS_TOPICS "%s", topic);
	errands_up(&errands);
	ck_assert_int_eq(_i ? jobs_ask_pending(errands.jobs) : jobs_ask_next(errands.jobs), 0);
	for (unsigned i = 1; i <= 20; i++) {
		errands_assert_sent(&errands, i, request, 1);
		errands_message(&errands, answer, "{\"code\":\"RequestThrottled\"}");
		errands_assert_told(&errands, "");
		ck_assert_msg(fake_timer_next() < 48000, "%u", i);
		fake_timer_pass(fake_timer_next());
	}
	errands_message(&errands, answer, "{\"code\":\"InvalidRequest\"}");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* A refusal says nothing about jobs. */
START_TEST(next_refused)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	errands_message(&errands, "$next/get/rejected", "{\"code\":\"ResourceNotFound\",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_int_eq(jobs_ask_pending(errands.jobs), 0);
	errands_message(&errands, "get/rejected", "{\"code\":\"ResourceNotFound\",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* --- the connection --- */

START_TEST(not_connected)
{
	ck_assert_int_eq(jobs_ask_next(errands.jobs), -ENOTCONN);
	ck_assert_int_eq(jobs_ask_pending(errands.jobs), -ENOTCONN);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), -ENOTCONN);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), -ENOTCONN);
	errands_message(&errands, "notify-next", "{" ERRANDS_EXECUTION "}");
	errands_assert_told(&errands, "");
	ck_assert_uint_eq(errands.sent.count, 0);
}
END_TEST

START_TEST(lost)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_pending(errands.jobs), 0);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), 0);
	jobs_down(errands.jobs);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	errands.sent.count = 0;
	jobs_up(errands.jobs);
	errands_message(&errands, "j-1/update/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	errands_assert_told(&errands, "next none;");
	ck_assert_uint_eq(errands.sent.count, 0);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), 0);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-2"), 0);
}
END_TEST

START_TEST(not_sent)
{
	errands_up(&errands);
	errands.sent.result = -EBUSY;
	ck_assert_int_eq(jobs_ask_next(errands.jobs), -EBUSY);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), -EBUSY);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), -EBUSY);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_IN_PROGRESS, "x", true), -EBUSY);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	errands.sent.result = 0;
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), 0);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);

	/* Later, it counts as unheard. */
	errands.sent.result = -EBUSY;
	fake_timer_pass(3 * JOBS_ANSWER_MS);
	errands_assert_told(&errands, "updated j-1: '';described j-1: '';");
}
END_TEST

/* --- from within --- */

static void ask_all(void)
{
	errands.on_told = NULL;
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_IN_PROGRESS, "x", false), 0);
}

static void down(void)
{
	errands.on_told = NULL;
	jobs_down(errands.jobs);
}

START_TEST(asked_from_within)
{
	errands.on_told = ask_all;
	jobs_up(errands.jobs);
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	errands_assert_told(&errands, "next none;");
	ck_assert_uint_eq(errands.sent.count, 3);

	/* As if they had never been answered. */
	errands.on_told = ask_all;
	fake_timer_pass(JOBS_ANSWER_MS);
	errands_assert_told(&errands, "updated j-1: '';");
}
END_TEST

/* The question that was to be repeated is not, when the answer to the first was taken up by asking it anew. */
START_TEST(repeated_from_within)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	errands.on_told = ask_all;
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next none;");
	ck_assert_uint_eq(errands.sent.count, 4);
}
END_TEST

START_TEST(down_from_within)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	errands.on_told = down;
	if (_i == 0) {
		errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"}");
		errands_assert_told(&errands, "next none;");
	} else {
		fake_timer_pass(10 * JOBS_ANSWER_MS);
		errands_assert_told(&errands, "updated j-1: '';");
	}
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(errands.sent.count, _i == 0 ? 3 : 5);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jobs_silence");
	TCase *tc = tcase_create("jobs_silence");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, first_answer_missing);
	tcase_add_test(tc, answer_to_the_second_try);
	tcase_add_test(tc, description_missing);
	tcase_add_test(tc, update_missing);
	tcase_add_test(tc, each_in_its_time);
	tcase_add_test(tc, busy);
	tcase_add_test(tc, busy_for_a_while);
	tcase_add_loop_test(tc, busy_for_long, 0, 2);
	tcase_add_test(tc, next_refused);
	tcase_add_test(tc, not_connected);
	tcase_add_test(tc, lost);
	tcase_add_test(tc, not_sent);
	tcase_add_test(tc, asked_from_within);
	tcase_add_test(tc, repeated_from_within);
	tcase_add_loop_test(tc, down_from_within, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
