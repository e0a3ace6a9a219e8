/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/image.h"

#include "fake/faults.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "ota/journal.h"
#include "ota/staging.h"

#include <errno.h>
#include <fcntl.h>
#include <malloc.h>
#include <openssl/evp.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define W     ((size_t)STAGING_WINDOW)
#define BLOCK 16384u
#define SIZE  (20 * W + 777)
#define LARGE (IMAGE_BACKLOG + SIZE) /* more than may wait */

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

static char *dir;
static sd_event *event;
static struct image *image;
static unsigned char *file;

static unsigned rooms, errors;
static int error;
static unsigned calls; /* completions */
static uint64_t number;
static int result;
static bool canceled; /* the one before the last */

static void on_room(void *userdata)
{
	ck_assert_ptr_eq(userdata, &rooms);
	rooms++;
}

static void on_error(void *userdata, int r)
{
	ck_assert_ptr_eq(userdata, &errors);
	errors++;
	error = r;
}

static void on_done(void *who, uint64_t n, int r)
{
	ck_assert_ptr_eq(who, &calls);
	calls++;
	canceled = result == -ECANCELED;
	number = n;
	result = r;
}

static struct done done(uint64_t n)
{
	return (struct done){ on_done, &calls, n };
}

static void begin(void)
{
	ck_assert_int_eq(image_new(&image, event, dir), 0);
	image_on_room(image, on_room, &rooms);
	image_on_error(image, on_error, &errors);
}

/* Once: under valgrind it takes its time. */
static void fill(void)
{
	uint32_t x = 3;

	file = malloc(IMAGE_MAX_HOST);
	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < IMAGE_MAX_HOST; i++) {
		x = x * 1664525 + 1013904223;
		file[i] = (unsigned char)(x >> 24);
	}
}

static void unfill(void)
{
	free(file);
}

static void setup(void)
{
	rooms = errors = calls = 0;
	canceled = false;
	dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&event), 0);
	begin();
}

static void teardown(void)
{
	image_free(image);
	sd_event_unref(event);
	temp_remove(dir);
}

static void anew(void)
{
	image = image_free(image);
	begin();
}

static void turn(void)
{
	ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
}

/* Until so many completions have come, none of them before this. */
static int wait_for(unsigned n)
{
	ck_assert_uint_lt(calls, n);
	while (calls < n)
		turn();
	ck_assert_uint_eq(calls, n);
	calls = 0;
	return result;
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(temp_path(dir, name), &st) == 0;
}

static void create(uint64_t size)
{
	image_create(image, "tag", size, done(1));
	ck_assert_int_eq(wait_for(1), 0);
	ck_assert_uint_eq(image_have(image), 0);
	ck_assert_uint_eq(image_size(image), size);
}

static void put(uint64_t offset, size_t n)
{
	unsigned before = rooms;

	while (!image_put(image, offset, file + offset, n)) {
		while (rooms == before)
			turn();
		before = rooms;
	}
}

/* All blocks of the file from this byte on. */
static void put_from(uint64_t offset, uint64_t size)
{
	for (; offset < size; offset += BLOCK)
		put(offset, size - offset < BLOCK ? (size_t)(size - offset) : BLOCK);
}

static int finish(void)
{
	image_finish(image, done(2));
	return wait_for(1);
}

static void is_digest(uint64_t size)
{
	unsigned char want[IMAGE_DIGEST];

	ck_assert_int_eq(EVP_Digest(file, (size_t)size, want, NULL, EVP_sha256(), NULL), 1);
	ck_assert_mem_eq(image_digest(image), want, IMAGE_DIGEST);
}

static void download(uint64_t size)
{
	create(size);
	put_from(0, size);
	ck_assert_int_eq(finish(), 0);
	ck_assert_uint_eq(image_have(image), size);
	is_digest(size);
}

static int verify(uint64_t size)
{
	unsigned char digest[IMAGE_DIGEST];

	ck_assert_int_eq(EVP_Digest(file, (size_t)size, digest, NULL, EVP_sha256(), NULL), 1);
	image_verify(image, size, digest, done(3));
	return wait_for(1);
}

