/* SPDX-License-Identifier: Apache-2.0 */
/* commands/power.c: RESET and FACTORY_RESET. */
#include "commands/commands.h"

#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"

#include <errno.h>

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

/* --- RESET (guide 3.7.6) --- */

START_TEST(reset)
{
	expect("AT+CONF Topic1=t", "OK\r\n");
	expect("AT+CONF QoS=1", "OK\r\n");
	expect("AT+CONF CustomName=me", "OK\r\n");
	expect("AT+CONF Endpoint=192.0.2.2", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("t", "hello");
	expect("AT+RESET", "OK\r\n");
	ck_assert(!fake_mqtt()->open);
	expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER\r\n");
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+GET", "OK\r\n");
	expect("AT+CONF? Topic1", "OK\r\n");
	expect("AT+CONF? QoS", "OK 0\r\n");
	expect("AT+CONF? CustomName", "OK me\r\n");
	expect("AT+CONF? Endpoint", "OK 192.0.2.2\r\n");
	ck_assert_str_eq(state_name(rig.module->state), state_name(STATE_ACTIVE));
}
END_TEST

START_TEST(reset_clears_the_overrun)
{
	rig_connect(&rig);
	for (unsigned i = 0; i < 66; i++)
		fake_mqtt_text("t", "x");
	expect("AT+RESET", "OK\r\n");
	rig_connect(&rig);
	for (unsigned i = 0; i < 66; i++)
		fake_mqtt_text("t", "x");
	ck_assert_uint_eq(events_used(rig.module->events), 64);
	for (unsigned i = 0; i < 63; i++)
		(void)rig_ask(&rig, "AT+EVENT?");
	expect("AT+EVENT?", "OK 4 0 OVERRUN t\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

START_TEST(reset_wakes_first)
{
	expect("AT+SLEEP 10", "OK 0\r\n");
	expect("AT+RESET", "OK\r\n");
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

/* --- FACTORY_RESET (guide 3.7.7) --- */

START_TEST(factory_reset)
{
	expect("AT+CONF Topic1=t", "OK\r\n");
	expect("AT+CONF CustomName=me", "OK\r\n");
	expect("AT+CONF Endpoint=192.0.2.2", "OK\r\n");
	expect("AT+CONF Defender=600", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("t", "hello");
	expect("AT+FACTORY_RESET", "OK\r\n");
	ck_assert(!fake_mqtt()->open);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+GET", "OK\r\n");
	expect("AT+CONF? Topic1", "OK\r\n");
	expect("AT+CONF? CustomName", "OK\r\n");
	expect("AT+CONF? Defender", "OK 0\r\n");
	expect("AT+CONF? Endpoint", "OK " RIG_STAGING "\r\n");
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");

	/* It lasts. */
	rig_restart(&rig);
	expect("AT+CONF? CustomName", "OK\r\n");
}
END_TEST

START_TEST(factory_reset_clears_the_backoff)
{
	rig_say(&rig, "AT+CONNECT");
	fake_mqtt_lose(ECONNREFUSED);
	rig_idle(&rig);
	expect("AT+FACTORY_RESET", "OK\r\n");
	rig_connect(&rig);
}
END_TEST

static const char *const wrong[] = {
	"AT+RESET1",
	"AT+RESET all",
	"AT+FACTORY_RESET0",
	"AT+FACTORY_RESET yes",
};

START_TEST(wrong_use)
{
	expect(wrong[_i], "ERR4 PARAMETER ERROR\r\n");
	ck_assert_uint_eq(events_used(rig.module->events), 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power_reset");
	TCase *tc = tcase_create("power_reset");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, reset);
	tcase_add_test(tc, reset_clears_the_overrun);
	tcase_add_test(tc, reset_wakes_first);
	tcase_add_test(tc, factory_reset);
	tcase_add_test(tc, factory_reset_clears_the_backoff);
	tcase_add_loop_test(tc, wrong_use, 0, ELEMENTS(wrong));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
