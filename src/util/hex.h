#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as pairs of hexadecimal digits. */

#include "util/macro.h"

#include <stddef.h>

/* ret: 2 * n digits and a NUL. In lower case; in upper case, as hosts get to see them. */
void hex_encode(const void *data, size_t n, char *ret);
void hex_encode_upper(const void *data, size_t n, char *ret);

/* n digits in lower case, into n / 2 bytes. 0; -EINVAL: anything else. */
int hex_decode(const char *text, size_t n, void *ret) _must_check_;
