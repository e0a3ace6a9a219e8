/* SPDX-License-Identifier: Apache-2.0 */
#include "util/local.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define BACKLOG   32
#define CONNECT_S 3

/* What user and group look like that have no number in our user name space: everybody else. */
#define SOMEBODY 65534

static int open_dir(const char *dir)
{
	int fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

/* The path of a socket's address is short; that of a folder may be long. */
static int address_of(int dir_fd, const char *name, struct sockaddr_un *ret)
{
	int n;

	*ret = (struct sockaddr_un){ .sun_family = AF_UNIX };
	n = snprintf(ret->sun_path, sizeof(ret->sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	return n < 0 || (size_t)n >= sizeof(ret->sun_path) ? -ENAMETOOLONG : 0;
}

/* Who hangs takes nobody from his queue, and once that is full a plain connect() hangs, too. */
static int connect_in(int dir_fd, const char *name, int flags, int *ret_fd)
{
	const struct timeval timeout = { .tv_sec = CONNECT_S };
	struct sockaddr_un address;
	int fd, r;

	r = address_of(dir_fd, name, &address);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
	if (fd < 0)
		return -errno;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0) {
		r = errno == EAGAIN ? -ETIME : -errno;
		(void)close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int local_connect(const char *dir, const char *name, int *ret_fd)
{
	int dir_fd = open_dir(dir), r;

	if (dir_fd < 0)
		return dir_fd;
	r = connect_in(dir_fd, name, 0, ret_fd);
	(void)close(dir_fd);
	return r;
}

/* May a socket be put there? */
static int make_way(int dir_fd, const char *name)
{
	struct stat st;
	int fd = -1, r;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	r = connect_in(dir_fd, name, SOCK_NONBLOCK, &fd);
	if (r == 0)
		(void)close(fd);
	return r == -ECONNREFUSED || r == -ENOENT ? 0 : -EADDRINUSE;
}

/* Under another name first: nobody finds it before it has its rights and listens. */
static int listen_in(int dir_fd, const char *name, mode_t mode, int fd)
{
	struct sockaddr_un address;
	char temp[NAME_MAX + 1];
	int r;

	if (snprintf(temp, sizeof(temp), "%s.%ld", name, (long)getpid()) >= (int)sizeof(temp))
		return -ENAMETOOLONG;
	r = address_of(dir_fd, temp, &address);
	if (r < 0)
		return r;
	(void)unlinkat(dir_fd, temp, 0);
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (fchmodat(dir_fd, temp, mode, 0) < 0 || listen(fd, BACKLOG) < 0 ||
	    renameat(dir_fd, temp, dir_fd, name) < 0) {
		r = -errno;
		(void)unlinkat(dir_fd, temp, 0);
	}
	return r;
}

int local_listen(struct local *ret, const char *dir, const char *name, mode_t mode)
{
	int dir_fd = open_dir(dir), fd = -1, r;
	struct stat st;

	if (dir_fd < 0)
		return dir_fd;
	r = make_way(dir_fd, name);
	if (r == 0) {
		fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		r = fd < 0 ? -errno : listen_in(dir_fd, name, mode, fd);
	}
	if (r == 0 && fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0)
		*ret = (struct local){ .fd = fd, .dev = st.st_dev, .ino = st.st_ino, .group = st.st_gid };
	else if (fd >= 0)
		(void)close(fd);
	(void)close(dir_fd);
	return r;
}

void local_close(struct local *l, const char *dir, const char *name)
{
	int dir_fd;
	struct stat st;

	if (l->fd < 0)
		return;
	dir_fd = open_dir(dir);
	if (dir_fd >= 0) {
		if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_dev == l->dev && st.st_ino == l->ino)
			(void)unlinkat(dir_fd, name, 0);
		(void)close(dir_fd);
	}
	(void)close(l->fd);
	l->fd = -1;
}

static bool has_group(int fd, gid_t group)
{
	_cleanup_(freep) gid_t *groups = NULL;
	socklen_t n = 0;
	gid_t none;

	/* First for their number. */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, &none, &n) == 0 || errno != ERANGE)
		return false;
	groups = malloc(n);
	if (!groups || getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &n) < 0)
		return false;
	for (size_t i = 0; i < n / sizeof(*groups); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

bool local_trusts(const struct local *l, int fd)
{
	struct ucred peer;
	socklen_t n = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &n) < 0)
		return false;
	if (peer.uid == 0 || (peer.uid == geteuid() && peer.uid != SOMEBODY))
		return true;
	return l->group != SOMEBODY && (peer.gid == l->group || has_group(fd, l->group));
}
