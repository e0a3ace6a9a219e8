/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/execution.h"

#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define ID72 "012345678901234567890123456789012345678901234567890123456789012345678901"

static cJSON *parse(const char *text)
{
	cJSON *root = payload_parse(text, strlen(text));

	ck_assert_msg(root != NULL, "%s", text);
	return root;
}

static const struct {
	const char *id;
	bool sound;
} ids[] = {
	{ "a", true },         { "AFR_OTA-6e01bdb2-5057-4606-8966-b1bf8028416f", true },
	{ ID72, true },        { ID72 "x", false },
	{ "", false },         { "$next", false },
	{ "a/b", false },      { "a/../b", false },
	{ "+", false },        { "#", false },
	{ "a b", false },      { "a\n", false },
	{ "\xc3\xa4", false }, { "a:b", false },
};

START_TEST(names)
{
	ck_assert_int_eq(execution_is_id(ids[_i].id), ids[_i].sound);
}
END_TEST

static const struct {
	const char *execution;
	int r;
	enum jobs_status status;
	int64_t number, version;
	bool document;
} executions[] = {
	{ "{\"jobId\":\"j-1\",\"status\":\"QUEUED\",\"versionNumber\":1,\"executionNumber\":2,"
	  "\"jobDocument\":{\"a\":1}}",
	  0, JOBS_QUEUED, 2, 1, true },
	{ "{\"jobId\":\"j-1\",\"thingName\":\"thing\",\"status\":\"IN_PROGRESS\",\"versionNumber\":\"12\","
	  "\"executionNumber\":\"9223372036854775807\"}",
	  0, JOBS_IN_PROGRESS, INT64_MAX, 12, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"SUCCEEDED\"}", 0, JOBS_SUCCEEDED, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"FAILED\"}", 0, JOBS_FAILED, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"REJECTED\"}", 0, JOBS_REJECTED, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"TIMED_OUT\"}", 0, JOBS_GONE, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"CANCELED\"}", 0, JOBS_GONE, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"REMOVED\"}", 0, JOBS_GONE, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"thingName\":null,\"status\":\"QUEUED\",\"versionNumber\":null,\"executionNumber\":-1,"
	  "\"jobDocument\":null,\"statusDetails\":null}",
	  0, JOBS_QUEUED, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"QUEUED\",\"jobDocument\":\"{}\",\"versionNumber\":1.5}", 0, JOBS_QUEUED, 0,
	  0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"QUEUED\",\"jobDocument\":[]}", 0, JOBS_QUEUED, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"QUEUED\",\"jobDocument\":{}}", 0, JOBS_QUEUED, 0, 0, true },
	{ "null", -ENOENT, 0, 0, 0, false },
	{ "{}", -ENOENT, 0, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"thingName\":\"other\",\"status\":\"QUEUED\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":\"queued\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":null}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"j-1\",\"status\":0}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"j-1\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"status\":\"QUEUED\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":null,\"status\":\"QUEUED\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"\",\"status\":\"QUEUED\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"a/b\",\"status\":\"QUEUED\"}", -EBADMSG, 0, 0, 0, false },
	{ "{\"jobId\":\"" ID72 "x\",\"status\":\"QUEUED\"}", -EBADMSG, 0, 0, 0, false },
	{ "[]", -EBADMSG, 0, 0, 0, false },
	{ "\"text\"", -EBADMSG, 0, 0, 0, false },
	{ "true", -EBADMSG, 0, 0, 0, false },
};

START_TEST(parses)
{
	struct jobs_execution e = { .id = "untouched" };
	char text[512];
	cJSON *root;
	int r;

	(void)snprintf(text, sizeof(text), "{\"timestamp\":1,\"execution\":%s}", executions[_i].execution);
	root = parse(text);
	r = execution_parse(root, "thing", &e);
	ck_assert_int_eq(r, executions[_i].r);
	ck_assert_str_eq(e.id, r == 0 ? "j-1" : "untouched");
	if (r == 0) {
		ck_assert_int_eq((int)e.status, (int)executions[_i].status);
		ck_assert_int_eq(e.number, executions[_i].number);
		ck_assert_int_eq(e.version, executions[_i].version);
		ck_assert_int_eq(e.document != NULL, executions[_i].document);
	}
	cJSON_Delete(root);
}
END_TEST

