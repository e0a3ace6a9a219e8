/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/jobs.h"

#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define THING  "thing"
#define TOPICS "$aws/things/" THING "/jobs/"

static sd_event *event;
static struct jobs *jobs;

/* What the cloud was sent last. */
static struct {
	char topic[256], payload[1024], token[64];
	int qos;
	unsigned count;
	int result;
} sent;

/* What was told, one entry behind the other. */
static char told[4096];

static void (*on_told)(void);

static void tell(const char *format, ...) _printf_(1, 2);
static void tell(const char *format, ...)
{
	size_t n = strlen(told);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(told + n, sizeof(told) - n, format, ap);
	va_end(ap);
	if (on_told)
		on_told();
}

/* What was told since the last look. */
static void assert_told(const char *text)
{
	ck_assert_str_eq(told, text);
	told[0] = '\0';
}

static const char *describe(const struct jobs_execution *e)
{
	static char text[256];
	char *document = e->document ? cJSON_PrintUnformatted(e->document) : NULL;

	(void)snprintf(text, sizeof(text), "%s %d #%lld v%lld %s", e->id, (int)e->status, (long long)e->number,
		       (long long)e->version, document ? document : "-");
	cJSON_free(document);
	return text;
}

static void on_next(void *userdata, const struct jobs_execution *next)
{
	ck_assert_ptr_eq(userdata, &sent);
	tell("next %s;", next ? describe(next) : "none");
}

static void on_described(void *userdata, const struct jobs_execution *e, const char *code)
{
	ck_assert_ptr_eq(userdata, &sent);
	if (code)
		tell("described %s: '%s';", e->id, code);
	else
		tell("described %s;", describe(e));
}

static void on_pending(void *userdata, const struct jobs_execution *all, size_t n)
{
	char text[512] = "";

	ck_assert_ptr_eq(userdata, &sent);
	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s/%d", all[i].id,
			       (int)all[i].status);
	tell("pending%s;", text);
}

static void on_updated(void *userdata, const char *id, const char *code)
{
	ck_assert_ptr_eq(userdata, &sent);
	tell("updated %s: %s;", id, code ? *code ? code : "''" : "yes");
}

static int publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	cJSON *root = payload_parse(payload, n);

	ck_assert_ptr_eq(userdata, &sent);
	ck_assert_ptr_nonnull(root);
	if (sent.result < 0) {
		cJSON_Delete(root);
		return sent.result;
	}
	(void)snprintf(sent.topic, sizeof(sent.topic), "%s", topic);
	(void)snprintf(sent.payload, sizeof(sent.payload), "%.*s", (int)n, (const char *)payload);
	(void)snprintf(sent.token, sizeof(sent.token), "%s", payload_text(root, "clientToken"));
	ck_assert_uint_gt(strlen(sent.token), 0);
	sent.qos = qos;
	sent.count++;
	cJSON_Delete(root);
	return 0;
}

