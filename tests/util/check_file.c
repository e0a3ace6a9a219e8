/* SPDX-License-Identifier: Apache-2.0 */
#include "util/file.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;

/* What was asked of the file system, in this order: fsync of a file, a link, rename, removal, fsync of the folder. */
static char asked[32];
static int folder_error;

int __real_fsync(int fd);
int __real_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __real_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __real_unlinkat(int at, const char *name, int flags);
int __wrap_fsync(int fd);
int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags);
int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to);
int __wrap_unlinkat(int at, const char *name, int flags);

static int note(char what, int r)
{
	size_t n = strlen(asked);

	if (r == 0 && n < sizeof(asked) - 1)
		asked[n] = what;
	return r;
}

int __wrap_fsync(int fd)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -1;
	if (S_ISDIR(st.st_mode) && folder_error) {
		errno = folder_error;
		return -1;
	}
	return note(S_ISDIR(st.st_mode) ? 'S' : 's', __real_fsync(fd));
}

int __wrap_linkat(int from_dir, const char *from, int to_dir, const char *to, int flags)
{
	return note('l', __real_linkat(from_dir, from, to_dir, to, flags));
}

int __wrap_renameat(int from_dir, const char *from, int to_dir, const char *to)
{
	return note('r', __real_renameat(from_dir, from, to_dir, to));
}

int __wrap_unlinkat(int at, const char *name, int flags)
{
	return note('u', __real_unlinkat(at, name, flags));
}

static void setup(void)
{
	dir = temp_dir();
	memset(asked, 0, sizeof(asked));
	folder_error = 0;
}

static void teardown(void)
{
	temp_remove(dir);
}

static void holds(const char *name, const void *data, size_t n)
{
	_cleanup_(freep) char *text = NULL;
	size_t have;

	ck_assert_int_eq(file_read(temp_path(dir, name), 1 << 20, &text, &have), 0);
	ck_assert_uint_eq(have, n);
	ck_assert_mem_eq(text, data, n);
}

START_TEST(reads_every_byte_and_adds_a_nul)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	temp_write(dir, "a", "x\0y\n", 4, 0600);
	ck_assert_int_eq(file_read(temp_path(dir, "a"), 4, &text, &n), 0);
	ck_assert_uint_eq(n, 4);
	ck_assert_mem_eq(text, "x\0y\n", 5);
}
END_TEST

START_TEST(reads_nothing_beyond_the_limit)
{
	char *text;
	size_t n;

	temp_write(dir, "a", "12345", 5, 0600);
	ck_assert_int_eq(file_read(temp_path(dir, "a"), 4, &text, &n), -EFBIG);
	/* Its size is 0 by stat(). */
	ck_assert_int_eq(file_read("/proc/self/maps", 16, &text, &n), -EFBIG);
}
END_TEST

START_TEST(reads_files_without_a_size)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	ck_assert_int_eq(file_read("/proc/self/comm", 4096, &text, &n), 0);
	ck_assert_uint_gt(n, 1);
	ck_assert_int_eq(text[n], '\0');
}
END_TEST

START_TEST(reads_empty_files)
{
	_cleanup_(freep) char *text = NULL;
	size_t n = 1;

	temp_write(dir, "a", "", 0, 0600);
	ck_assert_int_eq(file_read(temp_path(dir, "a"), 10, &text, &n), 0);
	ck_assert_uint_eq(n, 0);
	ck_assert_str_eq(text, "");
}
END_TEST

START_TEST(reads_nothing_but_files)
{
	char *text;
	size_t n;

	ck_assert_int_eq(mkfifo(temp_path(dir, "fifo"), 0600), 0);
	ck_assert_int_eq(file_read(temp_path(dir, "fifo"), 10, &text, &n), -EINVAL);
	ck_assert_int_eq(file_read("/dev/zero", 10, &text, &n), -EINVAL);
	ck_assert_int_eq(file_read(dir, 10, &text, &n), -EISDIR);
	ck_assert_int_eq(file_read(temp_path(dir, "none"), 10, &text, &n), -ENOENT);
}
END_TEST

static const struct {
	const char *text;
	int r;
	uint64_t number;
} numbers[] = {
	{ "0", 0, 0 },
	{ "1800000000\n", 0, 1800000000 },
	{ "007", 0, 7 },
	{ "18446744073709551615\n", 0, UINT64_MAX },
	{ "18446744073709551616\n", -ERANGE, 0 },
	{ "99999999999999999999\n", -ERANGE, 0 },
	{ "", -EINVAL, 0 },
	{ "\n", -EINVAL, 0 },
	{ "1\n\n", -EINVAL, 0 },
	{ "\n1", -EINVAL, 0 },
	{ "1\r\n", -EINVAL, 0 },
	{ " 1", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ "0x1", -EINVAL, 0 },
	{ "1 2", -EINVAL, 0 },
	{ "0000000000000000000001", -EFBIG, 0 },
};

