/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/staging.h"

#include "fake/faults.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"
#include "ota/image.h"
#include "ota/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define W        ((size_t)STAGING_WINDOW)
#define MAX_SIZE (3 * STAGING_JOURNAL_BYTES + 12345)

static char *dir;
static struct staging *staging;
static unsigned char *file; /* what is downloaded */
static atomic_uint_least64_t reached;

/* Once: under valgrind it takes its time. */
static void fill(void)
{
	uint32_t x = 1;

	file = malloc(MAX_SIZE);
	ck_assert_ptr_nonnull(file);
	for (size_t i = 0; i < MAX_SIZE; i++) {
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
	dir = temp_dir();
	reached = 0;
	ck_assert_int_eq(staging_new(&staging, dir), 0);
}

static void teardown(void)
{
	staging_free(staging);
	temp_remove(dir);
}

/* A restart; what was under way is done. */
static void anew(void)
{
	staging = staging_free(staging);
	ck_assert_int_eq(staging_new(&staging, dir), 0);
}

static bool exists(const char *name)
{
	struct stat st;

	return lstat(temp_path(dir, name), &st) == 0;
}

static void create(uint64_t size)
{
	ck_assert_int_eq(staging_create(staging, "tag", size), 0);
	ck_assert_uint_eq(staging_have(staging), 0);
}

/* Up to this byte, in pieces of this size. */
static int try_append(uint64_t to, size_t piece)
{
	int r = 0;

	while (r == 0 && staging_have(staging) < to) {
		uint64_t at = staging_have(staging);
		size_t n = to - at < piece ? (size_t)(to - at) : piece;

		r = staging_append(staging, file + at, n);
		if (r == 0)
			ck_assert_uint_eq(staging_have(staging), at + n);
	}
	return r;
}

static void append(uint64_t to, size_t piece)
{
	ck_assert_int_eq(try_append(to, piece), 0);
}

static void digest_is(const unsigned char *digest, uint64_t size)
{
	unsigned char want[DIGEST_SIZE];

	ck_assert_int_eq(EVP_Digest(file, (size_t)size, want, NULL, EVP_sha256(), NULL), 1);
	ck_assert_mem_eq(digest, want, DIGEST_SIZE);
}

static void disk_has(uint64_t n)
{
	_cleanup_(freep) char *data = NULL;
	size_t have;

	data = temp_read(dir, STAGING_FILE, &have);
	ck_assert_ptr_nonnull(data);
	ck_assert_uint_ge(have, n);
	ck_assert(memcmp(data, file, (size_t)n) == 0);
}

static void finish(uint64_t size)
{
	append(size, 50000);
	ck_assert_int_eq(staging_finish(staging), 0);
	digest_is(staging_digest(staging), size);
	disk_has(size);
}

/* All that can be taken up. */
static uint64_t resume(uint64_t size)
{
	int r;

	ck_assert_int_eq(staging_open(staging, "tag", size), 0);
	while ((r = staging_resume(staging)) == 1)
		;
	ck_assert_int_eq(r, 0);
	disk_has(staging_have(staging));
	return staging_have(staging);
}

static int verify(uint64_t size)
{
	int r = staging_open_whole(staging, size);

	if (r < 0)
		return r;
	while ((r = staging_verify(staging)) == 1)
		;
	return r;
}

/* Bytes of the journal's first line. */
static size_t header(void)
{
	_cleanup_(freep) char *text = temp_read(dir, JOURNAL_FILE, NULL);

	ck_assert_ptr_nonnull(text);
	return strcspn(text, "\n") + 1;
}

static void change(const char *name, off_t offset, const char *bytes, size_t n)
{
	int fd = open(temp_path(dir, name), O_WRONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, bytes, n, offset), (ssize_t)n);
	(void)close(fd);
}

static const uint64_t sizes[] = { 1, W - 1, W, W + 1, 2 * W, STAGING_JOURNAL_BYTES + 1, MAX_SIZE };