static void setup(void)
{
	const struct jobs_events events = {
		.on_next = on_next,
		.on_described = on_described,
		.on_pending = on_pending,
		.on_updated = on_updated,
		.publish = publish,
		.userdata = &sent,
	};

	memset(&sent, 0, sizeof(sent));
	told[0] = '\0';
	on_told = NULL;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(jobs_new(&jobs, event, THING, &events), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(jobs_free(jobs));
	ck_assert_ptr_null(jobs_free(NULL));
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	sd_event_unref(event);
}

/* A message behind the common part of the topics. '@' in it is the token of the last question. */
static void message(const char *topic, const char *payload)
{
	const char *at = strchr(payload, '@');
	char where[256], what[8192];

	(void)snprintf(where, sizeof(where), TOPICS "%s", topic);
	if (at)
		(void)snprintf(what, sizeof(what), "%.*s%s%s", (int)(at - payload), payload, sent.token, at + 1);
	else
		(void)snprintf(what, sizeof(what), "%s", payload);
	ck_assert(jobs_message(jobs, where, what, strlen(what)));
}

/* Connected, and the first question answered. */
static void up(void)
{
	jobs_up(jobs);
	message("$next/get/accepted", "{\"timestamp\":1,\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	assert_told("next none;");
	ck_assert_uint_eq(sent.count, 0);
}

static void assert_sent(unsigned count, const char *topic, int qos)
{
	ck_assert_uint_eq(sent.count, count);
	ck_assert_str_eq(sent.topic, topic);
	ck_assert_int_eq(sent.qos, qos);
	ck_assert_uint_le(strlen(sent.token), 64);
}

#define ONE       "\"jobId\":\"j-1\",\"thingName\":\"thing\",\"status\":\"QUEUED\",\"versionNumber\":1,\"executionNumber\":1"
#define EXECUTION "\"execution\":{" ONE ",\"jobDocument\":{\"a\":1}}"

/* --- the next job execution --- */

START_TEST(first_answer)
{
	jobs_up(jobs);
	ck_assert_uint_eq(sent.count, 0); /* CONNECT has asked */
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");

	/* Once. */
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	assert_told("");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(next_asked)
{
	char first[64];

	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	assert_sent(1, TOPICS "$next/get", 1);
	(void)snprintf(first, sizeof(first), "%s", sent.token);
	message("$next/get/accepted", "{\"timestamp\":1}"); /* somebody else's */
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"other\"}");
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	message("job/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	message("$next/get", "{\"clientToken\":\"@\"}");
	message("$next/get/", "{\"clientToken\":\"@\"}");
	message("$next/get/other", "{\"clientToken\":\"@\"}");
	assert_told("");
	message("$next/get/accepted", "{\"clientToken\":\"@\"," EXECUTION "}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");

	/* The next question has another token. */
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_str_ne(first, sent.token);
	message("$next/get/accepted", "{\"clientToken\":\"@\"}");
	assert_told("next none;");
}
END_TEST

START_TEST(asked_again_meanwhile)
{
	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_uint_eq(sent.count, 1);
	message("$next/get/accepted", "{\"clientToken\":\"@\"}");
	assert_told("next none;");
	ck_assert_uint_eq(sent.count, 2);
	message("$next/get/accepted", "{\"clientToken\":\"@\"}");
	assert_told("next none;");
	ck_assert_uint_eq(sent.count, 2);
}
END_TEST

/* Too much is under way just then. */
START_TEST(asked_again_but_not_sent)
{
	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	sent.result = -EBUSY;
	message("$next/get/accepted", "{\"clientToken\":\"@\"}");
	assert_told("next none;");
	sent.result = 0;
	sent.count = 0;
	fake_timer_pass(JOBS_ANSWER_MS);
	assert_sent(1, TOPICS "$next/get", 1);
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");
}
END_TEST

START_TEST(announced)
{
	up();
	message("notify-next", "{\"timestamp\":1," EXECUTION "}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");
	message("notify-next", "{\"timestamp\":1}");
	assert_told("next none;");
	message("notify-next", "{\"timestamp\":1,\"execution\":null}");
	assert_told("next none;");
	message("notify-next", "{\"timestamp\":1,\"execution\":{}}");
	assert_told("next none;");
}
END_TEST

static const char *const unreadable[] = {
	"",
	"{",
	"[]",
	"{\"execution\":{" ONE "}} x",
	"{\"execution\":{\"jobId\":\"a\\u0000b\",\"status\":\"QUEUED\"}}",
	"{\"execution\":{\"jobId\":\"a/b\",\"status\":\"QUEUED\"}}",
	"{\"execution\":{\"jobId\":\"j-1\",\"status\":\"NEW\"}}",
	"{\"execution\":{\"jobId\":\"j-1\",\"thingName\":\"other\",\"status\":\"QUEUED\"}}",
	"{\"execution\":[]}",
	"{\"execution\":\"j-1\"}",
};

START_TEST(unreadable_ones)
{
	up();
	message("notify-next", unreadable[_i]);
	message("notify", unreadable[_i]);
	message("get/accepted", unreadable[_i]);
	message("$next/get/accepted", unreadable[_i]);
	message("j-1/update/accepted", unreadable[_i]);
	assert_told("");
}
END_TEST

/* The job is there all the same. */
START_TEST(unreadable_document)
{
	static char text[8192];
	int n = snprintf(text, sizeof(text), "{\"clientToken\":\"@\",\"execution\":{\"jobDocument\":");

	up();
	memset(text + n, '[', 2000);
	memset(text + n + 2000, ']', 2000);
	memcpy(text + n + 4000, "," ONE "}}", sizeof("," ONE "}}"));
	message("notify-next", text);
	assert_told("next j-1 0 #1 v1 -;");
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	message("j-1/get/accepted", text);
	assert_told("described j-1 0 #1 v1 -;");
}
END_TEST

START_TEST(unreadable_answer)
{
	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	message("$next/get/accepted", "{\"execution\":{\"jobId\":\"j-1\"},\"clientToken\":\"@\"}");
	assert_told("");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);

	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	message("j-1/get/accepted", "{\"execution\":{\"jobId\":\"j-1\"},\"clientToken\":\"@\"}");
	assert_told("described j-1: '';");
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	message("j-1/get/accepted", "{\"execution\":{\"jobId\":\"j-2\",\"status\":\"QUEUED\"},\"clientToken\":\"@\"}");
	assert_told("described j-1: '';");
}
END_TEST

START_TEST(whose_topics)
{
	up();
	ck_assert(!jobs_message(jobs, "$aws/things/other/jobs/notify-next", "{}", 2));
	ck_assert(!jobs_message(jobs, "$aws/things/thing2/jobs/notify-next", "{}", 2));
	ck_assert(!jobs_message(jobs, "$aws/things/thing/streams/s/data/json", "{}", 2));
	ck_assert(!jobs_message(jobs, "$aws/things/thing/jobs", "{}", 2));
	ck_assert(!jobs_message(jobs, "data", "{}", 2));
	ck_assert(!jobs_message(jobs, "", "{}", 2));
	assert_told("");
	ck_assert(jobs_message(jobs, "$aws/things/thing/jobs/", "{}", 2));
	ck_assert(jobs_message(jobs, "$aws/things/thing/jobs/some/thing/else/entirely", "{}", 2));
	assert_told("");
}
END_TEST

START_TEST(large_message)
{
	static char text[PAYLOAD_MAX + 1];

	up();
	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	ck_assert(jobs_message(jobs, TOPICS "notify-next", text, PAYLOAD_MAX + 1));
	assert_told("");
	ck_assert(jobs_message(jobs, TOPICS "notify-next", text, PAYLOAD_MAX));
	assert_told("next none;");
}
END_TEST

/* --- the list --- */

START_TEST(pending_asked)
{
	up();
	ck_assert_int_eq(jobs_ask_pending(jobs), 0);
	assert_sent(1, TOPICS "get", 1);
	message("get/accepted", "{\"queuedJobs\":[{\"jobId\":\"j-0\"}]}");
	message("get/accepted", "{\"clientToken\":\"other\",\"queuedJobs\":[{\"jobId\":\"j-0\"}]}");
	assert_told("");
	message("get/accepted",
		"{\"inProgressJobs\":[{\"jobId\":\"j-2\",\"queuedAt\":2}],"
		"\"queuedJobs\":[{\"jobId\":\"j-3\",\"queuedAt\":3},{\"jobId\":\"j-1\",\"queuedAt\":1}],\"clientToken\":\"@\"}");
	assert_told("pending j-1/0 j-2/1 j-3/0;");
	ck_assert_int_eq(jobs_ask_pending(jobs), 0);
	message("get/accepted", "{\"inProgressJobs\":[],\"queuedJobs\":null,\"clientToken\":\"@\"}");
	assert_told("pending;");
}
END_TEST

START_TEST(pending_announced)
{
	up();
	message("notify", "{\"timestamp\":1,\"jobs\":{}}");
	assert_told("pending;");
	message("notify", "{\"jobs\":{\"QUEUED\":[{\"jobId\":\"j-2\",\"queuedAt\":2}],"
			  "\"IN_PROGRESS\":[{\"jobId\":\"j-1\",\"queuedAt\":1}]}}");
	assert_told("pending j-1/1 j-2/0;");
	message("notify", "{\"timestamp\":1}");
	message("notify", "{\"jobs\":[]}");
	assert_told("");
}
END_TEST

/* --- one execution --- */

START_TEST(described)
{
	up();
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	assert_sent(1, TOPICS "j-1/get", 1);
	ck_assert_int_eq(jobs_describe(jobs, "j-2"), -EBUSY);
	message("j-2/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("");
	message("j-1/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("described j-1 0 #1 v1 {\"a\":1};");
	ck_assert_int_eq(jobs_describe(jobs, "j-2"), 0);
	message("j-2/get/rejected", "{\"code\":\"ResourceNotFound\",\"message\":\"none\",\"clientToken\":\"@\"}");
	assert_told("described j-2: 'ResourceNotFound';");

	ck_assert_int_eq(jobs_describe(jobs, ""), -EINVAL);
	ck_assert_int_eq(jobs_describe(jobs, "$next"), -EINVAL);
	ck_assert_int_eq(jobs_describe(jobs, "a/b"), -EINVAL);
	ck_assert_uint_eq(sent.count, 2);
}
END_TEST

START_TEST(described_twice)
{
	up();
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	message("j-1/get/rejected", "{\"code\":\"ResourceNotFound\",\"clientToken\":\"@\"}");
	ck_assert_uint_eq(sent.count, 2);
	message("j-1/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("described j-1: 'ResourceNotFound';described j-1 0 #1 v1 {\"a\":1};");
	ck_assert_uint_eq(sent.count, 2);
}
END_TEST

/* --- updates --- */

static int update(const char *id, enum jobs_status status, const char *value, bool progress)
{
	const struct jobs_update u = {
		.id = id, .status = status, .key = "reason", .value = value, .progress = progress
	};

	return jobs_update(jobs, &u);
}

START_TEST(updated)
{
	char text[256];

	up();
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "accepted", false), 0);
	assert_sent(1, TOPICS "j-1/update", 1);
	(void)snprintf(text, sizeof(text),
		       "{\"status\":\"SUCCEEDED\",\"statusDetails\":{\"reason\":\"accepted\"},\"clientToken\":\"%s\"}",
		       sent.token);
	ck_assert_str_eq(sent.payload, text);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), -EBUSY);
	ck_assert_int_eq(update("j-2", JOBS_FAILED, "x", true), -EBUSY);
	ck_assert_uint_eq(sent.count, 1);
	message("j-2/update/accepted", "{\"timestamp\":1,\"clientToken\":\"@\"}");
	message("j-1/update/accepted", "{\"timestamp\":1}");
	message("j-1/update/accepted", "{\"timestamp\":1,\"clientToken\":\"x\"}");
	message("j-1/update/rejected", "{\"code\":\"InvalidStateTransition\",\"clientToken\":\"x\"}");
	assert_told("");
	message("j-1/update/accepted", "{\"timestamp\":1,\"clientToken\":\"@\"}");
	assert_told("updated j-1: yes;");
	message("j-1/update/accepted", "{\"timestamp\":1,\"clientToken\":\"@\"}");
	assert_told("");
	ck_assert_int_eq(update("j-2", JOBS_FAILED, NULL, false), 0);
	ck_assert_uint_eq(sent.count, 2);
}
END_TEST

static const char *const refusals[] = {
	"{\"code\":\"InvalidStateTransition\",\"message\":\"m\",\"clientToken\":\"@\",\"executionState\":{\"status\":\"CANCELED\"}}",
	"{\"o\":\"InvalidStateTransition\",\"m\":\"m\",\"c\":\"@\"}",
	"{\"code\":\"InvalidStateTransition\"}", /* what the service could not read it cannot quote */
	"{\"code\":\"InvalidStateTransition\",\"clientToken\":null}",
};

START_TEST(refused)
{
	up();
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "accepted", false), 0);
	message("j-1/update/rejected", refusals[_i]);
	assert_told("updated j-1: InvalidStateTransition;");
	message("j-1/update/rejected", refusals[_i]);
	assert_told("");
}
END_TEST

