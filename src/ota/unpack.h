#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* An image file, from its first byte to its last: the header is judged as soon as it is there, the payload goes into
 * the staging file, what follows is passed over. */

#include "ota/container.h"
#include "ota/image.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define UNPACK_MAX_WHY 120

struct unpack_events {
	/* May this image be taken? 0; AT_ERR_OTA, AT_ERR_SIGNATURE, and why. */
	int (*judge)(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1]);

	/* After unpack_take() has returned 0, or while unpack_busy(): go on. */
	void (*on_room)(void *userdata);

	/* It cannot be had: AT_ERR_OTA, AT_ERR_SIGNATURE. unpack_stop() is waited for. */
	void (*on_failed)(void *userdata, int r, const char *why);
	void *userdata;
};

struct unpack {
	struct image *image;
	struct unpack_events events;
	enum {
		UNPACK_NOTHING,
		UNPACK_HEADER, /* it comes */
		UNPACK_CREATE, /* the staging file is made */
		UNPACK_BODY,
		UNPACK_REST,
	} stage;
	bool waits;      /* for on_room() */
	uint64_t number; /* of the file; completions of another one are dropped */
	size_t header_n;
	unsigned char header[CONTAINER_HEADER];
	struct container container;
	uint64_t have;    /* of the payload */
	struct done done; /* of unpack_finish() */
};

/* image lives as long as the object. Nothing is to be freed. */
void unpack_init(struct unpack *u, struct image *image, const struct unpack_events *events);

void unpack_begin(struct unpack *u);

/* The next bytes. Returns how many were taken: 0 when none can be now, or it has failed. */
size_t unpack_take(struct unpack *u, const void *data, size_t n) _must_check_;

/* What was taken last is not certain to be of use. */
bool unpack_busy(const struct unpack *u);

/* Was all of it there? */
bool unpack_complete(const struct unpack *u);

/* All was: done gets 0 when it is on the disk and is what its header says; -EBADMSG; -errno. */
void unpack_finish(struct unpack *u, struct done done);

/* Forgets it; what the staging file has of it, too. */
void unpack_stop(struct unpack *u);

/* It belongs to somebody else from now on. */
void unpack_leave(struct unpack *u);
