/* SPDX-License-Identifier: Apache-2.0 */
/* ota/staging.c on disks that damage what they keep, fail, are slow, and lose their power. */
#include "ota/staging.h"

#include "fake/faults.h"
#include "fake/stage.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define W STAGE_W

static struct stage s;
static atomic_uint_least64_t reached;

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
	reached = 0;
	stage_make(&s);
}

static void teardown(void)
{
	stage_done(&s);
}

/* --- damage --- */

START_TEST(a_changed_window)
{
	for (unsigned window = 0; window < 16; window += 5) {
		stage_create(&s, STAGE_SIZE);
		stage_append(&s, STAGING_JOURNAL_BYTES + 100, 16384);
		stage_anew(&s);
		/* One bit of its last byte. */
		temp_change(s.dir, STAGING_FILE, (off_t)((window + 1) * W - 1),
			    (char[]){ (char)(s.file[(window + 1) * W - 1] ^ 0x80) }, 1);
		stage_goes_on(&s, STAGE_SIZE, window * W);
	}
}
END_TEST

START_TEST(a_cut_file)
{
	static const off_t cuts[] = { 0, 1, W - 1, W, 5 * W + 7, 16 * W, 16 * W + 1, STAGE_SIZE - 1 };

	for (unsigned i = 0; i < ELEMENTS(cuts); i++) {
		struct stat st;

		stage_create(&s, STAGE_SIZE);
		stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
		stage_anew(&s);
		ck_assert_int_eq(truncate(temp_path(s.dir, STAGING_FILE), cuts[i]), 0);
		stage_anew(&s);
		ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE),
				  cuts[i] < (off_t)(16 * W) ? (uint64_t)cuts[i] / W * W : 16 * W);
		/* Its room is there again. */
		ck_assert_int_eq(stat(temp_path(s.dir, STAGING_FILE), &st), 0);
		ck_assert_uint_eq((uint64_t)st.st_size, STAGE_SIZE);
		ck_assert_uint_ge((uint64_t)st.st_blocks * 512, STAGE_SIZE);
		stage_finish(&s, STAGE_SIZE);
	}
}
END_TEST

START_TEST(a_file_that_has_grown)
{
	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
	stage_anew(&s);
	ck_assert_int_eq(truncate(temp_path(s.dir, STAGING_FILE), STAGE_SIZE + 100), 0);
	stage_goes_on(&s, STAGE_SIZE, STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(a_changed_journal)
{
	for (unsigned line = 0; line < 16; line += 5) {
		_cleanup_(freep) char *text = NULL;
		size_t header_n;

		stage_create(&s, STAGE_SIZE);
		stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
		stage_anew(&s);
		text = temp_read(s.dir, JOURNAL_FILE, NULL);
		header_n = strcspn(text, "\n") + 1;
		/* Another digit, and none. */
		temp_change(s.dir, JOURNAL_FILE, (off_t)(header_n + line * JOURNAL_LINE),
			    text[header_n + line * JOURNAL_LINE] == '0' ? "1" : "0", 1);
		stage_anew(&s);
		ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), line * W);
		temp_change(s.dir, JOURNAL_FILE, (off_t)(header_n + line * JOURNAL_LINE), "\0", 1);
		stage_goes_on(&s, STAGE_SIZE, line * W);
	}
}
END_TEST

/* The lines of another download of the same size behind its own header are no use. */
START_TEST(a_foreign_journal)
{
	_cleanup_(freep) char *mine = NULL;
	size_t n, header_n;

	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
	stage_anew(&s);
	mine = temp_read(s.dir, JOURNAL_FILE, &n);
	header_n = strcspn(mine, "\n") + 1;
	s.file[0] ^= 1;
	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
	stage_anew(&s);
	temp_change(s.dir, JOURNAL_FILE, (off_t)header_n, mine + header_n, n - header_n);
	ck_assert_uint_eq(stage_resume(&s, STAGE_SIZE), 0);
	s.file[0] ^= 1;
	stage_finish(&s, STAGE_SIZE);
}
END_TEST

/* --- the power --- */

