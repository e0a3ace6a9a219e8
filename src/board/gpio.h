#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* EDGE. GPIO lines through libgpiod, version 1 or 2. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gpio_chip;
struct gpio_line;

/* By its name ("gpiochip0"), the path of its device, or its label. 0; -ENOENT: there is none; -ENOTUNIQ: several have
 * this label; -errno. */
int gpio_chip_open(struct gpio_chip **ret, const char *name) _must_check_;
struct gpio_chip *gpio_chip_free(struct gpio_chip *c);
DEFINE_CLEANUP(struct gpio_chip *, gpio_chip_free)

/* The offset of a line that is given by its offset or its name. 0; -ERANGE: no such offset; -ENOENT: no such name. */
int gpio_chip_find(const struct gpio_chip *c, const char *line, unsigned *ret) _must_check_;

/* Who uses the line; "" if nobody says so. */
void gpio_chip_user(const struct gpio_chip *c, unsigned offset, char *ret, size_t size);

/* Takes a line; the chip has to outlive it. active_low: what gpio_set() calls active is a low level. An input is
 * watched for edges, and held high or by nothing while nobody drives it. 0; -EBUSY: somebody uses it; -errno. */
int gpio_output(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, bool active_low,
		bool active) _must_check_;
int gpio_input(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, bool pull_up) _must_check_;
struct gpio_line *gpio_line_free(struct gpio_line *l);
DEFINE_CLEANUP(struct gpio_line *, gpio_line_free)

int gpio_set(struct gpio_line *l, bool active) _must_check_;
int gpio_get(struct gpio_line *l, bool *ret) _must_check_;

#define GPIO_EDGES       16   /* the kernel keeps as many for a line */
#define GPIO_DEBOUNCE_US 1000 /* a level that lasts no longer is none */

struct gpio_edge {
	bool high;
	uint64_t ns; /* of CLOCK_MONOTONIC */
};

/* Readable when there are edges; gpio_read() then gives their number, at most GPIO_EDGES, or -errno. */
int gpio_fd(struct gpio_line *l);
int gpio_read(struct gpio_line *l, struct gpio_edge ret[GPIO_EDGES]) _must_check_;

/* How many nanoseconds a level must last: 0 if the kernel has seen to that. */
uint64_t gpio_debounce_left(void);
