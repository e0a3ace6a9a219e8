/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "board/clock.h"
#include "fake/rig.h"
#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct rig rig;

/* In place of board/clock.c. */
static int clock_r;

struct clock {
	int nothing;
};

int clock_new(struct clock **ret, sd_event *event)
{
	(void)event;
	*ret = calloc(1, sizeof(**ret));
	return *ret ? 0 : -ENOMEM;
}

struct clock *clock_free(struct clock *c)
{
	free(c);
	return NULL;
}

void clock_ask(struct clock *c, struct done done)
{
	(void)c;
	done_call(&done, clock_r);
}

int clock_text(char ret[CLOCK_TEXT])
{
	(void)snprintf(ret, CLOCK_TEXT, "2026/11/22 12:30:14.25");
	return 0;
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
