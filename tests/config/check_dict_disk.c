/* SPDX-License-Identifier: Apache-2.0 */
/* config/dict.c on disks that are full, read-only or damaged; its folder; and what is left when it is killed. */
#include "config/dict.h"

#include "at/error.h"
#include "fake/book.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct book book;

static void setup(void)
{
	book_make(&book);
}

static void teardown(void)
{
	book_done(&book);
}

/* What cannot be kept is refused, and the old value stays. */
static void writes_fail(void)
{
	uint64_t writes = dict_writes(book.dict);
	char big[128];

	memset(big, '%', sizeof(big));
	ck_assert_int_eq(dict_set(book.dict, "CustomName", 10, big, sizeof(big), book_answer(&book, 1)), 0);
	ck_assert_int_eq(dict_set(book.dict, "Endpoint", 8, big, sizeof(big), book_answer(&book, 2)), 0);
	ck_assert_int_eq(book_put(&book, "Topic1", "volatile"), 0);
	/* What waited for the first one is not tried any more. */
	while (book.calls.count < 2)
		ck_assert_int_gt(sd_event_run(book.event, UINT64_MAX), 0);
	ck_assert_uint_eq(book.calls.count, 3);
	ck_assert_uint_eq(book.calls.numbers[1], 1);
	ck_assert_int_eq(book.calls.results[1], AT_ERR_PARAMETER);
	ck_assert_uint_eq(book.calls.numbers[2], 2);
	ck_assert_int_eq(book.calls.results[2], AT_ERR_PARAMETER);
	book_has(&book, KEY_CUSTOMNAME, "before");
	book_has(&book, KEY_ENDPOINT, "staging.example");
	ck_assert_str_eq(book_get(&book, "Topic1"), "volatile");
	ck_assert_uint_eq(dict_writes(book.dict), writes);
	ck_assert_int_eq(book_factory_reset(&book), AT_ERR_PARAMETER);
	book_has(&book, KEY_CUSTOMNAME, "before");
	ck_assert_str_eq(book_get(&book, "Topic1"), "volatile");
	book.calls.count = 0;
	ck_assert_int_eq(book_set(&book, "CustomName", "before"), 0);
}

START_TEST(large_files_forbidden)
{
	struct rlimit limit = { 200, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };

	ck_assert_int_eq(book_set(&book, "CustomName", "before"), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_cur = 20;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	writes_fail();
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(book_set(&book, "CustomName", "after"), 0);
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "after");
	book_has(&book, KEY_ENDPOINT, "staging.example");
}
END_TEST

/* Mounts that only this test sees; false where even that is not allowed. */
static bool own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

/* A disk of 64 KiB in place of the folder. */
static bool small_disk(void)
{
	return own_mounts() && mount("tmpfs", book.dir, "tmpfs", 0, "size=64k,mode=0700") == 0;
}

