/* SPDX-License-Identifier: Apache-2.0 */
#include "board/pins.h"

#include "fake/gpio.h"
#include "fake/suite.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static bool udev_at_work;

int __wrap_access(const char *path, int mode);
int __wrap_access(const char *path, int mode)
{
	ck_assert_str_eq(path, "/run/udev/queue");
	ck_assert_int_eq(mode, F_OK);
	return udev_at_work ? 0 : -1;
}

static sd_event *event;
static struct settings *settings;
static struct pins *pins;
static char told[64];

static void on_pin(void *userdata, enum pin pin, bool high)
{
	size_t n = strlen(told);

	ck_assert_ptr_eq(userdata, told);
	ck_assert(pins_high(pins, pin) == high);
	(void)snprintf(told + n, sizeof(told) - n, "%s%s %s", n > 0 ? ", " : "", pin_name(pin), high ? "high" : "low");
}

static void on_problem(void *userdata, const char *file, unsigned line, const char *text)
{
	(void)userdata;
	ck_abort_msg("%s:%u: %s", file, line, text);
}

static void make(const char *lines)
{
	char text[512];
	int n;

	n = snprintf(text, sizeof(text),
		     "[Serial]\nDevice=pty:tty\n[Identity]\nCertificate=/c\nPrivateKey=/k\n[Pins]\n%s", lines);
	ck_assert_int_eq(settings_parse(&settings, "pins", text, (size_t)n, on_problem, NULL), 0);
	ck_assert_int_eq(pins_new(&pins, event, settings, on_pin, told), 0);
}

#define ALL "Chip=fake\nEvent=0\nWake=B\nReset=2\n"

static void setup(void)
{
	log_set_level(LOG_EMERG);
	fake_gpio_reset();
	told[0] = '\0';
	udev_at_work = false;
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	pins = pins_free(pins);
	settings = settings_free(settings);
	event = sd_event_unref(event);
	for (unsigned i = 0; i < FAKE_GPIO_LINES; i++)
		ck_assert(!fake_gpio_is_taken(i));
	ck_assert_uint_eq(fake_gpio_open_chips(), 0);
}

static void idle(void)
{
	int r;

	while ((r = sd_event_run(event, 0)) > 0)
		;
	ck_assert_int_eq(r, 0);
}

START_TEST(no_pins)
{
	make("");
	fake_gpio_fail_chip(-EACCES); /* nobody asks for it */
	ck_assert_int_eq(pins_start(pins), 0);
	for (unsigned pin = 0; pin < PIN_COUNT; pin++)
		ck_assert(!pins_have(pins, pin));
	ck_assert(pins_high(pins, PIN_WAKE));
	ck_assert(pins_high(pins, PIN_RST));
	ck_assert(!pins_high(pins, PIN_EVENT));
	pins_set_event(pins, true);
	ck_assert(pins_high(pins, PIN_EVENT));
	pins_set_event(pins, true);
	ck_assert(pins_high(pins, PIN_EVENT));
	pins_set_event(pins, false);
	ck_assert(!pins_high(pins, PIN_EVENT));
}
END_TEST

START_TEST(event_line)
{
	make("Chip=fake\nEvent=E\n");
	pins_set_event(pins, _i);
	ck_assert_int_eq(pins_start(pins), 0);
	ck_assert(pins_have(pins, PIN_EVENT));
	ck_assert(!pins_have(pins, PIN_WAKE));
	ck_assert(fake_gpio_is_taken(4));
	ck_assert(fake_gpio_is_high(4) == _i);
	pins_set_event(pins, true);
	ck_assert(fake_gpio_is_high(4));
	pins_set_event(pins, false);
	ck_assert(!fake_gpio_is_high(4));

	/* A host that finds it high would ask a daemon that is gone. */
	pins_set_event(pins, true);
	pins = pins_free(pins);
	ck_assert(!fake_gpio_is_high(4));
}
END_TEST

START_TEST(event_active_low)
{
	make("Chip=fake\nEvent=4\nEventActiveLow=yes\n");
	ck_assert_int_eq(pins_start(pins), 0);
	ck_assert(fake_gpio_is_high(4));
	pins_set_event(pins, true);
	ck_assert(pins_high(pins, PIN_EVENT));
	ck_assert(!fake_gpio_is_high(4));
	pins_set_event(pins, false);
	ck_assert(fake_gpio_is_high(4));
}
END_TEST

