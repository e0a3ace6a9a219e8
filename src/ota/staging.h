#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The staging file on the disk. All of it waits for the disk: for a worker, one thread at a time.
 *
 * The file is written from its beginning to its end. What is on the disk after a power cut is anybody's guess, so the
 * journal does not say how far it was written but what was written: for each window of 64 KiB, after it is on the disk,
 * the digest of all up to its end. What still has its digest is taken up again. Reading is checked by digests of single
 * windows, which stay in memory. */

#include "crypto/digest.h"
#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

#define STAGING_FILE    "update.image"
#define STAGING_WINDOW  (64 * 1024)
#define STAGING_RESERVE (1024 * 1024) /* bytes that an image leaves free: the dictionary is on the same disk */

/* How often the journal is written: after so many bytes, of a large file after a part of it, or, when they come slowly,
 * after so much time, and then of the windows that are full. That takes the disk a while, and the bytes go on
 * meanwhile: no more than twice as many and a window are lost in a power cut. */
#define STAGING_JOURNAL_BYTES (1024 * 1024)
#define STAGING_JOURNAL_PARTS 16
#define STAGING_JOURNAL_MS    2000

struct staging;

/* dir: the folder; nothing is touched yet. */
int staging_new(struct staging **ret, const char *dir) _must_check_;

/* Closes the files. */
struct staging *staging_free(struct staging *s);
DEFINE_CLEANUP(struct staging *, staging_free)

/* Removes the file and its journal. 0 or -errno. */
int staging_remove(struct staging *s) _must_check_;

/* The same without an object, for when there is no time for one. */
void staging_clear(const char *dir);

/* Both anew, and the room for them reserved. 0; -EFBIG; -ENOSPC, and staging_room() says how many bytes there are;
 * -errno. When it fails, nothing is left. */
int staging_create(struct staging *s, const char *tag, uint64_t size) _must_check_;
uint64_t staging_room(const struct staging *s);

/* What staging_create() made for this tag and size; then staging_resume() looks at one window at a time. 0; -ENOENT:
 * there is none, or another one; -errno. */
int staging_open(struct staging *s, const char *tag, uint64_t size) _must_check_;
/* 1: there is more to look at; 0: staging_have() is what can be used; -errno. */
int staging_resume(struct staging *s) _must_check_;

/* A file that was finished; then staging_verify() looks at one window at a time. 0; -EBADMSG: it has another size, or
 * is no file; -errno. */
int staging_open_whole(struct staging *s, uint64_t size) _must_check_;
/* 1: there is more to look at; 0: all of it was seen, and staging_digest() is that of the whole; -errno. */
int staging_verify(struct staging *s) _must_check_;

/* The next bytes, no more than up to the size; and the journal begins to be written when it is time for it. 0; -errno,
 * of what was begun before, too, and the download is over. */
int staging_append(struct staging *s, const void *data, size_t n) _must_check_;
/* Makes durable what has to be complete. 0; -ENODATA: it is not; -errno, and the download is over. */
int staging_finish(struct staging *s) _must_check_;

uint64_t staging_have(const struct staging *s);
const unsigned char *staging_digest(const struct staging *s);

/* A window of a file that is finished or verified, of at most IMAGE_MAX_HOST bytes, into ret, which has room for one.
 * 0; -EBADMSG: it is not any more what it was; -errno. */
int staging_load(struct staging *s, unsigned window, void *ret, size_t *ret_n) _must_check_;
