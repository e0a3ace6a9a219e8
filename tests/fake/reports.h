#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A defender in a folder of its own, and all around it in the hands of the test: what the module counts, the clock, the
 * connection, the service. Programs that use it link fake/timer.c, and are linked with --wrap=netstat_read. */

#include "cloud/defender.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define REPORTS_TOPIC    "$aws/things/thing/defender/metrics/json"
#define REPORTS_ACCEPTED REPORTS_TOPIC "/accepted"
#define REPORTS_REJECTED REPORTS_TOPIC "/rejected"
#define REPORTS_NOW      1800000000

/* In ms. */
#define REPORTS_LEAST (DEFENDER_LEAST_S * 1000ULL)
#define REPORTS_DAY   (DEFENDER_PAUSE_S * 1000ULL)

struct reports {
	sd_event *event;
	char *dir;
	struct defender *defender;

	/* What the module counts, and what the clock says. */
	struct metrics_counts counts;
	int64_t now;
	uint64_t bytes_in;

	/* The connection. */
	char *report;   /* the last one; NULL: none since it was taken */
	unsigned asked; /* for the subscription */
	int publish_result, subscribe_result;
	bool withhold; /* the acknowledgement of the subscription */
	bool dead;     /* a line on which nothing is acknowledged */
	struct done subscribed, published;
};

/* At REPORTS_NOW, with nothing counted. */
void reports_make(struct reports *r);
void reports_done(struct reports *r);

/* Another defender in the same folder. */
void reports_restart(struct reports *r);

/* A report is being made: until the loop has heard of it. */
void reports_finish(struct reports *r);

/* The one that was sent, which the caller deletes. */
cJSON *reports_take(struct reports *r);

/* In one. */
const cJSON *reports_member(const cJSON *json, const char *name);

/* One goes out now: its id, MessagesSent. */
void reports_sends(struct reports *r, double id, double sent);

/* Nothing is under way, and nothing comes within this time. */
void reports_silent(struct reports *r, uint64_t ms);

/* What the service says. */
void reports_text(struct reports *r, const char *topic, const char *payload);
void reports_accepted(struct reports *r, unsigned id);

void reports_outcome_is(const struct reports *r, enum defender_outcome outcome);
