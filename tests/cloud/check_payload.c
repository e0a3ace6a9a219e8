/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/payload.h"

#include "fake/suite.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *text;
	bool sound;
} texts[] = {
	{ "{}", true },
	{ " \t\r\n{ } \r\n", true },
	{ "{\"a\":null,\"b\":[1,{}],\"c\":\"\xc3\xa4\"}", true },
	{ "{\"a\":\"\\u0001\\u00e4\\n\\\\\"}", true },
	{ "{\"a\":\"\\\\u0000\"}", true }, /* a backslash, and no NUL */
	{ "{\"a\":\"\\\\\\\\u0000\"}", true },
	{ "{\"a\":\"\\u0000\"}", true },
	{ "{\"a\":\"\\\\\\u0000\"}", true },
	{ "{\"a\\u0000\":1}", true },
	{ "{\"a\":\"\\uzzzz\"}", false },
	{ "{\"a\":\"\\uz001\"}", false },
	{ "{\"a\":\"\\u000z\"}", false },
	{ "{\"a\":\"\\u1000\"}", true },
	{ "{\"a\":\"\\u00\"}", false },
	{ "{\"a\":\"\\u", false },
	{ "{\"a\":\"\\", false },
	{ "{}x", false },
	{ "{}{}", false },
	{ "{", false },
	{ "", false },
	{ "[]", false },
	{ "null", false },
	{ "\"text\"", false },
	{ "1", false },
	{ "{a:1}", false },
	{ "\xff", false },
};

START_TEST(parses)
{
	size_t n = strlen(texts[_i].text);
	char *exact = malloc(n + 1); /* no terminator where a sanitizer would not see it read */
	cJSON *object;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, texts[_i].text, n);
	exact = realloc(exact, n ? n : 1);
	object = payload_parse(exact, n);
	ck_assert_int_eq(object != NULL, texts[_i].sound);
	cJSON_Delete(object);
	free(exact);
}
END_TEST

/* They are JSON, and a job's document may have them: such a job is to be refused, not to be deaf to. */
START_TEST(what_cjson_cannot_take)
{
	static const char text[] =
		"{\"nul\":\"a\\u0000b\",\"high\":\"a\\ud83db\",\"low\":\"a\\uDE80b\",\"two\":\"\\ud83d\\ud83d\","
		"\"pair\":\"\\ud83d\\ude80\",\"end\":\"\\uD83D\",\"none\":\"\\\\u0000\"}";
	_cleanup_(cJSON_Deletep) cJSON *object = payload_parse(text, strlen(text));

	ck_assert_ptr_nonnull(object);
	ck_assert_str_eq(payload_text(object, "nul"), "a\001b");
	ck_assert_str_eq(payload_text(object, "high"), "a\001b");
	ck_assert_str_eq(payload_text(object, "low"), "a\001b");
	ck_assert_str_eq(payload_text(object, "two"), "\001\001");
	ck_assert_str_eq(payload_text(object, "pair"), "\xf0\x9f\x9a\x80");
	ck_assert_str_eq(payload_text(object, "end"), "\001");
	ck_assert_str_eq(payload_text(object, "none"), "\\u0000");
}
END_TEST

START_TEST(any_bytes)
{
	ck_assert_ptr_null(payload_parse("{}\0", 3));
	ck_assert_ptr_null(payload_parse("{\0}", 3));
	ck_assert_ptr_null(payload_parse("{\"a\":\"b\0c\"}", 11));
	ck_assert_ptr_null(payload_parse(NULL, 0));
}
END_TEST

START_TEST(bounded)
{
	static char text[PAYLOAD_MAX + 1];
	cJSON *object;

	memset(text, ' ', sizeof(text));
	memcpy(text, "{}", 2);
	object = payload_parse(text, PAYLOAD_MAX);
	ck_assert_ptr_nonnull(object);
	cJSON_Delete(object);
	ck_assert_ptr_null(payload_parse(text, PAYLOAD_MAX + 1));

	/* Deep nesting doesn't exhaust the stack. */
	memset(text, '[', sizeof(text));
	memcpy(text, "{\"a\":", 5);
	ck_assert_ptr_null(payload_parse(text, PAYLOAD_MAX));
}
END_TEST

