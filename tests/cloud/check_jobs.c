/* SPDX-License-Identifier: Apache-2.0 */
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

/* --- the next job execution --- */

START_TEST(first_answer)
{
	jobs_up(errands.jobs);
	ck_assert_uint_eq(errands.sent.count, 0); /* CONNECT has asked */
	errands_message(&errands, "$next/get/accepted",
			"{" ERRANDS_EXECUTION ",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");

	/* Once. */
	errands_message(&errands, "$next/get/accepted",
			"{" ERRANDS_EXECUTION ",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	errands_assert_told(&errands, "");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(next_asked)
{
	char first[64];

	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "$next/get", 1);
	(void)snprintf(first, sizeof(first), "%s", errands.sent.token);
	errands_message(&errands, "$next/get/accepted", "{\"timestamp\":1}"); /* somebody else's */
	errands_message(&errands, "$next/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"other\"}");
	errands_message(&errands, "$next/get/accepted",
			"{" ERRANDS_EXECUTION ",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	errands_message(&errands, "job/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_message(&errands, "$next/get", "{\"clientToken\":\"@\"}");
	errands_message(&errands, "$next/get/", "{\"clientToken\":\"@\"}");
	errands_message(&errands, "$next/get/other", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"," ERRANDS_EXECUTION "}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");

	/* The next question has another token. */
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_str_ne(first, errands.sent.token);
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next none;");
}
END_TEST

START_TEST(asked_again_meanwhile)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_uint_eq(errands.sent.count, 1);
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next none;");
	ck_assert_uint_eq(errands.sent.count, 2);
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next none;");
	ck_assert_uint_eq(errands.sent.count, 2);
}
END_TEST

/* Too much is under way just then. */
START_TEST(asked_again_but_not_sent)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	errands.sent.result = -EBUSY;
	errands_message(&errands, "$next/get/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next none;");
	errands.sent.result = 0;
	errands.sent.count = 0;
	fake_timer_pass(JOBS_ANSWER_MS);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "$next/get", 1);
	errands_message(&errands, "$next/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");
}
END_TEST

START_TEST(announced)
{
	errands_up(&errands);
	errands_message(&errands, "notify-next", "{\"timestamp\":1," ERRANDS_EXECUTION "}");
	errands_assert_told(&errands, "next j-1 0 #1 v1 {\"a\":1};");
	errands_message(&errands, "notify-next", "{\"timestamp\":1}");
	errands_assert_told(&errands, "next none;");
	errands_message(&errands, "notify-next", "{\"timestamp\":1,\"execution\":null}");
	errands_assert_told(&errands, "next none;");
	errands_message(&errands, "notify-next", "{\"timestamp\":1,\"execution\":{}}");
	errands_assert_told(&errands, "next none;");
}
END_TEST

static const char *const unreadable[] = {
	"",
	"{",
	"[]",
	"{\"execution\":{" ERRANDS_ONE "}} x",
	"{\"execution\":{\"jobId\":\"a\\u0000b\",\"status\":\"QUEUED\"}}",
	"{\"execution\":{\"jobId\":\"a/b\",\"status\":\"QUEUED\"}}",
	"{\"execution\":{\"jobId\":\"j-1\",\"status\":\"NEW\"}}",
	"{\"execution\":{\"jobId\":\"j-1\",\"thingName\":\"other\",\"status\":\"QUEUED\"}}",
	"{\"execution\":[]}",
	"{\"execution\":\"j-1\"}",
};

START_TEST(unreadable_ones)
{
	errands_up(&errands);
	errands_message(&errands, "notify-next", unreadable[_i]);
	errands_message(&errands, "notify", unreadable[_i]);
	errands_message(&errands, "get/accepted", unreadable[_i]);
	errands_message(&errands, "$next/get/accepted", unreadable[_i]);
	errands_message(&errands, "j-1/update/accepted", unreadable[_i]);
	errands_assert_told(&errands, "");
}
END_TEST

