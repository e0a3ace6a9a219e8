/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"

#include "board/gpio.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Over tests/lib/sham.c, which plays the library. */

static char *dir;
static struct gpio_chip *chip;

static void make_chip(const char *name, const char *label)
{
	char path[256];

	(void)snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	(void)snprintf(path, sizeof(path), "%s/label", name);
	temp_text(dir, path, label);
	(void)snprintf(path, sizeof(path), "%s/lines", name);
	temp_text(dir, path, "EVENT\n\nnRST\n17\n");
	for (unsigned i = 0; i < 4; i++) {
		(void)snprintf(path, sizeof(path), "%s/%u.level", name, i);
		temp_text(dir, path, "1");
		(void)snprintf(path, sizeof(path), "%s/%s/%u.edges", dir, name, i);
		ck_assert_int_eq(mkfifo(path, 0600), 0);
	}
}

static void setup(void)
{
	dir = temp_dir();
	ck_assert_int_eq(setenv("TEST_GPIO", dir, 1), 0);
	make_chip("gpiochip0", "pinctrl");
	make_chip("gpiochip1", "expander");
}

static void teardown(void)
{
	chip = gpio_chip_free(chip);
	temp_remove(dir);
}

static char *file(const char *name)
{
	static char text[256];
	char *content = temp_read(dir, name, NULL);

	(void)snprintf(text, sizeof(text), "%s", content ? content : "(none)");
	free(content);
	return text;
}

START_TEST(chip_by_name_path_and_label)
{
	static const char *const names[] = { "gpiochip1", "/dev/gpiochip1", "expander" };
	struct gpio_line *line;

	ck_assert_int_eq(gpio_chip_open(&chip, names[_i]), 0);
	ck_assert_int_eq(gpio_output(&line, chip, 0, false, true), 0);
	ck_assert_str_eq(file("gpiochip1/0.asked"), "expresslinkd output\n");
	ck_assert_str_eq(file("gpiochip0/0.asked"), "(none)");
	gpio_line_free(line);
}
END_TEST

START_TEST(no_such_chip)
{
	ck_assert_int_eq(gpio_chip_open(&chip, "gpiochip2"), -ENOENT);
	ck_assert_int_eq(gpio_chip_open(&chip, "/dev/gpiochip2"), -ENOENT);
	ck_assert_int_eq(gpio_chip_open(&chip, "/dev/expander"), -ENOENT); /* a path is no label */
	ck_assert_int_eq(gpio_chip_open(&chip, ""), -ENOTTY);
	ck_assert_int_eq(gpio_chip_open(&chip, "null"), -ENOTTY);
	ck_assert_int_eq(gpio_chip_open(&chip, "/dev/null"), -ENOTTY);
	ck_assert_ptr_null(chip);
	ck_assert_ptr_null(gpio_chip_free(NULL));
}
END_TEST

START_TEST(label_of_two)
{
	make_chip("gpiochip2", "expander");
	ck_assert_int_eq(gpio_chip_open(&chip, "expander"), -ENOTUNIQ);
	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
	chip = gpio_chip_free(chip);

	/* The same chip under an older name is no other. */
	ck_assert_int_eq(symlink("gpiochip0", temp_path(dir, "gpiochip4")), 0);
	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
	chip = gpio_chip_free(chip);
	ck_assert_int_eq(gpio_chip_open(&chip, "gpiochip4"), 0);
}
END_TEST

START_TEST(chip_denied)
{
	temp_text(dir, "gpiochip1/denied", "");
	ck_assert_int_eq(gpio_chip_open(&chip, "gpiochip1"), -EACCES);
	ck_assert_int_eq(gpio_chip_open(&chip, "expander"), -EACCES); /* it may be that one */
	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
}
END_TEST

START_TEST(lines)
{
	unsigned offset = 99;

	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
	ck_assert_int_eq(gpio_chip_find(chip, "nRST", &offset), 0);
	ck_assert_uint_eq(offset, 2);
	ck_assert_int_eq(gpio_chip_find(chip, "EVENT", &offset), 0);
	ck_assert_uint_eq(offset, 0);
	offset = 99;
	ck_assert_int_eq(gpio_chip_find(chip, "0", &offset), 0);
	ck_assert_uint_eq(offset, 0);
	ck_assert_int_eq(gpio_chip_find(chip, "3", &offset), 0);
	ck_assert_uint_eq(offset, 3);
	ck_assert_int_eq(gpio_chip_find(chip, "4", &offset), -ERANGE);
	ck_assert_int_eq(gpio_chip_find(chip, "17", &offset), -ERANGE); /* digits are an offset */
	ck_assert_int_eq(gpio_chip_find(chip, "99999999999999999999999", &offset), -ERANGE);
	ck_assert_int_eq(gpio_chip_find(chip, "4294967296", &offset), -ERANGE);
	ck_assert_int_eq(gpio_chip_find(chip, "event", &offset), -ENOENT);
	ck_assert_int_eq(gpio_chip_find(chip, "-1", &offset), -ENOENT);
	ck_assert_uint_eq(offset, 3);
}
END_TEST

