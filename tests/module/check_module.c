/* SPDX-License-Identifier: Apache-2.0 */
#include "module/module.h"

#include "commands/commands.h"
#include "fake/gpio.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"
#include "util/macro.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

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

/* All events, one a line without "OK ". */
static const char *events(void)
{
	static char text[8192];
	size_t n = 0;

	for (;;) {
		const char *answer = rig_ask(&rig, "AT+EVENT?");

		if (strcmp(answer, "OK\r\n") == 0)
			break;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n", (int)strcspn(answer + 3, "\r"), answer + 3);
	}
	text[n] = '\0';
	return text;
}

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

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 256; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

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

/* --- messages --- */

/* Decided at arrival for the event, and again when the host asks. */
START_TEST(index_at_arrival_and_again)
{
	expect("AT+CONF Topic3=state/+", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text("state/a", "one");
	fake_mqtt_text("other", "two");
	expect("AT+CONF Topic2=state/a", "OK\r\n");
	expect("AT+CONF Topic5=other", "OK\r\n");
	ck_assert_str_eq(events(), "1 3 MSG\n1 0 MSG\n");
	expect("AT+GET3", "OK\r\n");
	expect("AT+GET2", "OK one\r\n");
	expect("AT+GET0", "OK\r\n");
	expect("AT+GET5", "OK two\r\n");
}
END_TEST

START_TEST(own_traffic_is_hidden)
{
	rig_connect(&rig);
	fake_mqtt_text("$aws/things/thing/jobs/$next/get/accepted", "{}");
	fake_mqtt_text("$aws/things/thing/jobs/notify", "{}");
	ck_assert_str_eq(events(), "");
	expect("AT+GET", "OK\r\n");
	expect("AT+GET0", "OK\r\n");

	/* A topic of the host's own makes it visible. */
	expect("AT+CONF Topic4=$aws/things/thing/jobs/#", "OK\r\n");
	fake_mqtt_text("$aws/things/thing/jobs/notify", "{}");
	ck_assert_str_eq(events(), "1 4 MSG\n");
	expect("AT+GET4", "OK {}\r\n");

	/* Another thing's is nothing special. */
	fake_mqtt_text("$aws/things/other/jobs/notify", "{}");
	ck_assert_str_eq(events(), "1 0 MSG\n");
}
END_TEST

/* Guide 4.1.7.6. */
START_TEST(overrun)
{
	char payload[32];

	rig_connect(&rig);
	for (unsigned i = 0; i < 62; i++)
		fake_mqtt_text("t", "x");
	ck_assert_uint_eq(strlen(events()), 62 * strlen("1 0 MSG\n"));
	fake_mqtt_text("t", "63");
	fake_mqtt_text("t", "64");
	fake_mqtt_text("first/lost", "x");
	fake_mqtt_text("second/lost", "x");
	fake_mqtt_text("third/lost", "x");
	ck_assert_str_eq(events(), "1 0 MSG\n1 0 MSG\n1 0 MSG\n4 0 OVERRUN first/lost\n");
	ck_assert_uint_eq(rig.module->messages_lost, 3);
	fake_mqtt_text("fourth/lost", "x");
	ck_assert_str_eq(events(), "");

	/* The host reads: there is room for one, and the next loss is told again. */
	expect("AT+GET", "OK1 t\r\nx\r\n");
	fake_mqtt_text("kept", "x");
	ck_assert_str_eq(events(), "1 0 MSG\n");
	expect("AT+CONF Topic2=lost", "OK\r\n");
	fake_mqtt_text("lost", "x");
	ck_assert_str_eq(events(), "1 2 MSG\n4 0 OVERRUN lost\n");

	/* Nothing that had arrived was lost. */
	for (unsigned i = 0; i < 61; i++)
		expect("AT+GET", "OK1 t\r\nx\r\n");
	for (unsigned i = 63; i < 65; i++) {
		(void)snprintf(payload, sizeof(payload), "OK1 t\r\n%u\r\n", i);
		expect("AT+GET", payload);
	}
	expect("AT+GET", "OK1 kept\r\nx\r\n");
	expect("AT+GET", "OK\r\n");
}
END_TEST

/* An empty GET reads no message. */
START_TEST(overrun_until_a_message_is_read)
{
	expect("AT+CONF Topic9=never", "OK\r\n");
	rig_connect(&rig);
	for (unsigned i = 0; i < 65; i++)
		fake_mqtt_text("t", "x");
	(void)events();
	expect("AT+GET9", "OK\r\n");
	fake_mqtt_text("t", "x");
	ck_assert_str_eq(events(), "");
	expect("AT+GET0", "OK1 t\r\nx\r\n");
	fake_mqtt_text("t", "x");
	fake_mqtt_text("u", "x");
	ck_assert_str_eq(events(), "1 0 MSG\n1 0 MSG\n4 0 OVERRUN u\n");
}
END_TEST

/* Full in bytes: a large one is lost, a later one that fits is kept. */
START_TEST(overrun_in_bytes)
{
	static char large[MESSAGE_MAX_PAYLOAD];

	memset(large, 'l', sizeof(large));
	rig_connect(&rig);
	fake_mqtt_message("a", large, sizeof(large));
	fake_mqtt_message("b", large, sizeof(large) - 20);
	fake_mqtt_message("c", large, sizeof(large));
	fake_mqtt_text("d", "small");
	ck_assert_str_eq(events(), "1 0 MSG\n1 0 MSG\n1 0 MSG\n4 0 OVERRUN c\n1 0 MSG\n");
	ck_assert_uint_eq(strlen(rig_ask(&rig, "AT+GET")), strlen("OK1 a\r\n\r\n") + sizeof(large));
	ck_assert_uint_eq(strlen(rig_ask(&rig, "AT+GET")), strlen("OK1 b\r\n\r\n") + sizeof(large) - 20);
	expect("AT+GET", "OK1 d\r\nsmall\r\n");
}
END_TEST

/* AWS IoT knows no larger one; another broker may. */
START_TEST(too_large)
{
	static char large[MESSAGE_MAX_PAYLOAD + 1];

	rig_connect(&rig);
	fake_mqtt_message("t", large, sizeof(large));
	ck_assert_str_eq(events(), "1 0 MSG\n4 0 OVERRUN t\n");
	expect("AT+GET", "OK\r\n");
	fake_mqtt_message("t", large, sizeof(large) - 1);
	ck_assert_str_eq(events(), "1 0 MSG\n");
}
END_TEST

START_TEST(long_topic_in_the_event)
{
	char topic[201], expected[128];

	memset(topic, 't', sizeof(topic) - 1);
	topic[sizeof(topic) - 1] = '\0';
	rig_connect(&rig);
	for (unsigned i = 0; i < 64; i++)
		fake_mqtt_text("t", "x");
	(void)events();
	fake_mqtt_text(topic, "x");
	(void)snprintf(expected, sizeof(expected), "1 0 MSG\n4 0 OVERRUN %.64s\n", topic);
	ck_assert_str_eq(events(), expected);
}
END_TEST

START_TEST(messages_outlive_the_connection)
{
	rig_connect(&rig);
	fake_mqtt_text("t", "one");
	fake_mqtt_text("t", "two");
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	expect("AT+GET", "OK1 t\r\none\r\n");
	rig_connect(&rig);
	fake_mqtt_lose(0);
	expect("AT+GET", "OK1 t\r\ntwo\r\n");
}
END_TEST

/* --- onboarding (guide 10.3.1.1) --- */

#define CONFIG "thing/expresslink_config"

static void wait_for_write(void)
{
	while (connection_is_up(rig.module->connection))
		ck_assert_int_gt(sd_event_run(rig.event, 20000000), 0);
}

START_TEST(onboarding)
{
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	rig_connect(&rig);
	fake_mqtt_text(CONFIG, "{\"Endpoint\":\"customer.example\"}");
	wait_for_write();
	ck_assert_str_eq(events(), "1 0 MSG\n3 0 CONLOST\n");
	expect("AT+CONF? Endpoint", "OK customer.example\r\n");
	expect("AT+CONNECT?", "OK 0 1 DISCONNECTED CUSTOMER\r\n");
	expect("AT+GET", "OK1 " CONFIG "\r\n{\"Endpoint\":\"customer.example\"}\r\n");
	rig_restart(&rig);
	expect("AT+CONF? Endpoint", "OK customer.example\r\n");
}
END_TEST

START_TEST(onboarding_not_understood)
{
	rig_connect(&rig);
	fake_mqtt_text(CONFIG, "{\"Endpoint\":42}");
	fake_mqtt_text(CONFIG, "{\"Endpoint\":\"" RIG_STAGING "\"}");
	fake_mqtt_text("other/expresslink_config", "{\"Endpoint\":\"customer.example\"}");
	rig_idle(&rig);
	ck_assert_str_eq(events(), "1 0 MSG\n1 0 MSG\n1 0 MSG\n");
	expect("AT+CONNECT?", "OK 1 0 CONNECTED STAGING\r\n");
}
END_TEST

START_TEST(onboarding_only_in_staging)
{
	expect("AT+CONF Endpoint=192.0.2.99", "OK\r\n");
	rig_connect(&rig);
	fake_mqtt_text(CONFIG, "{\"Endpoint\":\"customer.example\"}");
	rig_idle(&rig);
	ck_assert_str_eq(events(), "1 0 MSG\n");
	expect("AT+CONNECT?", "OK 1 1 CONNECTED CUSTOMER\r\n");
	expect("AT+CONF? Endpoint", "OK 192.0.2.99\r\n");
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
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
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
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
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
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
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
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
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
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
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
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
	rig_connect(&rig);
}
END_TEST

START_TEST(reset_ends_a_sleep)
{
	expect("AT+SLEEP 10", "OK 0\r\n");
	module_happen(rig.module, HAPPEN_RST_LOW);
	ck_assert_uint_gt(fake_timer_next(), 10000);
	module_happen(rig.module, HAPPEN_RST_HIGH);
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
}
END_TEST

START_TEST(wake_line)
{
	expect("AT+SLEEP", "OK 0\r\n");
	module_happen(rig.module, HAPPEN_WAKE);
	ck_assert_int_eq((int)rig.module->state, STATE_ACTIVE);
	ck_assert_str_eq(events(), "2 0 STARTUP\n");
	module_happen(rig.module, HAPPEN_WAKE);
	ck_assert_str_eq(events(), "");
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
	ck_assert_str_eq(events(), "3 0 CONLOST\n");
	expect("AT+CONNECT?", "OK 0 0 DISCONNECTED STAGING\r\n");
	fake_timer_pass(1000000);
	ck_assert_str_eq(events(), "");
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
	ck_assert_str_eq(events(), "3 0 CONLOST\n");
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
	ck_assert_str_eq(events(), "");
}
END_TEST

static void add_messages(TCase *tc)
{
	tcase_add_test(tc, index_at_arrival_and_again);
	tcase_add_test(tc, own_traffic_is_hidden);
	tcase_add_test(tc, overrun);
	tcase_add_test(tc, overrun_until_a_message_is_read);
	tcase_add_test(tc, overrun_in_bytes);
	tcase_add_test(tc, too_large);
	tcase_add_test(tc, long_topic_in_the_event);
	tcase_add_test(tc, messages_outlive_the_connection);
	tcase_add_test(tc, onboarding);
	tcase_add_test(tc, onboarding_not_understood);
	tcase_add_test(tc, onboarding_only_in_staging);
}

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
	add_messages(tc);
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