/* The answer to an update got lost, and it is sent again: maybe after a power cut. */
START_TEST(updated_before)
{
	up();
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "accepted", false), 0);
	message("j-1/update/rejected", "{\"code\":\"InvalidStateTransition\",\"clientToken\":\"@\","
				       "\"executionState\":{\"status\":\"SUCCEEDED\",\"versionNumber\":3}}");
	assert_told("updated j-1: yes;");
	ck_assert_int_eq(update("j-1", JOBS_IN_PROGRESS, "0/3", false), 0);
	message("j-1/update/rejected", "{\"code\":\"VersionMismatch\",\"clientToken\":\"@\","
				       "\"executionState\":{\"status\":\"QUEUED\",\"versionNumber\":3}}");
	assert_told("updated j-1: VersionMismatch;");
}
END_TEST

START_TEST(progress)
{
	up();
	ck_assert_int_eq(update("j-1", JOBS_IN_PROGRESS, "1/2", true), 0);
	assert_sent(1, TOPICS "j-1/update", 0);
	ck_assert_int_eq(update("j-1", JOBS_IN_PROGRESS, "2/2", true), 0);
	ck_assert_uint_eq(sent.count, 2);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	message("j-1/update/rejected", "{\"code\":\"InvalidStateTransition\",\"clientToken\":\"@\"}");
	assert_told("");

	/* Nor is its late refusal that of the result. */
	char token[64], text[128];
	(void)snprintf(token, sizeof(token), "%s", sent.token);
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "x", false), 0);
	(void)snprintf(text, sizeof(text), "{\"code\":\"InvalidRequest\",\"clientToken\":\"%s\"}", token);
	message("j-1/update/rejected", text);
	assert_told("");
	message("j-1/update/accepted", "{\"clientToken\":\"@\"}");
	assert_told("updated j-1: yes;");
}
END_TEST

