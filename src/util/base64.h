#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, 4), strictly: whole groups, padded, nothing else among them. */

#include "util/macro.h"

#include <stddef.h>

/* Room that n characters need at most. */
#define BASE64_DECODED(n) ((n) / 4 * 3)

/* 0; -EBADMSG: not base64, or not as an encoder writes it; -ENOBUFS: more than size bytes. */
int base64_decode(const char *text, size_t n, void *ret, size_t size, size_t *ret_n) _must_check_;
