/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/tty.h"

#include <string.h>

static struct rig rig;

static void setup(void)
{
	rig_make_module(&rig, NULL);
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

/* Guide 7.2.1. */
START_TEST(oldest_first)
{
	events_push(rig.module->events, EVENT_MSG, 12, NULL, 0);
	events_push(rig.module->events, EVENT_CONLOST, 0, NULL, 0);
	events_push(rig.module->events, EVENT_OVERRUN, 0, "some/topic", 10);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK 1 12 MSG\r\n");
	expect("AT+EVENT?", "OK 3 0 CONLOST\r\n");
	expect("AT+EVENT?", "OK 4 0 OVERRUN some/topic\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("at+event?", "OK\r\n");
}
END_TEST

START_TEST(detail_is_escaped)
{
	static const char detail[] = "a\0b\r\n\\";
	size_t n;
	const char *answer;

	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	events_push(rig.module->events, EVENT_OVERRUN, 0, detail, sizeof(detail) - 1);
	answer = rig_ask(&rig, "AT+EVENT?");
	(void)fake_tty_received(fake_tty(), &n);
	ck_assert_uint_eq(n, 26);
	ck_assert_mem_eq(answer, "OK 4 0 OVERRUN a\0b\\D\\A\\\\\r\n", 26);
}
END_TEST

START_TEST(longest_detail)
{
	char detail[EVENT_MAX_DETAIL];

	memset(detail, '\\', sizeof(detail));
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	events_push(rig.module->events, EVENT_OVERRUN, 4294967295U, detail, sizeof(detail));
	ck_assert_uint_eq(strlen(rig_ask(&rig, "AT+EVENT?")),
			  strlen("OK 4 4294967295 OVERRUN \r\n") + 2 * sizeof(detail));
}
END_TEST

START_TEST(wrong_use)
{
	expect("AT+EVENT", "ERR3 COMMAND NOT FOUND\r\n");
	expect("AT+EVENT1", "ERR3 COMMAND NOT FOUND\r\n");
	expect("AT+EVENT?1", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+EVENT? x", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+EVENT? ", "OK 2 0 STARTUP\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event");
	TCase *tc = tcase_create("event");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, oldest_first);
	tcase_add_test(tc, detail_is_escaped);
	tcase_add_test(tc, longest_detail);
	tcase_add_test(tc, wrong_use);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
