/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/onboard.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <stdio.h>
#include <string.h>

#define PRESENT "staging.example"

static const char *parse(const void *payload, size_t n)
{
	static char endpoint[ENDPOINT_MAX + 1];

	(void)snprintf(endpoint, sizeof(endpoint), "untouched");
	if (onboard_parse(payload, n, PRESENT, strlen(PRESENT), endpoint))
		return endpoint;
	ck_assert_str_eq(endpoint, "untouched");
	return NULL;
}

static const struct {
	const char *payload, *endpoint;
} cases[] = {
	{ "{\"Endpoint\":\"a.iot.example\"}", "a.iot.example" },
	{ "{\"Endpoint\": \"a.iot.example:443\"}", "a.iot.example:443" },
	{ " {\r\n\t\"Endpoint\" : \"192.0.2.1\" } \n", "192.0.2.1" },
	{ "{\"Endpoint\":\"[2001:db8::1]:8883\"}", "[2001:db8::1]:8883" },
	{ "{\"Other\":[1,{\"Endpoint\":\"no\"}],\"Endpoint\":\"yes.example\",\"X\":null}", "yes.example" },
	{ "{\"Endpoint\":\"\\u0061.example\"}", "a.example" },
	{ "{\"Endpoint\":\"staging.example:8883\"}", "staging.example:8883" },
	{ "{\"Endpoint\":\"staging.exampl\"}", "staging.exampl" },
	{ "{\"Endpoint\":\"staging.example\"}", NULL }, /* the present one */
	{ "{\"endpoint\":\"a.example\"}", NULL },
	{ "{\"Endpoint\":\"\"}", NULL },
	{ "{\"Endpoint\":\"a b\"}", NULL },
	{ "{\"Endpoint\":\"https://a.example/\"}", NULL },
	{ "{\"Endpoint\":\"a.example:0\"}", NULL },
	{ "{\"Endpoint\":\"a.example\\u0000.evil\"}", NULL },
	{ "{\"Endpoint\":\"a.example\\n\"}", NULL },
	{ "{\"Endpoint\":42}", NULL },
	{ "{\"Endpoint\":null}", NULL },
	{ "{\"Endpoint\":[\"a.example\"]}", NULL },
	{ "{\"Endpoint\":{\"Endpoint\":\"a.example\"}}", NULL },
	{ "[{\"Endpoint\":\"a.example\"}]", NULL },
	{ "\"a.example\"", NULL },
	{ "{}", NULL },
	{ "null", NULL },
	{ "", NULL },
	{ "a.example", NULL },
	{ "{\"Endpoint\":\"a.example\"", NULL },
	{ "{\"Endpoint\":\"a.example\"} x", NULL },
	{ "{\"Endpoint\":\"a.example\"}{}", NULL },
	{ "{Endpoint:\"a.example\"}", NULL },
};

START_TEST(parses)
{
	const char *endpoint = parse(cases[_i].payload, strlen(cases[_i].payload));

	if (cases[_i].endpoint) {
		ck_assert_ptr_nonnull(endpoint);
		ck_assert_str_eq(endpoint, cases[_i].endpoint);
	} else {
		ck_assert_ptr_null(endpoint);
	}
}
END_TEST

/* The payload has no end of its own: what lies behind it is not read. */
START_TEST(no_terminator)
{
	static const char text[] = "{\"Endpoint\":\"a.example\"}";
	size_t n = strlen(text);
	char *payload = malloc(n);

	ck_assert_ptr_nonnull(payload);
	memcpy(payload, text, n);
	ck_assert_ptr_nonnull(parse(payload, n));
	for (size_t i = 0; i < n; i++) {
		char *piece = malloc(i + 1);

		ck_assert_ptr_nonnull(piece);
		memcpy(piece, text, i);
		piece[i] = '\0';
		ck_assert_ptr_null(parse(piece, i));
		ck_assert_ptr_null(parse(piece, i + 1));
		free(piece);
	}
	free(payload);
}
END_TEST

START_TEST(any_bytes)
{
	ck_assert_ptr_null(parse("{\"Endpoint\":\"a\0b\"}", 18));
	ck_assert_ptr_null(parse("\0{\"Endpoint\":\"a.example\"}", 25));
	ck_assert_ptr_null(parse("{\"Endpoint\":\"a.example\"}\0", 25));
	ck_assert_ptr_null(parse("\xff\xfe", 2));
}
END_TEST

static const char *with_name(size_t n)
{
	static char text[8192];
	char name[8000];

	memset(name, 'a', sizeof(name));
	for (size_t i = 32; i < n; i += 32)
		name[i] = '.';
	(void)snprintf(text, sizeof(text), "{\"Endpoint\":\"%.*s\"}", (int)n, name);
	return text;
}

START_TEST(bounded)
{
	const char *text = with_name(ENDPOINT_MAX);

	ck_assert_ptr_nonnull(parse(text, strlen(text)));
	text = with_name(ENDPOINT_MAX + 2);
	ck_assert_ptr_null(parse(text, strlen(text)));
	text = with_name(5000);
	ck_assert_ptr_null(parse(text, strlen(text)));
}
END_TEST

START_TEST(large_payload)
{
	char text[ONBOARD_MAX_PAYLOAD + 1];

	memset(text, ' ', sizeof(text));
	memcpy(text, "{\"Endpoint\":\"a.example\"}", 24);
	ck_assert_ptr_nonnull(parse(text, ONBOARD_MAX_PAYLOAD));
	ck_assert_ptr_null(parse(text, ONBOARD_MAX_PAYLOAD + 1));
}
END_TEST

/* Deep nesting doesn't exhaust the stack. */
START_TEST(deep)
{
	char text[ONBOARD_MAX_PAYLOAD];

	memset(text, '[', sizeof(text));
	ck_assert_ptr_null(parse(text, sizeof(text)));
}
END_TEST

START_TEST(no_present_one)
{
	char endpoint[ENDPOINT_MAX + 1];

	ck_assert(onboard_parse("{\"Endpoint\":\"a.example\"}", 24, "", 0, endpoint));
	ck_assert_str_eq(endpoint, "a.example");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("onboard");
	TCase *tc = tcase_create("onboard");

	tcase_add_loop_test(tc, parses, 0, ELEMENTS(cases));
	tcase_add_test(tc, no_terminator);
	tcase_add_test(tc, any_bytes);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, large_payload);
	tcase_add_test(tc, deep);
	tcase_add_test(tc, no_present_one);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
