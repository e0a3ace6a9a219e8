#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day (guide 9.1.1), told only while somebody keeps the clock right. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

#define CLOCK_TEXT 32

/* Somebody, NTP mostly, keeps the clock right, says the kernel. */
bool clock_is_synchronised(void);

/* "2026/11/22 12:30:14.25" in UTC. 0, or AT_ERR_TIME: the clock is not synchronised. */
int clock_text(char ret[CLOCK_TEXT]) _must_check_;

/* The same for given readings. synchronised: what adjtimex() said (STA_UNSYNC unset, no error). */
int clock_format(bool synchronised, const struct timespec *now, char ret[CLOCK_TEXT]) _must_check_;
