/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/journal.h"

#include "fake/descriptors.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define COUNT 5u

static char *path;
static int dir;
static struct journal journal = { .fd = -1 };
static unsigned char windows[COUNT][DIGEST_SIZE], back[JOURNAL_MAX_WINDOWS][DIGEST_SIZE];

static void setup(void)
{
	path = temp_dir();
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	ck_assert_int_ge(dir, 0);
	for (unsigned i = 0; i < COUNT; i++)
		memset(windows[i], (int)(0x11 * (i + 1)), DIGEST_SIZE);
}

static void teardown(void)
{
	journal_close(&journal);
	(void)close(dir);
	temp_remove(path);
}

static void make(void)
{
	ck_assert_int_eq(journal_make(&journal, dir, "tag", 300000, COUNT), 0);
}

/* So many of its digests are there. */
static void has(unsigned n)
{
	unsigned got = 99;

	memset(back, 0, sizeof(back));
	ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, COUNT, back, &got), 0);
	ck_assert_uint_eq(got, n);
	for (unsigned i = 0; i < n; i++)
		ck_assert_mem_eq(back[i], windows[i], DIGEST_SIZE);
}

START_TEST(what_was_written_is_there)
{
	struct stat st;

	make();
	has(0);
	ck_assert_int_eq(journal_write(&journal, windows, 0, 2), 0);
	has(2);
	ck_assert_int_eq(journal_write(&journal, windows, 2, 2), 0);
	has(2);
	ck_assert_int_eq(journal_write(&journal, windows, 2, COUNT), 0);
	has(COUNT);
	ck_assert_int_eq(stat(temp_path(path, JOURNAL_FILE), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(is_this_text)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	make();
	ck_assert_int_eq(journal_write(&journal, windows, 0, 1), 0);
	text = temp_read(path, JOURNAL_FILE, &n);
	ck_assert_ptr_nonnull(text);
	/* printf tag | sha256sum */
	ck_assert(strncmp(text,
			  "expresslink-image 1 300000 "
			  "2a1073a6e67f0e5f09a5957c659503c690efe7272be8313df872556a9a684d8c\n"
			  "1111111111111111111111111111111111111111111111111111111111111111\n",
			  27 + 65 + 65) == 0);
	/* The room for the others is there. */
	ck_assert_uint_eq(n, 27 + 65 + COUNT * 65);
	for (size_t i = 27 + 65 + 65; i < n; i++)
		ck_assert_int_eq(text[i], 0);
}
END_TEST

START_TEST(one_descriptor_at_most)
{
	unsigned before = descriptors();

	make();
	has(0);
	has(0);
	ck_assert_int_eq(unlink(temp_path(path, JOURNAL_FILE)), 0);
	make();
	ck_assert_uint_eq(descriptors(), before + 1);
	journal_close(&journal);
	journal_close(&journal);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

START_TEST(of_another_download)
{
	unsigned n;

	make();
	ck_assert_int_eq(journal_write(&journal, windows, 0, COUNT), 0);
	ck_assert_int_eq(journal_open(&journal, dir, "tags", 300000, COUNT, back, &n), -EBADMSG);
	ck_assert_int_eq(journal_open(&journal, dir, "", 300000, COUNT, back, &n), -EBADMSG);
	ck_assert_int_eq(journal_open(&journal, dir, "tag", 300001, COUNT, back, &n), -EBADMSG);
	has(COUNT);
}
END_TEST

START_TEST(long_tags)
{
	char tag[5000];
	unsigned n;

	memset(tag, '\n', sizeof(tag));
	tag[sizeof(tag) - 1] = '\0';
	ck_assert_int_eq(journal_make(&journal, dir, tag, UINT64_MAX, JOURNAL_MAX_WINDOWS), 0);
	ck_assert_int_eq(journal_open(&journal, dir, tag, UINT64_MAX, JOURNAL_MAX_WINDOWS, back, &n), 0);
	ck_assert_uint_eq(n, 0);
	tag[sizeof(tag) - 2] = ' ';
	ck_assert_int_eq(journal_open(&journal, dir, tag, UINT64_MAX, JOURNAL_MAX_WINDOWS, back, &n), -EBADMSG);
}
END_TEST

/* A cut or a damage costs what is behind it, and nothing before it. */
START_TEST(cut_anywhere)
{
	_cleanup_(freep) char *text = NULL;
	size_t n, header_n;
	unsigned got;

	make();
	ck_assert_int_eq(journal_write(&journal, windows, 0, COUNT), 0);
	text = temp_read(path, JOURNAL_FILE, &n);
	header_n = strcspn(text, "\n") + 1;
	for (size_t k = 0; k < n; k++) {
		ck_assert_int_eq(truncate(temp_path(path, JOURNAL_FILE), (off_t)k), 0);
		if (k < header_n)
			ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, COUNT, back, &got), -EBADMSG);
		else
			has((unsigned)((k - header_n) / 65));
		temp_write(path, JOURNAL_FILE, text, n, 0600);
	}
	has(COUNT);
}
END_TEST

START_TEST(changed_anywhere)
{
	_cleanup_(freep) char *text = NULL;
	size_t n, header_n;
	unsigned got;

	make();
	ck_assert_int_eq(journal_write(&journal, windows, 0, COUNT), 0);
	text = temp_read(path, JOURNAL_FILE, &n);
	header_n = strcspn(text, "\n") + 1;
	for (size_t k = 0; k < n; k++) {
		char old = text[k];

		text[k] = (char)0xff;
		temp_write(path, JOURNAL_FILE, text, n, 0600);
		text[k] = old;
		if (k < header_n)
			ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, COUNT, back, &got), -EBADMSG);
		else
			has((unsigned)((k - header_n) / 65));
	}
}
END_TEST

/* One that is longer than it should be; more windows than there are. */
START_TEST(no_more_than_there_may_be)
{
	unsigned got;

	make();
	ck_assert_int_eq(journal_write(&journal, windows, 0, COUNT), 0);
	ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, 3, back, &got), 0);
	ck_assert_uint_eq(got, 3);
	ck_assert_int_eq(truncate(temp_path(path, JOURNAL_FILE), 1 << 20), 0);
	has(COUNT);
	ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, JOURNAL_MAX_WINDOWS, back, &got), 0);
	ck_assert_uint_eq(got, COUNT);
}
END_TEST

START_TEST(other_things_in_its_place)
{
	unsigned got;

	ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, COUNT, back, &got), -ENOENT);
	temp_text(path, "victim", "v");
	ck_assert_int_eq(symlink("victim", temp_path(path, JOURNAL_FILE)), 0);
	ck_assert_int_eq(journal_open(&journal, dir, "tag", 300000, COUNT, back, &got), -EBADMSG);
	ck_assert_int_eq(journal_make(&journal, dir, "tag", 300000, COUNT), -EEXIST);
	ck_assert_int_eq(unlink(temp_path(path, JOURNAL_FILE)), 0);
	make();
	ck_assert_int_eq(journal_make(&journal, dir, "tag", 300000, COUNT), -EEXIST);
	has(0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *c = tcase_create("journal");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, what_was_written_is_there);
	tcase_add_test(c, is_this_text);
	tcase_add_test(c, one_descriptor_at_most);
	tcase_add_test(c, of_another_download);
	tcase_add_test(c, long_tags);
	tcase_add_test(c, cut_anywhere);
	tcase_add_test(c, changed_anywhere);
	tcase_add_test(c, no_more_than_there_may_be);
	tcase_add_test(c, other_things_in_its_place);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