START_TEST(no_execution)
{
	struct jobs_execution e;
	cJSON *root = parse("{\"timestamp\":1,\"clientToken\":\"x\"}");

	ck_assert_int_eq(execution_parse(root, "thing", &e), -ENOENT);
	cJSON_Delete(root);
}
END_TEST

/* A document of exactly the service's limit, and one byte more. */
START_TEST(large_document)
{
	static char text[JOBS_MAX_SIZE + 200], filler[JOBS_MAX_SIZE];
	int more = _i;

	memset(filler, 'x', sizeof(filler));
	(void)snprintf(text, sizeof(text),
		       "{\"execution\":{\"jobId\":\"j\",\"status\":\"QUEUED\",\"jobDocument\":{\"a\":\"%.*s\"}}}",
		       JOBS_MAX_SIZE - 8 + more, filler);
	cJSON *root = parse(text);
	struct jobs_execution e;

	ck_assert_int_eq(execution_parse(root, "thing", &e), 0);
	ck_assert_int_eq(e.document != NULL, more == 0);
	cJSON_Delete(root);
}
END_TEST

/* --- lists --- */

static struct execution_list list;

static void setup(void)
{
	list = (struct execution_list){ 0 };
}

static void add(const char *text, enum jobs_status status)
{
	char object[4096];
	cJSON *root;

	(void)snprintf(object, sizeof(object), "{\"l\":%s}", text);
	root = parse(object);
	execution_list(cJSON_GetObjectItemCaseSensitive(root, "l"), status, &list);
	cJSON_Delete(root);
}

static const char *order(void)
{
	static char text[256];

	text[0] = '\0';
	for (size_t i = 0; i < list.n; i++) {
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s", i ? " " : "", list.all[i].id);
		ck_assert_ptr_null(list.all[i].document);
	}
	return text;
}

START_TEST(oldest_first)
{
	add("[{\"jobId\":\"c\",\"queuedAt\":30,\"versionNumber\":3,\"executionNumber\":1}]", JOBS_IN_PROGRESS);
	add("[{\"jobId\":\"d\",\"queuedAt\":40},{\"jobId\":\"a\",\"queuedAt\":\"10\"},"
	    "{\"jobId\":\"b\",\"queuedAt\":20}]",
	    JOBS_QUEUED);
	ck_assert_str_eq(order(), "a b c d");
	ck_assert_int_eq((int)list.all[0].status, JOBS_QUEUED);
	ck_assert_int_eq((int)list.all[2].status, JOBS_IN_PROGRESS);
	ck_assert_int_eq(list.all[2].version, 3);
	ck_assert_int_eq(list.all[2].number, 1);
}
END_TEST

/* As the service has them, where it does not say since when. */
START_TEST(order_of_equals)
{
	add("[{\"jobId\":\"c\"},{\"jobId\":\"a\",\"queuedAt\":null},{\"jobId\":\"b\"}]", JOBS_QUEUED);
	ck_assert_str_eq(order(), "c a b");
}
END_TEST

START_TEST(odd_lists)
{
	add("null", JOBS_QUEUED);
	add("\"text\"", JOBS_QUEUED);
	add("7", JOBS_QUEUED);
	add("[]", JOBS_QUEUED);
	add("[null,1,\"x\",[],{},{\"jobId\":7},{\"jobId\":\"a/b\"},{\"jobId\":\"ok\",\"queuedAt\":[]}]", JOBS_QUEUED);
	execution_list(NULL, JOBS_QUEUED, &list);
	ck_assert_str_eq(order(), "ok");
}
END_TEST

START_TEST(long_lists)
{
	char text[4096] = "[";

	for (unsigned i = 60; i > 0; i--)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "{\"jobId\":\"%u\",\"queuedAt\":%u}%s",
			       i, i, i > 1 ? "," : "]");
	add(text, JOBS_QUEUED);
	ck_assert_uint_eq(list.n, JOBS_MAX_PENDING);
	ck_assert_str_eq(order(), "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20");
}
END_TEST

/* --- reporting --- */

