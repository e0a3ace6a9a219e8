/* SPDX-License-Identifier: Apache-2.0 */
#include "module/module.h"

#include "commands/commands.h"
#include "fake/descriptors.h"
#include "fake/gpio.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"
#include "util/macro.h"

#include <errno.h>
#include <stdio.h>

static struct rig rig;

static void setup(void)
{
	rig_make_module(&rig, NULL);
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

/* --- life --- */

START_TEST(twice_in_one_process)
{
	for (unsigned i = 0; i < 2; i++) {
		ck_assert_int_eq(rig_set(&rig, "Topic1", "data"), 0);
		rig_connect(&rig);
		fake_mqtt_text("data", "hello");
		expect("AT+GET1", "OK hello\r\n");
		expect("AT+CONF? Topic1", "OK data\r\n");
		teardown();
		setup();
		expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
		expect("AT+CONF? Topic1", "OK\r\n");
		expect("AT+GET", "OK\r\n");
	}
}
END_TEST

START_TEST(leaves_no_descriptor)
{
	unsigned before = descriptors();

	rig_restart(&rig);
	rig_restart(&rig);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

START_TEST(never_started)
{
	struct module *m = NULL;

	teardown();
	rig_make(&rig, NULL);
	ck_assert_int_eq(module_new(&m, rig.event, rig.settings, commands, rig.dir, rig.dir, NULL, NULL), 0);
	ck_assert_int_eq((int)m->state, STATE_BOOTING);
	ck_assert_ptr_null(module_free(m));
	ck_assert_ptr_null(module_free(NULL));
}
END_TEST

START_TEST(does_not_start_without_a_port)
{
	struct module *m = NULL;

	teardown();
	rig_make(&rig, NULL);
	fake_tty_set_start(-EBUSY);
	ck_assert_int_eq(module_new(&m, rig.event, rig.settings, commands, rig.dir, rig.dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(m), -EBUSY);
	ck_assert_uint_eq(events_used(m->events), 0);
	module_free(m);
	fake_tty_set_start(0);
}
END_TEST

static unsigned notices;
static enum state last_state;

static void on_state(void *userdata, enum state state)
{
	ck_assert_ptr_eq(userdata, &notices);
	notices++;
	last_state = state;
}

START_TEST(tells_its_state)
{
	rig.module->on_state = on_state;
	rig.module->userdata = &notices;
	rig_connect(&rig);
	ck_assert_uint_eq(notices, 2);
	ck_assert_int_eq((int)last_state, STATE_CONNECTED);
	fake_mqtt_lose(0);
	ck_assert_int_eq((int)last_state, STATE_ACTIVE);
	ck_assert_uint_eq(notices, 3);

	/* What does not happen in this state is ignored. */
	module_happen(rig.module, HAPPEN_WAKE);
	module_happen(rig.module, HAPPEN_LOST);
	module_happen(rig.module, HAPPEN_RST_HIGH);
	ck_assert_uint_eq(notices, 3);
}
END_TEST

/* --- the EVENT line (guide 7.1.1.2) --- */

START_TEST(event_level)
{
	ck_assert(!pins_high(rig.module->pins, PIN_EVENT));
	rig_connect(&rig);
	fake_mqtt_text("a", "1");
	ck_assert(pins_high(rig.module->pins, PIN_EVENT));
	fake_mqtt_text("b", "2");
	expect("AT+EVENT?", "OK 1 0 MSG\r\n");
	ck_assert(pins_high(rig.module->pins, PIN_EVENT));
	expect("AT+EVENT?", "OK 1 0 MSG\r\n");
	ck_assert(!pins_high(rig.module->pins, PIN_EVENT));
}
END_TEST

/* --- RST and WAKE --- */

START_TEST(held_in_reset)
{
	expect("AT+CONF Topic1=t", "OK\r\n");
	expect("AT+CONF QoS=1", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("t", "x");
	rig_say(&rig, "AT+SEND1 hello");
	fake_tty_say(fake_tty(), "AT+CON");
	module_happen(rig.module, HAPPEN_RST_LOW);
	ck_assert(!fake_mqtt()->open);
	ck_assert(!pins_high(rig.module->pins, PIN_EVENT));
	rig_say(&rig, "F? About");
	rig_say(&rig, "AT");
	ck_assert_str_eq(rig_hear(&rig), "");
	module_happen(rig.module, HAPPEN_RST_HIGH);
	ck_assert(pins_high(rig.module->pins, PIN_EVENT));
	ck_assert_str_eq(rig_hear(&rig), "");
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
	expect("AT+GET", "OK\r\n");
	expect("AT+CONF? Topic1", "OK\r\n");
	expect("AT+CONF? QoS", "OK 0\r\n");
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
}
END_TEST

#define PINS "[Pins]\nChip=fake\nEvent=0\nWake=1\nReset=2\n"

/* In whatever state: RST low, and it starts over when that ends. */
START_TEST(reset_by_the_pin)
{
	rig_done(&rig);
	fake_gpio_reset();
	rig_make_module(&rig, PINS);
	ck_assert(fake_gpio_is_high(0));
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
	ck_assert(!fake_gpio_is_high(0));
	if (_i == 1)
		rig_say(&rig, "AT+CONNECT");
	else if (_i == 2)
		rig_connect(&rig);
	fake_gpio_drive(2, false, 0);
	rig_idle(&rig);
	ck_assert_int_eq((int)rig.module->state, STATE_HELD);
	ck_assert(!fake_mqtt() || !fake_mqtt()->open);
	ck_assert(!fake_gpio_is_high(0));
	rig_say(&rig, "AT");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_gpio_drive(2, true, 0);
	rig_idle(&rig);
	ck_assert(fake_gpio_is_high(0));
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
	ck_assert(!fake_gpio_is_high(0));
	rig_connect(&rig);
}
END_TEST

/* A pulse between two turns of the loop is a reset. */
START_TEST(short_reset)
{
	rig_done(&rig);
	fake_gpio_reset();
	rig_make_module(&rig, PINS);
	expect("AT+CONF Topic1=t", "OK\r\n");
	fake_gpio_drive(2, false, 0);
	fake_gpio_drive(2, true, 0);
	rig_idle(&rig);
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
	expect("AT+CONF? Topic1", "OK\r\n");
}
END_TEST

START_TEST(starts_in_reset)
{
	rig_done(&rig);
	fake_gpio_reset();
	fake_gpio_drive(2, false, 0);
	rig_make_module(&rig, PINS);
	ck_assert_int_eq((int)rig.module->state, STATE_HELD);
	ck_assert(!fake_gpio_is_high(0));
	rig_say(&rig, "AT");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_gpio_drive(2, true, 0);
	rig_idle(&rig);
	ck_assert(fake_gpio_is_high(0));
	ck_assert_str_eq(rig_hear(&rig), "");
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
}
END_TEST

START_TEST(does_not_start_without_its_pins)
{
	struct module *m = NULL;

	teardown();
	fake_gpio_reset();
	fake_gpio_fail_line(1, _i ? -EBUSY : -ENXIO, NULL);
	rig_make(&rig, PINS);
	ck_assert_int_eq(module_new(&m, rig.event, rig.settings, commands, rig.dir, rig.dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(m), _i ? -EBUSY : -ENXIO);
	ck_assert(pins_misnamed(m->pins) == !_i);
	ck_assert_uint_eq(events_used(m->events), 0);
	module_free(m);
}
END_TEST

START_TEST(reset_ends_an_attempt)
{
	rig_say(&rig, "AT+CONNECT");
	module_happen(rig.module, HAPPEN_RST_LOW);
	ck_assert(!fake_mqtt()->open);
	module_happen(rig.module, HAPPEN_RST_HIGH);
	ck_assert_str_eq(rig_hear(&rig), "");
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
	rig_connect(&rig);
}
END_TEST

START_TEST(reset_ends_a_sleep)
{
	expect("AT+SLEEP 10", "OK 0\r\n");
	module_happen(rig.module, HAPPEN_RST_LOW);
	ck_assert_uint_gt(fake_timer_next(), 10000);
	module_happen(rig.module, HAPPEN_RST_HIGH);
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
}
END_TEST

START_TEST(wake_line)
{
	expect("AT+SLEEP", "OK 0\r\n");
	module_happen(rig.module, HAPPEN_WAKE);
	ck_assert_int_eq((int)rig.module->state, STATE_ACTIVE);
	ck_assert_str_eq(rig_events(&rig), "2 0 STARTUP\n");
	module_happen(rig.module, HAPPEN_WAKE);
	ck_assert_str_eq(rig_events(&rig), "");
}
END_TEST

#define DAY 86400000 /* ms */

/* Also on a module that stays connected for a year. */
START_TEST(looks_at_the_clock_every_day)
{
	for (unsigned i = 0; i < 3; i++) {
		ck_assert(timer_armed(&rig.module->day));
		fake_timer_pass(DAY - 1);
		ck_assert_uint_eq(fake_timer_next(), 1);
		fake_timer_pass(1);
	}
}
END_TEST

/* --- a loss, and what the host has piped behind the command that it ends --- */

START_TEST(loss)
{
	rig_connect(&rig);
	fake_mqtt_lose(ECONNRESET);
	ck_assert_str_eq(rig_events(&rig), "3 0 CONLOST\n");
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	fake_timer_pass(1000000);
	ck_assert_str_eq(rig_events(&rig), "");
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

static const struct {
	const char *next, *answer;
} followers[] = {
	{ "AT+EVENT?", "OK 3 0 CONLOST\r\n" },
	{ "AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n" },
	{ "AT+DISCONNECT", "OK 0 DISCONNECTED\r\n" },
	{ "AT+SEND1 again", "ERR6 NO CONNECTION\r\n" },
	{ "AT+RESET", "OK\r\n" },
	{ "AT+CONNECT", "" },
};

START_TEST(loss_with_more_commands_waiting)
{
	size_t i = (size_t)_i / 2;
	bool lost = _i % 2;
	char expected[128], line[128];

	expect("AT+CONF Topic1=t", "OK\r\n");
	expect("AT+CONF QoS=1", "OK\r\n");
	rig_connect(&rig);
	(void)snprintf(line, sizeof(line), "AT+SEND1 hello\n%s", followers[i].next);
	rig_say(&rig, line);
	ck_assert_str_eq(rig_hear(&rig), "");
	if (lost)
		fake_mqtt_lose(0);
	else
		fake_timer_pass(20000); /* no PUBACK */
	(void)snprintf(expected, sizeof(expected), "ERR6 NO CONNECTION\r\n%s", followers[i].answer);
	ck_assert_str_eq(rig_hear(&rig), expected);
	if (followers[i].answer[0])
		return;

	/* The new connection is whole, and the loss of the old one is still to be read. */
	fake_tty_take(fake_tty());
	fake_mqtt_succeed();
	ck_assert_str_eq(rig_hear(&rig), "OK 1 CONNECTED\r\n");
	ck_assert_str_eq(rig_events(&rig), "3 0 CONLOST\n");
	expect("AT+CONNECT?", "OK 1 0 CONNECTED STAGING\r\n");
}
END_TEST

/* A turn of the loop may hold many commands. */
START_TEST(whole_dialogue_in_one_write)
{
	rig_say(&rig, "AT+CONF Topic1=t\nAT+CONNECT\nAT+SEND1 a\nAT+DISCONNECT\nAT+CONNECT\nAT+SEND1 b\nAT+CONNECT?");
	fake_mqtt_succeed();
	ck_assert_str_eq(rig_hear(&rig), "OK\r\nOK 1 CONNECTED\r\nOK\r\nOK 0 DISCONNECTED\r\n");
	fake_tty_take(fake_tty());
	fake_mqtt_succeed();
	ck_assert_str_eq(rig_hear(&rig), "OK 1 CONNECTED\r\nOK\r\nOK 1 0 CONNECTED STAGING\r\n");
	ck_assert_str_eq(rig_events(&rig), "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("module");
	TCase *tc = tcase_create("module");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, twice_in_one_process);
	tcase_add_test(tc, leaves_no_descriptor);
	tcase_add_test(tc, never_started);
	tcase_add_test(tc, does_not_start_without_a_port);
	tcase_add_test(tc, tells_its_state);
	tcase_add_test(tc, event_level);
	tcase_add_test(tc, held_in_reset);
	tcase_add_loop_test(tc, reset_by_the_pin, 0, 3);
	tcase_add_test(tc, short_reset);
	tcase_add_test(tc, starts_in_reset);
	tcase_add_loop_test(tc, does_not_start_without_its_pins, 0, 2);
	tcase_add_test(tc, reset_ends_an_attempt);
	tcase_add_test(tc, reset_ends_a_sleep);
	tcase_add_test(tc, wake_line);
	tcase_add_test(tc, looks_at_the_clock_every_day);
	tcase_add_test(tc, loss);
	tcase_add_loop_test(tc, loss_with_more_commands_waiting, 0, 2 * ELEMENTS(followers));
	tcase_add_test(tc, whole_dialogue_in_one_write);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