static int read_at(uint64_t offset, size_t n)
{
	image_read(image, offset, n, done(4));
	if (!calls)
		return wait_for(1);
	ck_assert_uint_eq(calls, 1);
	calls = 0;
	return result;
}

static void reads(uint64_t offset, size_t n)
{
	const void *data;
	size_t got;

	ck_assert_int_eq(read_at(offset, n), 0);
	data = image_data(image, &got);
	ck_assert_uint_eq(got, n);
	ck_assert(n == 0 || memcmp(data, file + offset, n) == 0);
}

static void reads_all(uint64_t size, size_t step)
{
	for (uint64_t at = 0; at < size; at += step)
		reads(at, size - at < step ? (size_t)(size - at) : step);
}

static void change(off_t offset, const void *data, size_t n)
{
	int fd = open(temp_path(dir, STAGING_FILE), O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, "", 0), 0);
	ck_assert_int_eq(lseek(fd, offset, SEEK_SET), offset);
	ck_assert_int_eq(write(fd, data, n), (ssize_t)n);
	(void)close(fd);
}

/* --- from the cloud to the host --- */

static const uint64_t sizes[] = { 1, BLOCK, W - 1, W, W + 1, SIZE };

START_TEST(comes_and_is_read)
{
	uint64_t size = sizes[_i];

	download(size);
	ck_assert_uint_eq(errors, 0);
	image_publish(image);
	reads_all(size, 2048);
	reads_all(size, 1999);
	reads(size, 0);
	anew();
	ck_assert_int_eq(verify(size), 0);
	is_digest(size);
	ck_assert_uint_eq(image_have(image), size);
	image_publish(image);
	reads_all(size, 2048);
}
END_TEST

START_TEST(in_any_order)
{
	const unsigned blocks = SIZE / BLOCK + 1;

	create(SIZE);
	/* Groups of 16, each backwards, some blocks twice, something behind the end. */
	for (unsigned group = 0; group < blocks; group += 16) {
		for (unsigned i = 16; i-- > 0;) {
			uint64_t at = (uint64_t)(group + i) * BLOCK;

			if (at >= SIZE)
				continue;
			put(at, SIZE - at < BLOCK ? (size_t)(SIZE - at) : BLOCK);
			if (i % 5 == 0)
				put(at, SIZE - at < BLOCK ? (size_t)(SIZE - at) : BLOCK);
		}
	}
	ck_assert(image_put(image, SIZE, "x", 1));
	ck_assert(image_put(image, SIZE - 1, "xx", 2));
	ck_assert(image_put(image, UINT64_MAX, "x", 1));
	ck_assert(image_put(image, 0, file, 0));
	ck_assert_int_eq(finish(), 0);
	is_digest(SIZE);
	image_publish(image);
	reads_all(SIZE, 30000);
}
END_TEST

START_TEST(have_grows)
{
	uint64_t have = 0;

	create(SIZE);
	put(BLOCK, BLOCK);
	ck_assert_uint_eq(image_have(image), 0);
	put(0, BLOCK);
	while (image_have(image) < 2 * BLOCK) {
		turn();
		ck_assert_uint_ge(image_have(image), have);
		have = image_have(image);
	}
	ck_assert_uint_eq(have, 2 * BLOCK);
}
END_TEST

/* --- the backlog --- */

START_TEST(no_more_than_may_wait)
{
	uint64_t at;

	create(LARGE);
	/* The loop does not run: what comes has to wait, and some of it is refused. */
	for (at = 0; at < LARGE && image_put(image, at, file + at, BLOCK); at += BLOCK)
		;
	ck_assert_uint_le(at, IMAGE_BACKLOG);
	ck_assert_uint_ge(at, IMAGE_BACKLOG - 2 * BLOCK);
	ck_assert(!image_put(image, at, file + at, BLOCK));
	ck_assert_uint_eq(rooms, 0);
	while (rooms == 0)
		turn();
	/* Told once, until the next refusal. */
	while (image_have(image) < at)
		turn();
	ck_assert_uint_eq(rooms, 1);
	put_from(at, LARGE);
	ck_assert_int_eq(finish(), 0);
	is_digest(LARGE);
}
END_TEST

