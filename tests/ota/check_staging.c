/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/staging.h"

#include "fake/descriptors.h"
#include "fake/faults.h"
#include "fake/stage.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"
#include "ota/image.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define W STAGE_W

static struct stage s;

static void fill(void)
{
	stage_fill(&s);
}

static void unfill(void)
{
	stage_unfill(&s);
}

static void setup(void)
{
	stage_make(&s);
}

static void teardown(void)
{
	stage_done(&s);
}

/* Bytes of the journal's first line. */
static size_t header(void)
{
	_cleanup_(freep) char *text = temp_read(s.dir, JOURNAL_FILE, NULL);

	ck_assert_ptr_nonnull(text);
	return strcspn(text, "\n") + 1;
}

START_TEST(from_the_beginning_to_the_end)
{
	static const size_t pieces[] = { 7, 1000, 16384, W, 3 * W + 1 };
	uint64_t size = stage_sizes[_i];
	struct stat st;

	for (unsigned k = size > 2 * W; k < ELEMENTS(pieces); k++) {
		stage_create(&s, size);
		stage_append(&s, size, pieces[k]);
		stage_finish(&s, size);
		ck_assert_int_eq(stat(temp_path(s.dir, STAGING_FILE), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, size);
		ck_assert_uint_eq(st.st_mode & 07777, 0600);
		/* A line for each window, and no more. */
		ck_assert_int_eq(stat(temp_path(s.dir, JOURNAL_FILE), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, header() + (size + W - 1) / W * JOURNAL_LINE);
		/* Nothing more fits. */
		ck_assert_int_eq(staging_append(s.staging, "x", 1), -EFBIG);
	}
}
END_TEST

START_TEST(room_is_reserved)
{
	struct stat st;
	mode_t old = umask(0277);

	stage_create(&s, STAGE_SIZE);
	umask(old);
	ck_assert_int_eq(stat(temp_path(s.dir, STAGING_FILE), &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, STAGE_SIZE);
	ck_assert_uint_ge((uint64_t)st.st_blocks * 512, STAGE_SIZE);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(temp_path(s.dir, JOURNAL_FILE), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_ge((uint64_t)st.st_size, STAGE_SIZE / W * JOURNAL_LINE);
}
END_TEST

START_TEST(the_largest)
{
	stage_create(&s, IMAGE_MAX_SIZE);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, IMAGE_MAX_SIZE), 0);
	ck_assert_int_eq(staging_remove(s.staging), 0);
}
END_TEST

START_TEST(sizes_have_limits)
{
	ck_assert_int_eq(staging_create(s.staging, "tag", 0), -EFBIG);
	ck_assert_int_eq(staging_create(s.staging, "tag", IMAGE_MAX_SIZE + 1), -EFBIG);
	ck_assert_int_eq(staging_create(s.staging, "tag", UINT64_MAX), -EFBIG);
	ck_assert_int_eq(staging_create(s.staging, "tag", IMAGE_MAX_HOST), 0);
	ck_assert_int_eq(staging_open(s.staging, "tag", 0), -ENOENT);
	ck_assert_int_eq(staging_open(s.staging, "tag", UINT64_MAX), -ENOENT);
	ck_assert_int_eq(staging_open_whole(s.staging, 0), -EBADMSG);
	ck_assert_int_eq(staging_open_whole(s.staging, UINT64_MAX), -EBADMSG);
	stage_create(&s, 100);
	ck_assert_int_eq(staging_append(s.staging, s.file, 101), -EFBIG);
	ck_assert_int_eq(staging_append(s.staging, s.file, 50), 0);
	ck_assert_int_eq(staging_append(s.staging, s.file + 50, 51), -EFBIG);
	ck_assert_int_eq(staging_finish(s.staging), -ENODATA);
	stage_finish(&s, 100);
}
END_TEST

START_TEST(what_was_there_goes)
{
	struct stat before, after;

	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGE_SIZE, W);
	ck_assert_int_eq(stat(temp_path(s.dir, STAGING_FILE), &before), 0);
	ck_assert_int_eq(staging_create(s.staging, "other", 10), 0);
	ck_assert_int_eq(stat(temp_path(s.dir, STAGING_FILE), &after), 0);
	ck_assert_uint_eq((uint64_t)after.st_size, 10);
	ck_assert_int_eq(staging_open(s.staging, "tag", STAGE_SIZE), -ENOENT);
	ck_assert_int_eq(staging_remove(s.staging), 0);
	ck_assert(!temp_exists(s.dir, STAGING_FILE));
	ck_assert(!temp_exists(s.dir, JOURNAL_FILE));
	ck_assert_int_eq(staging_remove(s.staging), 0);
}
END_TEST

/* --- the journal --- */

START_TEST(every_so_many_bytes)
{
	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGING_JOURNAL_BYTES - 1, 16384);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), 0);
	stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), STAGING_JOURNAL_BYTES);
	stage_append(&s, 2 * STAGING_JOURNAL_BYTES + 3 * W + 5, 16384);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), 2 * STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(a_part_of_a_large_file)
{
	const uint64_t size = 2 * STAGING_JOURNAL_PARTS * STAGING_JOURNAL_BYTES;

	stage_create(&s, size);
	stage_append(&s, 2 * STAGING_JOURNAL_BYTES - 1, 16384);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, size), 0);
	stage_append(&s, 2 * STAGING_JOURNAL_BYTES, 16384);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, size), 2 * STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(every_so_often)
{
	stage_create(&s, STAGE_SIZE);
	stage_append(&s, 3 * W + 5, 16384);
	fake_timer_pass(STAGING_JOURNAL_MS - 1);
	stage_append(&s, 3 * W + 6, 1);
	fake_timer_pass(1);
	stage_append(&s, 3 * W + 7, 1);
	stage_append(&s, 5 * W, 16384);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), 3 * W);
	/* Nothing new that it could speak of: nothing is written. */
	stage_append(&s, 3 * W + 5, 16384);
	fake_timer_pass(STAGING_JOURNAL_MS);
	faults_arm(5, EIO);
	stage_append(&s, 4 * W - 1, 16384);
	ck_assert(!faults_disarm());
}
END_TEST

