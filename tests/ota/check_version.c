/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/version.h"

#include "fake/suite.h"
#include "util/macro.h"

static const struct {
	const char *a, *b;
	enum version_order order;
} cases[] = {
	{ "1.0.0", "1.0.0", VERSION_SAME },
	{ "v1.0.0", "1.0.0", VERSION_SAME },
	{ "V1.0", "1.0.0", VERSION_SAME },
	{ "01.00", "1.0", VERSION_SAME },
	{ "1.0.0-rc1", "1.0.0-rc1", VERSION_SAME },
	{ "1.0.1", "1.0.0", VERSION_NEWER },
	{ "1.10", "1.9.9", VERSION_NEWER },
	{ "2.0", "1.9.9", VERSION_NEWER },
	{ "1.0.0.1", "1.0.0", VERSION_NEWER },
	{ "v2.5.7", "1.0.0", VERSION_NEWER },
	{ "2.5.7-1", "1.0.0", VERSION_NEWER },
	{ "0.9.9", "1.0.0", VERSION_OLDER },
	{ "0.9.9-5", "1.0.0", VERSION_OLDER },
	{ "1.0.0", "1.0.1-rc1", VERSION_OLDER },
	{ "1.2.3.4.5", "1.2.3.4", VERSION_UNKNOWN },
	{ "1.0.0-rc1", "1.0.0", VERSION_UNKNOWN },
	{ "1.0.bin", "1.0.0", VERSION_UNKNOWN },
	/* no versions: nobody could say what they are */
	{ "", "1.0.0", VERSION_UNKNOWN },
	{ "v", "1.0.0", VERSION_UNKNOWN },
	{ "1", "1.0.0", VERSION_UNKNOWN },
	{ "v9", "1.0.0", VERSION_UNKNOWN },
	{ "1.", "1.0.0", VERSION_UNKNOWN },
	{ ".1", "1.0.0", VERSION_UNKNOWN },
	{ "-1.0", "1.0.0", VERSION_UNKNOWN },
	{ "/firmware/0.1", "1.0.0", VERSION_UNKNOWN },
	{ "NA", "1.0.0", VERSION_UNKNOWN },
	{ "1.0.0", "unknown", VERSION_UNKNOWN },
	{ "99999999999999999999.0", "1.0.0", VERSION_UNKNOWN },
};

START_TEST(orders)
{
	ck_assert_int_eq(version_compare(cases[_i].a, cases[_i].b), cases[_i].order);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("version");
	TCase *tc = tcase_create("version");

	tcase_add_loop_test(tc, orders, 0, ELEMENTS(cases));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
