/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include "util/num.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NUMBER_MAX 21 /* bytes of UINT64_MAX and a line feed */

static void closep(int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* Reads up to n bytes; fewer only at the end of the file. */
static ssize_t read_all(int fd, char *data, size_t n)
{
	size_t have = 0;

	while (have < n) {
		ssize_t k = read(fd, data + have, n - have);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		if (k == 0)
			break;
		have += (size_t)k;
	}
	return (ssize_t)have;
}

static int write_all(int fd, const char *data, size_t n)
{
	while (n > 0) {
		ssize_t k = write(fd, data, n);

		if (k < 0 && errno == EINTR)
			continue;
		if (k < 0)
			return -errno;
		data += k;
		n -= (size_t)k;
	}
	return 0;
}

int file_read(const char *path, size_t max, char **ret, size_t *ret_n)
{
	/* A FIFO must not hold us up before we know that it is one. */
	_cleanup_(closep) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	_cleanup_(freep) char *data = NULL;
	struct stat st;
	size_t size;
	ssize_t n;

	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (S_ISDIR(st.st_mode))
		return -EISDIR;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (st.st_size < 0 || (size_t)st.st_size > max)
		return -EFBIG;

	/* Files of /proc and /sys say that their size is 0. */
	size = st.st_size > 0 ? (size_t)st.st_size : max;
	data = malloc(size + 1);
	if (!data)
		return -ENOMEM;
	n = read_all(fd, data, size + 1);
	if (n < 0)
		return (int)n;
	if ((size_t)n > size)
		return -EFBIG;
	data[n] = '\0';
	*ret = TAKE_PTR(data);
	*ret_n = (size_t)n;
	return 0;
}

int file_read_number(const char *dir, const char *name, uint64_t *ret)
{
	_cleanup_(freep) char *text = NULL;
	char path[PATH_MAX];
	uint64_t number = 0;
	size_t n = 0;
	int r;

	r = snprintf(path, sizeof(path), "%s/%s", dir, name);
	if (r < 0 || (size_t)r >= sizeof(path))
		return -ENAMETOOLONG;
	r = file_read(path, NUMBER_MAX, &text, &n);
	if (r == 0)
		r = num_parse(text, n > 0 && text[n - 1] == '\n' ? n - 1 : n, &number);
	if (r == 0)
		*ret = number;
	return r;
}

static int write_new(int dir, const char *name, const void *data, size_t n, mode_t mode)
{
	_cleanup_(closep) int fd = -1;
	int r;

	if (unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	if (fchmod(fd, mode) < 0)
		return -errno;
	r = write_all(fd, data, n);
	if (r < 0)
		return r;
	if (fsync(fd) < 0)
		return -errno;
	r = close(fd);
	fd = -1;
	return r < 0 ? -errno : 0;
}

/* 1 if keep is now the file that was name, 0 if there was none. */
static int keep_old(int dir, const char *name, const char *keep)
{
	if (unlinkat(dir, keep, 0) < 0 && errno != ENOENT)
		return -errno;
	if (linkat(dir, name, dir, keep, 0) == 0)
		return 1;
	if (errno == ENOENT)
		return 0;
	/* FAT and others have no links: for a moment only keep exists, which readers must know. */
	if (errno != EPERM && errno != EOPNOTSUPP && errno != EMLINK && errno != ENOSYS)
		return -errno;
	if (renameat(dir, name, dir, keep) < 0)
		return errno == ENOENT ? 0 : -errno;
	return 1;
}

static int exchange(int dir, const char *tmp, const char *name, const char *keep)
{
	int kept = keep ? keep_old(dir, name, keep) : 0;
	int r;

	if (kept < 0)
		return kept;
	if (renameat(dir, tmp, dir, name) < 0)
		return -errno;
	if (fsync(dir) == 0)
		return 0;

	/* Refused, so the old content has to be there again. */
	r = -errno;
	if (kept)
		(void)renameat(dir, keep, dir, name);
	return r;
}

int file_replace(const char *dir, const char *name, const char *keep, const void *data, size_t n, mode_t mode)
{
	_cleanup_(closep) int fd = -1;
	_cleanup_(freep) char *tmp = NULL;
	int r;

	if (asprintf(&tmp, "%s.tmp", name) < 0) {
		tmp = NULL;
		return -ENOMEM;
	}
	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;

	r = write_new(fd, tmp, data, n, mode);
	if (r == 0)
		r = exchange(fd, tmp, name, keep);
	if (r < 0)
		(void)unlinkat(fd, tmp, 0);
	return r;
}

int file_remove(const char *dir, const char *name)
{
	_cleanup_(closep) int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	if (unlinkat(fd, name, 0) < 0)
		return errno == ENOENT ? 0 : -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

int file_make_dir(const char *path, mode_t mode)
{
	_cleanup_(freep) char *copy = strdup(path);
	struct stat st;

	if (!copy)
		return -ENOMEM;
	if (!*path)
		return -ENOENT;

	for (char *p = copy + 1;; p++) {
		char c = *p;

		if (c != '/' && c != '\0')
			continue;
		*p = '\0';
		/* Of a read-only file system mkdir() says EROFS even where the folder exists. */
		if (mkdir(copy, mode) < 0) {
			int r = -errno;

			if (r != -EEXIST && stat(copy, &st) < 0)
				return r;
		} else if (chmod(copy, mode) < 0) {
			return -errno;
		}
		*p = c;
		if (c == '\0')
			break;
	}
	if (stat(path, &st) < 0)
		return -errno;
	return S_ISDIR(st.st_mode) ? 0 : -ENOTDIR;
}
