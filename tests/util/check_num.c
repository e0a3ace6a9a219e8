/* SPDX-License-Identifier: Apache-2.0 */
#include "util/num.h"

#include "fake/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *text;
	size_t n;
	int r;
	uint64_t value;
} cases[] = {
	{ "0", 1, 0, 0 },
	{ "7", 1, 0, 7 },
	{ "0009", 4, 0, 9 },
	{ "1234", 2, 0, 12 },
	{ "18446744073709551615", 20, 0, UINT64_MAX },
	{ "18446744073709551616", 20, -ERANGE, UINT64_MAX },
	{ "18446744073709551620", 20, -ERANGE, UINT64_MAX },
	{ "99999999999999999999999999999999", 32, -ERANGE, UINT64_MAX },
	{ "00000000000000000000000000000001", 32, 0, 1 },
	{ "", 0, -EINVAL, 0 },
	{ " 1", 2, -EINVAL, 0 },
	{ "1 ", 2, -EINVAL, 0 },
	{ "-1", 2, -EINVAL, 0 },
	{ "+1", 2, -EINVAL, 0 },
	{ "1a", 2, -EINVAL, 0 },
	{ "0x1", 3, -EINVAL, 0 },
	{ "1\0", 2, -EINVAL, 0 },
	{ ":", 1, -EINVAL, 0 },
	{ "/", 1, -EINVAL, 0 },
	{ "\xb1", 1, -EINVAL, 0 },
	{ "99999999999999999999999x", 24, -EINVAL, 0 },
};

START_TEST(parses)
{
	uint64_t value = 4711;

	ck_assert_int_eq(num_parse(cases[_i].text, cases[_i].n, &value), cases[_i].r);
	ck_assert_uint_eq(value, cases[_i].r == -EINVAL ? 4711 : cases[_i].value);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("num");
	TCase *tc = tcase_create("num");

	tcase_add_loop_test(tc, parses, 0, ELEMENTS(cases));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
