#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* AWS IoT Jobs over MQTT (guide 8.3): asks for job executions, tells what the service says of them, reports how they
 * went. Knows nothing of what a job is about. It is given the connection as functions, and the messages in order. */

#include "cloud/payload.h"
#include "util/macro.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define JOBS_MAX_ID       72  /* bytes of a job's name */
#define JOBS_MAX_REASON   120 /* bytes of a value in statusDetails: the service's older limit is 128 */
#define JOBS_MAX_CODE     PAYLOAD_MAX_CODE
#define JOBS_MAX_NOTIFIED 10          /* of them in an announcement: there may be more */
#define JOBS_MAX_PENDING  20          /* job executions of one list that are looked at */
#define JOBS_MAX_SIZE     (32 * 1024) /* bytes of a job document: the service's limit; a larger one counts as none */
#define JOBS_ANSWER_MS    10000       /* the service's answer to a question */

/* clientToken of the question for the next job execution that is a step of CONNECT. */
#define JOBS_FIRST_TOKEN "connect"

enum jobs_status {
	JOBS_QUEUED,
	JOBS_IN_PROGRESS,
	JOBS_SUCCEEDED,
	JOBS_FAILED,
	JOBS_REJECTED,
	JOBS_GONE, /* timed out, cancelled, removed: the service's doing */
};

/* Lives until the function that it is given to returns. */
struct jobs_execution {
	char id[JOBS_MAX_ID + 1];
	enum jobs_status status;
	int64_t number;        /* executionNumber: another one is another try of the same job; 0: not said */
	int64_t version;       /* versionNumber; 0: not said */
	const cJSON *document; /* an object, or NULL */
};

struct jobs_events {
	/* The next job execution, asked for or announced; NULL: there is none. */
	void (*on_next)(void *userdata, const struct jobs_execution *next);

	/* Answer to jobs_describe(). code: NULL, and the execution; else what the service says instead, such as
	 * "ResourceNotFound", or "" when it gave no answer that could be read in time; execution then has the name
	 * only. A service that is busy ("RequestThrottled", "InternalError") is asked again some times first; for the
	 * next one and for the list as long as the connection lasts. */
	void (*on_described)(void *userdata, const struct jobs_execution *execution, const char *code);

	/* The executions that wait or are in progress, oldest first, without documents: asked for or announced. */
	void (*on_pending)(void *userdata, const struct jobs_execution *all, size_t n);

	/* Answer to jobs_update(). code as above; NULL also when the execution was in this status before. */
	void (*on_updated)(void *userdata, const char *id, const char *code);

	/* Hands a packet to the connection. 0 or -errno. */
	int (*publish)(void *userdata, const char *topic, const void *payload, size_t n, int qos);
	void *userdata;
};

struct jobs;

/* thing_name lives as long as the object. */
int jobs_new(struct jobs **ret, sd_event *event, const char *thing_name, const struct jobs_events *events) _must_check_;
struct jobs *jobs_free(struct jobs *j);
DEFINE_CLEANUP(struct jobs *, jobs_free)

/* The connection is up, and has asked for the next job execution itself, as a step of CONNECT. Then: inbox_open(). */
void jobs_up(struct jobs *j);

/* It has ended: whatever was asked is forgotten, without an answer. */
void jobs_down(struct jobs *j);

/* A message of the cloud, outside of the library's callbacks. False: not for jobs. What cannot be read is logged and
 * ignored. May call the functions above. */
bool jobs_message(struct jobs *j, const char *topic, const void *payload, size_t n);

/* Questions. One of each kind is under way at a time: the same question again is asked when the first has its answer.
 * 0; -ENOTCONN; -EBUSY while another job is described; -errno. Names of jobs are those that came from the service. */
int jobs_ask_next(struct jobs *j) _must_check_;
int jobs_ask_pending(struct jobs *j) _must_check_;
int jobs_describe(struct jobs *j, const char *id) _must_check_;

struct jobs_update {
	const char *id;
	int64_t number;          /* executionNumber; 0: whichever */
	int64_t version;         /* expectedVersion: another one is refused with "VersionMismatch"; 0: whichever */
	enum jobs_status status; /* one that a device may report */
	const char *key, *value; /* one pair of statusDetails; NULL: none. value: made printable ASCII, and cut to
				  * JOBS_MAX_REASON */
	bool progress;           /* QoS 0, and no answer is waited for */
};

/* 0; -EBUSY while another update waits for its answer (progress is then dropped without harm); -ENOTCONN; -errno. */
int jobs_update(struct jobs *j, const struct jobs_update *update) _must_check_;
