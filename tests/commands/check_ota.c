/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "fake/rig.h"
#include "fake/suite.h"

static struct rig rig;

static void setup(void)
{
	rig_make_module(&rig, NULL);
}

static void teardown(void)
{
	rig_done(&rig);
}

#define NO_IMAGE  "ERR19 HOST IMAGE NOT AVAILABLE\r\n"
#define NOT_NOW   "ERR21 INVALID OTA UPDATE\r\n"
#define PARAMETER "ERR4 PARAMETER ERROR\r\n"

/* Guide 8.2, with nothing in the buffer. */
static const struct {
	const char *line, *answer;
} cases[] = {
	{ "AT+OTA?", "OK 0\r\n" },
	{ "AT+OTA ACCEPT", NOT_NOW },
	{ "AT+OTA accept", NOT_NOW },
	{ "AT+OTA ACCEPT now", PARAMETER },
	{ "AT+OTA READ 1024", NO_IMAGE },
	{ "AT+OTA READ  1024", NO_IMAGE },
	{ "AT+OTA READ 99999999999999999999999", NO_IMAGE },
	{ "AT+OTA READ 0", PARAMETER },
	{ "AT+OTA READ 000", PARAMETER },
	{ "AT+OTA READ -1", PARAMETER },
	{ "AT+OTA READ", PARAMETER },
	{ "AT+OTA READ x", PARAMETER },
	{ "AT+OTA READ 10x", PARAMETER },
	{ "AT+OTA SEEK", NO_IMAGE },
	{ "AT+OTA SEEK 0", NO_IMAGE },
	{ "AT+OTA SEEK  1024", NO_IMAGE },
	{ "AT+OTA SEEK 99999999999999999999999", NO_IMAGE },
	{ "AT+OTA SEEK x", PARAMETER },
	{ "AT+OTA SEEK -1", PARAMETER },
	{ "AT+OTA APPLY", NO_IMAGE },
	{ "AT+OTA APPLY now", PARAMETER },
	{ "AT+OTA CLOSE", "OK\r\n" },
	{ "AT+OTA CLOSE now", PARAMETER },
	{ "AT+OTA FLUSH", "OK\r\n" },
	{ "AT+OTA Flush", "OK\r\n" },
	{ "AT+OTA FLUSH now", PARAMETER },
	{ "AT+OTA", PARAMETER },
	{ "AT+OTA FOO", PARAMETER },
	{ "AT+OTA 1", PARAMETER },
	{ "AT+OTA1", PARAMETER },
	{ "AT+OTA? x", PARAMETER },
	{ "AT+OTA?1", PARAMETER },
	{ "AT+OTA! x", "ERR3 COMMAND NOT FOUND\r\n" },
};

START_TEST(idle_module)
{
	ck_assert_str_eq(rig_ask(&rig, cases[_i].line), cases[_i].answer);

	/* No event comes of it. */
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 0\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ota");
	TCase *tc = tcase_create("ota");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, idle_module, 0, ELEMENTS(cases));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
