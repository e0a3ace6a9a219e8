/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/image.h"

#include "fake/parcel.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <malloc.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#define W     PARCEL_W
#define BLOCK PARCEL_BLOCK

/* --- memory: the linker puts these in the place of malloc() and its like --- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
void __real_free(void *p);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
void __wrap_free(void *p);

static atomic_size_t in_use, most_in_use;

static void *count(void *p)
{
	size_t now = atomic_fetch_add(&in_use, malloc_usable_size(p)) + malloc_usable_size(p);

	if (now > most_in_use)
		most_in_use = now;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return count(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return count(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	atomic_fetch_sub(&in_use, malloc_usable_size(p));
	return count(__real_realloc(p, n));
}

void __wrap_free(void *p)
{
	atomic_fetch_sub(&in_use, malloc_usable_size(p));
	__real_free(p);
}

/* --- the stage --- */

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

static void reads(uint64_t offset, size_t n)
{
	const void *data;
	size_t got;

	ck_assert_int_eq(parcel_read(&p, offset, n), 0);
	data = image_data(p.image, &got);
	ck_assert_uint_eq(got, n);
	ck_assert(n == 0 || memcmp(data, p.file + offset, n) == 0);
}

static void reads_all(uint64_t size, size_t step)
{
	for (uint64_t at = 0; at < size; at += step)
		reads(at, size - at < step ? (size_t)(size - at) : step);
}

/* --- from the cloud to the host --- */

static const uint64_t sizes[] = { 1, BLOCK, W - 1, W, W + 1, PARCEL_SIZE };

START_TEST(comes_and_is_read)
{
	uint64_t size = sizes[_i];

	parcel_download(&p, size);
	ck_assert_uint_eq(p.errors, 0);
	image_publish(p.image);
	reads_all(size, 2048);
	reads_all(size, 1999);
	reads(size, 0);
	parcel_anew(&p);
	ck_assert_int_eq(parcel_verify(&p, size), 0);
	parcel_digest_is(&p, size);
	ck_assert_uint_eq(image_have(p.image), size);
	image_publish(p.image);
	reads_all(size, 2048);
}
END_TEST

START_TEST(in_any_order)
{
	const unsigned blocks = PARCEL_SIZE / BLOCK + 1;

	parcel_create(&p, PARCEL_SIZE);
	/* Groups of 16, each backwards, some blocks twice, something behind the end. */
	for (unsigned group = 0; group < blocks; group += 16) {
		for (unsigned i = 16; i-- > 0;) {
			uint64_t at = (uint64_t)(group + i) * BLOCK;

			if (at >= PARCEL_SIZE)
				continue;
			parcel_put(&p, at, PARCEL_SIZE - at < BLOCK ? (size_t)(PARCEL_SIZE - at) : BLOCK);
			if (i % 5 == 0)
				parcel_put(&p, at, PARCEL_SIZE - at < BLOCK ? (size_t)(PARCEL_SIZE - at) : BLOCK);
		}
	}
	ck_assert(image_put(p.image, PARCEL_SIZE, "x", 1));
	ck_assert(image_put(p.image, PARCEL_SIZE - 1, "xx", 2));
	ck_assert(image_put(p.image, UINT64_MAX, "x", 1));
	ck_assert(image_put(p.image, 0, p.file, 0));
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, PARCEL_SIZE);
	image_publish(p.image);
	reads_all(PARCEL_SIZE, 30000);
}
END_TEST

START_TEST(have_grows)
{
	uint64_t have = 0;

	parcel_create(&p, PARCEL_SIZE);
	parcel_put(&p, BLOCK, BLOCK);
	ck_assert_uint_eq(image_have(p.image), 0);
	parcel_put(&p, 0, BLOCK);
	while (image_have(p.image) < 2 * BLOCK) {
		parcel_turn(&p);
		ck_assert_uint_ge(image_have(p.image), have);
		have = image_have(p.image);
	}
	ck_assert_uint_eq(have, 2 * BLOCK);
}
END_TEST

/* --- the backlog --- */