START_TEST(from_the_beginning_to_the_end)
{
	static const size_t pieces[] = { 7, 1000, 16384, W, 3 * W + 1 };
	uint64_t size = sizes[_i];
	struct stat st;

	for (unsigned k = size > 2 * W; k < ELEMENTS(pieces); k++) {
		create(size);
		append(size, pieces[k]);
		finish(size);
		ck_assert_int_eq(stat(temp_path(dir, STAGING_FILE), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, size);
		ck_assert_uint_eq(st.st_mode & 07777, 0600);
		/* A line for each window, and no more. */
		ck_assert_int_eq(stat(temp_path(dir, JOURNAL_FILE), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, header() + (size + W - 1) / W * JOURNAL_LINE);
		/* Nothing more fits. */
		ck_assert_int_eq(staging_append(staging, "x", 1), -EFBIG);
	}
}
END_TEST

START_TEST(room_is_reserved)
{
	struct stat st;
	mode_t old = umask(0277);

	create(MAX_SIZE);
	umask(old);
	ck_assert_int_eq(stat(temp_path(dir, STAGING_FILE), &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, MAX_SIZE);
	ck_assert_uint_ge((uint64_t)st.st_blocks * 512, MAX_SIZE);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(temp_path(dir, JOURNAL_FILE), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_uint_ge((uint64_t)st.st_size, MAX_SIZE / W * JOURNAL_LINE);
}
END_TEST

START_TEST(the_largest)
{
	create(IMAGE_MAX_SIZE);
	anew();
	ck_assert_uint_eq(resume(IMAGE_MAX_SIZE), 0);
	ck_assert_int_eq(staging_remove(staging), 0);
}
END_TEST

START_TEST(sizes_have_limits)
{
	ck_assert_int_eq(staging_create(staging, "tag", 0), -EFBIG);
	ck_assert_int_eq(staging_create(staging, "tag", IMAGE_MAX_SIZE + 1), -EFBIG);
	ck_assert_int_eq(staging_create(staging, "tag", UINT64_MAX), -EFBIG);
	ck_assert_int_eq(staging_create(staging, "tag", IMAGE_MAX_HOST), 0);
	ck_assert_int_eq(staging_open(staging, "tag", 0), -ENOENT);
	ck_assert_int_eq(staging_open(staging, "tag", UINT64_MAX), -ENOENT);
	ck_assert_int_eq(staging_open_whole(staging, 0), -EBADMSG);
	ck_assert_int_eq(staging_open_whole(staging, UINT64_MAX), -EBADMSG);
	create(100);
	ck_assert_int_eq(staging_append(staging, file, 101), -EFBIG);
	ck_assert_int_eq(staging_append(staging, file, 50), 0);
	ck_assert_int_eq(staging_append(staging, file + 50, 51), -EFBIG);
	ck_assert_int_eq(staging_finish(staging), -ENODATA);
	finish(100);
}
END_TEST

START_TEST(what_was_there_goes)
{
	struct stat before, after;

	create(MAX_SIZE);
	append(MAX_SIZE, W);
	ck_assert_int_eq(stat(temp_path(dir, STAGING_FILE), &before), 0);
	ck_assert_int_eq(staging_create(staging, "other", 10), 0);
	ck_assert_int_eq(stat(temp_path(dir, STAGING_FILE), &after), 0);
	ck_assert_uint_eq((uint64_t)after.st_size, 10);
	ck_assert_int_eq(staging_open(staging, "tag", MAX_SIZE), -ENOENT);
	ck_assert_int_eq(staging_remove(staging), 0);
	ck_assert(!exists(STAGING_FILE));
	ck_assert(!exists(JOURNAL_FILE));
	ck_assert_int_eq(staging_remove(staging), 0);
}
END_TEST

/* --- the journal --- */

START_TEST(every_so_many_bytes)
{
	create(MAX_SIZE);
	append(STAGING_JOURNAL_BYTES - 1, 16384);
	anew();
	ck_assert_uint_eq(resume(MAX_SIZE), 0);
	append(STAGING_JOURNAL_BYTES, 16384);
	anew();
	ck_assert_uint_eq(resume(MAX_SIZE), STAGING_JOURNAL_BYTES);
	append(2 * STAGING_JOURNAL_BYTES + 3 * W + 5, 16384);
	anew();
	ck_assert_uint_eq(resume(MAX_SIZE), 2 * STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(a_part_of_a_large_file)
{
	const uint64_t size = 2 * STAGING_JOURNAL_PARTS * STAGING_JOURNAL_BYTES;

	create(size);
	append(2 * STAGING_JOURNAL_BYTES - 1, 16384);
	anew();
	ck_assert_uint_eq(resume(size), 0);
	append(2 * STAGING_JOURNAL_BYTES, 16384);
	anew();
	ck_assert_uint_eq(resume(size), 2 * STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(every_so_often)
{
	create(MAX_SIZE);
	append(3 * W + 5, 16384);
	fake_timer_pass(STAGING_JOURNAL_MS - 1);
	append(3 * W + 6, 1);
	fake_timer_pass(1);
	append(3 * W + 7, 1);
	append(5 * W, 16384);
	anew();
	ck_assert_uint_eq(resume(MAX_SIZE), 3 * W);
	/* Nothing new that it could speak of: nothing is written. */
	append(3 * W + 5, 16384);
	fake_timer_pass(STAGING_JOURNAL_MS);
	faults_arm(5, EIO);
	append(4 * W - 1, 16384);
	ck_assert(!faults_disarm());
}
END_TEST

START_TEST(finished_and_cut)
{
	create(2 * W + 100);
	finish(2 * W + 100);
	anew();
	/* Before anybody took note of it: all of it is there. */
	ck_assert_uint_eq(resume(2 * W + 100), 2 * W + 100);
	ck_assert_int_eq(staging_finish(staging), 0);
	digest_is(staging_digest(staging), 2 * W + 100);
}
END_TEST

START_TEST(only_its_own)
{
	create(MAX_SIZE);
	append(STAGING_JOURNAL_BYTES, W);
	anew();
	ck_assert_int_eq(staging_open(staging, "another", MAX_SIZE), -ENOENT);
	ck_assert_int_eq(staging_open(staging, "tag", MAX_SIZE - 1), -ENOENT);
	ck_assert_uint_eq(resume(MAX_SIZE), STAGING_JOURNAL_BYTES);
	ck_assert_int_eq(unlink(temp_path(dir, JOURNAL_FILE)), 0);
	ck_assert_int_eq(staging_open(staging, "tag", MAX_SIZE), -ENOENT);
	create(MAX_SIZE);
	ck_assert_int_eq(unlink(temp_path(dir, STAGING_FILE)), 0);
	ck_assert_int_eq(staging_open(staging, "tag", MAX_SIZE), -ENOENT);
}
END_TEST

/* Takes it up, and carries it to its end. */
static void goes_on(uint64_t size, uint64_t from)
{
	anew();
	ck_assert_uint_eq(resume(size), from);
	finish(size);
	ck_assert_int_eq(verify(size), 0);
	digest_is(staging_digest(staging), size);
}

START_TEST(a_changed_window)
{
	for (unsigned window = 0; window < 16; window += 5) {
		create(MAX_SIZE);
		append(STAGING_JOURNAL_BYTES + 100, 16384);
		anew();
		/* One bit of its last byte. */
		change(STAGING_FILE, (off_t)((window + 1) * W - 1),
		       (char[]){ (char)(file[(window + 1) * W - 1] ^ 0x80) }, 1);
		goes_on(MAX_SIZE, window * W);
	}
}
END_TEST

START_TEST(a_cut_file)
{
	static const off_t cuts[] = { 0, 1, W - 1, W, 5 * W + 7, 16 * W, 16 * W + 1, MAX_SIZE - 1 };

	for (unsigned i = 0; i < ELEMENTS(cuts); i++) {
		struct stat st;

		create(MAX_SIZE);
		append(STAGING_JOURNAL_BYTES, 16384);
		anew();
		ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), cuts[i]), 0);
		anew();
		ck_assert_uint_eq(resume(MAX_SIZE), cuts[i] < (off_t)(16 * W) ? (uint64_t)cuts[i] / W * W : 16 * W);
		/* Its room is there again. */
		ck_assert_int_eq(stat(temp_path(dir, STAGING_FILE), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, MAX_SIZE);
		ck_assert_uint_ge((uint64_t)st.st_blocks * 512, MAX_SIZE);
		finish(MAX_SIZE);
	}
}
END_TEST

START_TEST(a_file_that_has_grown)
{
	create(MAX_SIZE);
	append(STAGING_JOURNAL_BYTES, 16384);
	anew();
	ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), MAX_SIZE + 100), 0);
	goes_on(MAX_SIZE, STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(a_changed_journal)
{
	for (unsigned line = 0; line < 16; line += 5) {
		_cleanup_(freep) char *text = NULL;
		size_t header_n;

		create(MAX_SIZE);
		append(STAGING_JOURNAL_BYTES, 16384);
		anew();
		text = temp_read(dir, JOURNAL_FILE, NULL);
		header_n = strcspn(text, "\n") + 1;
		/* Another digit, and none. */
		change(JOURNAL_FILE, (off_t)(header_n + line * JOURNAL_LINE),
		       text[header_n + line * JOURNAL_LINE] == '0' ? "1" : "0", 1);
		anew();
		ck_assert_uint_eq(resume(MAX_SIZE), line * W);
		change(JOURNAL_FILE, (off_t)(header_n + line * JOURNAL_LINE), "\0", 1);
		goes_on(MAX_SIZE, line * W);
	}
}
END_TEST

/* The lines of another download of the same size behind its own header are no use. */
START_TEST(a_foreign_journal)
{
	_cleanup_(freep) char *mine = NULL;
	size_t n, header_n;

	create(MAX_SIZE);
	append(STAGING_JOURNAL_BYTES, 16384);
	anew();
	mine = temp_read(dir, JOURNAL_FILE, &n);
	header_n = strcspn(mine, "\n") + 1;
	file[0] ^= 1;
	create(MAX_SIZE);
	append(STAGING_JOURNAL_BYTES, 16384);
	anew();
	change(JOURNAL_FILE, (off_t)header_n, mine + header_n, n - header_n);
	ck_assert_uint_eq(resume(MAX_SIZE), 0);
	file[0] ^= 1;
	finish(MAX_SIZE);
}
END_TEST

START_TEST(things_in_their_place)
{
	static const char *const names[] = { STAGING_FILE, JOURNAL_FILE };

	for (unsigned i = 0; i < ELEMENTS(names); i++) {
		_cleanup_(freep) char *victim = NULL;
		size_t n;

		/* A link to something else. */
		create(W);
		append(W, W);
		temp_write(dir, "victim", file, W, 0600);
		ck_assert_int_eq(unlink(temp_path(dir, names[i])), 0);
		ck_assert_int_eq(symlink("victim", temp_path(dir, names[i])), 0);
		anew();
		ck_assert_int_eq(staging_open(staging, "tag", W), -ENOENT);
		ck_assert_int_eq(staging_open_whole(staging, W), i == 0 ? -EBADMSG : 0);
		create(W);
		append(W, W);
		victim = temp_read(dir, "victim", &n);
		ck_assert_uint_eq(n, W);
		ck_assert(memcmp(victim, file, W) == 0);

		/* A second name of something else. */
		ck_assert_int_eq(unlink(temp_path(dir, names[i])), 0);
		ck_assert_int_eq(link(temp_path(dir, "victim"), temp_path(dir, names[i])), 0);
		anew();
		ck_assert_int_eq(staging_open(staging, "tag", W), -ENOENT);

		/* A FIFO: nobody waits for its other end. */
		ck_assert_int_eq(unlink(temp_path(dir, names[i])), 0);
		ck_assert_int_eq(mkfifo(temp_path(dir, names[i]), 0600), 0);
		ck_assert_int_eq(staging_open(staging, "tag", W), -ENOENT);
		create(W);

		/* A folder. */
		ck_assert_int_eq(unlink(temp_path(dir, names[i])), 0);
		ck_assert_int_eq(mkdir(temp_path(dir, names[i]), 0700), 0);
		ck_assert_int_eq(staging_open(staging, "tag", W), -ENOENT);
		ck_assert_int_lt(staging_create(staging, "tag", W), 0);
		ck_assert_int_eq(rmdir(temp_path(dir, names[i])), 0);
	}
}
END_TEST

START_TEST(no_folder)
{
	staging_free(staging);
	ck_assert_int_eq(staging_new(&staging, temp_path(dir, "none")), 0);
	ck_assert_int_eq(staging_create(staging, "tag", 1), -ENOENT);
	ck_assert_int_eq(staging_open(staging, "tag", 1), -ENOENT);
	ck_assert_int_eq(staging_open_whole(staging, 1), -ENOENT);
	ck_assert_int_eq(mkdir(temp_path(dir, "none"), 0700), 0);
	create(1);
}
END_TEST

static unsigned descriptors(void)
{
	unsigned n = 0;

	for (int fd = 0; fd < 1000; fd++)
		n += fcntl(fd, F_GETFD) >= 0;
	return n;
}

START_TEST(no_descriptor_is_left)
{
	unsigned before, with_both;

	staging = staging_free(staging);
	before = descriptors();
	ck_assert_int_eq(staging_new(&staging, dir), 0);
	create(W);
	with_both = descriptors();
	ck_assert_uint_eq(with_both, before + 3);
	for (unsigned i = 0; i < 3; i++) {
		create(W);
		(void)resume(W);
		ck_assert_int_eq(staging_open(staging, "another", W), -ENOENT);
		ck_assert_int_eq(staging_open_whole(staging, W), 0);
		(void)resume(W);
	}
	ck_assert_uint_eq(descriptors(), with_both);
	ck_assert_int_eq(staging_remove(staging), 0);
	ck_assert_uint_eq(descriptors(), before + 1);
	staging = staging_free(staging);
	ck_assert_uint_eq(descriptors(), before);
}
END_TEST

/* --- the power --- */

static void power_cut(uint32_t seed)
{
	faults_cut(seed);
	staging = staging_free(staging);
	faults_watch();
	anew();
}

static void is_whole(uint64_t size)
{
	disk_has(size);
	ck_assert_int_eq(verify(size), 0);
	digest_is(staging_digest(staging), size);
}

/* Cut anywhere, with anything left of what was not synced: what is taken up was downloaded, and no more of it is lost
 * than was said. */
START_TEST(power_cuts)
{
	uint32_t x = (uint32_t)_i * 7919 + 1;
	uint64_t size, promised = 0;

#define RANDOM() ((x = x * 1664525 + 1013904223) >> 8)
	size = MAX_SIZE - RANDOM() % (2 * W);
	faults_watch();
	create(size);
	for (unsigned life = 0; life < 6; life++) {
		uint64_t have = staging_have(staging), to = have + RANDOM() % (size - have + 1);

		/* After the work of the disk, or in the middle of it. */
		if (RANDOM() % 2)
			faults_arm(1 + RANDOM() % 100, EIO);
		while ((have = staging_have(staging)) < to) {
			if (try_append(have + 16384 < to ? have + 16384 : to, 16384) < 0)
				break;
			if (have > promised + 2 * STAGING_JOURNAL_BYTES + W)
				promised = have - 2 * STAGING_JOURNAL_BYTES - W;
		}
		(void)faults_disarm();
		power_cut(RANDOM());
		ck_assert_uint_ge(resume(size), promised);
	}
	finish(size);
}
END_TEST

/* What was said to be finished is. */
START_TEST(finished_before_the_power_fails)
{
	const uint64_t size = sizes[_i];

	for (uint32_t seed = 0; seed < 5; seed++) {
		faults_watch();
		create(size);
		finish(size);
		power_cut(seed);
		is_whole(size);
	}
}
END_TEST

/* Without a power cut in between, what is read may never have been on the disk. */
START_TEST(taken_up_before_the_power_fails)
{
	const uint64_t size = 3 * W;

	for (uint32_t seed = 0; seed < 5; seed++) {
		create(size);
		finish(size);
		anew();
		change(STAGING_FILE, W - 1, (char[]){ (char)(file[W - 1] ^ 1) }, 1);
		ck_assert_uint_eq(resume(size), 0);
		faults_watch();
		append(size, W);
		/* Killed; the journal knows these windows of old. */
		anew();
		ck_assert_uint_eq(resume(size), size);
		finish(size);
		power_cut(seed);
		is_whole(size);
	}
}
END_TEST

/* --- a slow disk --- */

struct other {
	pthread_t thread;
	atomic_bool over;
	int (*fn)(void);
	int result;
};

static void *run_other(void *arg)
{
	struct other *o = arg;

	o->result = o->fn();
	o->over = true;
	return NULL;
}

static void start(struct other *o, int (*fn)(void))
{
	o->over = false;
	o->fn = fn;
	ck_assert_int_eq(pthread_create(&o->thread, NULL, run_other, o), 0);
}

/* It has to wait for the disk. It is given time to show that it does not. */
static void waits(struct other *o)
{
	(void)usleep(20000);
	ck_assert(!o->over);
	faults_hold(false);
	ck_assert_int_eq(pthread_join(o->thread, NULL), 0);
	ck_assert_int_eq(o->result, 0);
}

static int append_on(void)
{
	int r = 0;

	for (uint64_t at = staging_have(staging); at < MAX_SIZE && r == 0; at = staging_have(staging)) {
		reached = at;
		r = try_append(at + 16384 < MAX_SIZE ? at + 16384 : MAX_SIZE, 16384);
	}
	reached = staging_have(staging);
	return r;
}

static int remove_it(void)
{
	return staging_remove(staging);
}

static int finish_it(void)
{
	return staging_finish(staging);
}

static int free_it(void)
{
	staging = staging_free(staging);
	return 0;
}

/* The next bytes go on, but not so far that too many could be lost. */
START_TEST(a_slow_disk_is_waited_for_in_the_end)
{
	struct other other;

	create(MAX_SIZE);
	faults_hold(true);
	append(2 * STAGING_JOURNAL_BYTES - 1, 16384);
	start(&other, append_on);
	while (reached < 2 * STAGING_JOURNAL_BYTES - 1)
		(void)usleep(1000);
	(void)usleep(20000);
	ck_assert_uint_lt(reached, 2 * STAGING_JOURNAL_BYTES);
	waits(&other);
	ck_assert_uint_eq(reached, MAX_SIZE);
	finish(MAX_SIZE);
}
END_TEST

START_TEST(what_ends_waits_for_the_disk)
{
	int (*const ends[])(void) = { remove_it, finish_it, free_it };
	struct other other;

	create(MAX_SIZE);
	append(_i == 1 ? MAX_SIZE - 1 : STAGING_JOURNAL_BYTES - 1, 16384);
	faults_hold(true);
	append(_i == 1 ? MAX_SIZE : STAGING_JOURNAL_BYTES, 16384);
	start(&other, ends[_i]);
	waits(&other);
}
END_TEST

/* --- the disk --- */

/* From nothing to a finished file; the first error. */
static int download(uint64_t size)
{
	int r = staging_create(staging, "tag", size);

	if (r < 0) {
		ck_assert(!exists(STAGING_FILE));
		ck_assert(!exists(JOURNAL_FILE));
		return r;
	}
	/* So slowly that each window gets into the journal. */
	for (uint64_t at = 0; at < size && r == 0; at += 16384) {
		fake_timer_pass(STAGING_JOURNAL_MS);
		r = try_append(at + 16384 < size ? at + 16384 : size, 16384);
	}
	return r < 0 ? r : staging_finish(staging);
}

START_TEST(every_write_may_fail)
{
	static const int errors[] = { ENOSPC, EIO, EDQUOT, EROFS };
	int error = errors[_i];
	const uint64_t size = 3 * W + 7;
	unsigned n;

	for (n = 1; n < 100; n++) {
		int r;

		faults_arm(n, error);
		r = download(size);
		if (!faults_disarm())
			break;
		ck_assert_int_eq(r, -error);
		/* What is there is good, as far as the journal goes. */
		if (exists(JOURNAL_FILE)) {
			anew();
			(void)resume(size);
		}
	}
	/* 2 files and their room, 13 writes, at least once the journal, the syncs. */
	ck_assert_uint_gt(n, 20);
	ck_assert_uint_lt(n, 100);
	digest_is(staging_digest(staging), size);
}
END_TEST

START_TEST(taking_up_may_fail)
{
	unsigned n;
	int r;

	create(MAX_SIZE);
	append(STAGING_JOURNAL_BYTES, 16384);
	for (n = 1; n < 10; n++) {
		anew();
		faults_arm(n, ENOSPC);
		r = staging_open(staging, "tag", MAX_SIZE);
		while (r >= 0 && (r = staging_resume(staging)) == 1)
			;
		if (!faults_disarm())
			break;
		ck_assert_int_eq(r, -ENOSPC);
	}
	/* Its room, the folder, and what is there. */
	ck_assert_uint_eq(n, 4);
	goes_on(MAX_SIZE, STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(short_writes)
{
	faults_short(777);
	create(2 * W + 5);
	finish(2 * W + 5);
	faults_short(0);
	goes_on(2 * W + 5, 2 * W + 5);
}
END_TEST

START_TEST(room_is_asked_for)
{
	const uint64_t needed = 3 * W + JOURNAL_SIZE(3) + STAGING_RESERVE;

	faults_room(needed - 1);
	ck_assert_int_eq(staging_create(staging, "tag", 3 * W), -ENOSPC);
	ck_assert_uint_eq(staging_room(staging), needed - 1);
	ck_assert(!exists(STAGING_FILE));
	ck_assert(!exists(JOURNAL_FILE));
	faults_room(needed);
	ck_assert_int_eq(staging_create(staging, "tag", 3 * W), 0);
	faults_room(UINT64_MAX);
}
END_TEST

/* --- reading --- */

START_TEST(verified_as_it_was)
{
	uint64_t size = sizes[_i];

	create(size);
	finish(size);
	anew();
	ck_assert_int_eq(verify(size), 0);
	digest_is(staging_digest(staging), size);
	ck_assert_int_eq(verify(size + 1), -EBADMSG);
	if (size > 1)
		ck_assert_int_eq(verify(size - 1), -EBADMSG);
	ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), (off_t)size - 1), 0);
	ck_assert_int_eq(verify(size), -EBADMSG);
	ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), (off_t)size + 1), 0);
	ck_assert_int_eq(verify(size), -EBADMSG);
	ck_assert_int_eq(unlink(temp_path(dir, STAGING_FILE)), 0);
	ck_assert_int_eq(verify(size), -ENOENT);
}
END_TEST

START_TEST(loads_only_what_hosts_read)
{
	_cleanup_(freep) unsigned char *data = malloc(W);
	size_t n;

	create(IMAGE_MAX_HOST + 1);
	ck_assert_int_eq(staging_load(staging, 0, data, &n), -EFBIG);
}
END_TEST

/* After a download that went on, and after a restart. */
START_TEST(loads_what_was_verified)
{
	const uint64_t size = 5 * W + 99;
	_cleanup_(freep) unsigned char *data = malloc(W);
	size_t n;

	create(size);
	append(3 * W + 1, W);
	fake_timer_pass(STAGING_JOURNAL_MS);
	append(3 * W + 2, 1);
	anew();
	ck_assert_uint_eq(resume(size), 3 * W);
	finish(size);
	for (unsigned life = 0; life < 2; life++) {
		for (unsigned window = 0; window < 6; window++) {
			unsigned at = (window * 5) % 6;

			ck_assert_int_eq(staging_load(staging, at, data, &n), 0);
			ck_assert_uint_eq(n, at == 5 ? 99 : W);
			ck_assert(memcmp(data, file + at * W, n) == 0);
		}
		anew();
		ck_assert_int_eq(verify(size), 0);
	}
	for (unsigned window = 0; window < 6; window++) {
		off_t last = (off_t)(window * W + (window == 5 ? 98 : W - 1));

		change(STAGING_FILE, last, (char[]){ (char)(file[last] ^ 1) }, 1);
		ck_assert_int_eq(staging_load(staging, window, data, &n), -EBADMSG);
		/* Only that one. */
		ck_assert_int_eq(staging_load(staging, (window + 1) % 6, data, &n), window == 5 ? -EBADMSG : 0);
	}
	change(STAGING_FILE, 0, (char *)file, size);
	ck_assert_int_eq(staging_load(staging, 5, data, &n), 0);
	ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), (off_t)(5 * W + 98)), 0);
	ck_assert_int_eq(staging_load(staging, 5, data, &n), -EBADMSG);
	ck_assert_int_eq(staging_load(staging, 4, data, &n), 0);
	ck_assert_int_eq(truncate(temp_path(dir, STAGING_FILE), 0), 0);
	ck_assert_int_eq(staging_load(staging, 4, data, &n), -EBADMSG);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("staging");
	TCase *c = tcase_create("staging");

	tcase_add_unchecked_fixture(c, fill, unfill);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, from_the_beginning_to_the_end, 0, ELEMENTS(sizes));
	tcase_add_test(c, room_is_reserved);
	tcase_add_test(c, the_largest);
	tcase_add_test(c, sizes_have_limits);
	tcase_add_test(c, what_was_there_goes);
	tcase_add_test(c, every_so_many_bytes);
	tcase_add_test(c, a_part_of_a_large_file);
	tcase_add_test(c, every_so_often);
	tcase_add_test(c, finished_and_cut);
	tcase_add_test(c, only_its_own);
	tcase_add_test(c, a_changed_window);
	tcase_add_test(c, a_cut_file);
	tcase_add_test(c, a_file_that_has_grown);
	tcase_add_test(c, a_changed_journal);
	tcase_add_test(c, a_foreign_journal);
	tcase_add_test(c, things_in_their_place);
	tcase_add_test(c, no_folder);
	tcase_add_test(c, no_descriptor_is_left);
	tcase_add_loop_test(c, power_cuts, 0, 12);
	tcase_add_loop_test(c, every_write_may_fail, 0, 4);
	tcase_add_loop_test(c, finished_before_the_power_fails, 0, ELEMENTS(sizes));
	tcase_add_test(c, taken_up_before_the_power_fails);
	tcase_add_test(c, a_slow_disk_is_waited_for_in_the_end);
	tcase_add_loop_test(c, what_ends_waits_for_the_disk, 0, 3);
	tcase_add_test(c, taking_up_may_fail);
	tcase_add_test(c, short_writes);
	tcase_add_test(c, room_is_asked_for);
	tcase_add_loop_test(c, verified_as_it_was, 0, ELEMENTS(sizes));
	tcase_add_test(c, loads_what_was_verified);
	tcase_add_test(c, loads_only_what_hosts_read);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
