#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* AWS IoT Device Defender: a report of metrics when the connection is up and then each interval (guide Table 2, the key
 * Defender). It is told the connection's state, and asks for what has been counted. */

#include "cloud/metrics.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define DEFENDER_LEAST_S     300   /* between two reports: the service's minimum */
#define DEFENDER_ANSWER_MS   10000 /* a report that was acknowledged, and not answered in this time, was delivered */
#define DEFENDER_LOSSES      5     /* of connections in a row, with a report that was not answered: it is not allowed */
#define DEFENDER_PAUSE_S     86400 /* ... and then is tried again */
#define DEFENDER_MAX_CODE    64
#define DEFENDER_MAX_MESSAGE 128

enum defender_outcome {
	DEFENDER_NONE, /* no report yet */
	DEFENDER_WAITING,
	DEFENDER_ACCEPTED,
	DEFENDER_REJECTED,
	DEFENDER_UNANSWERED, /* but acknowledged, and taken as delivered: not every server answers */
	DEFENDER_LOST,       /* with its connection, or never acknowledged: what it counted is in the next one */
};

struct defender_info {
	unsigned interval; /* s, as the key says; 0: no reports, less than DEFENDER_LEAST_S counts as that */
	uint64_t reports;  /* so many were sent */

	/* The last one. */
	enum defender_outcome outcome;
	uint64_t id;
	int64_t at;                             /* seconds since 1970 */
	char code[DEFENDER_MAX_CODE + 1];       /* why it was rejected, printable */
	char message[DEFENDER_MAX_MESSAGE + 1]; /* ... in words */
};

struct defender_events {
	/* What has been counted so far, its traffic aside; and seconds since 1970. */
	void (*sample)(void *userdata, struct metrics_counts *ret, int64_t *ret_now);

	/* With QoS 1. 0: done gets 0 with the acknowledgement, perhaps at once, or -errno. -errno. */
	int (*publish)(void *userdata, const char *topic, const void *payload, size_t n, struct done done);

	/* Again it does nothing but call done, as long as it holds; see connection_watch(). */
	int (*subscribe)(void *userdata, const char *filter, struct done done);
	void *userdata;
};

struct defender;

/* thing_name lives as long as the object. The number of the last report is kept in the folder. */
int defender_new(struct defender **ret, sd_event *event, const char *thing_name, const char *state_dir,
		 const struct defender_events *events) _must_check_;

/* Waits for a report that is being made. */
struct defender *defender_free(struct defender *d);
DEFINE_CLEANUP(struct defender *, defender_free)

/* Reads what was kept. The folder exists; events.sample() is asked for the time. */
void defender_start(struct defender *d);

/* 0: no reports. Less than DEFENDER_LEAST_S counts as that. The same again changes nothing. */
void defender_set_interval(struct defender *d, unsigned seconds);

void defender_up(struct defender *d);

/* lost: unexpectedly. */
void defender_down(struct defender *d, bool lost);

/* RESET: what seemed not allowed is tried again. */
void defender_reset(struct defender *d);

/* A message of the cloud, outside of the library's callbacks. What cannot be read is ignored. */
void defender_message(struct defender *d, const char *topic, const void *payload, size_t n);

void defender_get_info(const struct defender *d, struct defender_info *ret);
const char *defender_outcome_name(enum defender_outcome outcome);

/* The number has been kept so often: writes to flash memory. */
uint64_t defender_writes(const struct defender *d);
