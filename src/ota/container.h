#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The header of an image file (guide 8.13): what a job says beside an image, and signed. expresslink-image(5) has the
 * format. What follows the payload is not looked at: XMODEM fills its last block. Pure. */

#include "crypto/signature.h"
#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

#define CONTAINER_HEADER        1024
#define CONTAINER_MAX_TEXT      64
#define CONTAINER_MAX_SIGNATURE SIGNATURE_MAX
#define CONTAINER_MAX_PAYLOAD   (256u << 20)

struct container {
	uint64_t size;                     /* bytes of the payload, which follows the header */
	unsigned char digest[DIGEST_SIZE]; /* of the payload */
	/* Printable UTF-8, "" when not given. */
	char manufacturer[CONTAINER_MAX_TEXT + 1];
	char model[CONTAINER_MAX_TEXT + 1];
	char version[CONTAINER_MAX_TEXT + 1];
	enum signature_kind kind;
	size_t signature_n;
	unsigned char signature[CONTAINER_MAX_SIGNATURE];
};

/* What is signed: the digest of all that is above the signature. 0; -EINVAL: a size or a text that cannot be;
 * -ENOMEM. */
int container_digest(const struct container *c, unsigned char ret[DIGEST_SIZE]) _must_check_;

/* 0 or as above. */
int container_format(const struct container *c, unsigned char ret[CONTAINER_HEADER]) _must_check_;

/* 0; -EBADMSG, and *ret_why says in a few words what it is instead; -ENOMEM. The signature is not verified. */
int container_parse(const unsigned char header[CONTAINER_HEADER], struct container *ret,
		    const char **ret_why) _must_check_;
