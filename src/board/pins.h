#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The lines to the host beside the UART (guide 1.2.5 - 1.2.7). Each of them may be missing. */

#include "config/settings.h"
#include "util/macro.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

struct pins;

enum pin {
	PIN_EVENT,
	PIN_WAKE,
	PIN_RST,
	PIN_COUNT,
};

/* From the loop, when WAKE or RST has another level, or is lost with its chip: then it is high. */
typedef void (*pins_fn)(void *userdata, enum pin pin, bool high);

/* Remembers, touches nothing. */
int pins_new(struct pins **ret, sd_event *event, const struct settings *settings, pins_fn fn,
	     void *userdata) _must_check_;
struct pins *pins_free(struct pins *p);
DEFINE_CLEANUP(struct pins *, pins_free)

/* Takes the lines of the settings and finds their levels. Logs one line that says what is wrong. 0 or -errno. */
int pins_start(struct pins *p) _must_check_;

/* Did that fail because the settings name what is not there, or not ours, and will not be? */
bool pins_misnamed(const struct pins *p);

/* Is there such a line, and is its chip still there? */
bool pins_have(const struct pins *p, enum pin pin);

/* A missing input is high, as if nobody drove it; the level of EVENT is known without a line as well. */
bool pins_high(const struct pins *p, enum pin pin);

/* The level of EVENT (guide 7.1.1.2). */
void pins_set_event(struct pins *p, bool high);

const char *pin_name(enum pin pin);
