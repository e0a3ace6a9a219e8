/* SPDX-License-Identifier: Apache-2.0 */
#include "board/clock.h"

#include "at/error.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/timex.h>
#include <sys/wait.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#define MANY 3

static const struct {
	time_t seconds;
	long nanoseconds;
	const char *text;
} cases[] = {
	{ 1795350614, 250000000, "2026/11/22 12:30:14.25" }, /* the guide's form, 9.1.1 */
	{ 0, 0, "1970/01/01 00:00:00.00" },
	{ 1795350614, 999999999, "2026/11/22 12:30:14.99" },
	{ 1795350614, 9999999, "2026/11/22 12:30:14.00" },
	{ 1795350614, 10000000, "2026/11/22 12:30:14.01" },
	{ 1709164799, 0, "2024/02/28 23:59:59.00" },
	{ 1709164800, 0, "2024/02/29 00:00:00.00" },
	{ 4102444800, 0, "2100/01/01 00:00:00.00" },
};

START_TEST(formats)
{
	const struct timespec now = { .tv_sec = cases[_i].seconds, .tv_nsec = cases[_i].nanoseconds };
	char text[CLOCK_TEXT];

	ck_assert_int_eq(clock_format(&now, text), 0);
	ck_assert_str_eq(text, cases[_i].text);
}
END_TEST

START_TEST(in_utc)
{
	const struct timespec now = { .tv_sec = 1795350614 };
	char text[CLOCK_TEXT];

	ck_assert_int_eq(setenv("TZ", "Pacific/Auckland", 1), 0);
	tzset();
	ck_assert_int_eq(clock_format(&now, text), 0);
	ck_assert_str_eq(text, "2026/11/22 12:30:14.00");
}
END_TEST

/* --- who is asked --- */

/* The kernel's answer, see adjtimex(2). */
static int kernel_r, kernel_errno, kernel_status;

int __wrap_adjtimex(struct timex *timex);
int __wrap_adjtimex(struct timex *timex)
{
	ck_assert_uint_eq(timex->modes, 0);
	timex->status = kernel_status;
	errno = kernel_errno;
	return kernel_r;
}

/* Its name in the C library where a time_t of 64 bits is not the machine's own. */
int __wrap____adjtimex64(struct timex *timex) __attribute__((alias("__wrap_adjtimex")));

enum said {
	SAYS_YES,
	SAYS_NO,
	SAYS_NOTHING,
	SAYS_TEXT,
};

static struct {
	sd_event *event;
	struct clock *clock;
	char *dir;
	char address[256];
	pid_t daemon;
	sd_bus *service;
	enum said service_says;
	unsigned asked;
} world;

static unsigned told[MANY];
static int told_r[MANY];

static void on_told(void *who, uint64_t number, int r)
{
	(void)who;
	told[number]++;
	told_r[number] = r;
}

/* number tells what was told whom; each asks for itself. */
static void ask(unsigned number)
{
	clock_ask(world.clock, (struct done){ .fn = on_told, .who = &told[number], .number = number });
}

static void run_until_told(unsigned number)
{
	while (told[number] == 0)
		ck_assert_int_ge(sd_event_run(world.event, UINT64_MAX), 0);
}

/* What the loop still has to do at once. */
static void run_idle(void)
{
	while (sd_event_run(world.event, 0) > 0) {
	}
}

static void setup(void)
{
	memset(&world, 0, sizeof(world));
	memset(told, 0, sizeof(told));
	kernel_r = -1;
	kernel_errno = EPERM;
	kernel_status = 0;
	world.dir = temp_dir();
	(void)snprintf(world.address, sizeof(world.address), "unix:path=%s/bus", world.dir);
	ck_assert_int_eq(setenv("DBUS_SYSTEM_BUS_ADDRESS", world.address, 1), 0);
	ck_assert_int_ge(sd_event_new(&world.event), 0);
	ck_assert_int_eq(clock_new(&world.clock, world.event), 0);
}

