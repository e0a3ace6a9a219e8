/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "board/clock.h"
#include "fake/rig.h"
#include "fake/suite.h"

#include <stdio.h>

static struct rig rig;

/* In place of board/clock.c. */
static int clock_r;

int clock_text(char ret[CLOCK_TEXT])
{
	(void)snprintf(ret, CLOCK_TEXT, "2026/11/22 12:30:14.25");
	return clock_r;
}

int clock_format(bool synchronised, const struct timespec *now, char ret[CLOCK_TEXT])
{
	(void)synchronised;
	(void)now;
	return clock_text(ret);
}

bool clock_is_synchronised(void)
{
	return clock_r == 0;
}

static void setup(void)
{
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

START_TEST(time_of_day)
{
	expect("AT+TIME?", "OK 2026/11/22 12:30:14.25 SNTP\r\n");
	clock_r = AT_ERR_TIME;
	expect("AT+TIME?", "ERR15 TIME NOT AVAILABLE\r\n");
	expect("AT+TIME? UTC", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+TIME?1", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+TIME", "ERR3 COMMAND NOT FOUND\r\n");
}
END_TEST

START_TEST(labelled_time)
{
	teardown();
	rig_make_module(&rig, "[Compatibility]\nTimeLabels=yes\n");
	expect("AT+TIME?", "OK date 2026/11/22 time 12:30:14.25 SNTP\r\n");
	clock_r = AT_ERR_TIME;
	expect("AT+TIME?", "ERR15 TIME NOT AVAILABLE\r\n");
}
END_TEST

START_TEST(place)
{
	expect("AT+WHERE?", "ERR16 LOCATION NOT AVAILABLE\r\n");
	expect("AT+WHERE? x", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+WHERE?1", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+WHERE", "ERR3 COMMAND NOT FOUND\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("info");
	TCase *tc = tcase_create("info");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, attention);
	tcase_add_test(tc, time_of_day);
	tcase_add_test(tc, labelled_time);
	tcase_add_test(tc, place);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
