#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The latest time that is known to have passed: a lower bound of the present for a gateway whose clock starts
 * somewhere in the past. Kept in the state folder. */

#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define EPOCH_RELEASE 1704067200 /* 2024-01-01: no certificate in use is older than this program */

struct epoch;

int epoch_new(struct epoch **ret, sd_event *event, const char *state_dir) _must_check_;

/* Waits for a write that is under way. */
struct epoch *epoch_free(struct epoch *e);
DEFINE_CLEANUP(struct epoch *, epoch_free)

/* Reads what was kept; what cannot be read is as if there were nothing. The folder exists. */
void epoch_start(struct epoch *e);

/* Seconds since 1970, EPOCH_RELEASE or later. */
int64_t epoch_floor(const struct epoch *e);

/* The clock says at least that: it may have been set. */
bool epoch_is_past(const struct epoch *e);

/* The clock is right: somebody synchronises it. now: of it, seconds since 1970. Kept on the disk at most once a day. */
void epoch_note(struct epoch *e, int64_t now);
