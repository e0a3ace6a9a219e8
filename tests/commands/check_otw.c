/* SPDX-License-Identifier: Apache-2.0 */
/* OTW (guide 8.13): what the host says and hears. */
#include "commands/commands.h"

#include "fake/mailbox.h"
#include "fake/packed.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <stdio.h>
#include <string.h>

#define E4    "ERR4 PARAMETER ERROR\r\n"
#define E21   "ERR21 INVALID OTA UPDATE\r\n"
#define SIZE  3000
#define TOTAL (CONTAINER_HEADER + SIZE)

static struct rig rig;
static struct pki *signer;
static uint8_t payload[SIZE], file[TOTAL];

static void setup(void)
{
	struct packed packed = { .version = "v2.5.7", .payload = payload, .n = SIZE };

	fake_keeper_clear();
	rig_make_module(&rig, NULL);
	signer = pki_leaf("Module OTA", NULL);
	free(rig.settings->ota_certificate_pem);
	rig.settings->ota_certificate_pem = strdup(signer->pem);
	packed.signer = signer;
	packed_make(&packed, file);
	memcpy(fake_image()->digest, file + 24, IMAGE_DIGEST);
	fake_image()->at_once = true;
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
}

static void teardown(void)
{
	rig_done(&rig);
	pki_free(signer);
}

static void send_bytes(const void *data, size_t n)
{
	fake_tty_send(fake_tty(), data, n);
}

static void expect(const char *text)
{
	ck_assert_str_eq(rig_hear(&rig), text);
	fake_tty_take(fake_tty());
}

static const struct {
	const char *line, *answer;
} cases[] = {
	{ "AT+OTW x", E4 },
	{ "AT+OTW 100", E4 },
	{ "AT+OTW 100,", E4 },
	{ "AT+OTW ,64", E4 },
	{ "AT+OTW 0,64", E4 },
	{ "AT+OTW 100,0", E4 },
	{ "AT+OTW 100,65537", E4 },
	{ "AT+OTW 100,64,1", E4 },
	{ "AT+OTW -1,64", E4 },
	{ "AT+OTW 999999999999999999999999,64", E21 },
	{ "AT+OTW1", E4 },
	{ "AT+OTW\t", "ERR2 PARSE ERROR\r\n" },
	{ "AT+OTW?", "ERR3 COMMAND NOT FOUND\r\n" },
	{ "AT+OTW \\x", "ERR5 INVALID ESCAPE\r\n" },
};

START_TEST(refused)
{
	ck_assert_str_eq(rig_ask(&rig, cases[_i].line), cases[_i].answer);
	ck_assert_int_eq((int)rig.module->state, STATE_ACTIVE);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 0\r\n");
}
END_TEST

/* The answer leaves the UART before the first 'C' does. */
START_TEST(xmodem_begins)
{
	fake_tty_set_sent(fake_tty(), false);
	rig_say(&rig, "AT+OTW");
	expect("OK\r\n");
	ck_assert_int_eq((int)rig.module->state, STATE_OTW);
	fake_tty_set_sent(fake_tty(), true);
	expect("C");
	fake_timer_pass(60000);
	fake_timer_pass(1000);
	expect("CCCCCCCCCCCCCCCCCCC" E21);
	ck_assert_int_eq((int)rig.module->state, STATE_ACTIVE);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 0\r\n");
}
END_TEST

START_TEST(blocks)
{
	char line[64];

	(void)snprintf(line, sizeof(line), "at+otw  %d, 2048", TOTAL);
	rig_say(&rig, line);
	expect("OK\r\n");
	send_bytes(file, 2048);
	expect("OK\r\n");
	send_bytes(file + 2048, TOTAL - 2048);
	expect("OK\r\nOK COMPLETE\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 4 v2.5.7\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 5 0 OTA\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+OTW"), E21);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA FLUSH"), "OK\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("otw");
	TCase *tc = tcase_create("otw");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, refused, 0, ELEMENTS(cases));
	tcase_add_test(tc, xmodem_begins);
	tcase_add_test(tc, blocks);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