/* The job is there all the same. */
START_TEST(unreadable_document)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text), "{\"clientToken\":\"@\",\"execution\":{\"jobDocument\":");

	errands_up(&errands);
	memset(text + n, '[', 2000);
	memset(text + n + 2000, ']', 2000);
	memcpy(text + n + 4000, "," ERRANDS_ONE "}}", sizeof("," ERRANDS_ONE "}}"));
	errands_message(&errands, "notify-next", text);
	errands_assert_told(&errands, "next j-1 0 #1 v1 -;");
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	errands_message(&errands, "j-1/get/accepted", text);
	errands_assert_told(&errands, "described j-1 0 #1 v1 -;");
}
END_TEST

START_TEST(unreadable_answer)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_next(errands.jobs), 0);
	errands_message(&errands, "$next/get/accepted", "{\"execution\":{\"jobId\":\"j-1\"},\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);

	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	errands_message(&errands, "j-1/get/accepted", "{\"execution\":{\"jobId\":\"j-1\"},\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "described j-1: '';");
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	errands_message(&errands, "j-1/get/accepted",
			"{\"execution\":{\"jobId\":\"j-2\",\"status\":\"QUEUED\"},\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "described j-1: '';");
}
END_TEST

START_TEST(whose_topics)
{
	errands_up(&errands);
	ck_assert(!jobs_message(errands.jobs, "$aws/things/other/jobs/notify-next", "{}", 2));
	ck_assert(!jobs_message(errands.jobs, "$aws/things/thing2/jobs/notify-next", "{}", 2));
	ck_assert(!jobs_message(errands.jobs, "$aws/things/thing/streams/s/data/json", "{}", 2));
	ck_assert(!jobs_message(errands.jobs, "$aws/things/thing/jobs", "{}", 2));
	ck_assert(!jobs_message(errands.jobs, "data", "{}", 2));
	ck_assert(!jobs_message(errands.jobs, "", "{}", 2));
	errands_assert_told(&errands, "");
	ck_assert(jobs_message(errands.jobs, "$aws/things/thing/jobs/", "{}", 2));
	ck_assert(jobs_message(errands.jobs, "$aws/things/thing/jobs/some/thing/else/entirely", "{}", 2));
	errands_assert_told(&errands, "");
}
END_TEST

START_TEST(large_message)
{
	static char text[PAYLOAD_MAX + 1];

	errands_up(&errands);
	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	ck_assert(jobs_message(errands.jobs, ERRANDS_TOPICS "notify-next", text, PAYLOAD_MAX + 1));
	errands_assert_told(&errands, "");
	ck_assert(jobs_message(errands.jobs, ERRANDS_TOPICS "notify-next", text, PAYLOAD_MAX));
	errands_assert_told(&errands, "next none;");
}
END_TEST

/* --- the list --- */

START_TEST(pending_asked)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_ask_pending(errands.jobs), 0);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "get", 1);
	errands_message(&errands, "get/accepted", "{\"queuedJobs\":[{\"jobId\":\"j-0\"}]}");
	errands_message(&errands, "get/accepted", "{\"clientToken\":\"other\",\"queuedJobs\":[{\"jobId\":\"j-0\"}]}");
	errands_assert_told(&errands, "");
	errands_message(&errands, "get/accepted",
			"{\"inProgressJobs\":[{\"jobId\":\"j-2\",\"queuedAt\":2}],"
			"\"queuedJobs\":[{\"jobId\":\"j-3\",\"queuedAt\":3},{\"jobId\":\"j-1\",\"queuedAt\":1}],"
			"\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "pending j-1/0 j-2/1 j-3/0;");
	ck_assert_int_eq(jobs_ask_pending(errands.jobs), 0);
	errands_message(&errands, "get/accepted", "{\"inProgressJobs\":[],\"queuedJobs\":null,\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "pending;");
}
END_TEST

START_TEST(pending_announced)
{
	errands_up(&errands);
	errands_message(&errands, "notify", "{\"timestamp\":1,\"jobs\":{}}");
	errands_assert_told(&errands, "pending;");
	errands_message(&errands, "notify",
			"{\"jobs\":{\"QUEUED\":[{\"jobId\":\"j-2\",\"queuedAt\":2}],"
			"\"IN_PROGRESS\":[{\"jobId\":\"j-1\",\"queuedAt\":1}]}}");
	errands_assert_told(&errands, "pending j-1/1 j-2/0;");
	errands_message(&errands, "notify", "{\"timestamp\":1}");
	errands_message(&errands, "notify", "{\"jobs\":[]}");
	errands_assert_told(&errands, "");
}
END_TEST

/* --- one execution --- */

START_TEST(described)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "j-1/get", 1);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-2"), -EBUSY);
	errands_message(&errands, "j-2/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_message(&errands, "$next/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	errands_message(&errands, "j-1/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "described j-1 0 #1 v1 {\"a\":1};");
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-2"), 0);
	errands_message(&errands, "j-2/get/rejected",
			"{\"code\":\"ResourceNotFound\",\"message\":\"none\",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "described j-2: 'ResourceNotFound';");

	ck_assert_int_eq(jobs_describe(errands.jobs, ""), -EINVAL);
	ck_assert_int_eq(jobs_describe(errands.jobs, "$next"), -EINVAL);
	ck_assert_int_eq(jobs_describe(errands.jobs, "a/b"), -EINVAL);
	ck_assert_uint_eq(errands.sent.count, 2);
}
END_TEST

START_TEST(described_twice)
{
	errands_up(&errands);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	ck_assert_int_eq(jobs_describe(errands.jobs, "j-1"), 0);
	errands_message(&errands, "j-1/get/rejected", "{\"code\":\"ResourceNotFound\",\"clientToken\":\"@\"}");
	ck_assert_uint_eq(errands.sent.count, 2);
	errands_message(&errands, "j-1/get/accepted", "{" ERRANDS_EXECUTION ",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "described j-1: 'ResourceNotFound';described j-1 0 #1 v1 {\"a\":1};");
	ck_assert_uint_eq(errands.sent.count, 2);
}
END_TEST

/* --- updates --- */

START_TEST(updated)
{
	char text[256];

	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "accepted", false), 0);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "j-1/update", 1);
	(void)snprintf(text, sizeof(text),
		       "{\"status\":\"SUCCEEDED\",\"statusDetails\":{\"reason\":\"accepted\"},\"clientToken\":\"%s\"}",
		       errands.sent.token);
	ck_assert_str_eq(errands.sent.payload, text);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), -EBUSY);
	ck_assert_int_eq(errands_update(&errands, "j-2", JOBS_FAILED, "x", true), -EBUSY);
	ck_assert_uint_eq(errands.sent.count, 1);
	errands_message(&errands, "j-2/update/accepted", "{\"timestamp\":1,\"clientToken\":\"@\"}");
	errands_message(&errands, "j-1/update/accepted", "{\"timestamp\":1}");
	errands_message(&errands, "j-1/update/accepted", "{\"timestamp\":1,\"clientToken\":\"x\"}");
	errands_message(&errands, "j-1/update/rejected", "{\"code\":\"InvalidStateTransition\",\"clientToken\":\"x\"}");
	errands_assert_told(&errands, "");
	errands_message(&errands, "j-1/update/accepted", "{\"timestamp\":1,\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "updated j-1: yes;");
	errands_message(&errands, "j-1/update/accepted", "{\"timestamp\":1,\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");
	ck_assert_int_eq(errands_update(&errands, "j-2", JOBS_FAILED, NULL, false), 0);
	ck_assert_uint_eq(errands.sent.count, 2);
}
END_TEST

