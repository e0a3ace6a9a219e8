#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The level of a GPIO line that somebody else drives, told from the loop. */

#include "board/gpio.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct watch;

/* Runs for every level that lasted, however short of the loop's turn, and when the line is lost; it must not free the
 * watch. */
typedef void (*watch_fn)(void *userdata, bool high);

/* Owns the line if it succeeds. priority: see sd_event_source_set_priority(3). */
int watch_new(struct watch **ret, sd_event *event, struct gpio_line *line, int64_t priority, watch_fn fn,
	      void *userdata) _must_check_;
struct watch *watch_free(struct watch *w);
DEFINE_CLEANUP(struct watch *, watch_free)

/* The level that was told last, or found at the start. A line whose chip was unplugged is high: nobody pulls it low. */
bool watch_is_high(const struct watch *w);

/* 0, or -errno: its chip was unplugged, and nothing more will be told. */
int watch_lost(const struct watch *w);