static void power_cut(uint32_t seed)
{
	faults_cut(seed);
	s.staging = staging_free(s.staging);
	faults_watch();
	stage_anew(&s);
}

static void is_whole(uint64_t size)
{
	stage_disk_has(&s, size);
	ck_assert_int_eq(stage_verify(&s, size), 0);
	stage_digest_is(&s, size);
}

/* Cut anywhere, with anything left of what was not synced: what is taken up was downloaded, and no more of it is lost
 * than was said. */
START_TEST(power_cuts)
{
	uint32_t x = (uint32_t)_i * 7919 + 1;
	uint64_t size, promised = 0;

#define RANDOM() ((x = x * 1664525 + 1013904223) >> 8)
	size = STAGE_SIZE - RANDOM() % (2 * W);
	faults_watch();
	stage_create(&s, size);
	for (unsigned life = 0; life < 6; life++) {
		uint64_t have = staging_have(s.staging), to = have + RANDOM() % (size - have + 1);

		/* After the work of the disk, or in the middle of it. */
		if (RANDOM() % 2)
			faults_arm(1 + RANDOM() % 100, EIO);
		while ((have = staging_have(s.staging)) < to) {
			if (stage_try_append(&s, have + 16384 < to ? have + 16384 : to, 16384) < 0)
				break;
			if (have > promised + 2 * STAGING_JOURNAL_BYTES + W)
				promised = have - 2 * STAGING_JOURNAL_BYTES - W;
		}
		(void)faults_disarm();
		power_cut(RANDOM());
		ck_assert_uint_ge(stage_resume(&s, size), promised);
	}
	stage_finish(&s, size);
}
END_TEST

/* What was said to be finished is. */
START_TEST(finished_before_the_power_fails)
{
	const uint64_t size = stage_sizes[_i];

	for (uint32_t seed = 0; seed < 5; seed++) {
		faults_watch();
		stage_create(&s, size);
		stage_finish(&s, size);
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
		stage_create(&s, size);
		stage_finish(&s, size);
		stage_anew(&s);
		temp_change(s.dir, STAGING_FILE, W - 1, (char[]){ (char)(s.file[W - 1] ^ 1) }, 1);
		ck_assert_uint_eq(stage_resume(&s, size), 0);
		faults_watch();
		stage_append(&s, size, W);
		/* Killed; the journal knows these windows of old. */
		stage_anew(&s);
		ck_assert_uint_eq(stage_resume(&s, size), size);
		stage_finish(&s, size);
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

	for (uint64_t at = staging_have(s.staging); at < STAGE_SIZE && r == 0; at = staging_have(s.staging)) {
		reached = at;
		r = stage_try_append(&s, at + 16384 < STAGE_SIZE ? at + 16384 : STAGE_SIZE, 16384);
	}
	reached = staging_have(s.staging);
	return r;
}

static int remove_it(void)
{
	return staging_remove(s.staging);
}

static int finish_it(void)
{
	return staging_finish(s.staging);
}

static int free_it(void)
{
	s.staging = staging_free(s.staging);
	return 0;
}

/* The next bytes go on, but not so far that too many could be lost. */
START_TEST(a_slow_disk_is_waited_for_in_the_end)
{
	struct other other;

	stage_create(&s, STAGE_SIZE);
	faults_hold(true);
	stage_append(&s, 2 * STAGING_JOURNAL_BYTES - 1, 16384);
	start(&other, append_on);
	while (reached < 2 * STAGING_JOURNAL_BYTES - 1)
		(void)usleep(1000);
	(void)usleep(20000);
	ck_assert_uint_lt(reached, 2 * STAGING_JOURNAL_BYTES);
	waits(&other);
	ck_assert_uint_eq(reached, STAGE_SIZE);
	stage_finish(&s, STAGE_SIZE);
}
END_TEST

START_TEST(what_ends_waits_for_the_disk)
{
	int (*const ends[])(void) = { remove_it, finish_it, free_it };
	struct other other;

	stage_create(&s, STAGE_SIZE);
	stage_append(&s, _i == 1 ? STAGE_SIZE - 1 : STAGING_JOURNAL_BYTES - 1, 16384);
	faults_hold(true);
	stage_append(&s, _i == 1 ? STAGE_SIZE : STAGING_JOURNAL_BYTES, 16384);
	start(&other, ends[_i]);
	waits(&other);
}
END_TEST

/* --- the disk --- */

/* From nothing to a finished file; the first error. */
static int download(uint64_t size)
{
	int r = staging_create(s.staging, "tag", size);

	if (r < 0) {
		ck_assert(!temp_exists(s.dir, STAGING_FILE));
		ck_assert(!temp_exists(s.dir, JOURNAL_FILE));
		return r;
	}
	/* So slowly that each window gets into the journal. */
	for (uint64_t at = 0; at < size && r == 0; at += 16384) {
		fake_timer_pass(STAGING_JOURNAL_MS);
		r = stage_try_append(&s, at + 16384 < size ? at + 16384 : size, 16384);
	}
	return r < 0 ? r : staging_finish(s.staging);
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
		if (temp_exists(s.dir, JOURNAL_FILE)) {
			stage_anew(&s);
			(void)stage_resume(&s, size);
		}
	}
	/* 2 files and their room, 13 writes, at least once the journal, the syncs. */
	ck_assert_uint_gt(n, 20);
	ck_assert_uint_lt(n, 100);
	stage_digest_is(&s, size);
}
END_TEST

