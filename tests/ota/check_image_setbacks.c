/* SPDX-License-Identifier: Apache-2.0 */
/* ota/image.c after restarts, when it is given up, and on a disk that fails. */
#include "ota/image.h"

#include "fake/faults.h"
#include "fake/parcel.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "ota/journal.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#define W     PARCEL_W
#define BLOCK PARCEL_BLOCK

static struct parcel p;

static void fill(void)
{
	parcel_fill(&p);
}

static void unfill(void)
{
	parcel_unfill(&p);
}

static void setup(void)
{
	parcel_make(&p);
}

static void teardown(void)
{
	parcel_done(&p);
}

/* --- after a restart --- */

START_TEST(goes_on)
{
	uint64_t have;

	parcel_create(&p, PARCEL_SIZE);
	for (uint64_t at = 0; at < 18 * W; at += BLOCK)
		parcel_put(&p, at, BLOCK);
	while (image_have(p.image) < 18 * W)
		parcel_turn(&p);
	parcel_anew(&p);
	image_resume(p.image, "other", PARCEL_SIZE, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -ENOENT);
	image_resume(p.image, "tag", PARCEL_SIZE + 1, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -ENOENT);
	image_resume(p.image, "tag", PARCEL_SIZE, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), 0);
	have = image_have(p.image);
	ck_assert_uint_ge(have, STAGING_JOURNAL_BYTES);
	ck_assert_uint_le(have, 18 * W);
	ck_assert_uint_eq(have % W, 0);
	parcel_put_from(&p, have, PARCEL_SIZE);
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, PARCEL_SIZE);
}
END_TEST

START_TEST(nothing_to_go_on_with)
{
	image_resume(p.image, "tag", PARCEL_SIZE, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -ENOENT);
	/* Nothing is expected. */
	ck_assert(image_put(p.image, 0, p.file, BLOCK));
	image_finish(p.image, parcel_note(&p, 2));
	ck_assert_int_eq(parcel_wait(&p, 1), -EINVAL);
	ck_assert(!temp_exists(p.dir, STAGING_FILE));
	parcel_download(&p, W);
}
END_TEST

START_TEST(not_what_it_was)
{
	unsigned char digest[IMAGE_DIGEST] = { 0 };

	parcel_download(&p, PARCEL_SIZE);
	parcel_anew(&p);
	image_verify(p.image, PARCEL_SIZE, digest, parcel_note(&p, 3));
	ck_assert_int_eq(parcel_wait(&p, 1), -EBADMSG);
	ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
	ck_assert_int_eq(parcel_verify(&p, PARCEL_SIZE - 1), -EBADMSG);
	temp_change(p.dir, STAGING_FILE, 17 * (off_t)W, (char[]){ (char)(p.file[17 * W] ^ 1) }, 1);
	ck_assert_int_eq(parcel_verify(&p, PARCEL_SIZE), -EBADMSG);
	temp_change(p.dir, STAGING_FILE, 17 * (off_t)W, p.file + 17 * W, 1);
	ck_assert_int_eq(parcel_verify(&p, PARCEL_SIZE), 0);
	ck_assert_int_eq(unlink(temp_path(p.dir, STAGING_FILE)), 0);
	ck_assert_int_eq(parcel_verify(&p, PARCEL_SIZE), -ENOENT);
}
END_TEST

/* --- giving up --- */

START_TEST(another_start_overtakes)
{
	image_create(p.image, "first", PARCEL_SIZE, parcel_note(&p, 1));
	image_create(p.image, "second", W, parcel_note(&p, 2));
	ck_assert_uint_eq(p.calls, 0);
	ck_assert_int_eq(parcel_wait(&p, 2), 0);
	ck_assert(p.canceled);
	ck_assert_uint_eq(p.number, 2);
	parcel_put_from(&p, 0, W);
	image_finish(p.image, parcel_note(&p, 3));
	image_resume(p.image, "second", W, parcel_note(&p, 4));
	ck_assert_int_eq(parcel_wait(&p, 2), 0);
	ck_assert(p.canceled);
	ck_assert_uint_eq(p.number, 4);
	parcel_put_from(&p, image_have(p.image), W);
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, W);
}
END_TEST

