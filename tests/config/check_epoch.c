/* SPDX-License-Identifier: Apache-2.0 */
#include "config/epoch.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DAY 86400

static sd_event *event;
static char *dir;
static struct epoch *epoch;

static void open_epoch(void)
{
	ck_assert_int_eq(epoch_new(&epoch, event, dir), 0);
	epoch_start(epoch);
}

static void setup(void)
{
	ck_assert_int_ge(sd_event_new(&event), 0);
	dir = temp_dir();
	open_epoch();
}

static void teardown(void)
{
	ck_assert_ptr_null(epoch_free(epoch));
	ck_assert_ptr_null(epoch_free(NULL));
	sd_event_unref(event);
	temp_remove(dir);
}

/* The write is done, and the loop knows. */
static void finish(void)
{
	ck_assert_int_gt(sd_event_run(event, UINT64_C(60000000)), 0);
}

static void restart(void)
{
	epoch = epoch_free(epoch);
	open_epoch();
}

START_TEST(starts_with_the_release)
{
	ck_assert_int_eq(epoch_floor(epoch), EPOCH_RELEASE);
	ck_assert(!epoch_is_sure(epoch));
}
END_TEST

START_TEST(outlives_a_restart)
{
	int64_t now = time(NULL);

	epoch_note(epoch, now);
	ck_assert_int_eq(epoch_floor(epoch), now);
	restart(); /* waits for the write */
	ck_assert_int_eq(epoch_floor(epoch), now);
	ck_assert(!epoch_is_sure(epoch));
	epoch_note(epoch, now + 2 * DAY);
	finish();
	restart();
	ck_assert_int_eq(epoch_floor(epoch), now + 2 * DAY);
}
END_TEST

START_TEST(writes_once_a_day)
{
	int64_t now = time(NULL);

	epoch_note(epoch, now);
	finish();
	epoch_note(epoch, now + DAY - 1);
	ck_assert_int_eq(epoch_floor(epoch), now);
	epoch_note(epoch, now + DAY);
	ck_assert_int_eq(epoch_floor(epoch), now + DAY);
}
END_TEST

/* What was kept lies ahead of a clock that is right. */
START_TEST(mends_a_future)
{
	int64_t now = time(NULL);

	temp_text(dir, "clock", "2650000000\n");
	epoch_start(epoch);
	ck_assert_int_eq(epoch_floor(epoch), 2650000000);
	epoch_note(epoch, now);
	ck_assert_int_eq(epoch_floor(epoch), now);
	restart();
	ck_assert_int_eq(epoch_floor(epoch), now);
}
END_TEST

START_TEST(sure_or_not)
{
	int64_t offset = epoch_clock_offset();

	epoch_note(epoch, time(NULL));
	ck_assert(epoch_is_sure(epoch));
	epoch_note(epoch, time(NULL));
	ck_assert(epoch_is_sure(epoch));
	epoch_doubt(epoch);
	ck_assert(!epoch_is_sure(epoch));
	epoch_note(epoch, EPOCH_RELEASE - 1);
	ck_assert(!epoch_is_sure(epoch));
	ck_assert_int_le(epoch_clock_offset() - offset, 1);
	ck_assert_int_ge(epoch_clock_offset() - offset, -1);
}
END_TEST

START_TEST(before_the_release_is_never_right)
{
	epoch_note(epoch, EPOCH_RELEASE - 1);
	epoch_note(epoch, 0);
	ck_assert_int_eq(epoch_floor(epoch), EPOCH_RELEASE);
	restart(); /* would wait for a write */
	ck_assert_int_ne(access(temp_path(dir, "clock"), F_OK), 0);
}
END_TEST

static const char *const damaged[] = {
	"",
	"\n",
	"x",
	"-5\n",
	"1800000000 \n",
	"1800000000\n\n",
	"99999999999999999999999\n",
	"18446744073709551615\n",
	"2650752000\n",
	"99999999999\n",
	"12\n",
};

START_TEST(damage_is_as_nothing)
{
	temp_text(dir, "clock", damaged[_i]);
	restart();
	ck_assert_int_eq(epoch_floor(epoch), EPOCH_RELEASE);
}
END_TEST

START_TEST(folder_that_cannot_be_written)
{
	int64_t now = time(NULL);

	epoch = epoch_free(epoch);
	ck_assert_int_eq(epoch_new(&epoch, event, "/nonexistent/folder"), 0);
	epoch_start(epoch);
	epoch_note(epoch, now);
	finish();
	ck_assert_int_eq(epoch_floor(epoch), now);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("epoch");
	TCase *tc = tcase_create("epoch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, starts_with_the_release);
	tcase_add_test(tc, outlives_a_restart);
	tcase_add_test(tc, writes_once_a_day);
	tcase_add_test(tc, mends_a_future);
	tcase_add_test(tc, sure_or_not);
	tcase_add_test(tc, before_the_release_is_never_right);
	tcase_add_loop_test(tc, damage_is_as_nothing, 0, ELEMENTS(damaged));
	tcase_add_test(tc, folder_that_cannot_be_written);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