START_TEST(taking_up_may_fail)
{
	unsigned n;
	int r;

	stage_create(&s, STAGE_SIZE);
	stage_append(&s, STAGING_JOURNAL_BYTES, 16384);
	for (n = 1; n < 10; n++) {
		stage_anew(&s);
		faults_arm(n, ENOSPC);
		r = staging_open(s.staging, "tag", STAGE_SIZE);
		while (r >= 0 && (r = staging_resume(s.staging)) == 1)
			;
		if (!faults_disarm())
			break;
		ck_assert_int_eq(r, -ENOSPC);
	}
	/* Its room, the folder, and what is there. */
	ck_assert_uint_eq(n, 4);
	stage_goes_on(&s, STAGE_SIZE, STAGING_JOURNAL_BYTES);
}
END_TEST

START_TEST(short_writes)
{
	faults_short(777);
	stage_create(&s, 2 * W + 5);
	stage_finish(&s, 2 * W + 5);
	faults_short(0);
	stage_goes_on(&s, 2 * W + 5, 2 * W + 5);
}
END_TEST

START_TEST(room_is_asked_for)
{
	const uint64_t needed = 3 * W + JOURNAL_SIZE(3) + STAGING_RESERVE;

	faults_room(needed - 1);
	ck_assert_int_eq(staging_create(s.staging, "tag", 3 * W), -ENOSPC);
	ck_assert_uint_eq(staging_room(s.staging), needed - 1);
	ck_assert(!temp_exists(s.dir, STAGING_FILE));
	ck_assert(!temp_exists(s.dir, JOURNAL_FILE));
	faults_room(needed);
	ck_assert_int_eq(staging_create(s.staging, "tag", 3 * W), 0);
	faults_room(UINT64_MAX);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("staging_disk");
	TCase *c = tcase_create("staging_disk");

	tcase_add_unchecked_fixture(c, fill, unfill);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, a_changed_window);
	tcase_add_test(c, a_cut_file);
	tcase_add_test(c, a_file_that_has_grown);
	tcase_add_test(c, a_changed_journal);
	tcase_add_test(c, a_foreign_journal);
	tcase_add_loop_test(c, power_cuts, 0, 12);
	tcase_add_loop_test(c, finished_before_the_power_fails, 0, STAGE_SIZES);
	tcase_add_test(c, taken_up_before_the_power_fails);
	tcase_add_test(c, a_slow_disk_is_waited_for_in_the_end);
	tcase_add_loop_test(c, what_ends_waits_for_the_disk, 0, 3);
	tcase_add_loop_test(c, every_write_may_fail, 0, 4);
	tcase_add_test(c, taking_up_may_fail);
	tcase_add_test(c, short_writes);
	tcase_add_test(c, room_is_asked_for);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