START_TEST(bad_updates)
{
	up();
	ck_assert_int_eq(update("a/b", JOBS_FAILED, "x", false), -EINVAL);
	ck_assert_int_eq(update("j-1", JOBS_QUEUED, "x", false), -EINVAL);
	ck_assert_int_eq(update("j-1", JOBS_GONE, "x", true), -EINVAL);
	ck_assert_uint_eq(sent.count, 0);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), 0);
}
END_TEST

/* --- silence --- */

/* A plain broker never answers; a service may have lost one answer. */
START_TEST(first_answer_missing)
{
	jobs_up(jobs);
	fake_timer_pass(JOBS_ANSWER_MS - 1);
	ck_assert_uint_eq(sent.count, 0);
	fake_timer_pass(1);
	assert_sent(1, TOPICS "$next/get", 1);
	fake_timer_pass(10 * JOBS_ANSWER_MS);
	ck_assert_uint_eq(sent.count, 2);
	assert_told("");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);

	/* Too late, but the truth is announced. */
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("");
	message("notify-next", "{" EXECUTION "}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");
}
END_TEST

START_TEST(answer_to_the_second_try)
{
	jobs_up(jobs);
	fake_timer_pass(JOBS_ANSWER_MS);
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");
	fake_timer_pass(10 * JOBS_ANSWER_MS);
	ck_assert_uint_eq(sent.count, 1);
}
END_TEST

