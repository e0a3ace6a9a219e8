#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of cloud/jobs.c: a service of which the test says what it answers. */

#include "cloud/jobs.h"

#include <stdbool.h>
#include <stddef.h>

struct fake_jobs {
	bool up;

	/* What was asked since the last fake_jobs_forget(). */
	unsigned next, pending, describes, updates, progress;
	char described[JOBS_MAX_ID + 1]; /* the last one */
	char id[JOBS_MAX_ID + 1];        /* of the last update */
	int64_t number, version;
	enum jobs_status status;
	char key[32], value[JOBS_MAX_REASON + 1];

	char heard[128]; /* the topic of the last message */

	bool describing, updating; /* an answer is due */
	int result;                /* of the next questions */
};

struct fake_jobs *fake_jobs(void);
void fake_jobs_forget(void);

/* What the service says. document: JSON, or NULL. id NULL: no job. */
void fake_jobs_next(const char *id, int64_t number, enum jobs_status status, const char *document);
void fake_jobs_described(const char *id, int64_t number, enum jobs_status status, const char *document,
			 const char *code);
void fake_jobs_updated(const char *code);

struct fake_pending {
	const char *id;
	int64_t number;
};
void fake_jobs_pending(const struct fake_pending *all, size_t n);
