#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Files by their descriptor: bytes at a place, room, and opening without being led astray. All of it waits for the
 * disk. */

#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Closes, and leaves -1 behind. */
void fd_close(int *fd);

/* All n bytes. 0 or -errno. */
int fd_write_at(int fd, const void *data, size_t n, uint64_t offset) _must_check_;

/* Fewer than n only at the end of the file. 0 or -errno. */
int fd_read_at(int fd, void *data, size_t n, uint64_t offset, size_t *ret_n) _must_check_;

/* Makes the file size bytes long at least, with room for them on the disk. 0 or -errno. */
int fd_reserve(int fd, uint64_t size) _must_check_;

/* Begins to bring this part to the disk, so that there is less to wait for in fd_sync_data(). */
void fd_flush(int fd, uint64_t offset, uint64_t n);

/* Durable, as far as it is needed to read it again. 0 or -errno. */
int fd_sync_data(int fd) _must_check_;

/* dir/name, which must not be there, to read and write; with mode, whatever the umask. 0; -EEXIST; -errno. */
int fd_make(int dir, const char *name, mode_t mode, int *ret) _must_check_;

/* dir/name to read and write: a regular file that has no second name. 0; -EBADMSG: it is something else; -errno. */
int fd_open(int dir, const char *name, int *ret, uint64_t *ret_size) _must_check_;
