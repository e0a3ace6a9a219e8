#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The journal of the staging file: which download it is of, and digests of its beginning, as far as it is on the disk.
 *
 *   expresslink-image 1 <size> <SHA-256 of the download's tag>
 *   <SHA-256 of the file up to the end of a window>
 *   ...
 *
 * It has no checksum of its own: a line that was damaged is not the digest of anything. Its room is reserved, so behind
 * the last line there are zeros. All of it waits for the disk. */

#include "crypto/digest.h"
#include "util/macro.h"

#include <stdint.h>

#define JOURNAL_FILE        "update.journal"
#define JOURNAL_MAX_WINDOWS 4096
#define JOURNAL_SIZE(n)     (JOURNAL_MAX_HEADER + (n) * JOURNAL_LINE) /* with so many windows, or a little less */
#define JOURNAL_MAX_SIZE    JOURNAL_SIZE(JOURNAL_MAX_WINDOWS)
#define JOURNAL_MAX_HEADER  128
#define JOURNAL_LINE        (2 * DIGEST_SIZE + 1)

struct journal {
	int fd; /* -1: not open */
	char header[JOURNAL_MAX_HEADER];
};

/* In the folder dir, where there must be none. windows: how many there will be. 0 or -errno. */
int journal_make(struct journal *j, int dir, const char *tag, uint64_t size, unsigned windows) _must_check_;

/* Reads it. 0, and *ret_n digests of at most windows; -EBADMSG: it is of another download, or of none; -errno. */
int journal_open(struct journal *j, int dir, const char *tag, uint64_t size, unsigned windows,
		 unsigned char ret[][DIGEST_SIZE], unsigned *ret_n) _must_check_;

/* The digests for the windows from first up to end, which are on the disk; durable when it returns. 0 or -errno. */
int journal_write(const struct journal *j, const unsigned char digests[][DIGEST_SIZE], unsigned first,
		  unsigned end) _must_check_;

void journal_close(struct journal *j);
