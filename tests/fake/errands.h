#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/jobs.c between a service and a module that are the test: what the one was sent, and what the other was told.
 * Programs that use it link fake/timer.c. */

#include "cloud/jobs.h"

#include <stdbool.h>
#include <systemd/sd-event.h>

#define ERRANDS_THING  "thing"
#define ERRANDS_TOPICS "$aws/things/" ERRANDS_THING "/jobs/"

/* Members of an execution; and the execution, with its document. */
#define ERRANDS_ONE \
	"\"jobId\":\"j-1\",\"thingName\":\"thing\",\"status\":\"QUEUED\",\"versionNumber\":1,\"executionNumber\":1"
#define ERRANDS_EXECUTION "\"execution\":{" ERRANDS_ONE ",\"jobDocument\":{\"a\":1}}"

struct errands {
	sd_event *event;
	struct jobs *jobs;

	/* What the cloud was sent last. */
	struct {
		char topic[256], payload[1024], token[64];
		int qos;
		unsigned count;
		int result; /* of the next ones */
	} sent;

	char told[4096]; /* one entry behind the other */
	void (*on_told)(void);
};

void errands_make(struct errands *t);
void errands_done(struct errands *t);

/* Connected, and the first question answered. */
void errands_up(struct errands *t);

/* A message behind the common part of the topics. '@' in it is the token of the last question. */
void errands_message(struct errands *t, const char *topic, const char *payload);

/* jobs_update() with a value for "reason". */
int errands_update(struct errands *t, const char *id, enum jobs_status status, const char *value, bool progress);

/* So many questions were sent, and the last one so. */
void errands_assert_sent(const struct errands *t, unsigned count, const char *topic, int qos);

/* What was told since the last look. */
void errands_assert_told(struct errands *t, const char *text);
