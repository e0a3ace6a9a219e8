#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A download into a staging file, in a folder of its own. The clock is the stand-in's. */

#include "ota/journal.h"
#include "ota/staging.h"

#include <stddef.h>
#include <stdint.h>

#define STAGE_W    ((size_t)STAGING_WINDOW)
#define STAGE_SIZE (3 * STAGING_JOURNAL_BYTES + 12345) /* bytes of file */

struct stage {
	char *dir;
	struct staging *staging;
	unsigned char *file; /* what is downloaded */
};

/* Sizes that matter: for loops. */
#define STAGE_SIZES 7
extern const uint64_t stage_sizes[STAGE_SIZES];

/* Once: under valgrind it takes its time. */
void stage_fill(struct stage *s);
void stage_unfill(struct stage *s);

void stage_make(struct stage *s);
void stage_done(struct stage *s);

/* A restart; what was under way is done. */
void stage_anew(struct stage *s);

/* A download named "tag". */
void stage_create(struct stage *s, uint64_t size);

/* Up to this byte, in pieces of this size. */
int stage_try_append(struct stage *s, uint64_t to, size_t piece);
void stage_append(struct stage *s, uint64_t to, size_t piece);

/* Up to the end; then the digest is right, and the disk has it. */
void stage_finish(struct stage *s, uint64_t size);

/* All that can be taken up. */
uint64_t stage_resume(struct stage *s, uint64_t size);

/* What staging_verify() says in the end. */
int stage_verify(struct stage *s, uint64_t size);

/* Restarts, takes it up from there, and carries it to its end. */
void stage_goes_on(struct stage *s, uint64_t size, uint64_t from);

/* The digest of the first bytes of file; they are on the disk. */
void stage_digest_is(const struct stage *s, uint64_t size);
void stage_disk_has(const struct stage *s, uint64_t n);