START_TEST(finished_and_cut)
{
	stage_create(&s, 2 * W + 100);
	stage_finish(&s, 2 * W + 100);
	stage_anew(&s);
	/* Before anybody took note of it: all of it is there. */
	ck_assert_uint_eq(stage_resume(&s, 2 * W + 100), 2 * W + 100);
	ck_assert_int_eq(staging_finish(s.staging), 0);
	stage_digest_is(&s, 2 * W + 100);
}
END_TEST

START_TEST(only_its_own)
{
	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGING_JOURNAL_BYTES, W);
	stage_anew(&s);
	ck_assert_int_eq(staging_open(s.staging, "another", STAGE_SIZE), -ENOENT);
	ck_assert_int_eq(staging_open(s.staging, "tag", STAGE_SIZE - 1), -ENOENT);
	ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), STAGING_JOURNAL_BYTES);
	ck_assert_int_eq(unlink(temp_path(s.dir, JOURNAL_FILE)), 0);
	ck_assert_int_eq(staging_open(s.staging, "tag", STAGE_SIZE), -ENOENT);
	stage_create(&s, STAGE_SIZE);
	ck_assert_int_eq(unlink(temp_path(s.dir, STAGING_FILE)), 0);
	ck_assert_int_eq(staging_open(s.staging, "tag", STAGE_SIZE), -ENOENT);
}
END_TEST