static const char *const refusals[] = {
	("{\"code\":\"InvalidStateTransition\",\"message\":\"m\",\"clientToken\":\"@\","
	 "\"executionState\":{\"status\":\"CANCELED\"}}"),
	"{\"o\":\"InvalidStateTransition\",\"m\":\"m\",\"c\":\"@\"}",
	"{\"code\":\"InvalidStateTransition\"}", /* what the service could not read it cannot quote */
	"{\"code\":\"InvalidStateTransition\",\"clientToken\":null}",
};

START_TEST(refused)
{
	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "accepted", false), 0);
	errands_message(&errands, "j-1/update/rejected", refusals[_i]);
	errands_assert_told(&errands, "updated j-1: InvalidStateTransition;");
	errands_message(&errands, "j-1/update/rejected", refusals[_i]);
	errands_assert_told(&errands, "");
}
END_TEST

/* The answer to an update got lost, and it is sent again: maybe after a power cut. */
START_TEST(updated_before)
{
	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "accepted", false), 0);
	errands_message(&errands, "j-1/update/rejected",
			"{\"code\":\"InvalidStateTransition\",\"clientToken\":\"@\","
			"\"executionState\":{\"status\":\"SUCCEEDED\",\"versionNumber\":3}}");
	errands_assert_told(&errands, "updated j-1: yes;");
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_IN_PROGRESS, "0/3", false), 0);
	errands_message(&errands, "j-1/update/rejected",
			"{\"code\":\"VersionMismatch\",\"clientToken\":\"@\","
			"\"executionState\":{\"status\":\"QUEUED\",\"versionNumber\":3}}");
	errands_assert_told(&errands, "updated j-1: VersionMismatch;");
}
END_TEST

