#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* How the last CONNECTs ended, for the log at once and for support later. */

#include "cloud/attempt.h"
#include "cloud/fault.h"
#include "config/endpoint.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

#define HISTORY_MAX    20
#define HISTORY_REASON 64

struct history_entry {
	uint64_t number;                 /* counts from 1 */
	time_t at;                       /* when it ended, by the clock of that moment */
	char endpoint[ENDPOINT_MAX + 1]; /* the key's value */
	struct fault fault;              /* when not connected */
	struct attempt_report report;
	bool connected;
	uint64_t connected_ms; /* timer_now() when it was */
	time_t lost_at;        /* the end of the connection; 0: it is still up */
	char reason[HISTORY_REASON + 1];
};

struct history;

int history_new(struct history **ret) _must_check_;
struct history *history_free(struct history *h);
DEFINE_CLEANUP(struct history *, history_free)

/* The end of a CONNECT: logged, and remembered unless it never went on line (report is NULL). fault: NULL after a
 * success. */
void history_note(struct history *h, const char *endpoint, const struct attempt_report *report,
		  const struct fault *fault);

/* The end of the connection that was noted last; nothing while there is none. Not logged. */
void history_ended(struct history *h, const char *reason);

/* 0 is the newest; NULL: there are not so many. Valid until the next note. */
const struct history_entry *history_get(const struct history *h, unsigned i);
