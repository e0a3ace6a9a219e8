/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "fake/mailbox.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct rig rig;

static void setup(void)
{
	fake_keeper_clear();
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

/* With an image of MAILBOX_SIZE bytes for the host. */
static void reach_ready(void)
{
	fake_image()->at_once = true;
	rig_connect(&rig);
	fake_jobs_next("job", 1, JOBS_QUEUED, mailbox_host_image());
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 2 v2.5.7\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA ACCEPT"), "OK\r\n");
	fake_jobs_updated(NULL);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 3\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA APPLY"), NO_IMAGE);
	mailbox_deliver(NULL);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 5 40000\r\n");
}

/* Guide 8.2.4.1. */
static const char *answer(size_t address, size_t n)
{
	static char text[2 * OTA_MAX_READ + 32];
	size_t at = (size_t)snprintf(text, sizeof(text), "OK %02X ", (unsigned)n);
	unsigned sum = 0;

	for (size_t i = 0; i < n; i++) {
		unsigned byte = fake_image()->data[address + i];

		at += (size_t)snprintf(text + at, sizeof(text) - at, "%02X", byte);
		sum += byte;
	}
	(void)snprintf(text + at, sizeof(text) - at, " %04X\r\n", sum % 65536);
	return text;
}

START_TEST(reading)
{
	static const struct {
		const char *line;
		size_t address, n;
	} reads[] = {
		{ "AT+OTA READ 2", 0, 2 },
		{ "AT+OTA READ 1", 2, 1 },
		{ "AT+OTA read  12", 3, 12 },
		{ "AT+OTA READ 256", 15, 256 },
		{ "AT+OTA READ 2048", 271, 2048 },
		{ "AT+OTA READ 2049", 2319, 2048 },
		{ "AT+OTA READ 99999999999999999999999", 4367, 2048 },
	};

	reach_ready();
	for (size_t i = 0; i < ELEMENTS(reads); i++)
		ck_assert_str_eq(rig_ask(&rig, reads[i].line), answer(reads[i].address, reads[i].n));
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA SEEK 39995"), "OK 9C3B\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA READ 16"), answer(39995, 5));
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA READ 16"), "OK 0\r\n");
}
END_TEST

START_TEST(the_checksum_wraps)
{
	reach_ready();
	memset(fake_image()->data, 0xff, 2048);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA READ 2048"), answer(0, 2048));
	ck_assert_ptr_nonnull(strstr(answer(0, 2048), "FF F800\r\n"));
}
END_TEST

START_TEST(seeking)
{
	reach_ready();
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA SEEK 1024"), "OK 400\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA SEEK"), "OK 0\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA SEEK  40000"), "OK 9C40\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA SEEK 40001"), "ERR20 INVALID ADDRESS\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA SEEK 99999999999999999999999"), "ERR20 INVALID ADDRESS\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA APPLY"), NO_IMAGE);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA ACCEPT"), NOT_NOW);
}
END_TEST

START_TEST(a_slow_disk)
{
	reach_ready();
	fake_image()->at_once = false;
	rig_say(&rig, "AT+OTA READ 2");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_image_done(0);
	ck_assert_str_eq(rig_hear(&rig), answer(0, 2));
	rig_say(&rig, "AT+OTA READ 2");
	fake_image_done(-EIO);
	ck_assert_str_eq(rig_hear(&rig), NOT_NOW);

	fake_keeper()->at_once = false;
	rig_say(&rig, "AT+OTA CLOSE");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_keeper_done(-ENOSPC);
	ck_assert_str_eq(rig_hear(&rig), NOT_NOW);
	rig_say(&rig, "AT+OTA CLOSE");
	fake_keeper_done(0);
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
}
END_TEST

/* Nothing of the image passes the host by. */
START_TEST(a_read_that_comes_too_late)
{
	reach_ready();
	fake_image()->at_once = false;
	rig_say(&rig, "AT+OTA READ 2");
	fake_timer_pass(3000);
	ck_assert_str_eq(rig_hear(&rig), NOT_NOW);
	fake_image_done(0);
	fake_image()->at_once = true;
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA READ 2"), answer(0, 2));
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA READ 2"), answer(2, 2));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ota");
	TCase *tc = tcase_create("ota");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reading);
	tcase_add_test(tc, the_checksum_wraps);
	tcase_add_test(tc, seeking);
	tcase_add_test(tc, a_slow_disk);
	tcase_add_test(tc, a_read_that_comes_too_late);
	tcase_add_loop_test(tc, idle_module, 0, ELEMENTS(cases));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
