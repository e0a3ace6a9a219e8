#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of board/gpio.c: chip "fake" with FAKE_GPIO_LINES lines, of which the first are named A, B, C ... */

#include "board/gpio.h"

#include <stdbool.h>

#define FAKE_GPIO_LINES 8

/* Everything as at first: all lines high, nothing taken, nothing fails. */
void fake_gpio_reset(void);

/* What opening the chip, or taking this line, will fail with. */
void fake_gpio_fail_chip(int r);
void fake_gpio_fail_line(unsigned offset, int r, const char *user);

/* What is left to debounce, in ns. */
void fake_gpio_debounce(uint64_t ns);

/* Somebody outside drives an input; ns: of the edge, 0 for now. Without an edge: the kernel lost it. */
void fake_gpio_drive(unsigned offset, bool high, uint64_t ns);
void fake_gpio_drive_unseen(unsigned offset, bool high);

/* The chip is unplugged: reading and setting fail. */
void fake_gpio_unplug(unsigned offset);

/* What stands at the line outside: an output's physical level. */
bool fake_gpio_is_high(unsigned offset);

bool fake_gpio_is_taken(unsigned offset);
bool fake_gpio_is_pulled_up(unsigned offset);
unsigned fake_gpio_open_chips(void);
