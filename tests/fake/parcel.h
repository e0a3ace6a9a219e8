#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* An image (ota/image.c) that comes from the cloud and is read by the host, in a folder of its own. */

#include "ota/image.h"
#include "ota/staging.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define PARCEL_W     ((size_t)STAGING_WINDOW)
#define PARCEL_BLOCK 16384u /* bytes of most pieces */
#define PARCEL_SIZE  (20 * PARCEL_W + 777)
#define PARCEL_LARGE (IMAGE_BACKLOG + PARCEL_SIZE) /* more than may wait */

struct parcel {
	const struct parcel *self; /* what is told has to name this one */
	char *dir;
	sd_event *event;
	struct image *image;
	unsigned char *file; /* what comes: IMAGE_MAX_HOST bytes */

	/* What was told. */
	unsigned rooms, errors;
	int error;      /* the last one */
	unsigned calls; /* completions */
	uint64_t number;
	int result;
	bool canceled; /* the one before the last */
};

/* Once: under valgrind it takes its time. */
void parcel_fill(struct parcel *p);
void parcel_unfill(struct parcel *p);

void parcel_make(struct parcel *p);
void parcel_done(struct parcel *p);

/* A restart. */
void parcel_anew(struct parcel *p);

/* One turn of the loop. */
void parcel_turn(struct parcel *p);

/* A completion of this number. parcel_wait() waits until so many have come, none of them before this, and yields the
 * result of the last one. */
struct done parcel_note(struct parcel *p, uint64_t number);
int parcel_wait(struct parcel *p, unsigned n);

/* A download named "tag". */
void parcel_create(struct parcel *p, uint64_t size);

/* A piece of the file, which waits for its room. */
void parcel_put(struct parcel *p, uint64_t offset, size_t n);

/* All blocks of the file from this byte on. */
void parcel_put_from(struct parcel *p, uint64_t offset, uint64_t size);

int parcel_finish(struct parcel *p);

/* The digest of the first bytes of file. */
void parcel_digest_is(const struct parcel *p, uint64_t size);

/* From nothing to a finished file. */
void parcel_download(struct parcel *p, uint64_t size);

/* What image_verify() says of the first bytes of file. */
int parcel_verify(struct parcel *p, uint64_t size);

/* What image_read() says, at once or later. */
int parcel_read(struct parcel *p, uint64_t offset, size_t n);

/* The next one after x, of 24 bits. */
uint32_t parcel_random(uint32_t *x);
