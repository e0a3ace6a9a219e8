/* SPDX-License-Identifier: Apache-2.0 */
#include "config.h"
#ifdef NARROW_LIBRARIES
#undef _TIME_BITS
#endif

#include "lib/sham.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *folder(void)
{
	const char *f = getenv("TEST_GPIO");

	return f ? f : "/nonexistent";
}

/* The chips that a program sees when it looks for some. */
DIR *opendir(const char *name)
{
	DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");

	return real(strcmp(name, "/dev") == 0 ? folder() : name);
}

static bool sham_has(const char *chip, const char *name)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", chip, name);
	return access(path, F_OK) == 0;
}

static bool sham_line_has(const char *chip, unsigned offset, const char *what)
{
	char name[SHAM_NAME];

	(void)snprintf(name, sizeof(name), "%u.%s", offset, what);
	return sham_has(chip, name);
}

static int line_open(const char *chip, unsigned offset, const char *what, int flags)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%u.%s", chip, offset, what);
	return open(path, flags | O_CLOEXEC, 0666);
}

bool sham_text(const char *chip, const char *name, unsigned n, char ret[SHAM_NAME])
{
	char path[1024];
	bool found = true;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", chip, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	for (unsigned i = 0; found && i <= n; i++)
		found = fgets(ret, SHAM_NAME, file) != NULL;
	(void)fclose(file);
	if (found)
		ret[strcspn(ret, "\n")] = '\0';
	return found;
}

unsigned sham_count(const char *chip)
{
	char name[SHAM_NAME];
	unsigned n = 0;

	while (sham_text(chip, "lines", n, name))
		n++;
	return n;
}

int sham_find(const char *chip, const char *wanted)
{
	char name[SHAM_NAME];

	for (unsigned n = 0; sham_text(chip, "lines", n, name); n++) {
		if (strcmp(name, wanted) == 0)
			return (int)n;
	}
	errno = ENOENT;
	return -1;
}

bool sham_open_chip(const char *path, char *ret, size_t size)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(ret, size, "%s/%s", folder(), slash ? slash + 1 : path);
	if (sham_has(ret, "denied")) {
		errno = EACCES;
		return false;
	}
	if (sham_has(ret, "lines"))
		return true;
	errno = access(path, F_OK) == 0 ? ENOTTY : ENOENT;
	return false;
}

static bool is_gone(const struct sham_line *line)
{
	if (!sham_has(line->folder, "gone"))
		return false;
	errno = ENODEV;
	return true;
}

int sham_get(const struct sham_line *line)
{
	int fd = is_gone(line) ? -1 : line_open(line->folder, line->offset, "level", O_RDONLY);
	char c;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, &c, 1);
	(void)close(fd);
	return n == 1 ? c == '1' : -1;
}

int sham_set(const struct sham_line *line, bool active)
{
	int fd = is_gone(line) ? -1 : line_open(line->folder, line->offset, "level", O_WRONLY | O_CREAT);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, active == line->active_low ? "0" : "1", 1);
	(void)close(fd);
	return n == 1 ? 0 : -1;
}

bool sham_take(struct sham_line *line, const char *chip, unsigned offset, bool output, bool active, const char *asked)
{
	int fd;

	if (sham_line_has(chip, offset, "user"))
		errno = EBUSY;
	else if (!output && sham_line_has(chip, offset, "deaf"))
		errno = ENXIO;
	else
		errno = 0;
	if (errno)
		return false;
	(void)snprintf(line->folder, sizeof(line->folder), "%s", chip);
	line->offset = offset;
	line->fd = -1;
	fd = line_open(chip, offset, "asked", O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0 || write(fd, asked, strlen(asked)) < 0)
		return false;
	(void)close(fd);
	if (output)
		return sham_set(line, active) == 0;
	line->fd = line_open(chip, offset, "edges", O_RDWR | O_NONBLOCK);
	return line->fd >= 0;
}

int sham_edges(const struct sham_line *line, struct sham_edge *records, unsigned n)
{
	ssize_t k = is_gone(line) ? -1 : read(line->fd, records, n * sizeof(*records));

	return k < 0 ? -1 : (int)((size_t)k / sizeof(*records));
}

void sham_release(struct sham_line *line)
{
	if (line->fd >= 0)
		(void)close(line->fd);
	line->fd = -1;
}