START_TEST(description_missing)
{
	up();
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	fake_timer_pass(3 * JOBS_ANSWER_MS - 1);
	assert_told("");
	assert_sent(3, TOPICS "j-1/get", 1);
	fake_timer_pass(1);
	assert_told("described j-1: '';");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_int_eq(jobs_describe(jobs, "j-2"), 0);
}
END_TEST

/* It may have been heard: repeated it would be refused. */
START_TEST(update_missing)
{
	up();
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "x", false), 0);
	fake_timer_pass(JOBS_ANSWER_MS - 1);
	assert_told("");
	fake_timer_pass(1);
	assert_told("updated j-1: '';");
	ck_assert_uint_eq(sent.count, 1);
	message("j-1/update/accepted", "{\"clientToken\":\"@\"}");
	assert_told("");
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "x", false), 0);
}
END_TEST

START_TEST(each_in_its_time)
{
	up();
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "x", false), 0);
	fake_timer_pass(4000);
	ck_assert_int_eq(jobs_describe(jobs, "j-2"), 0);
	fake_timer_pass(5999);
	assert_told("");
	fake_timer_pass(1);
	assert_told("updated j-1: '';");
	ck_assert_uint_eq(sent.count, 2);
	fake_timer_pass(4000);
	assert_sent(3, TOPICS "j-2/get", 1);
	assert_told("");
}
END_TEST