/* What payload_parse() does not take; what is left of it without "doc"; NULL: nothing. */
static const struct {
	const char *text, *left;
} partly[] = {
	{ "{\"e\":{\"doc\":\"\\u000\",\"id\":1}}", "{\"e\":{\"\":0,\"id\":1}}" },
	{ "{\"e\":{\"id\":1,\"doc\" : {\"a\":[1,{\"b\":\"}\\\"\\u\"}]} },\"f\":2}",
	  "{\"e\":{\"id\":1,\"\":0},\"f\":2}" },
	{ "{\"e\":{\"doc\":[\"]\",bad]},\"f\":{\"doc\":bad}}", "{\"e\":{\"\":0},\"f\":{\"\":0}}" },
	{ "{\"e\":{\"doc\":}}", "{\"e\":{\"\":0}}" },
	{ "{\"e\":{\"x\":\"doc\",\"doc\":bad}}", "{\"e\":{\"x\":\"doc\",\"\":0}}" },
	{ "{\"doc\":bad}", NULL },
	{ "{\"e\":{\"f\":{\"doc\":bad}}}", NULL },
	{ "{\"e\":{\"docs\":bad}}", NULL },
	{ "{\"e\":{\"doc\":bad,\"f\":\"\\u\"}}", NULL },
	{ "{\"e\":{\"doc\":{]}}", "{\"e\":{\"\":0}}" },
	{ "{\"e\":{\"doc\":\"", NULL },
	{ "{\"e\":{\"doc\":\"\\", NULL },
	{ "{\"e\":{\"doc\"", NULL },
	{ "{\"e\":{\"doc\":[", NULL },
	{ "{\"e\":{\"doc\":1}} x", NULL },
	{ "]]]", NULL },
	{ "", NULL },
};

START_TEST(parses_partly)
{
	size_t n = strlen(partly[_i].text);
	char *exact = malloc(n ? n : 1), *left;
	cJSON *object;

	ck_assert_ptr_nonnull(exact);
	memcpy(exact, partly[_i].text, n);
	ck_assert_ptr_null(payload_parse(exact, n));
	object = payload_parse_without(exact, n, "\"doc\"");
	left = object ? cJSON_PrintUnformatted(object) : NULL;
	ck_assert_pstr_eq(left, partly[_i].left);
	ck_assert_int_eq(memcmp(exact, partly[_i].text, n), 0);
	cJSON_free(left);
	cJSON_Delete(object);
	free(exact);
}
END_TEST

/* One that can be read stays as it is; one that is nested too deep does not hide the rest. */
START_TEST(parses_whole)
{
	static char text[PAYLOAD_MAX + 1];
	cJSON *object = payload_parse_without("{\"e\":{\"doc\":7}}", 15, "\"doc\"");
	char *left = cJSON_PrintUnformatted(object);
	int n;

	ck_assert_str_eq(left, "{\"e\":{\"doc\":7}}");
	cJSON_free(left);
	cJSON_Delete(object);

	n = snprintf(text, sizeof(text), "{\"e\":{\"doc\":");
	memset(text + n, '[', 16000);
	memset(text + n + 16000, ']', 16000);
	memcpy(text + n + 32000, "}}", 2);
	object = payload_parse_without(text, (size_t)n + 32002, "\"doc\"");
	ck_assert_ptr_nonnull(cJSON_GetObjectItem(object, "e"));
	cJSON_Delete(object);

	ck_assert_ptr_null(payload_parse_without(text, PAYLOAD_MAX + 1, "\"doc\""));
	memset(text, '{', sizeof(text));
	ck_assert_ptr_null(payload_parse_without(text, PAYLOAD_MAX, "\"doc\""));
}
END_TEST

static const struct {
	const char *value; /* NULL: no such member */
	bool is_number;
	int64_t number;
} numbers[] = {
	{ "0", true, 0 },
	{ "17", true, 17 },
	{ "17.0", true, 17 },
	{ "1e3", true, 1000 },
	{ "9007199254740991", true, 9007199254740991 },
	{ "9007199254740992", false, 0 }, /* as a double it may be another one */
	{ "1e999", false, 0 },
	{ "-1", false, 0 },
	{ "1.5", false, 0 },
	{ "\"17\"", true, 17 },
	{ "\"0017\"", true, 17 },
	{ "\"9223372036854775807\"", true, INT64_MAX },
	{ "\"9223372036854775808\"", false, 0 },
	{ "\"99999999999999999999\"", false, 0 },
	{ "\"-1\"", false, 0 },
	{ "\"1.0\"", false, 0 },
	{ "\" 1\"", false, 0 },
	{ "\"\"", false, 0 },
	{ "null", false, 0 },
	{ "true", false, 0 },
	{ "[1]", false, 0 },
	{ "{}", false, 0 },
	{ NULL, false, 0 },
};

static cJSON *parse(const char *text)
{
	cJSON *object = payload_parse(text, strlen(text));

	ck_assert_msg(object != NULL, "%s", text);
	return object;
}

