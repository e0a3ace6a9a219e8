/* SPDX-License-Identifier: Apache-2.0 */
#include "util/local.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;

static void setup(void)
{
	dir = temp_dir();
}

static void teardown(void)
{
	temp_remove(dir);
}

START_TEST(talks_both_ways)
{
	struct local l;
	struct stat st;
	int client = -1, server;
	char byte;

	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), 0);
	ck_assert_int_eq(stat(temp_path(dir, "s"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0660);
	ck_assert_uint_eq(l.group, st.st_gid);
	ck_assert_int_lt(accept(l.fd, NULL, NULL), 0);
	ck_assert_int_eq(errno, EAGAIN);

	ck_assert_int_eq(local_connect(dir, "s", &client), 0);
	server = accept(l.fd, NULL, NULL);
	ck_assert_int_ge(server, 0);
	ck_assert_int_eq(write(client, "x", 1), 1);
	ck_assert_int_eq(read(server, &byte, 1), 1);
	ck_assert_int_eq(byte, 'x');
	close(client);
	close(server);

	local_close(&l, dir, "s");
	ck_assert_int_eq(l.fd, -1);
	ck_assert(!temp_exists(dir, "s"));
	local_close(&l, dir, "s");
}
END_TEST

/* Longer than any socket's address. */
START_TEST(a_long_path)
{
	char name[201], path[4096];
	struct local l;
	int client;

	memset(name, 'd', 200);
	name[200] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dir, name);
	ck_assert_int_eq(mkdir(path, 0700), 0);
	ck_assert_int_eq(local_listen(&l, path, "s", 0600), 0);
	ck_assert_int_eq(local_connect(path, "s", &client), 0);
	close(client);
	local_close(&l, path, "s");
}
END_TEST

START_TEST(a_killed_one_is_replaced)
{
	struct local l, again;
	int client;

	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), 0);
	close(l.fd);
	ck_assert_int_eq(local_connect(dir, "s", &client), -ECONNREFUSED);
	ck_assert_int_eq(local_listen(&again, dir, "s", 0660), 0);
	ck_assert_int_eq(local_connect(dir, "s", &client), 0);
	close(client);

	/* The first one finds that the name is no longer its own. */
	l.fd = dup(again.fd);
	local_close(&l, dir, "s");
	ck_assert(temp_exists(dir, "s"));
	local_close(&again, dir, "s");
	ck_assert(!temp_exists(dir, "s"));
}
END_TEST

START_TEST(a_living_one_is_left_alone)
{
	struct local l, other = { .fd = -1 };
	int client;

	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), 0);
	ck_assert_int_eq(local_listen(&other, dir, "s", 0660), -EADDRINUSE);
	ck_assert_int_eq(other.fd, -1);
	ck_assert_int_eq(local_connect(dir, "s", &client), 0);
	close(client);
	local_close(&l, dir, "s");
}
END_TEST

/* Also when so many wait that nobody else gets in. */
START_TEST(a_busy_one_is_left_alone)
{
	struct local l, other;
	int clients[40], n = 0;

	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), 0);
	while (n < 33 && local_connect(dir, "s", &clients[n]) == 0)
		n++;
	ck_assert_int_eq(local_listen(&other, dir, "s", 0660), -EADDRINUSE);
	while (n > 0)
		close(clients[--n]);
	local_close(&l, dir, "s");
}
END_TEST

/* Those who asked before have given up, but still stand in its queue. */
START_TEST(one_that_hangs)
{
	struct local l;
	int client, r;

	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), 0);
	for (unsigned i = 0; (r = local_connect(dir, "s", &client)) == 0; i++) {
		ck_assert_uint_lt(i, 1000);
		close(client);
	}
	ck_assert_int_eq(r, -ETIME);
	local_close(&l, dir, "s");
}
END_TEST

START_TEST(something_else_in_the_way)
{
	struct local l;
	int client;

	temp_text(dir, "s", "precious");
	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), -EEXIST);
	ck_assert(temp_exists(dir, "s"));
	ck_assert_int_eq(local_connect(dir, "s", &client), -ECONNREFUSED);
	ck_assert_int_eq(local_connect(dir, "nothing", &client), -ENOENT);
	ck_assert_int_eq(local_connect("/nonexistent", "s", &client), -ENOENT);
	ck_assert_int_eq(local_listen(&l, "/nonexistent", "s", 0660), -ENOENT);
}
END_TEST

/* By this kernel: qemu-user takes the groups for one number. */
static bool groups_known;

/* What a process with this user and these groups is. */
static bool trusted(struct local *l, uid_t uid, gid_t gid, gid_t more)
{
	int fds[2], result[2];
	socklen_t n = 0;
	bool trusts;
	pid_t pid;
	char byte;

	ck_assert_int_eq(pipe(result), 0);
	ck_assert_int_eq(chmod(dir, 0755), 0);
	ck_assert_int_eq(chmod(temp_path(dir, "s"), 0666), 0);
	pid = fork();
	if (pid == 0) {
		if (setgroups(more != (gid_t)-1, &more) < 0 || setresgid(gid, gid, gid) < 0 ||
		    setresuid(uid, uid, uid) < 0 || local_connect(dir, "s", &fds[0]) < 0)
			_exit(1);
		(void)!write(result[1], "+", 1);
		(void)!read(fds[0], &byte, 1);
		_exit(0);
	}
	close(result[1]);
	ck_assert_int_eq(read(result[0], &byte, 1), 1);
	close(result[0]);
	fds[1] = accept(l->fd, NULL, NULL);
	trusts = local_trusts(l, fds[1]);
	groups_known = getsockopt(fds[1], SOL_SOCKET, SO_PEERGROUPS, &gid, &n) < 0 && errno == ERANGE;
	close(fds[1]);
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	return trusts;
}

START_TEST(who_is_trusted)
{
	struct local l;
	int client, server, pair[2];

	ck_assert_int_eq(local_listen(&l, dir, "s", 0660), 0);
	ck_assert_int_eq(local_connect(dir, "s", &client), 0);
	server = accept(l.fd, NULL, NULL);
	l.group = 54321;
	ck_assert(local_trusts(&l, server)); /* ourselves */
	close(server);
	close(client);
	ck_assert_int_eq(pipe(pair), 0);
	ck_assert(!local_trusts(&l, pair[0]));
	close(pair[0]);
	close(pair[1]);
	if (geteuid() == 0) {
		ck_assert(!trusted(&l, 12345, 12345, (gid_t)-1));
		ck_assert(!trusted(&l, 12345, 12345, 12346));
		ck_assert(trusted(&l, 12345, 54321, (gid_t)-1));
		ck_assert_int_eq(trusted(&l, 12345, 12345, 54321), groups_known);
		ck_assert(trusted(&l, 0, 12345, (gid_t)-1));

		/* The group that all have who have none here. */
		l.group = 65534;
		ck_assert(!trusted(&l, 12345, 65534, (gid_t)-1));
		ck_assert(!trusted(&l, 12345, 12345, 65534));
		ck_assert(trusted(&l, 0, 0, (gid_t)-1));
	}
	local_close(&l, dir, "s");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("local");
	TCase *tc = tcase_create("local");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, talks_both_ways);
	tcase_add_test(tc, a_long_path);
	tcase_add_test(tc, a_killed_one_is_replaced);
	tcase_add_test(tc, a_living_one_is_left_alone);
	tcase_add_test(tc, a_busy_one_is_left_alone);
	tcase_add_test(tc, one_that_hangs);
	tcase_add_test(tc, something_else_in_the_way);
	tcase_add_test(tc, who_is_trusted);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
