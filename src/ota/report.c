/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/report.h"

#include "cloud/payload.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum report_question {
	REPORT_NOTHING,
	REPORT_RESULT,
	REPORT_BEGIN,
	REPORT_STALE, /* nobody waits for its answer any more */
};

struct report_over {
	char id[JOBS_MAX_ID + 1];
	int64_t number;
	uint64_t until; /* ms of timer_now() */
};

struct report {
	struct jobs *jobs;
	struct report_events events;
	bool up;
	enum report_question asked;
	struct timer retry;
	unsigned retries; /* in a row */
	bool refused;     /* it runs because the job in hand could not begin: results need not wait */

	size_t results_n;
	struct record_result results[RECORD_MAX_RESULTS];
	size_t over_next;
	struct report_over over[RECORD_MAX_RESULTS];

	/* The job in hand. */
	const char *id; /* NULL: none */
	int64_t number, version;
	bool told; /* the cloud knows that it is in progress */
	uint64_t pieces, all;
	uint64_t shown; /* of the pieces */
	struct timer progress;
};

static bool same(const char *id, int64_t number, const char *other, int64_t other_number)
{
	return strcmp(id, other) == 0 && (number == other_number || number == 0 || other_number == 0);
}

/* "": no answer came. */
static bool is_transient(const char *code)
{
	return code && (!*code || payload_is_busy(code));
}

static int tell_result(struct report *r)
{
	const struct record_result *result = &r->results[0];
	const struct jobs_update update = {
		.id = result->id,
		.number = result->number,
		.status = result->status,
		.key = "reason",
		.value = result->reason,
	};

	return jobs_update(r->jobs, &update);
}

static int tell_progress(struct report *r, bool progress)
{
	char text[48];
	const struct jobs_update update = {
		.id = r->id,
		.number = r->number,
		.version = progress ? 0 : r->version,
		.status = JOBS_IN_PROGRESS,
		.key = "receive",
		.value = text,
		.progress = progress,
	};

	(void)snprintf(text, sizeof(text), "%" PRIu64 "/%" PRIu64, r->pieces, r->all);
	return jobs_update(r->jobs, &update);
}

/* A broker that is no AWS IoT never answers. */
static void tell_later(struct report *r, bool refused)
{
	r->refused = refused;
	timer_arm(&r->retry, (uint64_t)REPORT_RETRY_MS << r->retries);
	if (r->retries < REPORT_RETRY_MAX)
		r->retries++;
}

static void tell(struct report *r)
{
	enum report_question question = REPORT_NOTHING;
	int k;

	if (!r->up || r->asked != REPORT_NOTHING)
		return;
	if (r->results_n > 0)
		question = REPORT_RESULT;
	else if (r->id && !r->told)
		question = REPORT_BEGIN;
	if (question == REPORT_NOTHING)
		return;
	if (timer_armed(&r->retry) && !(r->refused && question == REPORT_RESULT))
		return;
	k = question == REPORT_RESULT ? tell_result(r) : tell_progress(r, false);
	if (k < 0) {
		log_debug("A job's update was not sent: %s", strerror(-k));
		tell_later(r, false);
		return;
	}
	r->asked = question;
	if (question == REPORT_BEGIN)
		r->shown = r->pieces;
}

static void on_retry(void *userdata)
{
	tell(userdata);
}

static void watch_progress(struct report *r)
{
	if (r->up && r->id && r->shown != r->pieces && !timer_armed(&r->progress))
		timer_arm(&r->progress, REPORT_PROGRESS_MS);
}

/* It comes after what is told already, and after what is just being told. */
static void on_progress(void *userdata)
{
	struct report *r = userdata;

	if (r->told && r->asked == REPORT_NOTHING && r->shown != r->pieces && tell_progress(r, true) == 0)
		r->shown = r->pieces;
	watch_progress(r);
}

static void drop_first(struct report *r)
{
	r->results_n--;
	memmove(&r->results[0], &r->results[1], r->results_n * sizeof(r->results[0]));
}

