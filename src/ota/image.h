#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The staging file (guide 8.1: the mailbox). It is written in pieces, hashed as its beginning grows, checked as a
 * whole, and only then read. All that may wait for the disk runs on a worker; completions come from the loop, exactly
 * once, with -ECANCELED when image_discard() or another start overtakes them. What goes wrong is logged here. */

#include "crypto/digest.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define IMAGE_DIGEST   DIGEST_SIZE
#define IMAGE_MAX_SIZE (256u << 20)
#define IMAGE_MAX_HOST (16u << 20) /* of one that is read: addresses of 6 hex digits (guide 8.2.4.1) */
#define IMAGE_MAX_READ (64 * 1024) /* bytes of one image_read(): a window */
#define IMAGE_BACKLOG  (2u << 20)  /* bytes that may wait to be written; one piece more when nothing else can be */

struct image;

/* dir: the state folder; nothing is touched yet. */
int image_new(struct image **ret, sd_event *event, const char *dir) _must_check_;

/* Waits for the worker; completions are not called any more. What was discarded is gone. */
struct image *image_free(struct image *i);
DEFINE_CLEANUP(struct image *, image_free)

/* Makes an empty staging file with room for size bytes, which is reserved on the disk, in place of whatever was there.
 * tag (the job's) names the download, so that image_resume() takes up no other one. done gets 0; -ENOSPC; -errno. */
void image_create(struct image *i, const char *tag, uint64_t size, struct done done);

/* After a restart: takes up the download of this tag and size. done gets 0, and image_have() says how much is there,
 * hashed anew; -ENOENT when there is none, or another one. */
void image_resume(struct image *i, const char *tag, uint64_t size, struct done done);

/* A piece, in any order; copied. What is there already, and what nobody waits for, is passed over. False: there is no
 * room now, and image_on_room() will be told. */
bool image_put(struct image *i, uint64_t offset, const void *data, size_t n);
void image_on_room(struct image *i, void (*fn)(void *userdata), void *userdata);

/* A write has failed: the download is over, and what comes is passed over. r: -errno. When image_finish() was called
 * before, its completion gets it instead. */
void image_on_error(struct image *i, void (*fn)(void *userdata, int r), void *userdata);

/* Bytes from the beginning without a gap, as far as they are written and hashed. The journal that survives a power cut
 * may be some way behind. */
uint64_t image_have(const struct image *i);

/* All of it was put: waits until it is written, makes it durable, and gives its digest with image_digest(). done gets
 * 0; -ENODATA: something is missing; -errno. */
void image_finish(struct image *i, struct done done);

/* After a restart: reads the whole file again. done gets 0; -EBADMSG when it is not the one with this digest and size;
 * -ENOENT; -errno. */
void image_verify(struct image *i, uint64_t size, const unsigned char digest[IMAGE_DIGEST], struct done done);
const unsigned char *image_digest(const struct image *i);

/* It was finished or verified, and from now on it may be read; never before. */
void image_publish(struct image *i);

/* Reads up to n bytes at offset: done gets 0, and image_data() has them until the next call (fewer than n only at the
 * end, or when n is more than IMAGE_MAX_READ); -EACCES: not published; -EBADMSG: the file is not any more what was
 * verified; -errno. done is called before the return when they are in memory. */
void image_read(struct image *i, uint64_t offset, size_t n, struct done done);
const void *image_data(const struct image *i, size_t *ret_n);
uint64_t image_size(const struct image *i);

/* Gives up whatever is under way and removes the file, its journal too. The removal needs no waiting for: what follows
 * comes after it, and a file that it has left because of a power cut is removed by the next image_create(). */
void image_discard(struct image *i);
