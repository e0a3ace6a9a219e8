#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* When to look after a quiet connection. Pure; times in ms of timer_now().
 *
 * The library sends a PINGREQ when one direction was silent for the interval, and gives up after a second interval.
 * Here an unanswered one ends the connection after a third of it, so a loss shows within 1.33 intervals. */

#include <stdbool.h>
#include <stdint.h>

struct keepalive {
	uint64_t interval;
	uint64_t last_in, last_out;
	uint64_t pinged; /* when a PINGREQ went out that is not answered yet; 0: none */
};

/* seconds: after which a silent connection is to be given up within 1.5 times. Returns the library's interval in s. */
unsigned keepalive_start(struct keepalive *k, unsigned seconds, uint64_t now);

/* Something came in. True: an answer to a PINGREQ is no longer awaited, look at keepalive_wait() again. */
bool keepalive_in(struct keepalive *k, uint64_t now);

/* A packet went out. */
void keepalive_out(struct keepalive *k, uint64_t now);

/* Is it time for the library to send a PINGREQ? Counts it as sent then. */
bool keepalive_ping(struct keepalive *k, uint64_t now);

/* The PINGREQ was not answered. */
bool keepalive_is_lost(const struct keepalive *k, uint64_t now);

/* How long until the next look. */
uint64_t keepalive_wait(const struct keepalive *k, uint64_t now);
