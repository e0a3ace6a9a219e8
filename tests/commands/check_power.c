/* SPDX-License-Identifier: Apache-2.0 */
/* commands/power.c: SLEEP, and what ends it. */
#include "commands/commands.h"

#include "fake/gpio.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
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

static void assert_state(enum state state)
{
	ck_assert_str_eq(state_name(rig.module->state), state_name(state));
}

/* --- SLEEP (guide 3.7.4) --- */

static const struct {
	const char *line, *answer;
} sleeps[] = {
	{ "AT+SLEEP", "OK 0\r\n" },
	{ "AT+SLEEP ", "OK 0\r\n" },
	{ "AT+SLEEP0", "OK 0\r\n" },
	{ "AT+SLEEP1", "OK 0\r\n" },
	{ "AT+SLEEP00 5", "OK 0\r\n" },
	{ "AT+SLEEP 2592000", "OK 0\r\n" },
	{ "AT+SLEEP   007", "OK 0\r\n" },
	{ "AT+SLEEP99999999999999999999999999", "OK 0\r\n" },
	{ "AT+SLEEP9A", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP9?", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP SOME", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP 0", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP -1", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP 1.5", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP 10 s", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP 2592001", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP 99999999999999999999999999", "ERR4 PARAMETER ERROR\r\n" },
	{ "AT+SLEEP?", "ERR3 COMMAND NOT FOUND\r\n" },
};

START_TEST(answers)
{
	expect(sleeps[_i].line, sleeps[_i].answer);
	assert_state(sleeps[_i].answer[0] == 'O' ? STATE_SLEEPING : STATE_ACTIVE);
}
END_TEST