/* The backlog is full of blocks that wait for one that was lost: that one is taken. */
START_TEST(a_gap)
{
	uint64_t at;

	create(LARGE);
	for (at = BLOCK; image_put(image, at, file + at, BLOCK); at += BLOCK)
		ck_assert_uint_lt(at, LARGE);
	ck_assert_uint_le(at, IMAGE_BACKLOG + BLOCK);
	ck_assert_uint_eq(image_have(image), 0);
	ck_assert(!image_put(image, at + BLOCK, file + at + BLOCK, BLOCK));
	ck_assert(image_put(image, 0, file, BLOCK));
	while (rooms == 0)
		turn();
	put_from(at, LARGE);
	ck_assert_int_eq(finish(), 0);
	is_digest(LARGE);
}
END_TEST

/* One that is larger than all that may wait. */
START_TEST(a_large_piece)
{
	create(LARGE);
	ck_assert(image_put(image, 0, file, LARGE - 5));
	ck_assert(!image_put(image, LARGE - 5, file + LARGE - 5, 5));
	while (rooms == 0)
		turn();
	ck_assert(image_put(image, LARGE - 5, file + LARGE - 5, 5));
	ck_assert_int_eq(finish(), 0);
	is_digest(LARGE);
}
END_TEST

static size_t most_for(uint64_t size)
{
	most_in_use = in_use;
	download(size);
	image_publish(image);
	reads_all(size, 2048);
	anew();
	ck_assert_int_eq(verify(size), 0);
	image_publish(image);
	reads_all(size, W);
	image_discard(image);
	return most_in_use;
}

START_TEST(memory_does_not_grow_with_the_image)
{
	size_t before, little, much;

	anew();
	before = in_use;
	little = most_for(2 << 20) - before;
	much = most_for(IMAGE_MAX_HOST) - before;
	ck_assert_uint_gt(little, BLOCK);
	/* What may wait, two windows, and what is on its way. */
	ck_assert_uint_lt(much, IMAGE_BACKLOG + 4 * W);
	ck_assert_uint_lt(little, IMAGE_BACKLOG + 4 * W);
	anew();
	ck_assert_uint_lt(in_use, before + 1000);
}
END_TEST

/* --- after a restart --- */

START_TEST(goes_on)
{
	uint64_t have;

	create(SIZE);
	for (uint64_t at = 0; at < 18 * W; at += BLOCK)
		put(at, BLOCK);
	while (image_have(image) < 18 * W)
		turn();
	anew();
	image_resume(image, "other", SIZE, done(1));
	ck_assert_int_eq(wait_for(1), -ENOENT);
	image_resume(image, "tag", SIZE + 1, done(1));
	ck_assert_int_eq(wait_for(1), -ENOENT);
	image_resume(image, "tag", SIZE, done(1));
	ck_assert_int_eq(wait_for(1), 0);
	have = image_have(image);
	ck_assert_uint_ge(have, STAGING_JOURNAL_BYTES);
	ck_assert_uint_le(have, 18 * W);
	ck_assert_uint_eq(have % W, 0);
	put_from(have, SIZE);
	ck_assert_int_eq(finish(), 0);
	is_digest(SIZE);
}
END_TEST

START_TEST(nothing_to_go_on_with)
{
	image_resume(image, "tag", SIZE, done(1));
	ck_assert_int_eq(wait_for(1), -ENOENT);
	/* Nothing is expected. */
	ck_assert(image_put(image, 0, file, BLOCK));
	image_finish(image, done(2));
	ck_assert_int_eq(wait_for(1), -EINVAL);
	ck_assert(!exists(STAGING_FILE));
	download(W);
}
END_TEST