START_TEST(progress)
{
	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_IN_PROGRESS, "1/2", true), 0);
	errands_assert_sent(&errands, 1, ERRANDS_TOPICS "j-1/update", 0);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_IN_PROGRESS, "2/2", true), 0);
	ck_assert_uint_eq(errands.sent.count, 2);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	errands_message(&errands, "j-1/update/rejected", "{\"code\":\"InvalidStateTransition\",\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "");

	/* Nor is its late refusal that of the result. */
	char token[64], text[128];
	(void)snprintf(token, sizeof(token), "%s", errands.sent.token);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_SUCCEEDED, "x", false), 0);
	(void)snprintf(text, sizeof(text), "{\"code\":\"InvalidRequest\",\"clientToken\":\"%s\"}", token);
	errands_message(&errands, "j-1/update/rejected", text);
	errands_assert_told(&errands, "");
	errands_message(&errands, "j-1/update/accepted", "{\"clientToken\":\"@\"}");
	errands_assert_told(&errands, "updated j-1: yes;");
}
END_TEST

START_TEST(bad_updates)
{
	errands_up(&errands);
	ck_assert_int_eq(errands_update(&errands, "a/b", JOBS_FAILED, "x", false), -EINVAL);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_QUEUED, "x", false), -EINVAL);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_GONE, "x", true), -EINVAL);
	ck_assert_uint_eq(errands.sent.count, 0);
	ck_assert_int_eq(errands_update(&errands, "j-1", JOBS_FAILED, "x", false), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jobs");
	TCase *tc = tcase_create("jobs");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, first_answer);
	tcase_add_test(tc, next_asked);
	tcase_add_test(tc, asked_again_meanwhile);
	tcase_add_test(tc, asked_again_but_not_sent);
	tcase_add_test(tc, announced);
	tcase_add_loop_test(tc, unreadable_ones, 0, ELEMENTS(unreadable));
	tcase_add_test(tc, unreadable_document);
	tcase_add_test(tc, unreadable_answer);
	tcase_add_test(tc, whose_topics);
	tcase_add_test(tc, large_message);
	tcase_add_test(tc, pending_asked);
	tcase_add_test(tc, pending_announced);
	tcase_add_test(tc, described);
	tcase_add_test(tc, described_twice);
	tcase_add_test(tc, updated);
	tcase_add_loop_test(tc, refused, 0, ELEMENTS(refusals));
	tcase_add_test(tc, updated_before);
	tcase_add_test(tc, progress);
	tcase_add_test(tc, bad_updates);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
