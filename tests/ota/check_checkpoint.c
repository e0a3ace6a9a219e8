/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/checkpoint.h"

#include "fake/faults.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define WINDOWS 5

static char *dir;
static int folder, file;
static struct journal journal = { .fd = -1 };
static unsigned char digests[WINDOWS][DIGEST_SIZE];
static struct checkpoint checkpoint;
static bool no_threads;

int __real_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg);
int __wrap_pthread_create(pthread_t *ret, const pthread_attr_t *attr, void *(*start)(void *), void *arg)
{
	return no_threads ? EAGAIN : __real_pthread_create(ret, attr, start, arg);
}

static void setup(void)
{
	dir = temp_dir();
	no_threads = false;
	folder = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(folder, 0);
	file = openat(folder, "image", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	ck_assert_int_ge(file, 0);
	ck_assert_int_eq(journal_make(&journal, folder, "tag", 1000, WINDOWS), 0);
	for (unsigned i = 0; i < WINDOWS; i++)
		memset(digests[i], (int)i + 1, DIGEST_SIZE);
}

static void teardown(void)
{
	journal_close(&journal);
	(void)close(file);
	(void)close(folder);
	temp_remove(dir);
}

static void begin(unsigned first, unsigned end)
{
	checkpoint_begin(&checkpoint, file, &journal, digests, first, end);
	ck_assert(checkpoint_begun(&checkpoint));
}

static int wait_for_it(void)
{
	int r = checkpoint_wait(&checkpoint);

	ck_assert(!checkpoint_begun(&checkpoint));
	ck_assert(!checkpoint_busy(&checkpoint));
	return r;
}

static void journal_has(unsigned n)
{
	unsigned char there[WINDOWS][DIGEST_SIZE];
	unsigned there_n;

	journal_close(&journal);
	ck_assert_int_eq(journal_open(&journal, folder, "tag", 1000, WINDOWS, there, &there_n), 0);
	ck_assert_uint_eq(there_n, n);
	ck_assert_mem_eq(there, digests, n * DIGEST_SIZE);
}

START_TEST(writes_the_journal)
{
	ck_assert(!checkpoint_begun(&checkpoint));
	ck_assert(!checkpoint_busy(&checkpoint));
	begin(0, 2);
	ck_assert_int_eq(wait_for_it(), 0);
	journal_has(2);
	begin(2, WINDOWS);
	while (checkpoint_busy(&checkpoint))
		(void)usleep(1000);
	ck_assert(checkpoint_begun(&checkpoint));
	ck_assert_int_eq(wait_for_it(), 0);
	journal_has(WINDOWS);
}
END_TEST

/* What is not on the disk does not get into the journal. */
START_TEST(says_what_failed)
{
	for (unsigned n = 1; n <= 2; n++) {
		faults_arm(n, ENOSPC);
		begin(0, 2);
		ck_assert_int_eq(wait_for_it(), -ENOSPC);
		ck_assert(faults_disarm());
		journal_has(0);
	}
	begin(0, 1);
	ck_assert_int_eq(wait_for_it(), 0);
	journal_has(1);
}
END_TEST

START_TEST(without_a_thread)
{
	no_threads = true;
	begin(0, 3);
	ck_assert(!checkpoint_busy(&checkpoint));
	ck_assert_int_eq(wait_for_it(), 0);
	journal_has(3);
	faults_arm(1, EIO);
	begin(3, 4);
	ck_assert_int_eq(wait_for_it(), -EIO);
	(void)faults_disarm();
	journal_has(3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("checkpoint");
	TCase *c = tcase_create("checkpoint");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, writes_the_journal);
	tcase_add_test(c, says_what_failed);
	tcase_add_test(c, without_a_thread);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