START_TEST(not_what_it_was)
{
	unsigned char digest[IMAGE_DIGEST] = { 0 };

	download(SIZE);
	anew();
	image_verify(image, SIZE, digest, done(3));
	ck_assert_int_eq(wait_for(1), -EBADMSG);
	ck_assert_int_eq(read_at(0, 1), -EACCES);
	ck_assert_int_eq(verify(SIZE - 1), -EBADMSG);
	change(17 * (off_t)W, (char[]){ (char)(file[17 * W] ^ 1) }, 1);
	ck_assert_int_eq(verify(SIZE), -EBADMSG);
	change(17 * (off_t)W, file + 17 * W, 1);
	ck_assert_int_eq(verify(SIZE), 0);
	ck_assert_int_eq(unlink(temp_path(dir, STAGING_FILE)), 0);
	ck_assert_int_eq(verify(SIZE), -ENOENT);
}
END_TEST

/* --- reading --- */

START_TEST(never_before)
{
	create(W);
	ck_assert_int_eq(read_at(0, 1), -EACCES);
	put_from(0, W);
	ck_assert_int_eq(read_at(0, 1), -EACCES);
	ck_assert_int_eq(finish(), 0);
	ck_assert_int_eq(read_at(0, 1), -EACCES);
	image_publish(image);
	reads(0, 1);
	image_discard(image);
	ck_assert_int_eq(read_at(0, 1), -EACCES);
	create(W);
	ck_assert_int_eq(read_at(0, 1), -EACCES);
}
END_TEST

START_TEST(anywhere)
{
	uint32_t x = 7;

#define RANDOM() ((x = x * 1664525 + 1013904223) >> 8)
	download(SIZE);
	image_publish(image);
	for (unsigned i = 0; i < 300; i++) {
		uint64_t at = RANDOM() % (SIZE + 10);
		size_t n = RANDOM() % (IMAGE_MAX_READ + 1);

		reads(at < SIZE ? at : SIZE, at < SIZE ? (n < SIZE - at ? n : (size_t)(SIZE - at)) : 0);
	}
	ck_assert_int_eq(read_at(0, SIZE_MAX), 0);
	image_data(image, &(size_t){ 0 });
	ck_assert_int_eq(read_at(UINT64_MAX, 5), 0);
}
END_TEST

/* In memory: the answer does not wait for a turn of the loop. */
START_TEST(ahead_of_the_host)
{
	uint64_t window = UINT64_MAX;

	download(SIZE);
	image_publish(image);
	for (uint64_t at = 0; at + 2000 <= SIZE; at += 2000) {
		image_read(image, at, 2000, done(4));
		if (at == 0)
			ck_assert_int_eq(wait_for(1), 0);
		else
			ck_assert_uint_eq(calls, 1);
		calls = 0;
		/* The host takes its time: the next window comes, if there is one. */
		if ((at + 1999) / W != window && (at + 1999) / W < SIZE / W)
			turn();
		window = (at + 1999) / W;
	}
}
END_TEST

START_TEST(changed_behind_our_back)
{
	download(SIZE);
	image_publish(image);
	reads(0, 100);
	change(10 * (off_t)W + 5, (char[]){ (char)(file[10 * W + 5] ^ 4) }, 1);
	for (uint64_t at = 0; at < SIZE; at += 2048) {
		size_t n = SIZE - at < 2048 ? (size_t)(SIZE - at) : 2048;

		if (at / W == 10)
			ck_assert_int_eq(read_at(at, n), -EBADMSG);
		else
			reads(at, n);
	}
	/* A part of it in a good window: not even that. */
	ck_assert_int_eq(read_at(10 * W - 1000, 1001), -EBADMSG);
	ck_assert_int_eq(read_at(11 * W - 1, 2), -EBADMSG);
	reads(10 * W - 1000, 1000);
	/* What was read ahead is done with; it is found again as it was. */
	reads(0, 100);
	change(10 * (off_t)W + 5, file + 10 * W + 5, 1);
	reads(10 * W, W);
	/* Now it shrinks. */
	ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), (off_t)(15 * W)), 0);
	ck_assert_int_eq(read_at(18 * W, 10), -EBADMSG);
}
END_TEST

START_TEST(the_next_question_overtakes)
{
	const void *data;
	size_t n;

	download(SIZE);
	image_publish(image);
	image_read(image, 0, 10, done(5));
	image_read(image, 5 * W, 10, done(6));
	ck_assert_int_eq(wait_for(2), 0);
	ck_assert(canceled);
	ck_assert_uint_eq(number, 6);
	data = image_data(image, &n);
	ck_assert_uint_eq(n, 10);
	ck_assert_mem_eq(data, file + 5 * W, 10);
}
END_TEST

