#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What must survive a power cut: the job in hand, and results that the cloud has not taken yet. One small file,
 * replaced as a whole; a damaged one counts as none, is logged, and kept aside. */

#include "cloud/jobs.h"
#include "ota/document.h"
#include "ota/image.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define RECORD_MAX_RESULTS 8 /* the oldest goes */

enum record_phase {
	RECORD_NOTHING,
	RECORD_DOWNLOAD, /* accepted, not complete */
	RECORD_READY,    /* verified; digest is valid */
};

struct record_result {
	char id[JOBS_MAX_ID + 1];
	int64_t number;
	enum jobs_status status; /* JOBS_SUCCEEDED, JOBS_FAILED, JOBS_REJECTED */
	char reason[JOBS_MAX_REASON + 1];
	bool asked; /* by the host: it is told when the cloud refuses it */
};

struct record {
	enum record_phase phase;
	char id[JOBS_MAX_ID + 1]; /* what follows, up to the digest, is only there unless the phase is RECORD_NOTHING */
	int64_t number;           /* executionNumber; neither of what came over the wire */
	struct document document; /* url and signature are kept too */
	unsigned char digest[IMAGE_DIGEST];
	size_t results_n;
	struct record_result results[RECORD_MAX_RESULTS]; /* oldest first */
};

/* Names of jobs have no space in them. */

#define RECORD_MAX_FILE (64 * 1024)

/* As text, and back. ret is malloc()ed. 0, -ENOMEM. */
int record_format(const struct record *r, char **ret, size_t *ret_n) _must_check_;
/* 0; -EBADMSG: not what record_format() has written. Keys that are not known here are passed over: a newer release may
 * have written it. */
int record_parse(const void *data, size_t n, struct record *ret) _must_check_;

/* The file. Writes are durable when done is called, and come in their order; only the newest of several that wait is
 * written. */
struct keeper;

#define KEEPER_FILE    "update"
#define KEEPER_OLD     "update.old" /* what it replaced: put back when the folder cannot be synced */
#define KEEPER_DAMAGED "update.damaged"

int keeper_new(struct keeper **ret, sd_event *event, const char *dir) _must_check_;

/* Finishes what is being written, and writes what waits; completions are not called any more. */
struct keeper *keeper_free(struct keeper *k);
DEFINE_CLEANUP(struct keeper *, keeper_free)

/* At the start; blocks. Never fails: what cannot be read counts as nothing, and is logged. */
void keeper_load(struct keeper *k, struct record *ret);

/* Copies. done gets 0 or -errno: the file then is as it was. */
void keeper_save(struct keeper *k, const struct record *record, struct done done);