START_TEST(discarded_is_gone)
{
	parcel_download(&p, W);
	image_discard(p.image);
	ck_assert_uint_eq(image_have(p.image), 0);
	/* What follows comes after it. */
	image_resume(p.image, "tag", W, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -ENOENT);
	ck_assert(!temp_exists(p.dir, STAGING_FILE));
	ck_assert(!temp_exists(p.dir, JOURNAL_FILE));
	image_discard(p.image);
	parcel_download(&p, W);
	/* Without anything that follows, too. */
	image_discard(p.image);
	while (temp_exists(p.dir, STAGING_FILE) || temp_exists(p.dir, JOURNAL_FILE))
		parcel_turn(&p);
}
END_TEST

static void until_idle(void)
{
	image_resume(p.image, "no such download", 1, parcel_note(&p, 99));
	while (p.number != 99)
		parcel_turn(&p);
	ck_assert_int_eq(p.result, -ENOENT);
}

/* A turn of the loop, or a little while in which there is none. */
static void moment(void)
{
	ck_assert_int_ge(sd_event_run(p.event, 300), 0);
}

/* At any moment of any operation: one completion, and nothing is left. */
START_TEST(discard_at_any_moment)
{
	const unsigned char digest[IMAGE_DIGEST] = { 0 };
	uint32_t x = (uint32_t)_i + 11;

	for (unsigned i = 0; i < 30; i++) {
		unsigned turns = parcel_random(&x) % 16, asked = 1;

		p.calls = 0;
		p.number = 0;
		image_create(p.image, "tag", 2 * W, parcel_note(&p, 1));
		while (turns-- > 0) {
			if (p.calls == 1 && asked == 1 && p.result == 0) {
				ck_assert(image_put(p.image, 0, p.file, W));
				ck_assert(image_put(p.image, W, p.file + W, W));
				image_finish(p.image, parcel_note(&p, 2));
				asked = 2;
			} else if (p.calls == 2 && asked == 2 && p.result == 0) {
				image_publish(p.image);
				image_read(p.image, W - 1, 2, parcel_note(&p, 3));
				asked = 3;
			} else if (p.calls == 3 && asked == 3) {
				image_verify(p.image, 2 * W, digest, parcel_note(&p, 4));
				asked = 4;
			}
			moment();
		}
		image_discard(p.image);
		until_idle();
		ck_assert_uint_eq(p.calls, asked + 1);
		ck_assert(!temp_exists(p.dir, STAGING_FILE));
		ck_assert(!temp_exists(p.dir, JOURNAL_FILE));
	}
	ck_assert_uint_eq(p.errors, 0);
}
END_TEST

START_TEST(free_at_any_moment)
{
	uint32_t x = (uint32_t)_i + 5;

	for (unsigned i = 0; i < 20; i++) {
		unsigned turns = parcel_random(&x) % 6;

		p.calls = 0;
		image_create(p.image, "tag", 2 * W, parcel_note(&p, 1));
		while (turns-- > 0) {
			if (p.calls == 1) {
				ck_assert(image_put(p.image, W, p.file + W, W));
				ck_assert(image_put(p.image, 0, p.file, W));
				image_finish(p.image, parcel_note(&p, 2));
				p.calls = 2;
			}
			moment();
		}
		if (i % 2)
			image_discard(p.image);
		p.calls = 0;
		parcel_anew(&p);
		ck_assert_int_eq(sd_event_run(p.event, 0), 0);
		ck_assert_uint_eq(p.calls, 0);
	}
	ck_assert_ptr_null(image_free(NULL));
}
END_TEST

/* --- the disk --- */

START_TEST(no_room)
{
	faults_room(2 * W + STAGING_RESERVE);
	image_create(p.image, "tag", W, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), 0);
	image_create(p.image, "tag", PARCEL_SIZE, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -ENOSPC);
	ck_assert(!temp_exists(p.dir, STAGING_FILE));
	ck_assert(image_put(p.image, 0, p.file, BLOCK));
	faults_room(UINT64_MAX);
	image_create(p.image, "tag", 0, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -EFBIG);
	image_create(p.image, "tag", IMAGE_MAX_SIZE + 1, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -EFBIG);
	parcel_download(&p, W);
}
END_TEST