/* --- giving up --- */

START_TEST(another_start_overtakes)
{
	image_create(image, "first", SIZE, done(1));
	image_create(image, "second", W, done(2));
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(wait_for(2), 0);
	ck_assert(canceled);
	ck_assert_uint_eq(number, 2);
	put_from(0, W);
	image_finish(image, done(3));
	image_resume(image, "second", W, done(4));
	ck_assert_int_eq(wait_for(2), 0);
	ck_assert(canceled);
	ck_assert_uint_eq(number, 4);
	put_from(image_have(image), W);
	ck_assert_int_eq(finish(), 0);
	is_digest(W);
}
END_TEST

START_TEST(discarded_is_gone)
{
	download(W);
	image_discard(image);
	ck_assert_uint_eq(image_have(image), 0);
	/* What follows comes after it. */
	image_resume(image, "tag", W, done(1));
	ck_assert_int_eq(wait_for(1), -ENOENT);
	ck_assert(!exists(STAGING_FILE));
	ck_assert(!exists(JOURNAL_FILE));
	image_discard(image);
	download(W);
	/* Without anything that follows, too. */
	image_discard(image);
	while (exists(STAGING_FILE) || exists(JOURNAL_FILE))
		turn();
}
END_TEST

static void until_idle(void)
{
	image_resume(image, "no such download", 1, done(99));
	while (number != 99)
		turn();
	ck_assert_int_eq(result, -ENOENT);
}

/* A turn of the loop, or a little while in which there is none. */
static void moment(void)
{
	ck_assert_int_ge(sd_event_run(event, 300), 0);
}

/* At any moment of any operation: one completion, and nothing is left. */
START_TEST(discard_at_any_moment)
{
	const unsigned char digest[IMAGE_DIGEST] = { 0 };
	uint32_t x = (uint32_t)_i + 11;

	for (unsigned i = 0; i < 30; i++) {
		unsigned turns = RANDOM() % 16, asked = 1;

		calls = 0;
		number = 0;
		image_create(image, "tag", 2 * W, done(1));
		while (turns-- > 0) {
			if (calls == 1 && asked == 1 && result == 0) {
				ck_assert(image_put(image, 0, file, W));
				ck_assert(image_put(image, W, file + W, W));
				image_finish(image, done(2));
				asked = 2;
			} else if (calls == 2 && asked == 2 && result == 0) {
				image_publish(image);
				image_read(image, W - 1, 2, done(3));
				asked = 3;
			} else if (calls == 3 && asked == 3) {
				image_verify(image, 2 * W, digest, done(4));
				asked = 4;
			}
			moment();
		}
		image_discard(image);
		until_idle();
		ck_assert_uint_eq(calls, asked + 1);
		ck_assert(!exists(STAGING_FILE));
		ck_assert(!exists(JOURNAL_FILE));
	}
	ck_assert_uint_eq(errors, 0);
}
END_TEST

START_TEST(free_at_any_moment)
{
	uint32_t x = (uint32_t)_i + 5;

	for (unsigned i = 0; i < 20; i++) {
		unsigned turns = RANDOM() % 6;

		calls = 0;
		image_create(image, "tag", 2 * W, done(1));
		while (turns-- > 0) {
			if (calls == 1) {
				ck_assert(image_put(image, W, file + W, W));
				ck_assert(image_put(image, 0, file, W));
				image_finish(image, done(2));
				calls = 2;
			}
			moment();
		}
		if (i % 2)
			image_discard(image);
		calls = 0;
		anew();
		ck_assert_int_eq(sd_event_run(event, 0), 0);
		ck_assert_uint_eq(calls, 0);
	}
	ck_assert_ptr_null(image_free(NULL));
}
END_TEST

/* --- the disk --- */

