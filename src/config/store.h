#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The text of a file of keys and values: a line per key with length, checksum and value, so that damage costs one key,
 * not all. Pure; others read and write the file.
 *
 *   <title, such as "expresslink-dictionary 1">
 *   <Key> <length> <crc32 of "<Key> " and the value, 8 hex digits> <value, all but printable ASCII as %XX>
 *   ...
 *   end <bytes before this line> <crc32 of these bytes>
 */

#include "util/buf.h"
#include "util/macro.h"

#include <stddef.h>

#define STORE_MAX_FILE (512 * 1024)
#define STORE_MAX_KEY  32

typedef void (*store_entry_fn)(void *userdata, const char *key, const void *value, size_t n);

/* Calls entry() for each sound line. 0 if all of it is sound, else the number of bad lines (a missing
 * header or end counts as one). Any bytes whatever may come in. */
unsigned store_parse(const char *title, const void *text, size_t n, store_entry_fn entry, void *userdata);

/* Header first, then one call a key, then the end. key: printable, without spaces, 1 .. STORE_MAX_KEY bytes.
 * 0 or -errno. */
int store_header(struct buf *out, const char *title) _must_check_;
int store_entry(struct buf *out, const char *key, const void *value, size_t n) _must_check_;
int store_end(struct buf *out) _must_check_;
