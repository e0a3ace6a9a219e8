#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One-shot timers on CLOCK_BOOTTIME: wall time may jump when NTP arrives. */

#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct timer {
	sd_event_source *source;
	void (*fn)(void *userdata);
	void *userdata;
};

/* fn runs from the loop when the time has come; the timer is then disarmed and may be armed again. */
int timer_init(struct timer *t, sd_event *event, void (*fn)(void *userdata), void *userdata) _must_check_;
void timer_done(struct timer *t);

/* Fires once, no earlier than ms from now. Arming an armed timer moves it. */
void timer_arm(struct timer *t, uint64_t ms);
void timer_disarm(struct timer *t);
bool timer_armed(const struct timer *t);

/* Milliseconds of CLOCK_BOOTTIME. */
uint64_t timer_now(void);
