#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Text that somebody else wrote, to be shown. */

#include <stddef.h>

/* The n bytes as UTF-8 that can be printed on one line: what is no UTF-8, a control character, or one that would change
 * the direction or the look of its neighbours becomes '?'; no space at either end. Cut to size - 1 bytes, between
 * characters, and a NUL. Returns the text's length. */
size_t utf8_printable(const void *data, size_t n, char *ret, size_t size);
