/* SPDX-License-Identifier: Apache-2.0 */
#include "control/json.h"

#include "fake/suite.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static struct json j;

static void setup(void)
{
	json_init(&j);
}

static void teardown(void)
{
	json_done(&j);
}

static void expect(const char *wanted)
{
	char *text = json_print(&j);

	ck_assert_str_eq(text, wanted);
	free(text);
}

START_TEST(every_kind)
{
	cJSON *in = json_object(&j, NULL, "o"), *array = json_array(&j, NULL, "a");

	json_text(&j, in, "t", "a \"quoted\" \\ text");
	json_text(&j, in, "none", NULL);
	json_number(&j, NULL, "n", 4294967296);
	json_real(&j, NULL, "r", -33.856784);
	json_real(&j, NULL, "nan", NAN);
	json_bool(&j, NULL, "b", true);
	json_null(&j, NULL, "z");
	json_text(&j, array, NULL, "one");
	json_bool(&j, json_object(&j, array, NULL), "two", false);
	expect("{\"o\":{\"t\":\"a \\\"quoted\\\" \\\\ text\",\"none\":null},\"a\":[\"one\",{\"two\":false}],"
	       "\"n\":4294967296,\"r\":-33.856784,\"nan\":null,\"b\":true,\"z\":null}");
}
END_TEST

START_TEST(bytes)
{
	json_bytes(&j, NULL, "b", "a\0\xff\n", 4);
	expect("{\"b\":\"a\\\\x00\\\\xFF\\\\x0A\"}");
}
END_TEST

START_TEST(many_bytes)
{
	char data[5000], *text;

	memset(data, 0x80, sizeof(data));
	json_bytes(&j, NULL, "b", data, sizeof(data));
	text = json_print(&j);
	ck_assert_uint_eq(strlen(text), strlen("{\"b\":\"\"}") + 1024 * strlen("\\\\x80"));
	free(text);
}
END_TEST

START_TEST(times)
{
	json_time(&j, NULL, "never", 0);
	json_time(&j, NULL, "then", 1795417200);
	expect("{\"never\":null,\"then\":\"2026-11-23T07:00:00Z\"}");
}
END_TEST

START_TEST(what_failed_shows_at_the_end)
{
	json_text(&j, NULL, "a", "b");
	j.failed = true;
	ck_assert_ptr_null(json_print(&j));
	json_done(&j);
	/* Into nothing. */
	json_text(&j, json_object(&j, NULL, "a"), "b", "c");
	ck_assert_ptr_null(json_print(&j));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tc = tcase_create("json");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, every_kind);
	tcase_add_test(tc, bytes);
	tcase_add_test(tc, many_bytes);
	tcase_add_test(tc, times);
	tcase_add_test(tc, what_failed_shows_at_the_end);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
