/* SPDX-License-Identifier: Apache-2.0 */
#include "module/updates.h"

#include "fake/gpio.h"
#include "fake/mailbox.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <stdio.h>
#include <string.h>

#define JOBS "$aws/things/" RIG_THING "/jobs/"

static struct rig rig;

static void make(const char *more)
{
	char text[256];

	fake_keeper_clear();
	(void)snprintf(text, sizeof(text), "[Pins]\nChip=fake\nReset=1\nEvent=2\n%s", more);
	fake_gpio_reset();
	rig_make_module(&rig, text);
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
	fake_image()->at_once = true;
}

static void setup(void)
{
	make("");
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

static void offer(void)
{
	fake_jobs_next("job", 1, JOBS_QUEUED, mailbox_host_image());
}

static void drive_reset(bool high)
{
	fake_gpio_drive(1, high, 0);
	rig_idle(&rig);
	fake_timer_pass(1000);
	rig_idle(&rig);
}

START_TEST(follows_the_connection)
{
	ck_assert(!fake_jobs()->up);
	rig_connect(&rig);
	ck_assert(fake_jobs()->up);
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	ck_assert(!fake_jobs()->up);
	rig_connect(&rig);
	ck_assert(fake_jobs()->up);
	fake_mqtt_lose(0);
	rig_idle(&rig);
	ck_assert(!fake_jobs()->up);
	rig_connect(&rig);
	expect("AT+RESET", "OK\r\n");
	ck_assert(!fake_jobs()->up);
}
END_TEST

START_TEST(events)
{
	rig_connect(&rig);
	offer();
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+OTA?", "OK 2 v2.5.7\r\n");
}
END_TEST

START_TEST(events_with_the_state)
{
	teardown();
	make("[Compatibility]\nOTAEventParameter=state\n");
	rig_connect(&rig);
	offer();
	expect("AT+EVENT?", "OK 5 2 OTA\r\n");
	expect("AT+OTA FLUSH", "OK\r\n");
	fake_jobs_updated("ResourceNotFound");
	expect("AT+EVENT?", "OK 5 0 OTA ResourceNotFound\r\n");
}
END_TEST

/* An answer may be there before the last acknowledgement that CONNECT waits for. */
START_TEST(messages)
{
	fake_mqtt_forget();
	rig_say(&rig, "AT+CONNECT");
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	rig_idle(&rig);
	fake_mqtt_text(JOBS "$next/get/accepted", "{}");
	rig_idle(&rig);
	ck_assert_str_eq(fake_jobs()->heard, "");
	while (fake_mqtt_ack(0))
		;
	ck_assert_str_eq(rig_hear(&rig), "OK 1 CONNECTED\r\n");
	ck_assert_str_eq(fake_jobs()->heard, JOBS "$next/get/accepted");

	/* The host sees them only if it wants to. */
	expect("AT+GET", "OK\r\n");
	expect("AT+CONF Topic2=" JOBS "notify", "OK\r\n");
	fake_mqtt_text(JOBS "notify", "{}");
	rig_idle(&rig);
	ck_assert_str_eq(fake_jobs()->heard, JOBS "notify");
	expect("AT+GET2", "OK {}\r\n");

	/* And nothing of the host's is the module's. */
	fake_mqtt_text("data", "{}");
	rig_idle(&rig);
	ck_assert_str_eq(fake_jobs()->heard, JOBS "notify");
}
END_TEST

START_TEST(messages_of_a_connection_that_is_over)
{
	rig_connect(&rig);
	fake_mqtt_text(JOBS "notify", "{}");
	fake_mqtt_lose(0);
	rig_connect(&rig);
	ck_assert_str_eq(fake_jobs()->heard, "");
}
END_TEST

static void begin_otw(void)
{
	rig_say(&rig, "AT+OTW 3000,64");
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
	fake_tty_take(fake_tty());
}

static void end_otw(void)
{
	fake_tty_lose(fake_tty());
	ck_assert_str_eq(rig_hear(&rig), "ERR21 INVALID OTA UPDATE\r\n");
	fake_tty_take(fake_tty());
}

/* The connection stays, and what it brings is heard; what had come before, too. */
START_TEST(during_otw)
{
	unsigned asked;

	rig_connect(&rig);
	fake_mqtt_text(JOBS "notify", "{}");
	begin_otw();
	ck_assert(fake_jobs()->up);
	ck_assert_str_eq(fake_jobs()->heard, JOBS "notify");
	fake_mqtt_text(JOBS "$next/get/accepted", "{}");
	rig_idle(&rig);
	ck_assert_str_eq(fake_jobs()->heard, JOBS "$next/get/accepted");

	/* An offer comes afterwards. */
	offer();
	asked = fake_jobs()->next;
	end_otw();
	ck_assert(fake_jobs()->up);
	expect("AT+EVENT?", "OK\r\n");
	ck_assert_uint_eq(fake_jobs()->next, asked + 1);
	offer();
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
}
END_TEST

START_TEST(during_otw_without_a_connection)
{
	if (_i)
		rig_connect(&rig);
	begin_otw();
	ck_assert_int_eq(fake_jobs()->up, _i);
	if (_i)
		fake_mqtt_lose(0);
	rig_idle(&rig);
	ck_assert(!fake_jobs()->up);
	end_otw();
	ck_assert(!fake_jobs()->up);
	rig_connect(&rig);
	ck_assert(fake_jobs()->up);

	/* RST */
	begin_otw();
	drive_reset(false);
	ck_assert(!fake_jobs()->up);
	drive_reset(true);
	ck_assert(!fake_jobs()->up);
}
END_TEST

static void reach_ready(void)
{
	rig_connect(&rig);
	offer();
	expect("AT+OTA ACCEPT", "OK\r\n");
	fake_jobs_updated(NULL);
	mailbox_deliver(NULL);
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+EVENT?", "OK\r\n");
}

START_TEST(startup_comes_first)
{
	reach_ready();
	expect("AT+RESET", "OK\r\n");
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+EVENT?", "OK\r\n");

	drive_reset(false);
	drive_reset(true);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+EVENT?", "OK\r\n");

	expect("AT+SLEEP", "OK 0\r\n");
	rig_idle(&rig);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+EVENT?", "OK\r\n");
}
END_TEST

/* After a restart the image is read again, which ends while RST is low. */
START_TEST(what_happens_while_nobody_listens)
{
	reach_ready();
	fake_gpio_drive(1, false, 0);
	rig_restart(&rig);
	rig_idle(&rig);
	ck_assert_int_eq((int)rig.module->state, STATE_HELD);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_VERIFY);
	fake_image_done(_i);
	ck_assert_uint_eq(events_used(rig.module->events), 0);
	drive_reset(true);
	expect("AT+EVENT?", "OK 2 0 STARTUP\r\n");
	expect("AT+EVENT?", "OK 5 0 OTA\r\n");
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+OTA?", _i == 0 ? "OK 5 40000\r\n" : "OK 0\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("updates");
	TCase *tc = tcase_create("updates");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, follows_the_connection);
	tcase_add_test(tc, events);
	tcase_add_test(tc, events_with_the_state);
	tcase_add_test(tc, messages);
	tcase_add_test(tc, messages_of_a_connection_that_is_over);
	tcase_add_test(tc, during_otw);
	tcase_add_loop_test(tc, during_otw_without_a_connection, 0, 2);
	tcase_add_test(tc, startup_comes_first);
	tcase_add_loop_test(tc, what_happens_while_nobody_listens, -1, 1);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
