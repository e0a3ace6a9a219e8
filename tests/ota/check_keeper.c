/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/record.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;
static sd_event *event;
static struct keeper *keeper;

/* Completions, in their order. */
static struct {
	uint64_t number;
	int r;
} called[100];
static unsigned calls;

static void setup(void)
{
	calls = 0;
	dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(keeper_new(&keeper, event, dir), 0);
}

static void teardown(void)
{
	keeper = keeper_free(keeper);
	sd_event_unref(event);
	temp_remove(dir);
}

static struct record job(const char *id)
{
	struct record r = { .phase = RECORD_DOWNLOAD };

	strcpy(r.id, id);
	r.document.type = DOCUMENT_HOST_IMAGE;
	r.document.size = 1000;
	strcpy(r.document.stream, "s");
	return r;
}

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, called);
	ck_assert_uint_lt(calls, ELEMENTS(called));
	called[calls].number = number;
	called[calls++].r = r;
}

static void save(const char *id, uint64_t number)
{
	struct record r = job(id);

	keeper_save(keeper, &r, (struct done){ on_done, called, number });
	/* It was copied. */
	memset(&r, 0x55, sizeof(r));
}

static void wait_for(unsigned n)
{
	while (calls < n)
		ck_assert_int_ge(sd_event_run(event, UINT64_MAX), 0);
}

static struct record loaded(void)
{
	struct record r;

	memset(&r, 0x55, sizeof(r));
	keeper_load(keeper, &r);
	return r;
}

static void holds(const char *id)
{
	struct record r = loaded();

	if (id) {
		ck_assert_int_eq((int)r.phase, RECORD_DOWNLOAD);
		ck_assert_str_eq(r.id, id);
	} else {
		ck_assert_int_eq((int)r.phase, RECORD_NOTHING);
		ck_assert_uint_eq(r.results_n, 0);
	}
}

START_TEST(nothing_is_there)
{
	holds(NULL);
	ck_assert(!temp_exists(dir, "update"));
	ck_assert(!temp_exists(dir, "update.damaged"));
}
END_TEST

