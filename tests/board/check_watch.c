/* SPDX-License-Identifier: Apache-2.0 */
#include "board/watch.h"

#include "fake/gpio.h"
#include "fake/suite.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#define LINE 3

static sd_event *event;
static struct gpio_chip *chip;
static struct watch *watch;
static char told[64]; /* H and L */

static void on_level(void *userdata, bool high)
{
	size_t n = strlen(told);

	ck_assert_ptr_eq(userdata, told);
	ck_assert_uint_lt(n, sizeof(told) - 1);
	ck_assert(watch_is_high(watch) == high);
	told[n] = high ? 'H' : 'L';
	told[n + 1] = '\0';
}

static void watch_it(void)
{
	struct gpio_line *line;

	ck_assert_int_eq(gpio_chip_open(&chip, "fake"), 0);
	ck_assert_int_eq(gpio_input(&line, chip, LINE, true), 0);
	ck_assert_int_eq(watch_new(&watch, event, line, 0, on_level, told), 0);
}

static void setup(void)
{
	log_set_level(LOG_EMERG);
	fake_gpio_reset();
	told[0] = '\0';
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	watch = watch_free(watch);
	chip = gpio_chip_free(chip);
	event = sd_event_unref(event);
	ck_assert(!fake_gpio_is_taken(LINE));
}

static void idle(void)
{
	int r;

	while ((r = sd_event_run(event, 0)) > 0)
		;
	ck_assert_int_eq(r, 0);
}

static void wait_for(const char *wanted)
{
	while (strlen(told) < strlen(wanted))
		ck_assert_int_gt(sd_event_run(event, 10000000), 0);
	ck_assert_str_eq(told, wanted);
	told[0] = '\0';
}

static uint64_t now_ns(void)
{
	struct timespec now;

	ck_assert_int_eq(clock_gettime(CLOCK_MONOTONIC, &now), 0);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

START_TEST(first_level)
{
	fake_gpio_drive(LINE, _i, 0);
	watch_it();
	ck_assert(watch_is_high(watch) == _i);
	idle();
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(changes)
{
	watch_it();
	fake_gpio_drive(LINE, false, 0);
	idle();
	ck_assert_str_eq(told, "L");
	ck_assert(!watch_is_high(watch));
	fake_gpio_drive(LINE, true, 0);
	idle();
	ck_assert_str_eq(told, "LH");
}
END_TEST

/* More edges in one turn than are read at once. */
START_TEST(every_pulse)
{
	watch_it();
	for (int i = 0; i < 20; i++) {
		fake_gpio_drive(LINE, false, 0);
		fake_gpio_drive(LINE, true, 0);
	}
	idle();
	ck_assert_str_eq(told, "LHLHLHLHLHLHLHLHLHLHLHLHLHLHLHLHLHLHLHLH");
}
END_TEST

START_TEST(lost_edge)
{
	watch_it();
	fake_gpio_drive(LINE, false, 0);
	fake_gpio_drive_unseen(LINE, true);
	idle();
	ck_assert_str_eq(told, "LH");
	ck_assert(watch_is_high(watch));
}
END_TEST

START_TEST(debounced)
{
	uint64_t now;

	fake_gpio_debounce(20000000);
	watch_it();
	now = now_ns();
	fake_gpio_drive(LINE, false, now - 1000);
	fake_gpio_drive(LINE, true, now - 500);
	wait_for(""); /* nothing yet */
	fake_gpio_drive(LINE, false, 0);
	now = now_ns();
	wait_for("L");
	ck_assert_uint_ge(now_ns() - now, 19000000);

	/* a pulse that had lasted when the loop came to it */
	now = now_ns();
	fake_gpio_drive(LINE, true, now - 60000000);
	fake_gpio_drive(LINE, false, now - 30000000);
	wait_for("HL");
}
END_TEST

/* Linux before 5.7: stamped with another clock, which is far ahead. */
START_TEST(stamped_by_another_clock)
{
	fake_gpio_debounce(1000000);
	watch_it();
	fake_gpio_drive(LINE, false, 1800000000000000000);
	wait_for("L");
	fake_gpio_drive(LINE, true, 1800000001000000000);
	wait_for("H");
}
END_TEST

START_TEST(unplugged)
{
	fake_gpio_drive(LINE, _i, 0);
	watch_it();
	ck_assert_int_eq(watch_lost(watch), 0);
	fake_gpio_unplug(LINE);
	idle();
	ck_assert_str_eq(told, "H");
	ck_assert(watch_is_high(watch));
	ck_assert_int_eq(watch_lost(watch), -ENODEV);
}
END_TEST

START_TEST(unplugged_before)
{
	struct gpio_line *line;

	ck_assert_int_eq(gpio_chip_open(&chip, "fake"), 0);
	ck_assert_int_eq(gpio_input(&line, chip, LINE, true), 0);
	fake_gpio_unplug(LINE);
	ck_assert_int_lt(watch_new(&watch, event, line, 0, on_level, told), 0);
	ck_assert(fake_gpio_is_taken(LINE)); /* still the caller's */
	gpio_line_free(line);
	ck_assert_ptr_null(watch_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("watch");
	TCase *tc = tcase_create("watch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, first_level, 0, 2);
	tcase_add_test(tc, changes);
	tcase_add_test(tc, every_pulse);
	tcase_add_test(tc, lost_edge);
	tcase_add_test(tc, debounced);
	tcase_add_test(tc, stamped_by_another_clock);
	tcase_add_loop_test(tc, unplugged, 0, 2);
	tcase_add_test(tc, unplugged_before);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