static void teardown(void)
{
	world.clock = clock_free(world.clock);
	world.service = sd_bus_close_unref(world.service);
	if (world.daemon > 0) {
		(void)kill(world.daemon, SIGKILL);
		(void)waitpid(world.daemon, NULL, 0);
	}
	world.event = sd_event_unref(world.event);
	temp_remove(world.dir);
}

static int on_get(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	const char *interface, *property;

	(void)userdata;
	if (!sd_bus_message_is_method_call(message, "org.freedesktop.DBus.Properties", "Get"))
		return 0;
	ck_assert_int_ge(sd_bus_message_read(message, "ss", &interface, &property), 0);
	ck_assert_str_eq(interface, "org.freedesktop.timedate1");
	ck_assert_str_eq(property, "NTPSynchronized");
	world.asked++;
	switch (world.service_says) {
	case SAYS_YES:
		return sd_bus_reply_method_return(message, "v", "b", 1);
	case SAYS_NO:
		return sd_bus_reply_method_return(message, "v", "b", 0);
	case SAYS_TEXT:
		return sd_bus_reply_method_return(message, "v", "s", "yes");
	default:
		(void)error;
		return 1;
	}
}

/* A real dbus-daemon, as the system bus. */
static void start_bus(void)
{
	char config[600], option[300], ready[16];
	int out[2];

	(void)snprintf(
		config, sizeof(config),
		"<busconfig><type>system</type><listen>%s</listen><auth>EXTERNAL</auth><policy context=\"default\">"
		"<allow send_destination=\"*\"/><allow receive_sender=\"*\"/><allow own=\"*\"/>"
		"</policy></busconfig>",
		world.address);
	temp_text(world.dir, "bus.conf", config);
	(void)snprintf(option, sizeof(option), "--config-file=%s", temp_path(world.dir, "bus.conf"));
	ck_assert_int_eq(pipe(out), 0);
	world.daemon = fork();
	ck_assert_int_ge(world.daemon, 0);
	if (world.daemon == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)dup2(out[1], STDOUT_FILENO);
		(void)execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nosyslog", "--print-address", option, NULL);
		_exit(127);
	}
	(void)close(out[1]);
	ck_assert_msg(read(out[0], ready, sizeof(ready)) > 0, "dbus-daemon does not start");
	(void)close(out[0]);
}

static void start_service(enum said says)
{
	world.service_says = says;
	ck_assert_int_ge(sd_bus_open_system(&world.service), 0);
	ck_assert_int_ge(sd_bus_add_object(world.service, NULL, "/org/freedesktop/timedate1", on_get, NULL), 0);
	ck_assert_int_ge(sd_bus_request_name(world.service, "org.freedesktop.timedate1", 0), 0);
	ck_assert_int_ge(sd_bus_attach_event(world.service, world.event, SD_EVENT_PRIORITY_NORMAL), 0);
}

START_TEST(the_kernel)
{
	kernel_r = TIME_OK;
	ask(0);
	ck_assert_uint_eq(told[0], 1);
	ck_assert_int_eq(told_r[0], 0);

	kernel_status = STA_UNSYNC;
	ask(1);
	ck_assert_uint_eq(told[1], 1);
	ck_assert_int_eq(told_r[1], AT_ERR_TIME);

	kernel_status = 0;
	kernel_r = TIME_ERROR;
	ask(2);
	ck_assert_int_eq(told_r[2], AT_ERR_TIME);
}
END_TEST

START_TEST(no_bus)
{
	ask(0);
	ck_assert_uint_eq(told[0], 1);
	ck_assert_int_eq(told_r[0], AT_ERR_TIME);
}
END_TEST

/* The bus is there, but nobody who knows the time. */
START_TEST(no_service)
{
	start_bus();
	ask(0);
	run_until_told(0);
	ck_assert_int_eq(told_r[0], AT_ERR_TIME);
}
END_TEST