START_TEST(is_there_when_it_says_so)
{
	struct stat st;
	mode_t old = umask(0);

	save("first", 7);
	ck_assert_uint_eq(calls, 0);
	wait_for(1);
	umask(old);
	ck_assert_uint_eq(called[0].number, 7);
	ck_assert_int_eq(called[0].r, 0);
	ck_assert_int_eq(stat(temp_path(dir, "update"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	holds("first");
	save("second", 8);
	wait_for(2);
	holds("second");
	ck_assert(!temp_exists(dir, "update.tmp"));
}
END_TEST

/* Of those that wait only the newest is written, and all are told in their order. */
START_TEST(many_at_once)
{
	char id[16];

	for (unsigned i = 0; i < 50; i++) {
		(void)snprintf(id, sizeof(id), "job-%u", i);
		save(id, i);
	}
	wait_for(50);
	for (unsigned i = 0; i < 50; i++) {
		ck_assert_uint_eq(called[i].number, i);
		ck_assert_int_eq(called[i].r, 0);
	}
	holds("job-49");
	/* The first one was under way; between the two there was none. */
	ck_assert_int_eq(rename(temp_path(dir, "update.old"), temp_path(dir, "update")), 0);
	holds("job-0");
}
END_TEST

static void save_again(void *who, uint64_t number, int r)
{
	on_done(who, number, r);
	if (number < 5) {
		struct record record = job("again");

		keeper_save(keeper, &record, (struct done){ save_again, called, number + 1 });
	}
}

START_TEST(may_be_asked_from_its_completion)
{
	struct record r = job("again");

	keeper_save(keeper, &r, (struct done){ save_again, called, 0 });
	wait_for(6);
	for (unsigned i = 0; i < 6; i++)
		ck_assert_uint_eq(called[i].number, i);
}
END_TEST

START_TEST(nobody_need_wait)
{
	struct record r = job("quiet");

	keeper_save(keeper, &r, (struct done){ 0 });
	save("loud", 1);
	wait_for(1);
	holds("loud");
}
END_TEST

/* Also what had not been begun. */
START_TEST(free_leaves_the_newest)
{
	save("first", 0);
	save("second", 1);
	save("third", 2);
	keeper = keeper_free(keeper);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(keeper_new(&keeper, event, dir), 0);
	holds("third");
	ck_assert_ptr_null(keeper_free(NULL));
}
END_TEST

/* --- writes that fail --- */

static void failed_with(int r)
{
	ck_assert_int_eq(called[calls - 1].r, r);
}

START_TEST(disk_full)
{
	struct rlimit limit = { 100, RLIM_INFINITY };

	save("first", 0);
	wait_for(1);
	/* No assertion while it holds: they write files, too. */
	signal(SIGXFSZ, SIG_IGN);
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	save("second", 1);
	while (calls < 2)
		(void)sd_event_run(event, UINT64_MAX);
	limit.rlim_cur = RLIM_INFINITY;
	(void)setrlimit(RLIMIT_FSIZE, &limit);
	failed_with(-EFBIG);
	holds("first");
	ck_assert(!temp_exists(dir, "update.tmp"));
	save("third", 2);
	wait_for(3);
	failed_with(0);
	holds("third");
}
END_TEST

START_TEST(folder_gone)
{
	ck_assert_int_eq(rmdir(dir), 0);
	save("first", 0);
	wait_for(1);
	failed_with(-ENOENT);
	holds(NULL);
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	save("second", 1);
	wait_for(2);
	failed_with(0);
	holds("second");
}
END_TEST

static void clear_the_way(void *who, uint64_t number, int r)
{
	on_done(who, number, r);
	ck_assert_int_eq(rmdir(temp_path(dir, "update.tmp")), 0);
}

/* Two wait while another one is being written, which fails: they are written all the same. */
START_TEST(one_failure_is_no_other)
{
	struct record r = job("first");

	ck_assert_int_eq(mkdir(temp_path(dir, "update.tmp"), 0700), 0);
	keeper_save(keeper, &r, (struct done){ clear_the_way, called, 0 });
	save("second", 1);
	save("third", 2);
	wait_for(3);
	ck_assert_int_lt(called[0].r, 0);
	ck_assert_int_eq(called[1].r, 0);
	ck_assert_int_eq(called[2].r, 0);
	holds("third");
}
END_TEST

/* --- damage --- */

START_TEST(damage_is_kept_aside)
{
	_cleanup_(freep) char *kept = NULL;
	static const char text[] = "expresslink-update 1\nphase 5 00000000 ready\n";

	save("older", 0);
	wait_for(1);
	save("newer", 1);
	wait_for(2);
	temp_text(dir, "update", text);
	holds(NULL);
	kept = temp_read(dir, "update.damaged", NULL);
	ck_assert_ptr_nonnull(kept);
	ck_assert_str_eq(kept, text);
	/* What was before must not come back: not now, and not when the file gets lost. */
	holds(NULL);
	ck_assert(!temp_exists(dir, "update.old"));
	ck_assert_int_eq(unlink(temp_path(dir, "update")), 0);
	holds(NULL);
	save("next", 2);
	wait_for(3);
	holds("next");
}
END_TEST

START_TEST(things_in_its_place)
{
	ck_assert_int_eq(mkdir(temp_path(dir, "update"), 0700), 0);
	holds(NULL);
	ck_assert(temp_exists(dir, "update.damaged"));
	ck_assert_int_eq(rmdir(temp_path(dir, "update.damaged")), 0);
	ck_assert_int_eq(unlink(temp_path(dir, "update")), 0);
	ck_assert_int_eq(mkfifo(temp_path(dir, "update"), 0600), 0);
	holds(NULL);
	save("first", 0);
	wait_for(1);
	failed_with(0);
	holds("first");
}
END_TEST

START_TEST(too_large)
{
	ck_assert_int_eq(truncate(temp_path(dir, "update"), 0), -1);
	temp_text(dir, "update", "");
	ck_assert_int_eq(truncate(temp_path(dir, "update"), RECORD_MAX_FILE + 1), 0);
	holds(NULL);
	save("first", 0);
	wait_for(1);
	holds("first");
}
END_TEST

/* A link that somebody put there leads nowhere. */
START_TEST(links)
{
	_cleanup_(freep) char *victim = NULL;

	temp_text(dir, "victim", "v");
	ck_assert_int_eq(symlink("victim", temp_path(dir, "update")), 0);
	ck_assert_int_eq(symlink("victim", temp_path(dir, "update.tmp")), 0);
	ck_assert_int_eq(symlink("victim", temp_path(dir, "update.old")), 0);
	holds(NULL);
	save("first", 0);
	wait_for(1);
	failed_with(0);
	holds("first");
	victim = temp_read(dir, "victim", NULL);
	ck_assert_str_eq(victim, "v");
}
END_TEST

/* A power cut between two renames, on a file system without links. */
START_TEST(only_the_older_one_is_there)
{
	save("first", 0);
	wait_for(1);
	ck_assert_int_eq(rename(temp_path(dir, "update"), temp_path(dir, "update.old")), 0);
	temp_text(dir, "update.tmp", "half of a");
	holds("first");
	ck_assert(!temp_exists(dir, "update.tmp"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keeper");
	TCase *c = tcase_create("keeper");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, nothing_is_there);
	tcase_add_test(c, is_there_when_it_says_so);
	tcase_add_test(c, many_at_once);
	tcase_add_test(c, may_be_asked_from_its_completion);
	tcase_add_test(c, nobody_need_wait);
	tcase_add_test(c, free_leaves_the_newest);
	tcase_add_test(c, disk_full);
	tcase_add_test(c, folder_gone);
	tcase_add_test(c, one_failure_is_no_other);
	tcase_add_test(c, damage_is_kept_aside);
	tcase_add_test(c, things_in_its_place);
	tcase_add_test(c, too_large);
	tcase_add_test(c, links);
	tcase_add_test(c, only_the_older_one_is_there);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
