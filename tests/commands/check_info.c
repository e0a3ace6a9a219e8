/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "fake/gpsd.h"
#include "fake/rig.h"
#include "fake/suite.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/timex.h>
#include <time.h>

static struct rig rig;

/* Whether somebody keeps the clock right, and the clock. */
static bool synchronised;

int __wrap_adjtimex(struct timex *timex);
int __wrap_adjtimex(struct timex *timex)
{
	timex->status = synchronised ? 0 : STA_UNSYNC;
	return synchronised ? TIME_OK : TIME_ERROR;
}

/* Its name in the C library where a time_t of 64 bits is not the machine's own. */
int __wrap____adjtimex64(struct timex *timex) __attribute__((alias("__wrap_adjtimex")));

static void setup(void)
{
	memset(fake_gpsd(), 0, sizeof(*fake_gpsd()));
	synchronised = false;
	rig_make_module(&rig, NULL);
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

/* Guide 3.6.3. */
START_TEST(attention)
{
	expect("AT", "OK\r\n");
	expect("at", "OK\r\n");
	expect("abcdefAT", "OK\r\n");
	expect("AT+", "ERR3 COMMAND NOT FOUND\r\n");
	expect("AT+ X", "ERR3 COMMAND NOT FOUND\r\n");
}
END_TEST

/* What it has said is the time of day: within this minute, for a loaded machine. */
static void expect_now(const char *before, const char *behind)
{
	time_t now = time(NULL), then;
	const char *said = rig_ask(&rig, "AT+TIME?");
	struct tm tm = { 0 };
	char *end, form[64];

	(void)snprintf(form, sizeof(form), "OK %s", before);
	ck_assert_int_eq(strncmp(said, form, strlen(form)), 0);
	end = strptime(said + strlen(form), strstr(before, "date") ? "%Y/%m/%d time %H:%M:%S" : "%Y/%m/%d %H:%M:%S",
		       &tm);
	ck_assert_msg(end && end[0] == '.', "%s", said);
	ck_assert_str_eq(end + 3, behind);
	then = timegm(&tm);
	ck_assert(then >= now && then <= now + 60);
}

START_TEST(time_of_day)
{
	synchronised = true;
	expect_now("", " SNTP\r\n");
	synchronised = false;
	expect("AT+TIME?", "ERR15 TIME NOT AVAILABLE\r\n");
	expect("AT+TIME? UTC", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+TIME?1", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+TIME", "ERR3 COMMAND NOT FOUND\r\n");
}
END_TEST

/* The receiver counts only where nobody keeps the clock right. */
START_TEST(time_by_gps)
{
	fake_gpsd_fix();
	fake_gpsd()->fresh = true;
	expect("AT+TIME?", "OK 2026/11/22 12:30:14.25 GPS\r\n");
	ck_assert_uint_eq(fake_gpsd()->asked, 1);
	synchronised = true;
	expect_now("", " SNTP\r\n");
	ck_assert_uint_eq(fake_gpsd()->asked, 1);
	synchronised = fake_gpsd()->fresh = false;
	expect("AT+TIME?", "ERR15 TIME NOT AVAILABLE\r\n");
}
END_TEST

START_TEST(place)
{
	expect("AT+WHERE?", "ERR16 LOCATION NOT AVAILABLE\r\n");
	ck_assert_uint_eq(fake_gpsd()->asked, 1);
	fake_gpsd_fix();
	expect("AT+WHERE?", "OK 2026/11/22 12:30:14.25 47.285233 -8.565265 499.6 7.8 GPS\r\n");
	fake_gpsd()->fix.elevation = fake_gpsd()->fix.accuracy = NAN;
	expect("AT+WHERE?", "OK 2026/11/22 12:30:14.25 47.285233 -8.565265 0 99999 GPS\r\n");
	expect("AT+WHERE? x", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+WHERE?1", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+WHERE", "ERR3 COMMAND NOT FOUND\r\n");
}
END_TEST

/* A reset forgets nothing of it. */
START_TEST(labels)
{
	teardown();
	rig_make_module(&rig, "[Compatibility]\nTimeLabels=yes\n");
	expect("AT+TIME?", "ERR15 TIME NOT AVAILABLE\r\n");
	expect("AT+WHERE?", "ERR16 LOCATION NOT AVAILABLE\r\n");
	fake_gpsd_fix();
	fake_gpsd()->fresh = true;
	expect("AT+RESET", "OK\r\n");
	expect("AT+TIME?", "OK date 2026/11/22 time 12:30:14.25 GPS\r\n");
	expect("AT+WHERE?", "OK date 2026/11/22 time 12:30:14.25 47.285233 -8.565265 499.6 7.8 GPS\r\n");
	synchronised = true;
	expect_now("date ", " SNTP\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("info");
	TCase *tc = tcase_create("info");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, attention);
	tcase_add_test(tc, time_of_day);
	tcase_add_test(tc, time_by_gps);
	tcase_add_test(tc, place);
	tcase_add_test(tc, labels);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