START_TEST(something_is_missing)
{
	parcel_create(&p, PARCEL_SIZE);
	parcel_put(&p, BLOCK, BLOCK);
	ck_assert_int_eq(parcel_finish(&p), -ENODATA);
	/* It may still come. */
	parcel_put_from(&p, 0, PARCEL_SIZE - 1);
	ck_assert_int_eq(parcel_finish(&p), -ENODATA);
	parcel_put(&p, PARCEL_SIZE - 1, 1);
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, PARCEL_SIZE);
	ck_assert_int_eq(parcel_finish(&p), -EINVAL);
}
END_TEST

/* The n-th write, sync, reservation fails, for every n: it is told once, and the next download is whole. */
START_TEST(every_write_may_fail)
{
	const uint64_t size = 3 * W + 7;
	unsigned n;

	for (n = 1; n < 100; n++) {
		bool failed;

		p.errors = 0;
		faults_arm(n, _i ? EIO : ENOSPC);
		image_create(p.image, "tag", size, parcel_note(&p, 1));
		if (parcel_wait(&p, 1) == 0) {
			parcel_put_from(&p, 0, size);
			/* So that some fail before it is asked to finish, and some after. */
			while (n % 2 && image_have(p.image) < size && !p.errors)
				parcel_turn(&p);
			p.result = parcel_finish(&p);
		}
		failed = faults_disarm();
		if (!failed)
			break;
		if (p.errors) {
			ck_assert_uint_eq(p.errors, 1);
			ck_assert_int_eq(p.error, _i ? -EIO : -ENOSPC);
			ck_assert_int_eq(p.result, -EIO);
		} else {
			ck_assert_int_eq(p.result, _i ? -EIO : -ENOSPC);
		}
		ck_assert_int_eq(parcel_finish(&p),
				 image_size(p.image) && temp_exists(p.dir, STAGING_FILE) ? -EIO : -EINVAL);
		ck_assert(image_put(p.image, 0, p.file, BLOCK));
		ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
		if (n % 3 == 0)
			image_discard(p.image);
	}
	ck_assert_uint_gt(n, 15);
	ck_assert_uint_lt(n, 100);
	parcel_digest_is(&p, size);
	parcel_download(&p, size);
}
END_TEST

/* Whoever was refused is not told to go on when there is nothing to go on with. */
START_TEST(refused_and_broken)
{
	uint64_t at;

	parcel_create(&p, PARCEL_LARGE);
	faults_arm(1, EIO);
	for (at = 0; image_put(p.image, at, p.file + at, BLOCK); at += BLOCK)
		;
	while (!p.errors)
		parcel_turn(&p);
	(void)faults_disarm();
	ck_assert_uint_eq(p.rooms, 0);
	ck_assert_int_eq(p.error, -EIO);
	ck_assert_int_eq(parcel_finish(&p), -EIO);
}
END_TEST

START_TEST(links_lead_nowhere)
{
	_cleanup_(freep) char *victim = NULL;

	temp_text(p.dir, "victim", "v");
	ck_assert_int_eq(symlink("victim", temp_path(p.dir, STAGING_FILE)), 0);
	ck_assert_int_eq(symlink("victim", temp_path(p.dir, JOURNAL_FILE)), 0);
	image_resume(p.image, "tag", W, parcel_note(&p, 1));
	ck_assert_int_eq(parcel_wait(&p, 1), -ENOENT);
	ck_assert_int_eq(parcel_verify(&p, 1), -EBADMSG);
	parcel_download(&p, W);
	victim = temp_read(p.dir, "victim", NULL);
	ck_assert_str_eq(victim, "v");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image_setbacks");
	TCase *c = tcase_create("image_setbacks");

	tcase_add_unchecked_fixture(c, fill, unfill);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, goes_on);
	tcase_add_test(c, nothing_to_go_on_with);
	tcase_add_test(c, not_what_it_was);
	tcase_add_test(c, another_start_overtakes);
	tcase_add_test(c, discarded_is_gone);
	tcase_add_loop_test(c, discard_at_any_moment, 0, 4);
	tcase_add_loop_test(c, free_at_any_moment, 0, 4);
	tcase_add_test(c, no_room);
	tcase_add_test(c, something_is_missing);
	tcase_add_loop_test(c, every_write_may_fail, 0, 2);
	tcase_add_test(c, refused_and_broken);
	tcase_add_test(c, links_lead_nowhere);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