/* --- a service that is busy --- */

START_TEST(busy)
{
	unsigned count = 1;

	up();
	ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "x", false), 0);
	for (uint64_t pause = 2000; pause <= 16000; pause *= 2) {
		message("j-1/update/rejected", "{\"code\":\"RequestThrottled\",\"clientToken\":\"@\"}");
		assert_told("");
		ck_assert_int_eq(update("j-1", JOBS_SUCCEEDED, "x", false), -EBUSY);
		ck_assert_uint_eq(sent.count, count);
		ck_assert_uint_ge(fake_timer_next(), pause);
		ck_assert_uint_lt(fake_timer_next(), pause + pause / 2);
		fake_timer_pass(fake_timer_next());
		assert_sent(++count, TOPICS "j-1/update", 1);
		ck_assert_ptr_nonnull(strstr(sent.payload, "SUCCEEDED"));
	}
	message("j-1/update/rejected", "{\"code\":\"RequestThrottled\",\"clientToken\":\"@\"}");
	assert_told("updated j-1: RequestThrottled;");
	fake_timer_pass(100000);
	ck_assert_uint_eq(sent.count, count);
}
END_TEST

START_TEST(busy_for_a_while)
{
	jobs_up(jobs);
	message("$next/get/rejected", "{\"code\":\"InternalError\",\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	fake_timer_pass(3000);
	assert_sent(1, TOPICS "$next/get", 1);
	message("$next/get/accepted", "{" EXECUTION ",\"clientToken\":\"@\"}");
	assert_told("next j-1 0 #1 v1 {\"a\":1};");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* After a failure of the network a whole fleet asks at once, and nobody would ask a second time. */
START_TEST(busy_for_long)
{
	const char *topic = _i ? "get" : "$next/get";
	char answer[32], request[64];

	(void)snprintf(answer, sizeof(answer), "%s/rejected", topic);
	(void)snprintf(request, sizeof(request), TOPICS "%s", topic);
	up();
	ck_assert_int_eq(_i ? jobs_ask_pending(jobs) : jobs_ask_next(jobs), 0);
	for (unsigned i = 1; i <= 20; i++) {
		assert_sent(i, request, 1);
		message(answer, "{\"code\":\"RequestThrottled\"}");
		assert_told("");
		ck_assert_msg(fake_timer_next() < 48000, "%u", i);
		fake_timer_pass(fake_timer_next());
	}
	message(answer, "{\"code\":\"InvalidRequest\"}");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* A refusal says nothing about jobs. */
START_TEST(next_refused)
{
	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	message("$next/get/rejected", "{\"code\":\"ResourceNotFound\",\"clientToken\":\"@\"}");
	assert_told("");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_int_eq(jobs_ask_pending(jobs), 0);
	message("get/rejected", "{\"code\":\"ResourceNotFound\",\"clientToken\":\"@\"}");
	assert_told("");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* --- the connection --- */

START_TEST(not_connected)
{
	ck_assert_int_eq(jobs_ask_next(jobs), -ENOTCONN);
	ck_assert_int_eq(jobs_ask_pending(jobs), -ENOTCONN);
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), -ENOTCONN);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), -ENOTCONN);
	message("notify-next", "{" EXECUTION "}");
	assert_told("");
	ck_assert_uint_eq(sent.count, 0);
}
END_TEST

