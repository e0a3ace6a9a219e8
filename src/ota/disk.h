#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The staging file, off the loop: one task at a time. */

#include "ota/pieces.h"
#include "ota/staging.h"
#include "util/later.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* Each calls the function of staging.h that has its name. */
enum disk_kind {
	DISK_REMOVE,
	DISK_CREATE,     /* tag, size */
	DISK_OPEN,       /* tag, size */
	DISK_RESUME,     /* some windows: the same is to be begun again as long as the result is 1 */
	DISK_OPEN_WHOLE, /* size */
	DISK_VERIFY,     /* as DISK_RESUME */
	DISK_APPEND,     /* pieces; the journal too, when it is time for it */
	DISK_FINISH,
	DISK_LOAD, /* window, and data with room for one; n is set */
	DISK_KIND_COUNT,
};

/* While it runs it belongs to the worker, and nobody looks at it. */
struct disk_task {
	enum disk_kind kind;
	uint64_t size;
	char *tag;            /* owned */
	struct piece *pieces; /* owned */
	uint32_t window;
	char *data; /* owned */
	size_t n;
};

struct disk;

/* From the loop: r is what the function has returned, -errno when there was no thread for it, -ECANCELED after
 * disk_abandon(). The next task may be begun from here. What task owns, and the receiver leaves there, is freed. */
typedef void (*disk_fn)(void *userdata, struct disk_task *task, int r);

/* later: lives as long as the object. */
int disk_new(struct disk **ret, sd_event *event, struct later *later, const char *dir, disk_fn finished,
	     void *userdata) _must_check_;

/* Waits for the task. */
struct disk *disk_free(struct disk *d);
DEFINE_CLEANUP(struct disk *, disk_free)

bool disk_busy(const struct disk *d);

/* It is not busy. Takes what task owns. */
void disk_begin(struct disk *d, struct disk_task task);

/* Nobody waits any more for what the present task does, if there is one. */
void disk_abandon(struct disk *d);

/* To be asked while it is not busy. */
struct staging *disk_staging(struct disk *d);
