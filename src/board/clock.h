#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The time of day (guide 9.1.1), told only while somebody keeps the clock right. */

#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>
#include <time.h>

#define CLOCK_TEXT   32
#define CLOCK_ASK_MS 4000 /* systemd-timedated may have to be started first */

struct clock;

int clock_new(struct clock **ret, sd_event *event) _must_check_;

/* Open questions are dropped; their done is not called. */
struct clock *clock_free(struct clock *c);
DEFINE_CLEANUP(struct clock *, clock_free)

/* Does somebody, NTP mostly, keep the clock right? The kernel knows; where a sandbox forbids to ask it,
 * systemd-timedated is asked on the system bus. done gets 0; AT_ERR_TIME: no, or nobody can tell; it may be called at
 * once. Who asks again before the answer has given up the first question: that one is told -ECANCELED. */
void clock_ask(struct clock *c, struct done done);

/* "2026/11/22 12:30:14.25" in UTC. 0 or -errno. */
int clock_format(const struct timespec *now, char ret[CLOCK_TEXT]) _must_check_;