START_TEST(reads_a_number)
{
	uint64_t number = 4711;

	temp_text(dir, "n", numbers[_i].text);
	ck_assert_int_eq(file_read_number(dir, "n", &number), numbers[_i].r);
	ck_assert_uint_eq(number, numbers[_i].r == 0 ? numbers[_i].number : 4711);
}
END_TEST

START_TEST(reads_no_number)
{
	uint64_t number = 4711;
	char long_name[PATH_MAX + 1];

	temp_write(dir, "n", "1\0", 2, 0600);
	ck_assert_int_eq(file_read_number(dir, "n", &number), -EINVAL);
	ck_assert_int_eq(file_read_number(dir, "none", &number), -ENOENT);
	ck_assert_int_eq(file_read_number(dir, ".", &number), -EISDIR);
	memset(long_name, 'a', PATH_MAX);
	long_name[PATH_MAX] = '\0';
	ck_assert_int_eq(file_read_number(dir, long_name, &number), -ENAMETOOLONG);
	ck_assert_uint_eq(number, 4711);
}
END_TEST

START_TEST(makes_a_new_file)
{
	struct stat st;
	mode_t old = umask(0277);

	ck_assert_int_eq(file_replace(dir, "a", "a.old", "one\0", 4, 0640), 0);
	umask(old);
	holds("a", "one\0", 4);
	ck_assert(!temp_exists(dir, "a.old"));
	ck_assert(!temp_exists(dir, "a.tmp"));
	ck_assert_int_eq(stat(temp_path(dir, "a"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0640);
}
END_TEST

START_TEST(keeps_the_last_generation)
{
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "one", 3, 0600), 0);
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "two", 3, 0600), 0);
	holds("a", "two", 3);
	holds("a.old", "one", 3);
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "three", 5, 0600), 0);
	holds("a", "three", 5);
	holds("a.old", "two", 3);
	ck_assert(!temp_exists(dir, "a.tmp"));
}
END_TEST

START_TEST(keeps_nothing_unless_asked)
{
	ck_assert_int_eq(file_replace(dir, "a", NULL, "one", 3, 0600), 0);
	ck_assert_int_eq(file_replace(dir, "a", NULL, "two", 3, 0600), 0);
	holds("a", "two", 3);
}
END_TEST

START_TEST(overwrites_leftovers)
{
	temp_write(dir, "a.tmp", "half of a lon", 13, 0600);
	ck_assert_int_eq(file_replace(dir, "a", NULL, "one", 3, 0600), 0);
	holds("a", "one", 3);
	/* Not through a link that somebody put there. */
	temp_write(dir, "victim", "v", 1, 0600);
	ck_assert_int_eq(symlink("victim", temp_path(dir, "a.tmp")), 0);
	ck_assert_int_eq(file_replace(dir, "a", NULL, "two", 3, 0600), 0);
	holds("a", "two", 3);
	holds("victim", "v", 1);
}
END_TEST

/* The limit holds for this call only: the assertions write files as well. */
static int replace_limited(const char *name, const void *data, size_t n)
{
	struct rlimit limit = { 1000, RLIM_INFINITY };
	int limited, r;

	limited = setrlimit(RLIMIT_FSIZE, &limit);
	r = file_replace(dir, name, "a.old", data, n, 0600);
	limit.rlim_cur = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(limited, 0);
	return r;
}

START_TEST(leaves_the_old_file_when_the_disk_is_full)
{
	char big[5000];

	memset(big, 'x', sizeof(big));
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "one", 3, 0600), 0);
	signal(SIGXFSZ, SIG_IGN);
	ck_assert_int_eq(replace_limited("a", big, sizeof(big)), -EFBIG);
	holds("a", "one", 3);
	ck_assert(!temp_exists(dir, "a.old"));
	ck_assert(!temp_exists(dir, "a.tmp"));
	ck_assert_int_eq(replace_limited("a", big, 1000), 0);
	holds("a", big, 1000);
	holds("a.old", "one", 3);
}
END_TEST

/* What a power cut leaves: first the content is on the disk, then it gets its name, then that is on the disk too. */
START_TEST(is_durable_when_it_returns)
{
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "one", 3, 0600), 0);
	ck_assert_str_eq(asked, "srS");
	memset(asked, 0, sizeof(asked));
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "two", 3, 0600), 0);
	ck_assert_str_eq(asked, "slrS");
	memset(asked, 0, sizeof(asked));
	ck_assert_int_eq(file_remove(dir, "a.old"), 0);
	ck_assert_str_eq(asked, "uS");
	memset(asked, 0, sizeof(asked));
	ck_assert_int_eq(file_remove(dir, "a.old"), 0);
	ck_assert_str_eq(asked, "");
}
END_TEST