START_TEST(no_room)
{
	faults_room(2 * W + STAGING_RESERVE);
	image_create(image, "tag", W, done(1));
	ck_assert_int_eq(wait_for(1), 0);
	image_create(image, "tag", SIZE, done(1));
	ck_assert_int_eq(wait_for(1), -ENOSPC);
	ck_assert(!exists(STAGING_FILE));
	ck_assert(image_put(image, 0, file, BLOCK));
	faults_room(UINT64_MAX);
	image_create(image, "tag", 0, done(1));
	ck_assert_int_eq(wait_for(1), -EFBIG);
	image_create(image, "tag", IMAGE_MAX_SIZE + 1, done(1));
	ck_assert_int_eq(wait_for(1), -EFBIG);
	download(W);
}
END_TEST

START_TEST(something_is_missing)
{
	create(SIZE);
	put(BLOCK, BLOCK);
	ck_assert_int_eq(finish(), -ENODATA);
	/* It may still come. */
	put_from(0, SIZE - 1);
	ck_assert_int_eq(finish(), -ENODATA);
	put(SIZE - 1, 1);
	ck_assert_int_eq(finish(), 0);
	is_digest(SIZE);
	ck_assert_int_eq(finish(), -EINVAL);
}
END_TEST

/* The n-th write, sync, reservation fails, for every n: it is told once, and the next download is whole. */
START_TEST(every_write_may_fail)
{
	const uint64_t size = 3 * W + 7;
	unsigned n;

	for (n = 1; n < 100; n++) {
		bool failed;

		errors = 0;
		faults_arm(n, _i ? EIO : ENOSPC);
		image_create(image, "tag", size, done(1));
		if (wait_for(1) == 0) {
			put_from(0, size);
			/* So that some fail before it is asked to finish, and some after. */
			while (n % 2 && image_have(image) < size && !errors)
				turn();
			result = finish();
		}
		failed = faults_disarm();
		if (!failed)
			break;
		if (errors) {
			ck_assert_uint_eq(errors, 1);
			ck_assert_int_eq(error, _i ? -EIO : -ENOSPC);
			ck_assert_int_eq(result, -EIO);
		} else {
			ck_assert_int_eq(result, _i ? -EIO : -ENOSPC);
		}
		ck_assert_int_eq(finish(), image_size(image) && exists(STAGING_FILE) ? -EIO : -EINVAL);
		ck_assert(image_put(image, 0, file, BLOCK));
		ck_assert_int_eq(read_at(0, 1), -EACCES);
		if (n % 3 == 0)
			image_discard(image);
	}
	ck_assert_uint_gt(n, 15);
	ck_assert_uint_lt(n, 100);
	is_digest(size);
	download(size);
}
END_TEST

/* Whoever was refused is not told to go on when there is nothing to go on with. */
START_TEST(refused_and_broken)
{
	uint64_t at;

	create(LARGE);
	faults_arm(1, EIO);
	for (at = 0; image_put(image, at, file + at, BLOCK); at += BLOCK)
		;
	while (!errors)
		turn();
	(void)faults_disarm();
	ck_assert_uint_eq(rooms, 0);
	ck_assert_int_eq(error, -EIO);
	ck_assert_int_eq(finish(), -EIO);
}
END_TEST

START_TEST(links_lead_nowhere)
{
	_cleanup_(freep) char *victim = NULL;

	temp_text(dir, "victim", "v");
	ck_assert_int_eq(symlink("victim", temp_path(dir, STAGING_FILE)), 0);
	ck_assert_int_eq(symlink("victim", temp_path(dir, JOURNAL_FILE)), 0);
	image_resume(image, "tag", W, done(1));
	ck_assert_int_eq(wait_for(1), -ENOENT);
	ck_assert_int_eq(verify(1), -EBADMSG);
	download(W);
	victim = temp_read(dir, "victim", NULL);
	ck_assert_str_eq(victim, "v");
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
	tcase_add_test(c, goes_on);
	tcase_add_test(c, nothing_to_go_on_with);
	tcase_add_test(c, not_what_it_was);
	tcase_add_test(c, never_before);
	tcase_add_test(c, anywhere);
	tcase_add_test(c, ahead_of_the_host);
	tcase_add_test(c, changed_behind_our_back);
	tcase_add_test(c, the_next_question_overtakes);
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
