#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The latest time that is known to have passed: a lower bound of the present for a gateway whose clock starts
 * somewhere in the past. Kept in the state folder. */

#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define EPOCH_RELEASE 1704067200 /* 2024-01-01: the present is later, whatever a clock says */
#define EPOCH_END     2650752000 /* 2054-01-01: what is kept beyond is damage */

struct epoch;

int epoch_new(struct epoch **ret, sd_event *event, const char *state_dir) _must_check_;

/* Waits for a write that is under way. */
struct epoch *epoch_free(struct epoch *e);
DEFINE_CLEANUP(struct epoch *, epoch_free)

/* Reads what was kept; what cannot be read is as if there were nothing. The folder exists. */
void epoch_start(struct epoch *e);

/* Seconds since 1970, EPOCH_RELEASE or later. */
int64_t epoch_floor(const struct epoch *e);

/* Somebody synchronises the clock: so it is now, seconds since 1970. Kept on the disk at most once a day. */
void epoch_note(struct epoch *e, int64_t now);

/* Nobody synchronises the clock. */
void epoch_doubt(struct epoch *e);

/* Which of the two was told last; at first it is doubted. */
bool epoch_is_sure(const struct epoch *e);

/* Changes, by more than a second, when somebody sets the clock. */
int64_t epoch_clock_offset(void);
