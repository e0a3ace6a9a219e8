#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* An image file that comes over the serial line (guide 8.13): by XMODEM, or in blocks that are acknowledged one by one;
 * into the staging file goes its payload. One at a time. */

#include "ota/image.h"
#include "ota/unpack.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define WIRE_SILENCE_MS   60000 /* without a block the sender is given up, ... */
#define WIRE_DISK_MS      60000 /* ... and the disk that does not take one, or does not keep the image */
#define WIRE_PURGE_MS     1000  /* so long a silence ends the rest of a file that was refused, ... */
#define WIRE_PURGE_MAX_MS 30000 /* ... which no sender may draw out */
#define WIRE_SETTLE_MS    500   /* from the last ACK, to a sender's program, to the result, to the host */
#define WIRE_MAX_BLOCK    65536

/* block 0: XMODEM, and size is not known. */
struct wire_form {
	uint64_t size;
	uint32_t block;
};

struct wire_events {
	void (*send)(void *userdata, const void *data, size_t n);
	void (*taken)(void *userdata); /* of blocks: one */

	/* It has ended with 0, AT_ERR_OTA or AT_ERR_SIGNATURE. */
	void (*ended)(void *userdata, int r);
	void *userdata;
};

/* Whoever owns the staging file. */
struct wire_owner {
	int (*judge)(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1]); /* as of unpack.h */

	/* The staging file has it: done gets 0 when it counts, and that is durable; -errno. */
	void (*take)(void *userdata, const struct container *c, struct done done);

	/* It takes too long: what is being taken is not to count. done is of no use any more. */
	void (*withdraw)(void *userdata);
	void *userdata;
};

struct wire;

/* image lives as long as the object. */
int wire_new(struct wire **ret, sd_event *event, struct image *image, const struct wire_owner *owner) _must_check_;
struct wire *wire_free(struct wire *w);
DEFINE_CLEANUP(struct wire *, wire_free)

/* None is under way. From here on one is; it begins with wire_go(). */
void wire_open(struct wire *w, const struct wire_form *form, const struct wire_events *events);
void wire_go(struct wire *w);
bool wire_active(const struct wire *w);

/* Returns how many it has taken: what follows the last block is not of the image. */
size_t wire_bytes(struct wire *w, const void *data, size_t n) _must_check_;

/* The line is gone. */
void wire_lost(struct wire *w);

/* Forgets it without a word, and what the staging file has of it. */
void wire_stop(struct wire *w);
