#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The two ends of a pty: the peers stand at one, the driver at the other. */

#include <stddef.h>

/* Makes a pty, raw, and LINK a symlink to its slave. Returns the master, or -errno. */
int port_make(const char *link);

/* Opens a slave, or any tty, raw. Returns it, or -errno. */
int port_open(const char *path, int flags);

/* Writes all of it. 0 or -errno. */
int port_write(int fd, const void *data, size_t n);
