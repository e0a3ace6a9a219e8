#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* SHA-256, of what comes in pieces. An object belongs to one thread at a time. */

#include "util/macro.h"

#include <stddef.h>

#define DIGEST_SIZE 32

struct digest;

/* 0, -ENOMEM. */
int digest_new(struct digest **ret) _must_check_;
struct digest *digest_free(struct digest *d);
DEFINE_CLEANUP(struct digest *, digest_free)

/* 0, or -ENOMEM when the library fails; the digest is then of no use before digest_restart(). */
int digest_restart(struct digest *d) _must_check_;
int digest_add(struct digest *d, const void *data, size_t n) _must_check_;

/* What digest_finish() would give if data were added, too; nothing changes. data may be NULL when n is 0. */
int digest_ahead(struct digest *d, const void *data, size_t n, unsigned char ret[DIGEST_SIZE]) _must_check_;

/* Of all that was added since the last start; starts anew. */
int digest_finish(struct digest *d, unsigned char ret[DIGEST_SIZE]) _must_check_;

/* Of these bytes, at once. 0, -ENOMEM. */
int digest_bytes(const void *data, size_t n, unsigned char ret[DIGEST_SIZE]) _must_check_;
