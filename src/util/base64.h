#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648, 4), strictly: whole groups, padded, nothing else among them. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

/* Are these n bytes, each of them, such as base64 is made of? */
bool base64_is_text(const void *text, size_t n);

/* Room that n characters need at most. */
#define BASE64_DECODED(n) ((n) / 4 * 3)

/* 0; -EBADMSG: not base64, or not as an encoder writes it; -ENOBUFS: more than size bytes. */
int base64_decode(const char *text, size_t n, void *ret, size_t size, size_t *ret_n) _must_check_;
