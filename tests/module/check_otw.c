/* SPDX-License-Identifier: Apache-2.0 */
#include "module/otw.h"

#include "fake/mailbox.h"
#include "fake/mqtt.h"
#include "fake/packed.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <stdio.h>
#include <string.h>

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
}
END_TEST

/* The connection stays, its loss is told when the host can hear of it. */
START_TEST(beside_a_connection)
{
	rig_connect(&rig);
	rig_say(&rig, "AT+OTW 3000,64");
	expect("OK\r\n");
	ck_assert_int_eq((int)rig.module->state, STATE_OTW_CONNECTED);
	if (_i)
		module_happen(rig.module, HAPPEN_LOST);
	fake_tty_lose(fake_tty());
	expect(E21);
	ck_assert_int_eq((int)rig.module->state, _i ? STATE_ACTIVE : STATE_CONNECTED);
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), _i ? "OK 3 0 CONLOST\r\n" : "OK\r\n");
}
END_TEST

/* Before it has begun: nobody would send, and the next host would not be heard. */
START_TEST(line_lost_behind_the_answer)
{
	fake_tty_set_sent(fake_tty(), false);
	rig_say(&rig, _i ? "AT+OTW 3000,64" : "AT+OTW");
	expect("OK\r\n");
	fake_tty_lose(fake_tty());
	fake_tty_set_sent(fake_tty(), true);
	expect(_i ? E21 : "C" E21);
	ck_assert_int_eq((int)rig.module->state, STATE_ACTIVE);
	ck_assert_str_eq(rig_ask(&rig, "AT+OTA?"), "OK 0\r\n");
	rig_say(&rig, "AT+OTW 3000,64");
	expect("OK\r\n");
	ck_assert_int_eq((int)rig.module->state, STATE_OTW);
}
END_TEST

static void begin(bool connected)
{
	if (connected)
		rig_connect(&rig);
	rig_say(&rig, "AT+OTW 3000,64");
	expect("OK\r\n");
	ck_assert_int_eq((int)rig.module->state, connected ? STATE_OTW_CONNECTED : STATE_OTW);
	ck_assert_int_eq(fake_mqtt()->up, connected);
}

/* With the connection, and nobody is told of its end. */
START_TEST(rst_ends_it)
{
	begin(_i);
	module_happen(rig.module, HAPPEN_RST_LOW);
	ck_assert_int_eq((int)rig.module->state, STATE_HELD);
	ck_assert(!fake_mqtt()->open);
	module_happen(rig.module, HAPPEN_RST_HIGH);
	expect("");
	ck_assert_int_eq((int)rig.module->state, STATE_ACTIVE);
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK\r\n");
	begin(_i);
}
END_TEST

/* In there it is no command, and nobody else asks for it. */
START_TEST(no_reset)
{
	static const enum happening not[] = { HAPPEN_RESET, HAPPEN_DISCONNECT, HAPPEN_CONNECT, HAPPEN_SLEEP };
	enum state before;

	begin(_i);
	before = rig.module->state;
	rig_say(&rig, "AT+RESET");
	expect("");
	for (size_t i = 0; i < ELEMENTS(not); i++)
		module_happen(rig.module, not[i]);
	ck_assert_int_eq((int)rig.module->state, (int)before);
	ck_assert_int_eq(fake_mqtt()->up, _i);
	fake_tty_lose(fake_tty());
	expect(E21);
	ck_assert_str_eq(rig_ask(&rig, "AT+CONNECT?"),
			 _i ? "OK 1 0 CONNECTED STAGING\r\n" : "OK 0 0 DISCONNECTED STAGING\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK\r\n");
}
END_TEST

/* The second one is none. */
START_TEST(connection_is_lost)
{
	begin(_i);
	for (int i = 0; i < 2; i++) {
		module_happen(rig.module, HAPPEN_LOST);
		ck_assert_int_eq((int)rig.module->state, STATE_OTW);
	}
	expect("");
	fake_tty_lose(fake_tty());
	expect(E21);
	if (_i)
		ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 3 0 CONLOST\r\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("otw");
	TCase *tc = tcase_create("otw");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, blocks);
	tcase_add_loop_test(tc, beside_a_connection, 0, 2);
	tcase_add_loop_test(tc, line_lost_behind_the_answer, 0, 2);
	tcase_add_loop_test(tc, rst_ends_it, 0, 2);
	tcase_add_loop_test(tc, no_reset, 0, 2);
	tcase_add_loop_test(tc, connection_is_lost, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