static void result_answered(struct report *r, const char *code)
{
	struct record_result result = r->results[0];
	struct report_over *over = &r->over[r->over_next++ % ELEMENTS(r->over)];

	drop_first(r);
	*over = (struct report_over){ .number = result.number, .until = timer_now() + REPORT_MEMORY_MS };
	memcpy(over->id, result.id, sizeof(over->id));
	r->events.on_result(r->events.userdata, &result, code);
}

/* Whoever doubts then may want it told again: what is refused again and again must not be asked at full speed. */
static void begin_answered(struct report *r, const char *code)
{
	r->told = true;
	if (!code) {
		r->retries = 0;
		return;
	}
	tell_later(r, true);
	r->events.on_doubt(r->events.userdata);
}

void report_updated(struct report *r, const char *id, const char *code)
{
	enum report_question asked = r->asked;

	r->asked = REPORT_NOTHING;
	if (is_transient(code)) {
		tell_later(r, false);
		return;
	}
	if (asked == REPORT_BEGIN && r->id && strcmp(r->id, id) == 0)
		begin_answered(r, code);
	else
		r->retries = 0;
	if (asked == REPORT_RESULT && r->results_n > 0 && strcmp(r->results[0].id, id) == 0)
		result_answered(r, code);
	tell(r);
}

void report_up(struct report *r)
{
	r->up = true;
	r->retries = 0;
	tell(r);
	watch_progress(r);
}

void report_down(struct report *r)
{
	r->up = false;
	r->asked = REPORT_NOTHING;
	timer_disarm(&r->retry);
	timer_disarm(&r->progress);
}

void report_add(struct report *r, const struct record_result *result)
{
	if (r->results_n == RECORD_MAX_RESULTS) {
		log_warning("Job %s: the cloud will not be told how it ended", r->results[0].id);
		if (r->asked == REPORT_RESULT)
			r->asked = REPORT_STALE;
		drop_first(r);
	}
	r->results[r->results_n++] = *result;
	tell(r);
}

const struct record_result *report_results(const struct report *r, size_t *ret_n)
{
	*ret_n = r->results_n;
	return r->results;
}

bool report_is_over(const struct report *r, const char *id, int64_t number, bool *ret_told)
{
	uint64_t now = timer_now();

	*ret_told = false;
	for (size_t i = 0; i < r->results_n; i++) {
		if (same(r->results[i].id, r->results[i].number, id, number))
			return true;
	}
	for (size_t i = 0; i < ELEMENTS(r->over); i++) {
		if (now < r->over[i].until && same(r->over[i].id, r->over[i].number, id, number)) {
			*ret_told = true;
			return true;
		}
	}
	return false;
}

void report_begin(struct report *r, const char *id, int64_t number, uint64_t pieces)
{
	r->id = id;
	r->number = number;
	r->told = true;
	r->all = pieces;
	r->pieces = r->shown = 0;
}

void report_tell(struct report *r, int64_t version)
{
	r->told = false;
	r->version = version;
	tell(r);
}

void report_progress(struct report *r, uint64_t pieces)
{
	r->pieces = pieces;
	watch_progress(r);
}

void report_end(struct report *r)
{
	r->id = NULL;
	if (r->asked == REPORT_BEGIN)
		r->asked = REPORT_STALE;
	timer_disarm(&r->progress);
	if (!r->refused)
		return;
	r->refused = false;
	r->retries = 0;
	timer_disarm(&r->retry);
}

int report_new(struct report **ret, sd_event *event, struct jobs *jobs, const struct report_events *events)
{
	_cleanup_(report_freep) struct report *r = NULL;
	int k;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->jobs = jobs;
	r->events = *events;
	k = timer_init(&r->retry, event, on_retry, r);
	if (k == 0)
		k = timer_init(&r->progress, event, on_progress, r);
	if (k < 0)
		return k;
	*ret = TAKE_PTR(r);
	return 0;
}

struct report *report_free(struct report *r)
{
	if (!r)
		return NULL;
	timer_done(&r->retry);
	timer_done(&r->progress);
	free(r);
	return NULL;
}