START_TEST(no_more_than_may_wait)
{
	uint64_t at;

	parcel_create(&p, PARCEL_LARGE);
	/* The loop does not run: what comes has to wait, and some of it is refused. */
	for (at = 0; at < PARCEL_LARGE && image_put(p.image, at, p.file + at, BLOCK); at += BLOCK)
		;
	ck_assert_uint_le(at, IMAGE_BACKLOG);
	ck_assert_uint_ge(at, IMAGE_BACKLOG - 2 * BLOCK);
	ck_assert(!image_put(p.image, at, p.file + at, BLOCK));
	ck_assert_uint_eq(p.rooms, 0);
	while (p.rooms == 0)
		parcel_turn(&p);
	/* Told once, until the next refusal. */
	while (image_have(p.image) < at)
		parcel_turn(&p);
	ck_assert_uint_eq(p.rooms, 1);
	parcel_put_from(&p, at, PARCEL_LARGE);
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, PARCEL_LARGE);
}
END_TEST

/* The backlog is full of blocks that wait for one that was lost: that one is taken. */
START_TEST(a_gap)
{
	uint64_t at;

	parcel_create(&p, PARCEL_LARGE);
	for (at = BLOCK; image_put(p.image, at, p.file + at, BLOCK); at += BLOCK)
		ck_assert_uint_lt(at, PARCEL_LARGE);
	ck_assert_uint_le(at, IMAGE_BACKLOG + BLOCK);
	ck_assert_uint_eq(image_have(p.image), 0);
	ck_assert(!image_put(p.image, at + BLOCK, p.file + at + BLOCK, BLOCK));
	ck_assert(image_put(p.image, 0, p.file, BLOCK));
	while (p.rooms == 0)
		parcel_turn(&p);
	parcel_put_from(&p, at, PARCEL_LARGE);
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, PARCEL_LARGE);
}
END_TEST

/* One that is larger than all that may wait. */
START_TEST(a_large_piece)
{
	parcel_create(&p, PARCEL_LARGE);
	ck_assert(image_put(p.image, 0, p.file, PARCEL_LARGE - 5));
	ck_assert(!image_put(p.image, PARCEL_LARGE - 5, p.file + PARCEL_LARGE - 5, 5));
	while (p.rooms == 0)
		parcel_turn(&p);
	ck_assert(image_put(p.image, PARCEL_LARGE - 5, p.file + PARCEL_LARGE - 5, 5));
	ck_assert_int_eq(parcel_finish(&p), 0);
	parcel_digest_is(&p, PARCEL_LARGE);
}
END_TEST

static size_t most_for(uint64_t size)
{
	most_in_use = in_use;
	parcel_download(&p, size);
	image_publish(p.image);
	reads_all(size, 2048);
	parcel_anew(&p);
	ck_assert_int_eq(parcel_verify(&p, size), 0);
	image_publish(p.image);
	reads_all(size, W);
	image_discard(p.image);
	return most_in_use;
}

START_TEST(memory_does_not_grow_with_the_image)
{
	size_t before, little, much;

	parcel_anew(&p);
	before = in_use;
	little = most_for(2 << 20) - before;
	much = most_for(IMAGE_MAX_HOST) - before;
	ck_assert_uint_gt(little, BLOCK);
	/* What may wait, two windows, and what is on its way. */
	ck_assert_uint_lt(much, IMAGE_BACKLOG + 4 * W);
	ck_assert_uint_lt(little, IMAGE_BACKLOG + 4 * W);
	parcel_anew(&p);
	ck_assert_uint_lt(in_use, before + 1000);
}
END_TEST

/* --- reading --- */

START_TEST(never_before)
{
	parcel_create(&p, W);
	ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
	parcel_put_from(&p, 0, W);
	ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
	ck_assert_int_eq(parcel_finish(&p), 0);
	ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
	image_publish(p.image);
	reads(0, 1);
	image_discard(p.image);
	ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
	parcel_create(&p, W);
	ck_assert_int_eq(parcel_read(&p, 0, 1), -EACCES);
}
END_TEST

