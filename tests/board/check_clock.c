/* SPDX-License-Identifier: Apache-2.0 */
#include "board/clock.h"

#include "at/error.h"
#include "fake/suite.h"

#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>

static const struct {
	time_t seconds;
	long nanoseconds;
	const char *text;
} cases[] = {
	{ 1795350614, 250000000, "2026/11/22 12:30:14.25" }, /* the guide's form, 9.1.1 */
	{ 0, 0, "1970/01/01 00:00:00.00" },
	{ 1795350614, 999999999, "2026/11/22 12:30:14.99" },
	{ 1795350614, 9999999, "2026/11/22 12:30:14.00" },
	{ 1795350614, 10000000, "2026/11/22 12:30:14.01" },
	{ 1709164799, 0, "2024/02/28 23:59:59.00" },
	{ 1709164800, 0, "2024/02/29 00:00:00.00" },
	{ 4102444800, 0, "2100/01/01 00:00:00.00" },
};

START_TEST(formats)
{
	const struct timespec now = { .tv_sec = cases[_i].seconds, .tv_nsec = cases[_i].nanoseconds };
	char text[CLOCK_TEXT];

	ck_assert_int_eq(clock_format(true, &now, text), 0);
	ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

START_TEST(in_utc)
{
	const struct timespec now = { .tv_sec = 1795350614 };
	char text[CLOCK_TEXT];

	ck_assert_int_eq(setenv("TZ", "Pacific/Auckland", 1), 0);
	tzset();
	ck_assert_int_eq(clock_format(true, &now, text), 0);
	ck_assert_str_eq(text, "2026/11/22 12:30:14.00");
}
END_TEST

START_TEST(not_synchronised)
{
	const struct timespec now = { .tv_sec = 1795350614 };
	char text[CLOCK_TEXT] = "untouched";

	ck_assert_int_eq(clock_format(false, &now, text), AT_ERR_TIME);
	ck_assert_str_eq(text, "untouched");
}
END_TEST

/* The kernel's word decides. */
START_TEST(real_clock)
{
	struct timex timex = { .modes = 0 };
	int state = adjtimex(&timex);
	bool synchronised = state >= 0 && state != TIME_ERROR && !(timex.status & STA_UNSYNC);
	char text[CLOCK_TEXT];

	ck_assert_int_eq(clock_text(text), synchronised ? 0 : AT_ERR_TIME);
	if (synchronised)
		ck_assert_uint_eq(strlen(text), strlen("2026/11/22 12:30:14.25"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *tc = tcase_create("clock");

	tcase_add_loop_test(tc, formats, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, in_utc);
	tcase_add_test(tc, not_synchronised);
	tcase_add_test(tc, real_clock);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
