#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Whole files: read, and replaced so that a power cut leaves the old or the new one. */

#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Reads a regular file of at most max bytes into memory that the caller frees; a NUL follows
 * the last byte and is not counted. 0, -EFBIG beyond max, -errno. */
int file_read(const char *path, size_t max, char **ret, size_t *ret_n) _must_check_;

/* Reads dir/name, which is one number in decimal digits, perhaps with a line feed behind it. 0; -EINVAL, -ERANGE for
 * another content; -errno of file_read(). */
int file_read_number(const char *dir, const char *name, uint64_t *ret) _must_check_;

/* Writes dir/name.tmp, fsyncs it, renames it to dir/name and fsyncs the folder. If keep is not NULL
 * the file that was there before is kept as dir/keep. Blocks: for a worker. 0 or -errno. */
int file_replace(const char *dir, const char *name, const char *keep, const void *data, size_t n,
		 mode_t mode) _must_check_;

/* Removes dir/name, if it is there, so that a power cut does not bring it back. Blocks. 0 or -errno. */
int file_remove(const char *dir, const char *name) _must_check_;

/* mkdir -p with mode, whatever the umask, for the folders made. 0 or -errno. */
int file_make_dir(const char *path, mode_t mode) _must_check_;