static void fill_disk(void)
{
	int fd = open(temp_path(book.dir, "filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[512] = { 0 };

	ck_assert_int_ge(fd, 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

START_TEST(disk_full)
{
	book.dict = dict_free(book.dict);
	if (!small_disk()) {
		book_start(&book);
		return;
	}
	book_start(&book);
	ck_assert_int_eq(book_set(&book, "CustomName", "before"), 0);
	fill_disk();
	writes_fail();
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "before");
	book.calls.count = 0;
	writes_fail();
	unlink(temp_path(book.dir, "filler"));
	ck_assert_int_eq(book_set(&book, "CustomName", "after"), 0);
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "after");
	book.dict = dict_free(book.dict);
	ck_assert_int_eq(umount2(book.dir, MNT_DETACH), 0);
}
END_TEST

START_TEST(read_only_disk)
{
	book.dict = dict_free(book.dict);
	if (!small_disk()) {
		book_start(&book);
		return;
	}
	book_start(&book);
	ck_assert_int_eq(book_set(&book, "CustomName", "before"), 0);
	ck_assert_int_eq(mount("none", book.dir, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	writes_fail();
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "before");
	book.calls.count = 0;
	writes_fail();
	/* Damage that cannot be mended is survived too. */
	ck_assert_int_eq(mount("none", book.dir, "none", MS_REMOUNT, NULL), 0);
	temp_text(book.dir, "dictionary", "rubbish");
	ck_assert_int_eq(mount("none", book.dir, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	book_restart(&book);
	ck_assert_uint_gt(dict_damaged(book.dict), 0);
	ck_assert_int_eq(mount("none", book.dir, "none", MS_REMOUNT, NULL), 0);
	ck_assert_int_eq(book_set(&book, "CustomName", "after"), 0);
	book.dict = dict_free(book.dict);
	ck_assert_int_eq(umount2(book.dir, MNT_DETACH), 0);
}
END_TEST

START_TEST(the_folder_may_vanish)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "before"), 0);
	unlink(temp_path(book.dir, "dictionary"));
	unlink(temp_path(book.dir, "dictionary.old"));
	ck_assert_int_eq(rmdir(book.dir), 0);
	writes_fail();
	ck_assert_int_eq(mkdir(book.dir, 0700), 0);
	ck_assert_int_eq(book_set(&book, "Endpoint", "x"), 0);
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "before");
	book_has(&book, KEY_ENDPOINT, "x");
}
END_TEST

START_TEST(makes_its_folder)
{
	struct stat st;
	struct dict *d;

	ck_assert_int_eq(dict_new(&d, book.event, book.settings, temp_path(book.dir, "a/b")), 0);
	ck_assert_int_eq(dict_start(d), 0);
	dict_free(d);
	ck_assert_int_eq(stat(temp_path(book.dir, "a/b"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(has_its_folder_for_itself)
{
	struct dict *a, *b;

	ck_assert_int_eq(dict_new(&a, book.event, book.settings, temp_path(book.dir, "own")), 0);
	ck_assert_int_eq(dict_new(&b, book.event, book.settings, temp_path(book.dir, "own")), 0);
	ck_assert_int_eq(dict_start(a), 0);
	ck_assert_int_eq(dict_start(b), -EBUSY);
	dict_free(b);
	dict_free(a);
	ck_assert_int_eq(dict_new(&b, book.event, book.settings, temp_path(book.dir, "own")), 0);
	ck_assert_int_eq(dict_start(b), 0);
	dict_free(b);
}
END_TEST

START_TEST(does_not_start_without_a_folder)
{
	struct dict *d;

	temp_text(book.dir, "file", "");
	ck_assert_int_eq(dict_new(&d, book.event, book.settings, temp_path(book.dir, "file")), 0);
	ck_assert_int_eq(dict_start(d), -ENOTDIR);
	dict_free(d);
	ck_assert_int_eq(dict_new(&d, book.event, book.settings, temp_path(book.dir, "file/below")), 0);
	ck_assert_int_eq(dict_start(d), -ENOTDIR);
	dict_free(d);
	/* Not started: it can be read and freed all the same. */
	ck_assert_int_eq(dict_new(&d, book.event, book.settings, book.dir), 0);
	dict_free(d);
}
END_TEST

START_TEST(damage_is_counted_and_put_aside)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "one"), 0);
	ck_assert_int_eq(book_set(&book, "CustomName", "two"), 0);
	temp_text(book.dir, "dictionary", "rubbish");
	book_restart(&book);
	ck_assert_uint_gt(dict_damaged(book.dict), 0);
	book_has(&book, KEY_CUSTOMNAME, "one");
	ck_assert(temp_exists(book.dir, "dictionary.damaged"));
	book_restart(&book);
	ck_assert_uint_eq(dict_damaged(book.dict), 0);
	book_has(&book, KEY_CUSTOMNAME, "one");
	ck_assert_int_eq(book_factory_reset(&book), 0);
	ck_assert(!temp_exists(book.dir, "dictionary.damaged"));
}
END_TEST

/* While the module has the folder. */
START_TEST(peeked_at)
{
	struct dict *peeker;
	size_t n;

	ck_assert_int_eq(book_set(&book, "CustomName", "a name"), 0);
	ck_assert_int_eq(dict_new(&peeker, book.event, book.settings, book.dir), 0);
	ck_assert_int_eq(dict_peek(peeker), 0);
	ck_assert_str_eq(dict_get(peeker, KEY_CUSTOMNAME, &n), "a name");
	dict_free(peeker);
	ck_assert_int_eq(book_set(&book, "CustomName", "another"), 0);
}
END_TEST

/* What is under way at the end is finished; nobody is told any more. */
START_TEST(free_waits_for_a_write)
{
	ck_assert_int_eq(book_put(&book, "CustomName", "n"), 0);
	ck_assert_int_eq(book_put(&book, "Endpoint", "never"), 0);
	book_restart(&book);
	ck_assert_uint_eq(book.calls.count, 0);
	book_has(&book, KEY_CUSTOMNAME, "n");
	book_has(&book, KEY_ENDPOINT, "staging.example");
}
END_TEST

/* Sets one value after the other and reports each that was acknowledged. */
static void writer(int report)
{
	char value[20];

	for (unsigned i = 1;; i++) {
		sprintf(value, "%u", i);
		if (book_set(&book, "CustomName", value) != 0)
			_exit(1);
		if (write(report, &i, sizeof(i)) != sizeof(i))
			_exit(2);
	}
}

/* The last number that is read until all writers have gone. */
static unsigned last_report(int fd)
{
	unsigned i, last = 0;

	while (read(fd, &i, sizeof(i)) == sizeof(i))
		last = i;
	return last;
}

/* Killed at any moment, what was acknowledged is there. */
START_TEST(a_kill_loses_nothing)
{
	unsigned entropy = (unsigned)_i * 2654435761U, last;
	struct pollfd poll_fd = { .events = POLLIN };
	int pipes[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	book.dict = dict_free(book.dict);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(pipes[0]);
		book.event = sd_event_unref(book.event);
		if (sd_event_new(&book.event) < 0)
			_exit(3);
		book_start(&book);
		writer(pipes[1]);
	}
	close(pipes[1]);
	poll_fd.fd = pipes[0];
	ck_assert_int_eq(poll(&poll_fd, 1, -1), 1);
	usleep(entropy >> 17); /* up to 33 ms, for a moment of its own */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	last = last_report(pipes[0]);
	close(pipes[0]);
	ck_assert_uint_gt(last, 0);

	book_start(&book);
	ck_assert_uint_eq(dict_damaged(book.dict), 0);
	/* The next one may have been under way. */
	ck_assert_int_ge(atoi(book_get(&book, "CustomName")), (int)last);
	ck_assert_int_le(atoi(book_get(&book, "CustomName")), (int)last + 1);
	ck_assert(!temp_exists(book.dir, "dictionary.tmp"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dict_disk");
	TCase *c = tcase_create("dict_disk");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, large_files_forbidden);
	tcase_add_test(c, disk_full);
	tcase_add_test(c, read_only_disk);
	tcase_add_test(c, the_folder_may_vanish);
	tcase_add_test(c, makes_its_folder);
	tcase_add_test(c, has_its_folder_for_itself);
	tcase_add_test(c, does_not_start_without_a_folder);
	tcase_add_test(c, damage_is_counted_and_put_aside);
	tcase_add_test(c, peeked_at);
	tcase_add_test(c, free_waits_for_a_write);
	tcase_add_loop_test(c, a_kill_loses_nothing, 0, 30);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