START_TEST(leaves_the_old_file_when_the_folder_is_not_written)
{
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "one", 3, 0600), 0);
	folder_error = EIO;
	ck_assert_int_eq(file_replace(dir, "a", "a.old", "two", 3, 0600), -EIO);
	holds("a", "one", 3);
	ck_assert(!temp_exists(dir, "a.tmp"));
	ck_assert_int_eq(file_remove(dir, "a"), -EIO);
}
END_TEST

START_TEST(removes_files)
{
	temp_write(dir, "a", "one", 3, 0600);
	ck_assert_int_eq(file_remove(dir, "a"), 0);
	ck_assert(!temp_exists(dir, "a"));
	ck_assert_int_eq(file_remove(dir, "a"), 0);
	ck_assert_int_eq(file_remove(temp_path(dir, "none"), "a"), -ENOENT);
	ck_assert_int_eq(mkdir(temp_path(dir, "a"), 0700), 0);
	ck_assert_int_eq(file_remove(dir, "a"), -EISDIR);
}
END_TEST

START_TEST(says_what_is_wrong)
{
	temp_write(dir, "file", "", 0, 0600);
	ck_assert_int_eq(file_replace(temp_path(dir, "none"), "a", NULL, "x", 1, 0600), -ENOENT);
	ck_assert_int_eq(file_replace(temp_path(dir, "file"), "a", NULL, "x", 1, 0600), -ENOTDIR);
	/* A folder in the file's place. */
	ck_assert_int_eq(mkdir(temp_path(dir, "a"), 0700), 0);
	ck_assert_int_eq(file_replace(dir, "a", NULL, "x", 1, 0600), -EISDIR);
	ck_assert(!temp_exists(dir, "a.tmp"));
}
END_TEST

START_TEST(makes_folders)
{
	struct stat st;
	mode_t old = umask(0077);

	ck_assert_int_eq(file_make_dir(temp_path(dir, "b/c//d/"), 0710), 0);
	ck_assert_int_eq(file_make_dir(temp_path(dir, "b/c//d/"), 0700), 0);
	umask(old);
	ck_assert_int_eq(stat(temp_path(dir, "b/c"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0710);
	ck_assert_int_eq(stat(temp_path(dir, "b/c/d"), &st), 0);
	ck_assert(S_ISDIR(st.st_mode));
	ck_assert_uint_eq(st.st_mode & 07777, 0710);
	ck_assert_int_eq(file_make_dir("/", 0700), 0);
	ck_assert_int_eq(chdir(dir), 0);
	ck_assert_int_eq(file_make_dir("relative/one", 0700), 0);
	ck_assert(temp_exists(dir, "relative/one"));
}
END_TEST

START_TEST(makes_no_folder_of_a_file)
{
	temp_write(dir, "file", "", 0, 0600);
	ck_assert_int_eq(file_make_dir(temp_path(dir, "file"), 0700), -ENOTDIR);
	ck_assert_int_eq(file_make_dir(temp_path(dir, "file/below"), 0700), -ENOTDIR);
	ck_assert_int_eq(file_make_dir("", 0700), -ENOENT);
	ck_assert_int_eq(file_make_dir("/proc/none/of/this", 0700), -ENOENT);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("file");
	TCase *c = tcase_create("file");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, reads_every_byte_and_adds_a_nul);
	tcase_add_test(c, reads_nothing_beyond_the_limit);
	tcase_add_test(c, reads_files_without_a_size);
	tcase_add_test(c, reads_empty_files);
	tcase_add_test(c, reads_nothing_but_files);
	tcase_add_loop_test(c, reads_a_number, 0, (int)ELEMENTS(numbers));
	tcase_add_test(c, reads_no_number);
	tcase_add_test(c, makes_a_new_file);
	tcase_add_test(c, keeps_the_last_generation);
	tcase_add_test(c, keeps_nothing_unless_asked);
	tcase_add_test(c, overwrites_leftovers);
	tcase_add_test(c, leaves_the_old_file_when_the_disk_is_full);
	tcase_add_test(c, is_durable_when_it_returns);
	tcase_add_test(c, leaves_the_old_file_when_the_folder_is_not_written);
	tcase_add_test(c, removes_files);
	tcase_add_test(c, says_what_is_wrong);
	tcase_add_test(c, makes_folders);
	tcase_add_test(c, makes_no_folder_of_a_file);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