static const struct {
	struct jobs_update update;
	const char *request;
} reports[] = {
	{ { .id = "j", .status = JOBS_IN_PROGRESS }, "{\"status\":\"IN_PROGRESS\",\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_SUCCEEDED, .key = "reason", .value = "accepted" },
	  "{\"status\":\"SUCCEEDED\",\"statusDetails\":{\"reason\":\"accepted\"},\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_FAILED, .number = 3, .version = 7 },
	  "{\"status\":\"FAILED\",\"expectedVersion\":\"7\",\"executionNumber\":3,\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_REJECTED, .number = INT64_MAX, .version = INT64_MAX },
	  "{\"status\":\"REJECTED\",\"expectedVersion\":\"9223372036854775807\","
	  "\"executionNumber\":9223372036854775807,\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_IN_PROGRESS, .key = "receive", .value = "" },
	  "{\"status\":\"IN_PROGRESS\",\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_IN_PROGRESS, .key = "receive" },
	  "{\"status\":\"IN_PROGRESS\",\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_FAILED, .key = "a:b_c-1", .value = "\"q\" \\ \n\t\x7f\xc3\xa4\xe2\x82\xac.\xff" },
	  "{\"status\":\"FAILED\",\"statusDetails\":{\"a:b_c-1\":\"\\\"q\\\" \\\\ ?????.?\"},\"clientToken\":\"t\"}" },
	{ { .id = "j", .status = JOBS_QUEUED }, NULL },
	{ { .id = "j", .status = JOBS_GONE }, NULL },
	{ { .id = "j", .status = (enum jobs_status)99 }, NULL },
	{ { .id = "a/b", .status = JOBS_FAILED }, NULL },
	{ { .id = "", .status = JOBS_FAILED }, NULL },
	{ { .id = "j", .status = JOBS_FAILED, .key = "", .value = "x" }, NULL },
	{ { .id = "j", .status = JOBS_FAILED, .key = "a b", .value = "x" }, NULL },
};

START_TEST(report)
{
	const char *request = reports[_i].request;
	char ret[512] = "untouched";

	ck_assert_int_eq(execution_report(&reports[_i].update, "t", ret, sizeof(ret)), request ? 0 : -EINVAL);
	ck_assert_str_eq(ret, request ? request : "untouched");
}
END_TEST

/* The service takes 128 bytes. */
START_TEST(long_reason)
{
	char value[400], ret[1024];
	struct jobs_update update = { .id = "j", .status = JOBS_FAILED, .key = "reason", .value = value };
	cJSON *root;

	memset(value, '"', sizeof(value));
	value[sizeof(value) - 1] = '\0';
	ck_assert_int_eq(execution_report(&update, "t", ret, sizeof(ret)), 0);
	root = parse(ret);
	ck_assert_uint_eq(strlen(payload_text(cJSON_GetObjectItemCaseSensitive(root, "statusDetails"), "reason")),
			  JOBS_MAX_REASON);
	cJSON_Delete(root);
	ck_assert_int_eq(execution_report(&update, "t", ret, 100), -ENOMEM);
}
END_TEST

/* So is the name of a detail. */
START_TEST(long_key)
{
	char key[130], ret[1024];
	struct jobs_update update = { .id = "j", .status = JOBS_FAILED, .key = key, .value = "x" };

	memset(key, 'k', sizeof(key));
	key[129] = '\0';
	ck_assert_int_eq(execution_report(&update, "t", ret, sizeof(ret)), -EINVAL);
	key[128] = '\0';
	ck_assert_int_eq(execution_report(&update, "t", ret, sizeof(ret)), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("execution");
	TCase *tc = tcase_create("execution");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_loop_test(tc, names, 0, ELEMENTS(ids));
	tcase_add_loop_test(tc, parses, 0, ELEMENTS(executions));
	tcase_add_test(tc, no_execution);
	tcase_add_loop_test(tc, large_document, 0, 2);
	tcase_add_test(tc, oldest_first);
	tcase_add_test(tc, order_of_equals);
	tcase_add_test(tc, odd_lists);
	tcase_add_test(tc, long_lists);
	tcase_add_loop_test(tc, report, 0, ELEMENTS(reports));
	tcase_add_test(tc, long_reason);
	tcase_add_test(tc, long_key);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
