#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of util/timer.c: a clock that stands still until a test lets time pass. */

#include "util/timer.h"

#include <stdint.h>

/* Lets this much time pass: timers that become due run in their order, each at its own moment. */
void fake_timer_pass(uint64_t ms);

/* Until the next one is due; UINT64_MAX: none is armed. */
uint64_t fake_timer_next(void);
