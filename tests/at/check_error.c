/* SPDX-License-Identifier: Apache-2.0 */
#include "at/error.h"

#include "util/macro.h"

#include "fake/suite.h"

#include <check.h>
#include <limits.h>

/* Table 1 as it is printed. */
static const struct {
	int number;
	const char *text;
} table[] = {
	{ 1, "OVERFLOW" },
	{ 2, "PARSE ERROR" },
	{ 3, "COMMAND NOT FOUND" },
	{ 4, "PARAMETER ERROR" },
	{ 5, "INVALID ESCAPE" },
	{ 6, "NO CONNECTION" },
	{ 7, "OUT OF RANGE" },
	{ 8, "PARAMETER UNDEFINED" },
	{ 9, "INVALID KEY LENGTH" },
	{ 10, "INVALID KEY NAME" },
	{ 11, "UNKNOWN KEY" },
	{ 12, "KEY READONLY" },
	{ 13, "KEY WRITEONLY" },
	{ 14, "UNABLE TO CONNECT" },
	{ 15, "TIME NOT AVAILABLE" },
	{ 16, "LOCATION NOT AVAILABLE" },
	{ 17, "MODE NOT AVAILABLE" },
	{ 18, "ACTIVE CONNECTION" },
	{ 19, "HOST IMAGE NOT AVAILABLE" },
	{ 20, "INVALID ADDRESS" },
	{ 21, "INVALID OTA UPDATE" },
	{ 23, "INVALID SIGNATURE" },
};

START_TEST(table_1)
{
	for (size_t i = 0; i < ELEMENTS(table); i++)
		ck_assert_str_eq(at_error_text(table[i].number), table[i].text);
}
END_TEST

START_TEST(no_others)
{
	static const int others[] = { 0, 22, 24, 25, -1, INT_MIN, INT_MAX };

	for (size_t i = 0; i < ELEMENTS(others); i++)
		ck_assert_ptr_null(at_error_text(others[i]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("error");
	TCase *tc = tcase_create("error");

	tcase_add_test(tc, table_1);
	tcase_add_test(tc, no_others);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
