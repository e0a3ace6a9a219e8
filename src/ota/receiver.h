#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* How an image file comes in: by XMODEM, or in blocks that are acknowledged one by one. What its bytes mean, and what
 * the sender is told of them. Knows no clock, and not what becomes of the image: see wire.h. */

#include "ota/unpack.h"
#include "ota/wire.h"
#include "ota/xmodem.h"
#include "util/buf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct receiver_events {
	void (*send)(void *userdata, const void *data, size_t n);
	void (*taken)(void *userdata); /* of blocks: one */
	void (*heard)(void *userdata); /* the sender has a block's answer: it is his turn */

	/* The sender has sent everything, and nothing more is taken. */
	void (*complete)(void *userdata);

	/* It cannot go on. cancel: the sender waits for an answer, and gets none. receiver_stop() is waited for. */
	void (*failed)(void *userdata, bool cancel, const char *why);
	void *userdata;
};

struct receiver {
	struct receiver_events events;
	struct unpack *unpack;
	struct wire_form form;
	bool coming;
	struct xmodem xmodem;
	struct buf held; /* what was not taken yet */
	bool owed;       /* an ACK for it */
	bool pumping;
	uint64_t left;     /* of the size */
	uint64_t in_block; /* and of the block */
};

/* unpack is the caller's; what it takes is its business. */
void receiver_init(struct receiver *r, struct unpack *unpack, const struct receiver_events *events);
void receiver_done(struct receiver *r);

/* unpack_begin() was called before. */
void receiver_begin(struct receiver *r, const struct wire_form *form);
void receiver_stop(struct receiver *r);

/* Returns how many it has taken: what follows the last block is not of the image. */
size_t receiver_bytes(struct receiver *r, const void *data, size_t n) _must_check_;

/* The unpack has room again. */
void receiver_room(struct receiver *r);

/* Is it the disk's turn, and not the sender's? */
bool receiver_waits_for_disk(const struct receiver *r);

/* How long a silence is to be told of by receiver_silence(); 0: none. */
unsigned receiver_silence_ms(const struct receiver *r);
void receiver_silence(struct receiver *r);
