#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the cloud is told of the jobs (guide 8.2.7, 8.2.8): that the one in hand is in progress, how far it is, and how
 * jobs ended. One thing at a time; a result is told until the cloud has taken or refused it. */

#include "cloud/jobs.h"
#include "ota/record.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define REPORT_PROGRESS_MS 5000  /* progress is told no more often */
#define REPORT_RETRY_MS    20000 /* no answer, a busy service, a refused beginning; each time twice as long, ... */
#define REPORT_RETRY_MAX   4     /* ... so often */
#define REPORT_MEMORY_MS   10000 /* how long the cloud may still speak of a job whose end it knows */

struct report_events {
	/* The cloud has taken a result (code: NULL) or refused it; it is not kept any more. */
	void (*on_result)(void *userdata, const struct record_result *result, const char *code);

	/* The cloud says that the job in hand cannot be in progress. */
	void (*on_doubt)(void *userdata);
	void *userdata;
};

struct report;

int report_new(struct report **ret, sd_event *event, struct jobs *jobs,
	       const struct report_events *events) _must_check_;
struct report *report_free(struct report *r);
DEFINE_CLEANUP(struct report *, report_free)

/* The connection is up, or has ended. */
void report_up(struct report *r);
void report_down(struct report *r);

/* The answer of jobs_update(). */
void report_updated(struct report *r, const char *id, const char *code);

/* Results that wait, oldest first. Of too many the oldest is forgotten. */
void report_add(struct report *r, const struct record_result *result);
const struct record_result *report_results(const struct report *r, size_t *ret_n);

/* Is this job over? number 0: whichever. ret_told: the cloud knows since a moment ago, but may still speak of it. */
bool report_is_over(const struct report *r, const char *id, int64_t number, bool *ret_told);

/* The job in hand, of so many pieces, has begun, and the cloud is to know. id lives until report_end(). version: of its
 * execution, as it was looked at; the cloud refuses it when it has another one since. 0: whichever. */
void report_begin(struct report *r, const char *id, int64_t number, uint64_t pieces);
void report_tell(struct report *r, int64_t version);
void report_progress(struct report *r, uint64_t pieces);
void report_end(struct report *r);
