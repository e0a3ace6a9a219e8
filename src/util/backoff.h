#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A growing delay with jitter between attempts (guide 3.7.2.4). */

#include <stdint.h>

struct backoff {
	unsigned failures;
	uint64_t not_before; /* ms of timer_now() */
};

/* After success, RESET, FACTORY_RESET, RST and power-up. */
void backoff_clear(struct backoff *b);

/* The n-th failure in a row at time now: the next attempt may start after cap/2 + random(cap/2),
 * cap = 2 s, 4 s ... 120 s. entropy is any random number. */
void backoff_fail(struct backoff *b, uint64_t now, uint64_t entropy);

/* Milliseconds still to wait at time now. */
uint64_t backoff_wait(const struct backoff *b, uint64_t now);
