#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The escapes of guide 3.3: \A is LF, \D is CR, \\ is a backslash. */

#include "util/buf.h"
#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

/* Unescapes n bytes in place, *ret_n of them remain. 0, or AT_ERR_ESCAPE for any other pair and for a
 * backslash at the end (guide 3.3.2.1), the bytes then being undefined. */
int escape_decode(uint8_t *data, size_t n, size_t *ret_n) _must_check_;

/* Appends the bytes, escaped. Errors of buf_append(); then nothing was appended. */
int escape_encode(struct buf *out, const void *data, size_t n) _must_check_;