START_TEST(things_in_their_place)
{
	static const char *const names[] = { STAGING_FILE, JOURNAL_FILE };

	for (unsigned i = 0; i < ELEMENTS(names); i++) {
		_cleanup_(freep) char *victim = NULL;
		size_t n;

		/* A link to something else. */
		stage_create(&s, W);
		stage_append(&s, W, W);
		temp_write(s.dir, "victim", s.file, W, 0600);
		ck_assert_int_eq(unlink(temp_path(s.dir, names[i])), 0);
		ck_assert_int_eq(symlink("victim", temp_path(s.dir, names[i])), 0);
		stage_anew(&s);
		ck_assert_int_eq(staging_open(s.staging, "tag", W), -ENOENT);
		ck_assert_int_eq(staging_open_whole(s.staging, W), i == 0 ? -EBADMSG : 0);
		stage_create(&s, W);
		stage_append(&s, W, W);
		victim = temp_read(s.dir, "victim", &n);
		ck_assert_uint_eq(n, W);
		ck_assert(memcmp(victim, s.file, W) == 0);

		/* A second name of something else. */
		ck_assert_int_eq(unlink(temp_path(s.dir, names[i])), 0);
		ck_assert_int_eq(link(temp_path(s.dir, "victim"), temp_path(s.dir, names[i])), 0);
		stage_anew(&s);
		ck_assert_int_eq(staging_open(s.staging, "tag", W), -ENOENT);

		/* A FIFO: nobody waits for its other end. */
		ck_assert_int_eq(unlink(temp_path(s.dir, names[i])), 0);
		ck_assert_int_eq(mkfifo(temp_path(s.dir, names[i]), 0600), 0);
		ck_assert_int_eq(staging_open(s.staging, "tag", W), -ENOENT);
		stage_create(&s, W);

		/* A folder. */
		ck_assert_int_eq(unlink(temp_path(s.dir, names[i])), 0);
		ck_assert_int_eq(mkdir(temp_path(s.dir, names[i]), 0700), 0);
		ck_assert_int_eq(staging_open(s.staging, "tag", W), -ENOENT);
		ck_assert_int_lt(staging_create(s.staging, "tag", W), 0);
		ck_assert_int_eq(rmdir(temp_path(s.dir, names[i])), 0);
	}
}
END_TEST

START_TEST(no_folder)
{
	staging_free(s.staging);
	ck_assert_int_eq(staging_new(&s.staging, temp_path(s.dir, "none")), 0);
	ck_assert_int_eq(staging_create(s.staging, "tag", 1), -ENOENT);
	ck_assert_int_eq(staging_open(s.staging, "tag", 1), -ENOENT);
	ck_assert_int_eq(staging_open_whole(s.staging, 1), -ENOENT);
	ck_assert_int_eq(mkdir(temp_path(s.dir, "none"), 0700), 0);
	stage_create(&s, 1);
}
END_TEST