START_TEST(the_service)
{
	start_bus();
	start_service(SAYS_YES);
	ask(0);
	ck_assert_uint_eq(told[0], 0);
	run_until_told(0);
	ck_assert_int_eq(told_r[0], 0);

	/* It is asked anew, on the same connection or on another one. */
	world.service_says = SAYS_NO;
	ask(1);
	run_until_told(1);
	ck_assert_int_eq(told_r[1], AT_ERR_TIME);
	fake_timer_pass(60000);
	run_idle();
	world.service_says = SAYS_YES;
	ask(2);
	run_until_told(2);
	ck_assert_int_eq(told_r[2], 0);
	ck_assert_uint_eq(world.asked, 3);
	ck_assert_uint_eq(told[0] + told[1] + told[2], 3);
}
END_TEST

START_TEST(the_bus_starts_anew)
{
	start_bus();
	start_service(SAYS_YES);
	ask(0);
	run_until_told(0);
	world.service = sd_bus_close_unref(world.service);
	(void)kill(world.daemon, SIGKILL);
	(void)waitpid(world.daemon, NULL, 0);
	run_idle();
	ask(1);
	run_until_told(1);
	ck_assert_int_eq(told_r[1], AT_ERR_TIME);

	start_bus();
	start_service(SAYS_YES);
	ask(2);
	run_until_told(2);
	ck_assert_int_eq(told_r[2], 0);
}
END_TEST

START_TEST(the_bus_dies_before_the_answer)
{
	start_bus();
	start_service(SAYS_NOTHING);
	ask(0);
	while (world.asked == 0)
		ck_assert_int_ge(sd_event_run(world.event, UINT64_MAX), 0);
	(void)kill(world.daemon, SIGKILL);
	run_until_told(0);
	ck_assert_int_eq(told_r[0], AT_ERR_TIME);
}
END_TEST

START_TEST(nonsense)
{
	start_bus();
	start_service(SAYS_TEXT);
	ask(0);
	run_until_told(0);
	ck_assert_int_eq(told_r[0], AT_ERR_TIME);
}
END_TEST

START_TEST(no_answer)
{
	start_bus();
	start_service(SAYS_NOTHING);
	ask(0);
	while (world.asked == 0)
		ck_assert_int_ge(sd_event_run(world.event, UINT64_MAX), 0);
	fake_timer_pass(CLOCK_ASK_MS - 1);
	ck_assert_uint_eq(told[0], 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(told[0], 1);
	ck_assert_int_eq(told_r[0], AT_ERR_TIME);
	fake_timer_pass(60000);
	ck_assert_uint_eq(told[0], 1);
}
END_TEST

/* Several ask at a time: one question, an answer for each; who asks again has given up the first one. */
START_TEST(several)
{
	start_bus();
	start_service(SAYS_YES);
	ask(0);
	ask(1);
	ask(0);
	ck_assert_uint_eq(told[0], 1);
	ck_assert_int_eq(told_r[0], -ECANCELED);
	run_until_told(1);
	ck_assert_int_eq(told_r[0], 0);
	ck_assert_int_eq(told_r[1], 0);
	ck_assert_uint_eq(told[0], 2);
	ck_assert_uint_eq(told[1], 1);
	ck_assert_uint_eq(world.asked, 1);
}
END_TEST

START_TEST(freed_with_a_question)
{
	start_bus();
	start_service(SAYS_YES);
	ask(0);
	world.clock = clock_free(world.clock);
	run_idle();
	ck_assert_uint_eq(told[0], 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("clock");
	TCase *text = tcase_create("text"), *tc = tcase_create("asking");

	tcase_add_loop_test(text, formats, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(text, in_utc);
	suite_add_tcase(suite, text);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_kernel);
	tcase_add_test(tc, no_bus);
	tcase_add_test(tc, no_service);
	tcase_add_test(tc, the_service);
	tcase_add_test(tc, the_bus_starts_anew);
	tcase_add_test(tc, the_bus_dies_before_the_answer);
	tcase_add_test(tc, nonsense);
	tcase_add_test(tc, no_answer);
	tcase_add_test(tc, several);
	tcase_add_test(tc, freed_with_a_question);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