START_TEST(output)
{
	struct gpio_line *line;
	bool low = _i & 1, active = _i & 2;

	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
	ck_assert_int_eq(gpio_output(&line, chip, 2, low, active), 0);
	ck_assert_str_eq(file("gpiochip0/2.asked"), low ? "expresslinkd output active-low\n" : "expresslinkd output\n");
	ck_assert_str_eq(file("gpiochip0/2.level"), active == low ? "0" : "1");
	ck_assert_int_eq(gpio_set(line, !active), 0);
	ck_assert_str_eq(file("gpiochip0/2.level"), active == low ? "1" : "0");
	ck_assert_int_eq(gpio_set(line, active), 0);
	ck_assert_str_eq(file("gpiochip0/2.level"), active == low ? "0" : "1");
	gpio_line_free(line);
	ck_assert_ptr_null(gpio_line_free(NULL));
}
END_TEST

static void edge(const char *name, uint64_t ns, bool high)
{
	uint64_t record[2] = { ns, high };
	int fd = open(temp_path(dir, name), O_WRONLY | O_NONBLOCK | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, record, sizeof(record)), (ssize_t)sizeof(record));
	(void)close(fd);
}

START_TEST(input)
{
	struct gpio_edge edges[GPIO_EDGES];
	struct gpio_line *line;
	struct pollfd poll_fd = { .events = POLLIN };
	char asked[128];
	bool high = false;

	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
	ck_assert_int_eq(gpio_input(&line, chip, 1, _i), 0);
	(void)snprintf(asked, sizeof(asked), "expresslinkd input edges %s%s\n", _i ? "pull-up" : "no-bias",
		       gpio_debounce_left() == 0 ? " 1ms" : "");
	ck_assert_str_eq(file("gpiochip0/1.asked"), asked);
	ck_assert(gpio_debounce_left() == (GPIOD_MAJOR >= 2 ? 0 : 1000000));
	ck_assert_int_eq(gpio_get(line, &high), 0);
	ck_assert(high);
	poll_fd.fd = gpio_fd(line);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);

	temp_text(dir, "gpiochip0/1.level", "0");
	for (unsigned i = 0; i < GPIO_EDGES + 2; i++)
		edge("gpiochip0/1.edges", 5000000000000 + i, i % 2);
	ck_assert_int_eq(gpio_get(line, &high), 0);
	ck_assert(!high);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 1);
	ck_assert_int_eq(gpio_read(line, edges), GPIO_EDGES);
	for (unsigned i = 0; i < GPIO_EDGES; i++) {
		ck_assert(edges[i].high == i % 2);
		ck_assert_uint_eq(edges[i].ns, 5000000000000 + i);
	}
	ck_assert_int_eq(gpio_read(line, edges), 2);
	ck_assert_uint_eq(edges[1].ns, 5000000000000 + GPIO_EDGES + 1);
	ck_assert_int_eq(poll(&poll_fd, 1, 0), 0);

	/* The chip is gone. */
	ck_assert_int_eq(unlink(temp_path(dir, "gpiochip0/1.level")), 0);
	ck_assert_int_lt(gpio_get(line, &high), 0);
	gpio_line_free(line);
}
END_TEST

START_TEST(taken)
{
	struct gpio_line *line = NULL;
	char user[32] = "?";

	temp_text(dir, "gpiochip0/1.user", "spi0 CS0\n");
	temp_text(dir, "gpiochip0/2.deaf", "");
	ck_assert_int_eq(gpio_chip_open(&chip, "pinctrl"), 0);
	ck_assert_int_eq(gpio_input(&line, chip, 1, true), -EBUSY);
	ck_assert_int_eq(gpio_output(&line, chip, 1, false, true), -EBUSY);
	gpio_chip_user(chip, 1, user, sizeof(user));
	ck_assert_str_eq(user, "spi0 CS0");
	gpio_chip_user(chip, 0, user, sizeof(user));
	ck_assert_str_eq(user, "");
	gpio_chip_user(chip, 1, user, 4);
	ck_assert_str_eq(user, "spi");
	ck_assert_int_eq(gpio_input(&line, chip, 2, true), -ENXIO);
	ck_assert_ptr_null(line);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gpio");
	TCase *tc = tcase_create("gpio");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, chip_by_name_path_and_label, 0, 3);
	tcase_add_test(tc, no_such_chip);
	tcase_add_test(tc, label_of_two);
	tcase_add_test(tc, chip_denied);
	tcase_add_test(tc, lines);
	tcase_add_loop_test(tc, output, 0, 4);
	tcase_add_loop_test(tc, input, 0, 2);
	tcase_add_test(tc, taken);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