START_TEST(no_descriptor_is_left)
{
	unsigned before, with_both;

	s.staging = staging_free(s.staging);
	before = descriptors();
	ck_assert_int_eq(staging_new(&s.staging, s.dir), 0);
	stage_create(&s, W);
	with_both = descriptors();
	ck_assert_uint_eq(with_both, before + 3);
	for (unsigned i = 0; i < 3; i++) {
		stage_create(&s, W);
		(void)stage_resume(&s, W);
		ck_assert_int_eq(staging_open(s.staging, "another", W), -ENOENT);
		ck_assert_int_eq(staging_open_whole(s.staging, W), 0);
		(void)stage_resume(&s, W);
	}
	ck_assert_uint_eq(descriptors(), with_both);
	ck_assert_int_eq(staging_remove(s.staging), 0);
	ck_assert_uint_eq(descriptors(), before + 1);
	s.staging = staging_free(s.staging);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

/* --- reading --- */

START_TEST(verified_as_it_was)
{
	uint64_t size = stage_sizes[_i];

	stage_create(&s, size);
	stage_finish(&s, size);
	stage_anew(&s);
	ck_assert_int_eq(stage_verify(&s, size), 0);
	stage_digest_is(&s, size);
	ck_assert_int_eq(stage_verify(&s, size + 1), -EBADMSG);
	if (size > 1)
		ck_assert_int_eq(stage_verify(&s, size - 1), -EBADMSG);
	ck_assert_int_eq(truncate(temp_path(s.dir, STAGING_FILE), (off_t)size - 1), 0);
	ck_assert_int_eq(stage_verify(&s, size), -EBADMSG);
	ck_assert_int_eq(truncate(temp_path(s.dir, STAGING_FILE), (off_t)size + 1), 0);
	ck_assert_int_eq(stage_verify(&s, size), -EBADMSG);
	ck_assert_int_eq(unlink(temp_path(s.dir, STAGING_FILE)), 0);
	ck_assert_int_eq(stage_verify(&s, size), -ENOENT);
}
END_TEST

START_TEST(loads_only_what_hosts_read)
{
	_cleanup_(freep) unsigned char *data = malloc(W);
	size_t n;

	stage_create(&s, IMAGE_MAX_HOST + 1);
	ck_assert_int_eq(staging_load(s.staging, 0, data, &n), -EFBIG);
}
END_TEST

/* After a download that went on, and after a restart. */
START_TEST(loads_what_was_verified)
{
	const uint64_t size = 5 * W + 99;
	_cleanup_(freep) unsigned char *data = malloc(W);
	size_t n;

	stage_create(&s, size);
	stage_append(&s, 3 * W + 1, W);
	fake_timer_pass(STAGING_JOURNAL_MS);
	stage_append(&s, 3 * W + 2, 1);
	stage_anew(&s);
	ck_assert_uint_eq(stage_resume(&s, size), 3 * W);
	stage_finish(&s, size);
	for (unsigned life = 0; life < 2; life++) {
		for (unsigned window = 0; window < 6; window++) {
			unsigned at = (window * 5) % 6;

			ck_assert_int_eq(staging_load(s.staging, at, data, &n), 0);
			ck_assert_uint_eq(n, at == 5 ? 99 : W);
			ck_assert(memcmp(data, s.file + at * W, n) == 0);
		}
		stage_anew(&s);
		ck_assert_int_eq(stage_verify(&s, size), 0);
	}
	for (unsigned window = 0; window < 6; window++) {
		off_t last = (off_t)(window * W + (window == 5 ? 98 : W - 1));

		temp_change(s.dir, STAGING_FILE, last, (char[]){ (char)(s.file[last] ^ 1) }, 1);
		ck_assert_int_eq(staging_load(s.staging, window, data, &n), -EBADMSG);
		/* Only that one. */
		ck_assert_int_eq(staging_load(s.staging, (window + 1) % 6, data, &n), window == 5 ? -EBADMSG : 0);
	}
	temp_change(s.dir, STAGING_FILE, 0, (char *)s.file, size);
	ck_assert_int_eq(staging_load(s.staging, 5, data, &n), 0);
	ck_assert_int_eq(truncate(temp_path(s.dir, STAGING_FILE), (off_t)(5 * W + 98)), 0);
	ck_assert_int_eq(staging_load(s.staging, 5, data, &n), -EBADMSG);
	ck_assert_int_eq(staging_load(s.staging, 4, data, &n), 0);
	ck_assert_int_eq(truncate(temp_path(s.dir, STAGING_FILE), 0), 0);
	ck_assert_int_eq(staging_load(s.staging, 4, data, &n), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("staging");
	TCase *c = tcase_create("staging");

	tcase_add_unchecked_fixture(c, fill, unfill);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, from_the_beginning_to_the_end, 0, STAGE_SIZES);
	tcase_add_test(c, room_is_reserved);
	tcase_add_test(c, the_largest);
	tcase_add_test(c, sizes_have_limits);
	tcase_add_test(c, what_was_there_goes);
	tcase_add_test(c, every_so_many_bytes);
	tcase_add_test(c, a_part_of_a_large_file);
	tcase_add_test(c, every_so_often);
	tcase_add_test(c, finished_and_cut);
	tcase_add_test(c, only_its_own);
	tcase_add_test(c, things_in_their_place);
	tcase_add_test(c, no_folder);
	tcase_add_test(c, no_descriptor_is_left);
	tcase_add_loop_test(c, verified_as_it_was, 0, STAGE_SIZES);
	tcase_add_test(c, loads_only_what_hosts_read);
	tcase_add_test(c, loads_what_was_verified);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