/* The queue is emptied; the line that wakes is answered, behind STARTUP. */
START_TEST(woken_by_a_command)
{
	ck_assert(pins_high(rig.module->pins, PIN_EVENT));
	expect("AT+SLEEP", "OK 0\r\n");
	assert_state(STATE_SLEEPING);
	ck_assert(!pins_high(rig.module->pins, PIN_EVENT));
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	assert_state(STATE_ACTIVE);
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

static const struct {
	const char *line, *answer;
} wakers[] = {
	{ "AT", "OK\r\n" },
	{ "noiseAT", "OK\r\n" },
	{ "AT+FOO", "ERR3 COMMAND NOT FOUND\r\n" },
	{ "AT+SEND99 x", "ERR7 OUT OF RANGE\r\n" },
	{ "AT+CONF? About", "OK expresslinkd - Linux gateway\r\n" },
	{ "AT+DISCONNECT", "OK 0 DISCONNECTED\r\n" },
};

START_TEST(woken_by_any_answered_line)
{
	expect("AT+SLEEP 100", "OK 0\r\n");
	expect(wakers[_i].line, wakers[_i].answer);
	assert_state(STATE_ACTIVE);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	fake_timer_pass(200000);
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

START_TEST(woken_by_an_overflow)
{
	char line[6000];

	memset(line, 'x', sizeof(line));
	memcpy(line, "AT+", 3);
	line[sizeof(line) - 1] = '\0';
	expect("AT+SLEEP", "OK 0\r\n");
	expect(line, "ERR1 OVERFLOW\r\n");
	assert_state(STATE_ACTIVE);
}
END_TEST

START_TEST(not_woken_by_noise)
{
	expect("AT+SLEEP", "OK 0\r\n");
	rig_say(&rig, "hello");
	rig_say(&rig, "ATX");
	rig_say(&rig, "");
	ck_assert_str_eq(rig_hear(&rig), "");
	assert_state(STATE_SLEEPING);
	ck_assert(!pins_high(rig.module->pins, PIN_EVENT));
}
END_TEST

START_TEST(duration)
{
	expect("AT+SLEEP 30", "OK 0\r\n");
	fake_timer_pass(29999);
	assert_state(STATE_SLEEPING);
	fake_timer_pass(1);
	assert_state(STATE_ACTIVE);
	ck_assert(pins_high(rig.module->pins, PIN_EVENT));
	ck_assert_str_eq(rig_hear(&rig), "OK 0\r\n"); /* it never speaks unasked */
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

START_TEST(longest_duration)
{
	expect("AT+SLEEP 2592000", "OK 0\r\n");
	fake_timer_pass(2591999999);
	assert_state(STATE_SLEEPING);
	fake_timer_pass(1);
	assert_state(STATE_ACTIVE);
}
END_TEST

/* A duration is that of its own SLEEP. */
START_TEST(without_a_duration_after_one_with)
{
	expect("AT+SLEEP 30", "OK 0\r\n");
	expect("AT", "OK\r\n");
	expect("AT+SLEEP", "OK 0\r\n");
	fake_timer_pass(100000000);
	assert_state(STATE_SLEEPING);
}
END_TEST

START_TEST(sleep_again)
{
	expect("AT+SLEEP 30", "OK 0\r\n");
	expect("AT+SLEEP 60", "OK 0\r\n");
	assert_state(STATE_SLEEPING);
	fake_timer_pass(59999);
	assert_state(STATE_SLEEPING);
	fake_timer_pass(1);
	assert_state(STATE_ACTIVE);
}
END_TEST

/* It sleeps when its answer has left the UART: guide 3.7.4.5. */
START_TEST(after_the_answer)
{
	fake_tty_set_sent(fake_tty(), false);
	rig_say(&rig, "AT+SLEEP\nAT+EVENT?");
	ck_assert_str_eq(rig_hear(&rig), "OK 0\r\n");
	assert_state(STATE_ACTIVE);
	fake_tty_set_sent(fake_tty(), true);

	/* What was piped behind it wakes. */
	ck_assert_str_eq(rig_hear(&rig), "OK 0\r\nOK 2 0 STARTUP\r\n");
	assert_state(STATE_ACTIVE);
}
END_TEST

START_TEST(keeps_everything_else)
{
	expect("AT+CONF Topic1=t", "OK\r\n");
	expect("AT+CONF QoS=1", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("t", "hello");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	expect("AT+SLEEP", "OK 0\r\n");
	expect("AT+GET1", "OK hello\r\n");
	expect("AT+CONF? QoS", "OK 1\r\n");
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

START_TEST(not_while_connected)
{
	rig_connect(&rig);
	expect("AT+SLEEP", "ERR18 ACTIVE CONNECTION\r\n");
	expect("AT+SLEEP1 10", "ERR18 ACTIVE CONNECTION\r\n");
	assert_state(STATE_CONNECTED);
	ck_assert(!fake_tty_is_shut(fake_tty()));
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	fake_mqtt_lose(0);
	expect("AT+SLEEP", "OK 0\r\n");
}
END_TEST

/* --- mode 1, and the pins --- */

#define WAKE "[Pins]\nChip=fake\nWake=1\n"
#define RST  "[Pins]\nChip=fake\nReset=2\n"
#define BOTH "[Pins]\nChip=fake\nWake=1\nReset=2\nEvent=0\n"

static void with_pins(const char *pins)
{
	rig_done(&rig);
	fake_gpio_reset();
	rig_make_module(&rig, pins);
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
}

static const struct {
	const char *pins, *line, *answer;
} modes[] = {
	{ "", "AT+SLEEP1", "OK 0\r\n" },
	{ "", "AT+SLEEP1 5", "OK 1\r\n" },
	{ "", "AT+SLEEP9 100", "OK 1\r\n" },
	{ "", "AT+SLEEP01 100", "OK 1\r\n" },
	{ "", "AT+SLEEP99999999999999999999999999 1", "OK 1\r\n" },
	{ "", "AT+SLEEP99999999999999999999999999", "OK 0\r\n" },
	{ "[Pins]\nChip=fake\nEvent=1\n", "AT+SLEEP1", "OK 0\r\n" },
	{ WAKE, "AT+SLEEP1", "OK 1\r\n" },
	{ WAKE, "AT+SLEEP", "OK 0\r\n" },
	{ WAKE, "AT+SLEEP0 7", "OK 0\r\n" },
	{ RST, "AT+SLEEP7", "OK 1\r\n" },
	{ BOTH, "AT+SLEEP1 2592000", "OK 1\r\n" },
};

START_TEST(mode)
{
	bool deep = modes[_i].answer[3] == '1';

	with_pins(modes[_i].pins);
	expect(modes[_i].line, modes[_i].answer);
	assert_state(deep ? STATE_DEEP_SLEEP : STATE_SLEEPING);
	ck_assert(fake_tty_is_shut(fake_tty()) == deep);
}
END_TEST

START_TEST(deep_for_a_while)
{
	expect("AT+CONF Topic1=t", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("t", "hello");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	expect("AT+SLEEP1 30", "OK 1\r\n");
	ck_assert(!pins_high(rig.module->pins, PIN_EVENT));
	rig_say(&rig, "AT");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_timer_pass(29999);
	assert_state(STATE_DEEP_SLEEP);
	fake_timer_pass(1);
	assert_state(STATE_ACTIVE);
	ck_assert(!fake_tty_is_shut(fake_tty()));
	ck_assert(pins_high(rig.module->pins, PIN_EVENT));
	ck_assert_str_eq(rig_hear(&rig), "");
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+GET1", "OK hello\r\n");
	expect("AT+CONF? Topic1", "OK t\r\n");
}
END_TEST

/* Lines that were unplugged wake nobody: not one more time, and not at all. */
START_TEST(deep_without_its_lines)
{
	with_pins(BOTH);
	expect("AT+SLEEP1", "OK 1\r\n");
	fake_gpio_unplug(1 + (unsigned)_i);
	rig_idle(&rig);
	assert_state(STATE_DEEP_SLEEP); /* there is the other one */
	fake_gpio_unplug(2 - (unsigned)_i);
	rig_idle(&rig);
	assert_state(STATE_ACTIVE);
	ck_assert(!fake_tty_is_shut(fake_tty()));
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+SLEEP1", "OK 0\r\n");
	expect("AT+SLEEP1 30", "OK 1\r\n");
	fake_timer_pass(30000);
	assert_state(STATE_ACTIVE);
}
END_TEST

/* The line is closed when the answer has left the UART. What had come before that is run when the module is awake. */
START_TEST(deep_after_the_answer)
{
	fake_tty_set_sent(fake_tty(), false);
	rig_say(&rig, "AT+SLEEP1 10\nAT+EVENT?");
	fake_tty_say(fake_tty(), "AT+CONF? Tech");
	assert_state(STATE_ACTIVE);
	ck_assert(!fake_tty_is_shut(fake_tty()));
	ck_assert_str_eq(rig_hear(&rig), "OK 1\r\n");
	fake_tty_take(fake_tty());
	fake_tty_set_sent(fake_tty(), true);
	ck_assert_str_eq(rig_hear(&rig), "");
	assert_state(STATE_DEEP_SLEEP);
	fake_timer_pass(10000);
	ck_assert_str_eq(rig_hear(&rig), "OK 2 0 STARTUP\r\n");
	expect("AT", "OK\r\n");
}
END_TEST

START_TEST(woken_by_the_pin)
{
	with_pins(BOTH);
	expect(_i ? "AT+SLEEP1" : "AT+SLEEP 1000", _i ? "OK 1\r\n" : "OK 0\r\n");
	assert_state(_i ? STATE_DEEP_SLEEP : STATE_SLEEPING);
	fake_gpio_drive(1, false, 0);
	rig_idle(&rig);
	assert_state(STATE_ACTIVE);
	ck_assert(fake_gpio_is_high(0));
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");

	/* It is an end of sleep, no command. */
	fake_gpio_drive(1, true, 0);
	fake_gpio_drive(1, false, 0);
	rig_idle(&rig);
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

/* WAKE is a level: with it low the module goes to sleep and is back at once. */
START_TEST(no_sleep_while_wake_is_low)
{
	with_pins(BOTH);
	fake_gpio_drive(1, false, 0);
	rig_idle(&rig);
	expect(_i ? "AT+SLEEP1" : "AT+SLEEP", _i ? "OK 1\r\n" : "OK 0\r\n");
	assert_state(STATE_ACTIVE);
	ck_assert(!fake_tty_is_shut(fake_tty()));
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
	fake_gpio_drive(1, true, 0);
	rig_idle(&rig);
	expect(_i ? "AT+SLEEP1" : "AT+SLEEP", _i ? "OK 1\r\n" : "OK 0\r\n");
	assert_state(_i ? STATE_DEEP_SLEEP : STATE_SLEEPING);
}
END_TEST

START_TEST(reset_pin_ends_sleep)
{
	with_pins(BOTH);
	expect("AT+CONF Topic1=t", "OK\r\n");
	expect(_i ? "AT+SLEEP1" : "AT+SLEEP 5", _i ? "OK 1\r\n" : "OK 0\r\n");
	fake_gpio_drive(2, false, 0);
	rig_idle(&rig);
	assert_state(STATE_HELD);
	ck_assert(!fake_gpio_is_high(0));
	rig_say(&rig, "AT");
	ck_assert_str_eq(rig_hear(&rig), "");
	fake_timer_pass(10000);
	assert_state(STATE_HELD);
	fake_gpio_drive(1, false, 0); /* no sleep to be woken from */
	rig_idle(&rig);
	assert_state(STATE_HELD);
	fake_gpio_drive(2, true, 0);
	rig_idle(&rig);
	assert_state(STATE_ACTIVE);
	ck_assert(!fake_tty_is_shut(fake_tty()));
	ck_assert_str_eq(rig_hear(&rig), "");
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+CONF? Topic1", "OK\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("power");
	TCase *tc = tcase_create("power");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, answers, 0, ELEMENTS(sleeps));
	tcase_add_test(tc, woken_by_a_command);
	tcase_add_loop_test(tc, woken_by_any_answered_line, 0, ELEMENTS(wakers));
	tcase_add_test(tc, woken_by_an_overflow);
	tcase_add_test(tc, not_woken_by_noise);
	tcase_add_test(tc, duration);
	tcase_add_test(tc, longest_duration);
	tcase_add_test(tc, without_a_duration_after_one_with);
	tcase_add_test(tc, sleep_again);
	tcase_add_test(tc, after_the_answer);
	tcase_add_test(tc, keeps_everything_else);
	tcase_add_test(tc, not_while_connected);
	tcase_add_loop_test(tc, mode, 0, ELEMENTS(modes));
	tcase_add_test(tc, deep_for_a_while);
	tcase_add_loop_test(tc, deep_without_its_lines, 0, 2);
	tcase_add_test(tc, deep_after_the_answer);
	tcase_add_loop_test(tc, woken_by_the_pin, 0, 2);
	tcase_add_loop_test(tc, no_sleep_while_wake_is_low, 0, 2);
	tcase_add_loop_test(tc, reset_pin_ends_sleep, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
