/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

void fd_close(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
	*fd = -1;
}

int fd_write_at(int fd, const void *data, size_t n, uint64_t offset)
{
	const char *p = data;

	while (n > 0) {
		ssize_t k = pwrite(fd, p, n, (off_t)offset);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		p += k;
		n -= (size_t)k;
		offset += (uint64_t)k;
	}
	return 0;
}

int fd_read_at(int fd, void *data, size_t n, uint64_t offset, size_t *ret_n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t k = pread(fd, (char *)data + have, n - have, (off_t)(offset + have));

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		have += (size_t)k;
	}
	*ret_n = have;
	return 0;
}

int fd_reserve(int fd, uint64_t size)
{
	int r;

	do
		r = posix_fallocate(fd, 0, (off_t)size);
	while (r == EINTR);
	return -r;
}

void fd_flush(int fd, uint64_t offset, uint64_t n)
{
	(void)sync_file_range(fd, (off_t)offset, (off_t)n, SYNC_FILE_RANGE_WRITE);
}

int fd_sync_data(int fd)
{
	return fdatasync(fd) < 0 ? -errno : 0;
}

int fd_make(int dir, const char *name, mode_t mode, int *ret)
{
	int r, fd = openat(dir, name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);

	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0) {
		r = -errno;
		fd_close(&fd);
		return r;
	}
	*ret = fd;
	return 0;
}

int fd_open(int dir, const char *name, int *ret, uint64_t *ret_size)
{
	/* A FIFO must not hold us up before we know that it is one. */
	int r = 0, fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return errno == ELOOP || errno == EISDIR || errno == ENXIO ? -EBADMSG : -errno;
	if (fstat(fd, &st) < 0)
		r = -errno;
	else if (!S_ISREG(st.st_mode) || st.st_nlink != 1)
		r = -EBADMSG;
	if (r < 0) {
		fd_close(&fd);
		return r;
	}
	*ret = fd;
	*ret_size = (uint64_t)st.st_size;
	return 0;
}
