/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/temp.h"

#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NEED(what)                              \
	do {                                    \
		if (!(what)) {                  \
			perror("temp: " #what); \
			abort();                \
		}                               \
	} while (0)

char *temp_dir(void)
{
	const char *base = getenv("TMPDIR");
	char *dir;

	NEED(asprintf(&dir, "%s/expresslink-test.XXXXXX", base && *base ? base : "/tmp") > 0);
	NEED(mkdtemp(dir));
	return dir;
}

static int remove_one(const char *path, _unused_ const struct stat *st, _unused_ int type, _unused_ struct FTW *ftw)
{
	(void)remove(path);
	return 0;
}

void temp_remove(char *dir)
{
	if (!dir)
		return;
	(void)nftw(dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(dir);
}

const char *temp_path(const char *dir, const char *name)
{
	static char paths[16][PATH_MAX];
	static unsigned next;
	char *path = paths[next++ % ELEMENTS(paths)];

	NEED(snprintf(path, PATH_MAX, "%s/%s", dir, name) < PATH_MAX);
	return path;
}

void temp_write(const char *dir, const char *name, const void *data, size_t n, mode_t mode)
{
	int fd = open(temp_path(dir, name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);

	NEED(fd >= 0);
	NEED(write(fd, data, n) == (ssize_t)n);
	NEED(fchmod(fd, mode) == 0);
	NEED(close(fd) == 0);
}

void temp_text(const char *dir, const char *name, const char *text)
{
	temp_write(dir, name, text, strlen(text), 0600);
}

bool temp_exists(const char *dir, const char *name)
{
	struct stat st;

	return lstat(temp_path(dir, name), &st) == 0;
}

void temp_change(const char *dir, const char *name, off_t offset, const void *data, size_t n)
{
	int fd = open(temp_path(dir, name), O_WRONLY | O_CLOEXEC);

	NEED(fd >= 0);
	NEED(lseek(fd, offset, SEEK_SET) == offset);
	NEED(write(fd, data, n) == (ssize_t)n);
	NEED(close(fd) == 0);
}

char *temp_read(const char *dir, const char *name, size_t *ret_n)
{
	int fd = open(temp_path(dir, name), O_RDONLY | O_CLOEXEC);
	struct stat st;
	char *data;

	if (fd < 0)
		return NULL;
	NEED(fstat(fd, &st) == 0);
	data = malloc((size_t)st.st_size + 1);
	NEED(data);
	NEED(read(fd, data, (size_t)st.st_size) == st.st_size);
	data[st.st_size] = '\0';
	NEED(close(fd) == 0);
	if (ret_n)
		*ret_n = (size_t)st.st_size;
	return data;
}