START_TEST(inputs)
{
	make(ALL);
	ck_assert_int_eq(pins_start(pins), 0);
	for (unsigned pin = 0; pin < PIN_COUNT; pin++)
		ck_assert(pins_have(pins, pin));
	ck_assert(pins_high(pins, PIN_WAKE));
	ck_assert(pins_high(pins, PIN_RST));
	ck_assert(fake_gpio_is_pulled_up(1));
	ck_assert(fake_gpio_is_pulled_up(2));
	ck_assert(!fake_gpio_is_pulled_up(0));
	fake_gpio_drive(1, false, 0);
	idle();
	ck_assert_str_eq(told, "WAKE low");
	ck_assert(!pins_high(pins, PIN_WAKE));
	ck_assert(pins_high(pins, PIN_RST));
	fake_gpio_drive(2, false, 0);
	idle();
	fake_gpio_drive(2, true, 0);
	idle();
	fake_gpio_drive(1, true, 0);
	idle();
	ck_assert_str_eq(told, "WAKE low, RST low, RST high, WAKE high");
}
END_TEST

/* Whatever came at the same time: RST goes first. */
START_TEST(reset_first)
{
	make(ALL);
	ck_assert_int_eq(pins_start(pins), 0);
	fake_gpio_drive(_i ? 1 : 2, false, 0);
	fake_gpio_drive(_i ? 2 : 1, false, 0);
	idle();
	ck_assert_str_eq(told, "RST low, WAKE low");
}
END_TEST

START_TEST(low_at_the_start)
{
	make(ALL "Bias=none\n");
	fake_gpio_drive(1, false, 0);
	fake_gpio_drive(2, false, 0);
	ck_assert_int_eq(pins_start(pins), 0);
	ck_assert(!fake_gpio_is_pulled_up(1));
	ck_assert(!fake_gpio_is_pulled_up(2));
	ck_assert(!pins_high(pins, PIN_WAKE));
	ck_assert(!pins_high(pins, PIN_RST));
	idle();
	ck_assert_str_eq(told, ""); /* no change: whoever starts asks */
}
END_TEST

/* What was pulled low is released; and there are no such lines any more. */
START_TEST(unplugged)
{
	make(ALL);
	ck_assert_int_eq(pins_start(pins), 0);
	fake_gpio_drive(2, false, 0);
	idle();
	for (unsigned line = 0; line < 3; line++)
		fake_gpio_unplug(line);
	pins_set_event(pins, true);
	pins_set_event(pins, false);
	idle();
	ck_assert_str_eq(told, "RST low, RST high, WAKE high");
	for (unsigned pin = 0; pin < PIN_COUNT; pin++)
		ck_assert(!pins_have(pins, pin));
	ck_assert(pins_high(pins, PIN_WAKE));
	ck_assert(pins_high(pins, PIN_RST));
}
END_TEST

/* --- what can go wrong: one line that says so --- */

