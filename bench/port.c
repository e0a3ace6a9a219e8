/* SPDX-License-Identifier: Apache-2.0 */
#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <termios.h>
#include <unistd.h>

static int set_raw(int fd)
{
	struct termios tio;

	if (tcgetattr(fd, &tio) < 0)
		return -errno;
	cfmakeraw(&tio);
	return tcsetattr(fd, TCSANOW, &tio) < 0 ? -errno : 0;
}

int port_open(const char *path, int flags)
{
	int fd, r;

	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC | flags);
	if (fd < 0)
		return -errno;
	r = set_raw(fd);
	if (r < 0) {
		close(fd);
		return r;
	}
	return fd;
}

int port_make(const char *link)
{
	char name[64];
	int fd;

	fd = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (grantpt(fd) < 0 || unlockpt(fd) < 0 || ptsname_r(fd, name, sizeof(name)) != 0)
		goto fail;
	/* Left open, so that a driver that comes and goes is no hang-up. */
	if (port_open(name, 0) < 0)
		goto fail;
	(void)unlink(link);
	if (symlink(name, link) < 0)
		goto fail;
	return fd;
fail:
	close(fd);
	return -EIO;
}

int port_write(int fd, const void *data, size_t n)
{
	const char *p = data;

	while (n > 0) {
		ssize_t done = write(fd, p, n);

		if (done < 0 && errno == EINTR)
			continue;
		if (done < 0)
			return -errno;
		p += done;
		n -= (size_t)done;
	}
	return 0;
}
