/* SPDX-License-Identifier: Apache-2.0 */
/* Who may use a file. */
#include "ctl/check.h"
#include "util/file.h"

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
