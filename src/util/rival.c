/* SPDX-License-Identifier: Apache-2.0 */
#include "util/rival.h"

#include "util/macro.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#define MAX_PROCESSES 4096 /* looked at, and ... */
#define MAX_FILES     256  /* ... open files of each */
#define MAX_LOCKS     4096

struct search {
	const char *root;
	pid_t except;
	char name[64]; /* as in /sys/class/tty */
	struct stat st;
	char *text;
	size_t size;
};

static bool is_one_of_us(const struct search *s, long pid)
{
	return pid == (long)getpid() || pid == (long)s->except;
}

static void found(struct search *s, const char *text)
{
	size_t n = strlen(s->text);

	(void)snprintf(s->text + n, s->size - n, "%s%s", n > 0 ? ", " : "", text);
}

/* The first line of a small file, or "". */
static void read_line(const char *path, char *ret, size_t size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, ret, size - 1);

	ret[n > 0 ? (size_t)n : 0] = '\0';
	ret[strcspn(ret, "\n")] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

static void find_console(struct search *s)
{
	char path[PATH_MAX], names[256], *rest = names;

	(void)snprintf(path, sizeof(path), "%s/sys/class/tty/console/active", s->root);
	read_line(path, names, sizeof(names));
	for (const char *name; (name = strsep(&rest, " ")) != NULL;) {
		if (strcmp(name, s->name) == 0)
			found(s, "the kernel's console");
	}
}

/* Whoever may not see processes of others sees the service manager's units. */
static void find_unit(struct search *s)
{
	static const char *const units[] = { "serial-getty@", "getty@", "autovt@" };

	for (size_t i = 0; i < ELEMENTS(units); i++) {
		char path[PATH_MAX], unit[128];
		struct stat st;

		(void)snprintf(unit, sizeof(unit), "%s%s.service", units[i], s->name);
		(void)snprintf(path, sizeof(path), "%s/run/systemd/units/invocation:%s", s->root, unit);
		if (lstat(path, &st) == 0)
			found(s, unit);
	}
}

/*
 * Processes.
 */

static bool is_terminal_of(const struct search *s, const char *pid)
{
	char path[PATH_MAX], stat[512];
	const char *fields;
	int number = 0;

	(void)snprintf(path, sizeof(path), "%s/proc/%s/stat", s->root, pid);
	read_line(path, stat, sizeof(stat));
	fields = strrchr(stat, ')'); /* a process may be called anything */
	if (!fields || sscanf(fields, ") %*c %*d %*d %*d %d", &number) != 1)
		return false;
	/* proc(5): the minor number is in bits 31 to 20 and 7 to 0 */
	return number != 0 && major(s->st.st_rdev) == ((unsigned)number >> 8 & 0xfff) &&
	       minor(s->st.st_rdev) == (((unsigned)number >> 12 & 0xfff00) | ((unsigned)number & 0xff));
}

static bool has_open(const struct search *s, const char *pid)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	bool open = false;
	DIR *dir;
	int fd;

	(void)snprintf(path, sizeof(path), "%s/proc/%s/fd", s->root, pid);
	dir = opendir(path);
	if (!dir)
		return false;
	fd = dirfd(dir);
	for (unsigned n = 0; fd >= 0 && !open && n < MAX_FILES && (entry = readdir(dir)) != NULL; n++) {
		struct stat st;

		open = fstatat(fd, entry->d_name, &st, 0) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == s->st.st_rdev;
	}
	(void)closedir(dir);
	return open;
}

/* flock() is seen even where open files are not. */
static long find_lock(const struct search *s)
{
	char path[PATH_MAX], line[256];
	long pid = 0;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/proc/locks", s->root);
	file = fopen(path, "re");
	if (!file)
		return 0;
	for (unsigned n = 0; pid == 0 && n < MAX_LOCKS && fgets(line, sizeof(line), file); n++) {
		unsigned maj, min;
		uint64_t inode;
		long owner;

		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%" SCNu64, &owner, &maj, &min, &inode) == 4 &&
		    owner > 0 && !is_one_of_us(s, owner) && maj == major(s->st.st_dev) && min == minor(s->st.st_dev) &&
		    inode == s->st.st_ino)
			pid = owner;
	}
	(void)fclose(file);
	return pid;
}

static void found_process(struct search *s, long pid)
{
	char path[PATH_MAX], name[64], text[128];

	(void)snprintf(path, sizeof(path), "%s/proc/%ld/comm", s->root, pid);
	read_line(path, name, sizeof(name));
	for (char *c = name; *c; c++) {
		if (!isprint((unsigned char)*c))
			*c = '?';
	}
	(void)snprintf(text, sizeof(text), "%s (pid %ld)", name[0] ? name : "a process", pid);
	found(s, text);
}

static void find_processes(struct search *s)
{
	char path[PATH_MAX];
	const struct dirent *entry;
	long locker = find_lock(s);
	DIR *dir;

	if (locker > 0)
		found_process(s, locker);
	(void)snprintf(path, sizeof(path), "%s/proc", s->root);
	dir = opendir(path);
	if (!dir)
		return;
	for (unsigned n = 0; n < MAX_PROCESSES && (entry = readdir(dir)) != NULL;) {
		long pid = strtol(entry->d_name, NULL, 10);

		if (pid <= 0)
			continue;
		n++;
		if (pid != locker && !is_one_of_us(s, pid) &&
		    (is_terminal_of(s, entry->d_name) || has_open(s, entry->d_name)))
			found_process(s, pid);
	}
	(void)closedir(dir);
}

void rival_find(const char *root, const char *tty, pid_t except, char *ret, size_t size)
{
	struct search s = { .root = root, .except = except, .text = ret, .size = size };
	char real[PATH_MAX];
	const char *slash;

	ret[0] = '\0';
	if (!realpath(tty, real) || stat(real, &s.st) < 0)
		return;
	slash = strrchr(real, '/');
	(void)snprintf(s.name, sizeof(s.name), "%s", slash + 1);
	find_console(&s);
	find_unit(&s);
	if (S_ISCHR(s.st.st_mode))
		find_processes(&s);
}