START_TEST(number)
{
	const char *value = numbers[_i].value;
	char text[64];
	cJSON *object;
	int64_t ret = -4711;

	(void)snprintf(text, sizeof(text), "{%s%s}", value ? "\"n\":" : "", value ? value : "");
	object = parse(text);
	ck_assert_int_eq(payload_number(object, "n", &ret), numbers[_i].is_number);
	ck_assert_int_eq(ret, numbers[_i].is_number ? numbers[_i].number : -4711);
	ck_assert(!payload_number(object, "N", &ret));
	cJSON_Delete(object);
	ck_assert(!payload_number(NULL, "n", &ret));
}
END_TEST

START_TEST(text)
{
	cJSON *object = parse("{\"a\":\"x\",\"b\":null,\"c\":1,\"d\":[\"x\"],\"e\":\"\"}");

	ck_assert_str_eq(payload_text(object, "a"), "x");
	ck_assert_str_eq(payload_text(object, "e"), "");
	ck_assert_ptr_null(payload_text(object, "b"));
	ck_assert_ptr_null(payload_text(object, "c"));
	ck_assert_ptr_null(payload_text(object, "d"));
	ck_assert_ptr_null(payload_text(object, "A"));
	ck_assert_ptr_null(payload_text(NULL, "a"));
	cJSON_Delete(object);
}
END_TEST

static const struct {
	const char *text;
	bool strictly, loosely;
} answers[] = {
	{ "{\"clientToken\":\"mine-1\"}", true, true },
	{ "{\"c\":\"mine-1\"}", true, true },
	{ "{\"clientToken\":\"mine-2\"}", false, false },
	{ "{\"c\":\"mine-1x\"}", false, false },
	{ "{\"clientToken\":\"mine-2\",\"c\":\"mine-1\"}", false, false },
	{ "{\"clientToken\":null,\"c\":\"mine-1\"}", true, true },
	{ "{\"clientToken\":\"\"}", false, false },
	{ "{\"clientToken\":null}", false, true },
	{ "{}", false, true },
};

START_TEST(token)
{
	cJSON *object = parse(answers[_i].text);

	ck_assert_int_eq(payload_answers(object, "mine-1", false), answers[_i].strictly);
	ck_assert_int_eq(payload_answers(object, "mine-1", true), answers[_i].loosely);
	cJSON_Delete(object);
}
END_TEST

static const struct {
	const char *text, *code;
	bool busy;
} codes[] = {
	{ "{\"code\":\"ResourceNotFound\",\"message\":\"no\"}", "ResourceNotFound", false },
	{ "{\"o\":\"BlockSizeOutOfBounds\",\"m\":\"no\"}", "BlockSizeOutOfBounds", false },
	{ "{\"code\":null,\"o\":\"VersionMismatch\"}", "VersionMismatch", false },
	{ "{\"code\":\"InternalError\"}", "InternalError", true },
	{ "{\"code\":\"RequestThrottled\"}", "RequestThrottled", true },
	{ "{\"o\":\"ThrottlingException\"}", "ThrottlingException", true },
	{ "{\"code\":\"\"}", "Rejected", false },
	{ "{\"code\":404}", "Rejected", false },
	{ "{}", "Rejected", false },
	{ "{\"code\":\"~!\"}", "~!", false },
	{ "{\"code\":\"a b\\n\xc3\xa4\\u007f\"}", "a?b????", false },
	{ "{\"code\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
	  "0123456789012345678901234567890123456789012345678901234567890123", false },
};

START_TEST(code)
{
	cJSON *object = parse(codes[_i].text);
	char ret[PAYLOAD_MAX_CODE + 1];

	payload_code(object, ret);
	ck_assert_str_eq(ret, codes[_i].code);
	ck_assert_int_eq(payload_is_busy(ret), codes[_i].busy);
	cJSON_Delete(object);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("payload");
	TCase *tc = tcase_create("payload");

	tcase_add_loop_test(tc, parses, 0, ELEMENTS(texts));
	tcase_add_test(tc, what_cjson_cannot_take);
	tcase_add_test(tc, any_bytes);
	tcase_add_test(tc, bounded);
	tcase_add_loop_test(tc, parses_partly, 0, ELEMENTS(partly));
	tcase_add_test(tc, parses_whole);
	tcase_add_loop_test(tc, number, 0, ELEMENTS(numbers));
	tcase_add_test(tc, text);
	tcase_add_loop_test(tc, token, 0, ELEMENTS(answers));
	tcase_add_loop_test(tc, code, 0, ELEMENTS(codes));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
