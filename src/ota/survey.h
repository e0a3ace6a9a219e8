#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Which job is next, and whether the one in hand is still wanted. What the cloud announces is believed only when it
 * names our job; before ours is given up the cloud is asked for it by name. Jobs that wait behind the one in hand are
 * looked at, too: some do not wait for their turn (guide 8.7). */

#include "cloud/jobs.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define SURVEY_RETRY_MS 30000 /* after a question without an answer */

struct survey_events {
	/* The job in hand has ended in the cloud: timed out, cancelled, removed, or tried anew. */
	void (*on_gone)(void *userdata);

	/* The cloud has the job in hand. */
	void (*on_seen)(void *userdata, const struct jobs_execution *execution);

	/* A job that was not looked at yet. False: not now, survey_look() will follow. */
	bool (*on_job)(void *userdata, const struct jobs_execution *execution);
	void *userdata;
};

struct survey;

int survey_new(struct survey **ret, sd_event *event, struct jobs *jobs,
	       const struct survey_events *events) _must_check_;
struct survey *survey_free(struct survey *s);
DEFINE_CLEANUP(struct survey *, survey_free)

/* The connection is up, or has ended. */
void survey_up(struct survey *s);
void survey_down(struct survey *s);

/* This job is in hand from now on, or none. number 0: not known. id "": what is in hand is no job. */
void survey_hold(struct survey *s, const char *id, int64_t number);
void survey_release(struct survey *s);

/* Asks what waits; later: not before that time. */
void survey_look(struct survey *s);
void survey_look_later(struct survey *s, uint64_t ms);

/* Is the job in hand still there? */
void survey_doubt(struct survey *s);

/* What the jobs tell. */
void survey_next(struct survey *s, const struct jobs_execution *next);
void survey_pending(struct survey *s, const struct jobs_execution *all, size_t n);
void survey_described(struct survey *s, const struct jobs_execution *execution, const char *code);