START_TEST(lost)
{
	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_pending(jobs), 0);
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), 0);
	jobs_down(jobs);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	sent.count = 0;
	jobs_up(jobs);
	message("j-1/update/accepted", "{\"clientToken\":\"@\"}");
	assert_told("");
	message("$next/get/accepted", "{\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	assert_told("next none;");
	ck_assert_uint_eq(sent.count, 0);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), 0);
	ck_assert_int_eq(jobs_describe(jobs, "j-2"), 0);
}
END_TEST

START_TEST(not_sent)
{
	up();
	sent.result = -EBUSY;
	ck_assert_int_eq(jobs_ask_next(jobs), -EBUSY);
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), -EBUSY);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), -EBUSY);
	ck_assert_int_eq(update("j-1", JOBS_IN_PROGRESS, "x", true), -EBUSY);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	sent.result = 0;
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), 0);
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);

	/* Later, it counts as unheard. */
	sent.result = -EBUSY;
	fake_timer_pass(3 * JOBS_ANSWER_MS);
	assert_told("updated j-1: '';described j-1: '';");
}
END_TEST

/* --- from within --- */

static void ask_all(void)
{
	on_told = NULL;
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	ck_assert_int_eq(update("j-1", JOBS_IN_PROGRESS, "x", false), 0);
}

static void down(void)
{
	on_told = NULL;
	jobs_down(jobs);
}

START_TEST(asked_from_within)
{
	on_told = ask_all;
	jobs_up(jobs);
	message("$next/get/accepted", "{\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	assert_told("next none;");
	ck_assert_uint_eq(sent.count, 3);

	/* As if they had never been answered. */
	on_told = ask_all;
	fake_timer_pass(JOBS_ANSWER_MS);
	assert_told("updated j-1: '';");
}
END_TEST

/* The question that was to be repeated is not, when the answer to the first was taken up by asking it anew. */
START_TEST(repeated_from_within)
{
	up();
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	on_told = ask_all;
	message("$next/get/accepted", "{\"clientToken\":\"@\"}");
	assert_told("next none;");
	ck_assert_uint_eq(sent.count, 4);
}
END_TEST

START_TEST(down_from_within)
{
	up();
	ck_assert_int_eq(jobs_describe(jobs, "j-1"), 0);
	ck_assert_int_eq(update("j-1", JOBS_FAILED, "x", false), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	ck_assert_int_eq(jobs_ask_next(jobs), 0);
	on_told = down;
	if (_i == 0) {
		message("$next/get/accepted", "{\"clientToken\":\"@\"}");
		assert_told("next none;");
	} else {
		fake_timer_pass(10 * JOBS_ANSWER_MS);
		assert_told("updated j-1: '';");
	}
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(sent.count, _i == 0 ? 3 : 5);
}
END_TEST

static void add_questions(TCase *tc)
{
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
}

int main(void)
{
	Suite *suite = suite_create("jobs");
	TCase *tc = tcase_create("jobs");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_questions(tc);
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
