#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The lines to the host beside the UART (guide 1.2.5 - 1.2.7). */

#include "util/macro.h"

#include <stdbool.h>

struct pins;

int pins_new(struct pins **ret) _must_check_;
struct pins *pins_free(struct pins *p);
DEFINE_CLEANUP(struct pins *, pins_free)

/* The level of EVENT (guide 7.1.1.2). */
void pins_set_event(struct pins *p, bool high);
bool pins_event(const struct pins *p);
