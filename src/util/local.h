#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* UNIX stream sockets by folder and name, however long the folder's path is, and who is at their other end. */

#include "util/macro.h"

#include <stdbool.h>
#include <sys/types.h>

/* Listens as dir/name. */
struct local {
	int fd; /* non-blocking; -1: closed */
	dev_t dev;
	ino_t ino;
	gid_t group; /* whose members may connect, if the mode says so */
};

/* A socket that a killed process has left is replaced. -EADDRINUSE: a process that lives listens there; -EEXIST:
 * something else is there; -errno. */
int local_listen(struct local *ret, const char *dir, const char *name, mode_t mode) _must_check_;

/* Takes dir/name away, if it is still this one. */
void local_close(struct local *l, const char *dir, const char *name);

/* A socket that blocks in reading. -ENOENT: there is none; -ECONNREFUSED: nobody listens any more; -ETIME: who listens
 * hangs; -EACCES; -errno. */
int local_connect(const char *dir, const char *name, int *ret_fd) _must_check_;

/* Is the other end of this connection root, our own user, or a member of the socket's group? False as well when that
 * cannot be found out. */
bool local_trusts(const struct local *l, int fd);