static const struct {
	const char *settings;
	int chip, line; /* what opening it, or taking line 3, fails with */
	const char *user;
	int r;
	bool misnamed;
	const char *says;
} faults[] = {
	{ "Chip=gpiochip7\nEvent=3\n", 0, 0, NULL, -ENOENT, true, "[Pins] Chip=gpiochip7: there is no such GPIO chip" },
	{ "Chip=fake\nEvent=3\n", -ENOTTY, 0, NULL, -ENOTTY, true, "[Pins] Chip=fake: this is no GPIO chip" },
	{ "Chip=fake\nWake=3\n", -EACCES, 0, NULL, -EACCES, true,
	  "[Pins] Chip=fake: permission denied: this user may not open GPIO chips" },
	{ "Chip=fake\nWake=3\n", -ENOTUNIQ, 0, NULL, -ENOTUNIQ, true,
	  "[Pins] Chip=fake: several GPIO chips have this label" },
	{ "Chip=fake\nWake=3\n", -EMFILE, 0, NULL, -EMFILE, false, "[Pins] Chip=fake: Too many open files" },
	{ "Chip=fake\nReset=nRST\n", 0, 0, NULL, -ENOENT, true,
	  "[Pins] Reset=nRST: the chip has no line of this name" },
	{ "Chip=fake\nReset=8\n", 0, 0, NULL, -ERANGE, true, "[Pins] Reset=8: the chip has fewer lines" },
	{ "Chip=fake\nEvent=D\nWake=3\n", 0, 0, NULL, -ENOTUNIQ, true, "[Pins] Wake=3: another pin is on this line" },
	{ "Chip=fake\nWake=1\nReset=B\n", 0, 0, NULL, -ENOTUNIQ, true, "[Pins] Reset=B: another pin is on this line" },
	{ "Chip=fake\nEvent=3\n", 0, -EBUSY, "l", -EBUSY, false, "[Pins] Event=3: the line is in use by l" },
	{ "Chip=fake\nWake=D\n", 0, -EBUSY, NULL, -EBUSY, false,
	  "[Pins] Wake=D: the line is in use by another program or driver" },
	{ "Chip=fake\nWake=3\n", 0, -ENXIO, NULL, -ENXIO, true,
	  "[Pins] Wake=3: this line cannot be watched: it has no interrupt" },
	{ "Chip=fake\nReset=3\n", 0, -EOPNOTSUPP, NULL, -EOPNOTSUPP, true,
	  "[Pins] Reset=3: this line cannot be watched: it has no interrupt" },
	{ "Chip=fake\nEvent=3\n", 0, -EINVAL, NULL, -EINVAL, true, "[Pins] Event=3: this line is no output" },
	{ "Chip=fake\nEvent=3\n", 0, -EPERM, NULL, -EPERM, true, "[Pins] Event=3: permission denied for this line" },
	{ "Chip=fake\nEvent=3\n", 0, -ENOMEM, NULL, -ENOMEM, false, "[Pins] Event=3: Cannot allocate memory" },
};

START_TEST(fault)
{
	int ends[2], old = dup(STDERR_FILENO);
	char text[1024], *line, *end;
	ssize_t n;

	make(faults[_i].settings);
	fake_gpio_fail_chip(faults[_i].chip);
	fake_gpio_fail_line(3, faults[_i].line, faults[_i].user);
	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_set_level(LOG_NOTICE);
	ck_assert_int_eq(pins_start(pins), faults[_i].r);
	log_set_level(LOG_EMERG);
	(void)dup2(old, STDERR_FILENO);
	(void)close(old);
	(void)close(ends[1]);
	n = read(ends[0], text, sizeof(text) - 1);
	(void)close(ends[0]);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	line = strstr(text, "[Pins]");
	ck_assert_ptr_nonnull(line);
	end = strchr(line, '\n');
	ck_assert_ptr_nonnull(end);
	ck_assert_str_eq(end, "\n");
	*end = '\0';
	ck_assert_str_eq(line, faults[_i].says);
	ck_assert(pins_misnamed(pins) == faults[_i].misnamed);
}
END_TEST

static const struct {
	int chip, line;
	bool misnamed;
} comings[] = {
	{ -ENOENT, 0, false }, { -ENODEV, 0, false }, { -EACCES, 0, false },
	{ -ENOTTY, 0, true },  { 0, -ENOENT, true },  { 0, -EPERM, true },
};

/* The machine has just been switched on: its chips and their rights come by and by. */
START_TEST(while_udev_is_at_work)
{
	udev_at_work = true;
	make("Chip=fake\nEvent=3\n");
	fake_gpio_fail_chip(comings[_i].chip);
	fake_gpio_fail_line(3, comings[_i].line, NULL);
	ck_assert_int_lt(pins_start(pins), 0);
	ck_assert(pins_misnamed(pins) == comings[_i].misnamed);
}
END_TEST

START_TEST(free_nothing)
{
	ck_assert_ptr_null(pins_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pins");
	TCase *tc = tcase_create("pins");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, no_pins);
	tcase_add_loop_test(tc, event_line, 0, 2);
	tcase_add_test(tc, event_active_low);
	tcase_add_test(tc, inputs);
	tcase_add_loop_test(tc, reset_first, 0, 2);
	tcase_add_test(tc, low_at_the_start);
	tcase_add_test(tc, unplugged);
	tcase_add_loop_test(tc, fault, 0, ELEMENTS(faults));
	tcase_add_loop_test(tc, while_udev_is_at_work, 0, ELEMENTS(comings));
	tcase_add_test(tc, free_nothing);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
