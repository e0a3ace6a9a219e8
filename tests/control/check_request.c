/* SPDX-License-Identifier: Apache-2.0 */
#include "control/request.h"

#include "fake/suite.h"

#include <string.h>

struct row {
	const char *bytes;
	enum request requests[4]; /* up to REQUEST_NONE */
};

static const struct row rows[] = {
	{ "", { REQUEST_NONE } },
	{ "status", { REQUEST_NONE } },
	{ "status\n", { REQUEST_STATUS } },
	{ "attempts\nprobe\nmonitor\n", { REQUEST_ATTEMPTS, REQUEST_PROBE, REQUEST_MONITOR } },
	{ "monitor\nsta", { REQUEST_MONITOR } },
	{ "\n", { REQUEST_BAD } },
	{ "Status\n", { REQUEST_BAD } },
	{ "status \n", { REQUEST_BAD } },
	{ "status\r\n", { REQUEST_BAD } },
	{ "statu\nstatus\n", { REQUEST_BAD, REQUEST_STATUS } },
	{ "12345678901234567890123456789012\nstatus\n", { REQUEST_BAD, REQUEST_STATUS } },
	{ "123456789012345678901234567890123", { REQUEST_BAD } },
};

/* In pieces of this size. */
static void feed(const struct row *row, size_t piece)
{
	struct request_reader reader = { .n = 0 };
	size_t n = strlen(row->bytes), found = 0;

	for (size_t at = 0; at < n;) {
		size_t k = piece < n - at ? piece : n - at, used;
		enum request request = REQUEST_NONE;

		used = request_feed(&reader, row->bytes + at, k, &request);
		ck_assert_uint_ge(used, 1);
		ck_assert_uint_le(used, k);
		at += used;
		if (request != REQUEST_NONE)
			ck_assert_int_eq((int)request, (int)row->requests[found++]);
	}
	ck_assert_int_eq((int)row->requests[found], (int)REQUEST_NONE);
}

START_TEST(every_row)
{
	for (size_t piece = 1; piece < 50; piece++)
		feed(&rows[_i], piece);
}
END_TEST

START_TEST(a_nul_is_no_end)
{
	struct request_reader reader = { .n = 0 };
	enum request request;

	ck_assert_uint_eq(request_feed(&reader, "status\0\n", 8, &request), 8);
	ck_assert_int_eq((int)request, (int)REQUEST_BAD);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");

	tcase_add_loop_test(tc, every_row, 0, (int)ELEMENTS(rows));
	tcase_add_test(tc, a_nul_is_no_end);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
