#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes as pairs of lower-case hexadecimal digits. */

#include "util/macro.h"

#include <stddef.h>

/* ret: 2 * n digits and a NUL. */
void hex_encode(const void *data, size_t n, char *ret);

/* n digits, into n / 2 bytes. 0; -EINVAL: anything else. */
int hex_decode(const char *text, size_t n, void *ret) _must_check_;
