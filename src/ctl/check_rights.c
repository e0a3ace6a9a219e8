/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a file, and who does. */
#include "ctl/check.h"
#include "util/file.h"

#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_GROUPS 256
#define MAX_STATUS 16384

const char *check_user_name(const struct check *c)
{
	const struct passwd *p = getpwuid(c->user);

	return p ? p->pw_name : "?";
}

/* Also those that the service manager gave it. */
static bool process_has_group(pid_t pid, gid_t group)
{
	_cleanup_(freep) char *status = NULL;
	char path[64], *at, *end;
	size_t n;

	(void)snprintf(path, sizeof(path), "/proc/%ld/status", (long)pid);
	if (pid == 0 || file_read(path, MAX_STATUS, &status, &n) < 0)
		return false;
	at = strstr(status, "\nGroups:");
	if (!at)
		return false;
	at += strlen("\nGroups:");
	at[strcspn(at, "\n")] = '\0';
	for (;; at = end) {
		unsigned long one = strtoul(at, &end, 10);

		if (end == at)
			return false;
		if (one == group)
			return true;
	}
}

static bool user_has_group(uid_t user, gid_t group)
{
	const struct passwd *p = getpwuid(user);
	gid_t groups[MAX_GROUPS];
	int n = MAX_GROUPS;

	if (!p)
		return false;
	if (getgrouplist(p->pw_name, p->pw_gid, groups, &n) < 0)
		n = MAX_GROUPS;
	for (int i = 0; i < n; i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

bool check_rights(const struct check *c, const char *path, int mode, const char **ret_group)
{
	const struct group *group;
	struct stat st;
	unsigned bits;

	*ret_group = NULL;
	if (stat(path, &st) < 0)
		return false;
	group = getgrgid(st.st_gid);
	if (((st.st_mode >> 3) & (unsigned)mode) == (unsigned)mode && st.st_gid != 0)
		*ret_group = group ? group->gr_name : NULL;
	if (c->user == 0)
		return true;
	if (st.st_uid == c->user)
		bits = st.st_mode >> 6;
	else if (user_has_group(c->user, st.st_gid) || process_has_group(c->pid, st.st_gid))
		bits = st.st_mode >> 3;
	else
		bits = st.st_mode;
	return (bits & (unsigned)mode) == (unsigned)mode;
}

/* Has the process a descriptor of this file? */
static bool holds(const char *pid, const struct stat *wanted)
{
	char path[NAME_MAX + 64];
	const struct dirent *entry;
	bool found = false;
	DIR *dir;

	(void)snprintf(path, sizeof(path), "/proc/%.20s/fd", pid);
	dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (entry = readdir(dir))) {
		struct stat st;

		if (entry->d_name[0] == '.' || fstatat(dirfd(dir), entry->d_name, &st, 0) < 0)
			continue;
		found = S_ISCHR(st.st_mode) && st.st_rdev == wanted->st_rdev;
	}
	(void)closedir(dir);
	return found;
}

void check_holder(const struct check *c, const char *path, char ret[CHECK_NAME], pid_t *ret_pid, bool *ret_module)
{
	const struct dirent *entry;
	struct stat wanted;
	DIR *dir;

	ret[0] = '\0';
	*ret_pid = 0;
	*ret_module = false;
	dir = stat(path, &wanted) < 0 ? NULL : opendir("/proc");
	if (!dir)
		return;
	while ((entry = readdir(dir))) {
		_cleanup_(freep) char *comm = NULL;
		char name[NAME_MAX + 16];
		size_t n;
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (pid <= 0 || !holds(entry->d_name, &wanted))
			continue;
		if (pid == c->pid) {
			*ret_module = true;
			continue;
		}
		(void)snprintf(name, sizeof(name), "/proc/%.20s/comm", entry->d_name);
		if (file_read(name, 256, &comm, &n) == 0)
			comm[strcspn(comm, "\n")] = '\0';
		(void)snprintf(ret, CHECK_NAME, "%.30s", comm ? comm : "?");
		*ret_pid = pid;
	}
	(void)closedir(dir);
}
