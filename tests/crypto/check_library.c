/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/library.h"

#include "fake/suite.h"

#include <string.h>

START_TEST(begins_with_a_number)
{
	const char *text = library_version();

	ck_assert_uint_gt(strspn(text, "0123456789."), 4);
	ck_assert_int_eq(text[0], '3');
	ck_assert_int_eq(text[1], '.');
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("library");
	TCase *tc = tcase_create("library");

	tcase_add_test(tc, begins_with_a_number);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
