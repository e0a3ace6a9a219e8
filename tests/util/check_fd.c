/* SPDX-License-Identifier: Apache-2.0 */
#include "util/fd.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *path;
static int dir, fd;

static void setup(void)
{
	path = temp_dir();
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	ck_assert_int_eq(fd_make(dir, "a", 0600, &fd), 0);
}

static void teardown(void)
{
	fd_close(&fd);
	fd_close(&dir);
	temp_remove(path);
}

START_TEST(writes_and_reads_at_a_place)
{
	char data[8];
	size_t n;

	ck_assert_int_eq(fd_write_at(fd, "world", 5, 100), 0);
	ck_assert_int_eq(fd_write_at(fd, "", 0, 500), 0);
	ck_assert_int_eq(fd_read_at(fd, data, 5, 100, &n), 0);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(data, "world", 5);
	/* Fewer only at the end. */
	ck_assert_int_eq(fd_read_at(fd, data, 5, 98, &n), 0);
	ck_assert_uint_eq(n, 5);
	ck_assert_mem_eq(data, "\0\0wor", 5);
	ck_assert_int_eq(fd_read_at(fd, data, 5, 102, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_int_eq(fd_read_at(fd, data, 5, 105, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_int_eq(fd_read_at(fd, data, 0, 0, &n), 0);
	ck_assert_uint_eq(n, 0);
}
END_TEST

/* The limit holds for these calls only: the assertions write files as well. */
START_TEST(a_full_disk)
{
	struct rlimit limit = { 1000, RLIM_INFINITY };
	char data[3000] = { 1 };
	int before, over, reserved;

	signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	before = fd_write_at(fd, data, 1000, 0);
	over = fd_write_at(fd, data, sizeof(data), 500);
	reserved = fd_reserve(fd, 2000);
	limit.rlim_cur = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(before, 0);
	ck_assert_int_eq(over, -EFBIG);
	ck_assert_int_eq(reserved, -EFBIG);
}
END_TEST

START_TEST(reserves_what_is_not_there)
{
	struct stat st;
	char data[2];
	size_t n;

	ck_assert_int_eq(fd_write_at(fd, "x", 1, 0), 0);
	ck_assert_int_eq(fd_reserve(fd, 100000), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 100000);
	ck_assert_int_ge(st.st_blocks * 512, 100000);
	ck_assert_int_eq(fd_read_at(fd, data, 2, 0, &n), 0);
	ck_assert_mem_eq(data, "x\0", 2);
	/* It takes nothing away. */
	ck_assert_int_eq(fd_reserve(fd, 1), 0);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_int_eq(st.st_size, 100000);
	fd_flush(fd, 0, 4096);
	ck_assert_int_eq(fd_sync_data(fd), 0);
}
END_TEST

START_TEST(bad_descriptors)
{
	size_t n;
	char c;

	ck_assert_int_eq(fd_write_at(-1, "x", 1, 0), -EBADF);
	ck_assert_int_eq(fd_read_at(-1, &c, 1, 0, &n), -EBADF);
	ck_assert_int_eq(fd_reserve(-1, 1), -EBADF);
	ck_assert_int_eq(fd_sync_data(-1), -EBADF);
}
END_TEST

START_TEST(makes_new_files_only)
{
	struct stat st;
	mode_t old = umask(0277);
	int other = -7;

	ck_assert_int_eq(fd_make(dir, "b", 0640, &other), 0);
	umask(old);
	ck_assert_int_eq(fstat(other, &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
	ck_assert_int_eq(fcntl(other, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	ck_assert_int_eq(fcntl(other, F_GETFL) & O_ACCMODE, O_RDWR);
	fd_close(&other);
	ck_assert_int_eq(other, -1);
	other = -7;
	ck_assert_int_eq(fd_make(dir, "b", 0600, &other), -EEXIST);
	ck_assert_int_eq(symlink("nowhere", temp_path(path, "link")), 0);
	ck_assert_int_eq(fd_make(dir, "link", 0600, &other), -EEXIST);
	ck_assert_int_eq(fd_make(dir, "none/c", 0600, &other), -ENOENT);
	ck_assert_int_eq(other, -7);
}
END_TEST

START_TEST(opens_regular_files_only)
{
	uint64_t size = 7;
	int other = -7;

	ck_assert_int_eq(fd_write_at(fd, "12345", 5, 0), 0);
	ck_assert_int_eq(fd_open(dir, "a", &other, &size), 0);
	ck_assert_uint_eq(size, 5);
	ck_assert_int_eq(fd_write_at(other, "x", 1, 0), 0);
	ck_assert_int_eq(fcntl(other, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	fd_close(&other);

	other = -7;
	ck_assert_int_eq(fd_open(dir, "none", &other, &size), -ENOENT);
	ck_assert_int_eq(symlink("a", temp_path(path, "link")), 0);
	ck_assert_int_eq(fd_open(dir, "link", &other, &size), -EBADMSG);
	ck_assert_int_eq(mkfifo(temp_path(path, "fifo"), 0600), 0);
	ck_assert_int_eq(fd_open(dir, "fifo", &other, &size), -EBADMSG);
	ck_assert_int_eq(mkdir(temp_path(path, "folder"), 0700), 0);
	ck_assert_int_eq(fd_open(dir, "folder", &other, &size), -EBADMSG);
	/* What has another name might be somebody else's. */
	ck_assert_int_eq(link(temp_path(path, "a"), temp_path(path, "b")), 0);
	ck_assert_int_eq(fd_open(dir, "a", &other, &size), -EBADMSG);
	ck_assert_int_eq(unlink(temp_path(path, "b")), 0);
	ck_assert_int_eq(other, -7);
	ck_assert_int_eq(fd_open(dir, "a", &other, &size), 0);
	fd_close(&other);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fd");
	TCase *c = tcase_create("fd");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, writes_and_reads_at_a_place);
	tcase_add_test(c, a_full_disk);
	tcase_add_test(c, reserves_what_is_not_there);
	tcase_add_test(c, bad_descriptors);
	tcase_add_test(c, makes_new_files_only);
	tcase_add_test(c, opens_regular_files_only);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