START_TEST(anywhere)
{
	uint32_t x = 7;

	parcel_download(&p, PARCEL_SIZE);
	image_publish(p.image);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t at = parcel_random(&x) % (PARCEL_SIZE + 10);
		size_t n = parcel_random(&x) % (IMAGE_MAX_READ + 1);

		reads(at < PARCEL_SIZE ? at : PARCEL_SIZE,
		      at < PARCEL_SIZE ? (n < PARCEL_SIZE - at ? n : (size_t)(PARCEL_SIZE - at)) : 0);
	}
	ck_assert_int_eq(parcel_read(&p, 0, SIZE_MAX), 0);
	image_data(p.image, &(size_t){ 0 });
	ck_assert_int_eq(parcel_read(&p, UINT64_MAX, 5), 0);
}
END_TEST

/* In memory: the answer does not wait for a turn of the loop. */
START_TEST(ahead_of_the_host)
{
	uint64_t window = UINT64_MAX;

	parcel_download(&p, PARCEL_SIZE);
	image_publish(p.image);
	for (uint64_t at = 0; at + 2000 <= PARCEL_SIZE; at += 2000) {
		image_read(p.image, at, 2000, parcel_note(&p, 4));
		if (at == 0)
			ck_assert_int_eq(parcel_wait(&p, 1), 0);
		else
			ck_assert_uint_eq(p.calls, 1);
		p.calls = 0;
		/* The host takes its time: the next window comes, if there is one. */
		if ((at + 1999) / W != window && (at + 1999) / W < PARCEL_SIZE / W)
			parcel_turn(&p);
		window = (at + 1999) / W;
	}
}
END_TEST

START_TEST(changed_behind_our_back)
{
	parcel_download(&p, PARCEL_SIZE);
	image_publish(p.image);
	reads(0, 100);
	temp_change(p.dir, STAGING_FILE, 10 * (off_t)W + 5, (char[]){ (char)(p.file[10 * W + 5] ^ 4) }, 1);
	for (uint64_t at = 0; at < PARCEL_SIZE; at += 2048) {
		size_t n = PARCEL_SIZE - at < 2048 ? (size_t)(PARCEL_SIZE - at) : 2048;

		if (at / W == 10)
			ck_assert_int_eq(parcel_read(&p, at, n), -EBADMSG);
		else
			reads(at, n);
	}
	/* A part of it in a good window: not even that. */
	ck_assert_int_eq(parcel_read(&p, 10 * W - 1000, 1001), -EBADMSG);
	ck_assert_int_eq(parcel_read(&p, 11 * W - 1, 2), -EBADMSG);
	reads(10 * W - 1000, 1000);
	/* What was read ahead is done with; it is found again as it was. */
	reads(0, 100);
	temp_change(p.dir, STAGING_FILE, 10 * (off_t)W + 5, p.file + 10 * W + 5, 1);
	reads(10 * W, W);
	/* Now it shrinks. */
	ck_assert_int_eq(truncate(temp_path(p.dir, STAGING_FILE), (off_t)(15 * W)), 0);
	ck_assert_int_eq(parcel_read(&p, 18 * W, 10), -EBADMSG);
}
END_TEST

START_TEST(the_next_question_overtakes)
{
	const void *data;
	size_t n;

	parcel_download(&p, PARCEL_SIZE);
	image_publish(p.image);
	image_read(p.image, 0, 10, parcel_note(&p, 5));
	image_read(p.image, 5 * W, 10, parcel_note(&p, 6));
	ck_assert_int_eq(parcel_wait(&p, 2), 0);
	ck_assert(p.canceled);
	ck_assert_uint_eq(p.number, 6);
	data = image_data(p.image, &n);
	ck_assert_uint_eq(n, 10);
	ck_assert_mem_eq(data, p.file + 5 * W, 10);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("image");
	TCase *c = tcase_create("image");

	tcase_add_unchecked_fixture(c, fill, unfill);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, comes_and_is_read, 0, ELEMENTS(sizes));
	tcase_add_test(c, in_any_order);
	tcase_add_test(c, have_grows);
	tcase_add_test(c, no_more_than_may_wait);
	tcase_add_test(c, a_gap);
	tcase_add_test(c, a_large_piece);
	tcase_add_test(c, memory_does_not_grow_with_the_image);
	tcase_add_test(c, never_before);
	tcase_add_test(c, anywhere);
	tcase_add_test(c, ahead_of_the_host);
	tcase_add_test(c, changed_behind_our_back);
	tcase_add_test(c, the_next_question_overtakes);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
