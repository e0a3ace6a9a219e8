/* SPDX-License-Identifier: Apache-2.0 */
#include "helpers/answer.h"

#include "fake/suite.h"
#include "util/macro.h"

static const struct {
	long status;
	enum fetch_word verdict;
} statuses[] = {
	{ 204, FETCH_FAILED },  { 302, FETCH_FAILED },  { 400, FETCH_EXPIRED }, { 401, FETCH_EXPIRED },
	{ 403, FETCH_EXPIRED }, { 404, FETCH_EXPIRED }, { 405, FETCH_FAILED },  { 408, FETCH_BROKEN },
	{ 410, FETCH_EXPIRED }, { 416, FETCH_FAILED },  { 425, FETCH_BROKEN },  { 429, FETCH_BROKEN },
	{ 500, FETCH_BROKEN },  { 503, FETCH_BROKEN },
};

START_TEST(verdicts)
{
	ck_assert_int_eq(answer_verdict(statuses[_i].status), statuses[_i].verdict);
}
END_TEST

static const struct {
	const char *xml, *code;
} bodies[] = {
	{ "<?xml?>\n<Error><Code>AccessDenied</Code><Message>m</Message>", "AccessDenied" },
	{ "<Error><Code>Access Denied</Error>", "Access Denied" },
	{ "<Error><Message>Code</Message>", "" },
	{ "<Code", "" },
	{ "<Code>cut off her", "cut off her" },
	{ "<Code>two\nlines</Code>", "two" },
	{ "<Code>f\xc3\xbcr</Code>", "f" },
	{ "<Code>0123456789abcdefgh</Code>", "0123456789abcde" },
	{ "", "" },
};

START_TEST(elements)
{
	char code[16];

	answer_element(bodies[_i].xml, "Code", code, sizeof(code));
	ck_assert_str_eq(code, bodies[_i].code);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("answer");
	TCase *tc = tcase_create("answer");

	tcase_add_loop_test(tc, verdicts, 0, ELEMENTS(statuses));
	tcase_add_loop_test(tc, elements, 0, ELEMENTS(bodies));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
