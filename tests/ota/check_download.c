/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/download.h"

#include "fake/haul.h"
#include "fake/image.h"
#include "fake/streams.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "ota/staging.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static struct haul h;

static void setup(void)
{
	haul_make(&h);
}

static void teardown(void)
{
	haul_done(&h);
}

START_TEST(all_of_it)
{
	ck_assert_uint_eq(download_blocks(&h.document), 3);
	haul_start(&h, "job/1", false);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_CREATE);
	ck_assert_str_eq(fake_image()->tag, "job/1");
	ck_assert_uint_eq(fake_image()->size, h.document.size);
	ck_assert(!fake_streams()->running);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	ck_assert_str_eq(fake_streams()->stream, "stream-1");
	ck_assert_uint_eq(fake_streams()->file, 7);
	ck_assert_uint_eq(fake_streams()->size, h.document.size);
	ck_assert_uint_eq(fake_streams()->have, 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(h.progress, i);
		haul_put(&h, i);
	}
	ck_assert_uint_eq(h.progress, 3);
	fake_streams_complete();
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_FINISH);
	ck_assert_uint_eq(h.complete, 0);
	fake_image_done(0);
	ck_assert_uint_eq(h.complete, 1);
	ck_assert_uint_eq(h.failed, 0);
}
END_TEST

START_TEST(waits_for_the_connection)
{
	download_start(h.download, "job/1", &h.document, false);
	fake_image_done(0);
	ck_assert_uint_eq(fake_streams()->starts, 0);
	download_go(h.download);
	ck_assert_uint_eq(fake_streams()->starts, 1);
	haul_put(&h, 0);
	download_pause(h.download);
	ck_assert(!fake_streams()->running);
	download_go(h.download);
	ck_assert_uint_eq(fake_streams()->starts, 2);
	ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
	ck_assert_uint_eq(h.progress, 1);

	/* While the file is made. */
	download_stop(h.download);
	haul_start(&h, "job/2", false);
	download_pause(h.download);
	fake_image_done(0);
	ck_assert(!fake_streams()->running);
	download_go(h.download);
	ck_assert(fake_streams()->running);
}
END_TEST

START_TEST(goes_on_after_a_restart)
{
	download_start(h.download, "job/1", &h.document, true);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_RESUME);
	fake_image()->have = STREAMS_BLOCK + 5; /* whole blocks are fetched */
	fake_image_done(0);
	ck_assert_uint_eq(h.progress, 1);
	download_go(h.download);
	ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
}
END_TEST

START_TEST(begins_anew_when_nothing_is_there)
{
	haul_start(&h, "job/1", true);
	fake_image_done(-ENOENT);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_CREATE);
	ck_assert_uint_eq(h.failed, 0);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
}
END_TEST

/* What is there needs no connection. */
START_TEST(was_complete_before_the_restart)
{
	download_start(h.download, "job/1", &h.document, true);
	fake_image()->have = h.document.size;
	fake_image_done(0);
	ck_assert_uint_eq(h.progress, 3);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_FINISH);
	fake_image_done(0);
	ck_assert_uint_eq(h.complete, 1);
	ck_assert_uint_eq(fake_streams()->starts, 0);
}
END_TEST

START_TEST(the_loss_comes_too_late)
{
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	for (unsigned i = 0; i < 3; i++)
		haul_put(&h, i);
	fake_streams_complete();
	download_pause(h.download);
	download_go(h.download);
	ck_assert_uint_eq(fake_streams()->starts, 1);
	fake_image_done(0);
	ck_assert_uint_eq(h.complete, 1);
}
END_TEST

START_TEST(a_slow_disk)
{
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	fake_image()->full = true;
	ck_assert(!fake_streams_block(0, h.block, STREAMS_BLOCK));
	ck_assert_uint_eq(h.progress, 0);
	ck_assert_uint_eq(fake_streams()->gone_on, 0);
	fake_image_room();
	ck_assert_uint_eq(fake_streams()->gone_on, 1);
	haul_put(&h, 0);
	ck_assert_uint_eq(h.progress, 1);
}
END_TEST

START_TEST(a_full_disk)
{
	uint64_t needed, free;

	haul_start(&h, "job/1", false);
	fake_image_done(-ENOSPC);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_int_eq(sscanf(h.last, "Not enough space: %" SCNu64 " bytes needed, %" SCNu64 " free", &needed, &free),
			 2);
	ck_assert_uint_eq(needed, h.document.size);
	ck_assert_uint_gt(free, 0);
	ck_assert(!fake_streams()->running);
}
END_TEST

START_TEST(a_broken_disk)
{
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	haul_put(&h, 0);
	fake_image_error(-EIO);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "The image cannot be stored: Input/output error");
	ck_assert(!fake_streams()->running);

	/* Of a download that is over nobody wants to hear. */
	fake_image_error(-EIO);
	ck_assert_uint_eq(h.failed, 1);

	haul_start(&h, "job/2", false);
	fake_image_done(0);
	for (unsigned i = 0; i < 3; i++)
		haul_put(&h, i);
	fake_streams_complete();
	fake_image_done(-EIO);
	ck_assert_uint_eq(h.failed, 2);
	ck_assert_uint_eq(h.complete, 0);
}
END_TEST

START_TEST(a_stream_that_fails)
{
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	fake_streams_fail("ResourceNotFound");
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "ResourceNotFound");
	download_pause(h.download);
	download_go(h.download);
	ck_assert_uint_eq(fake_streams()->starts, 1);
}
END_TEST

START_TEST(a_stream_that_does_not_start)
{
	download_go(h.download);
	fake_streams()->start_result = -ENOTCONN;
	download_start(h.download, "job/1", &h.document, false);
	fake_image_done(0);
	ck_assert_uint_eq(h.failed, 0);
	fake_streams()->start_result = _i ? -EACCES : -EINVAL;
	download_go(h.download);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert(!_i || strstr(h.last, "check the policy"));
}
END_TEST

START_TEST(stopped)
{
	haul_start(&h, "job/1", false);
	download_stop(h.download);
	fake_image_done(0); /* too late */
	ck_assert_uint_eq(fake_streams()->starts, 0);

	haul_start(&h, "job/2", false);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	download_stop(h.download);
	ck_assert(!fake_streams()->running);
	download_pause(h.download);
	download_go(h.download);
	ck_assert(!fake_streams()->running);

	/* The disk was done with the file that is not wanted any more, not with this one. */
	download_start(h.download, "job/3", &h.document, true);
	haul_start(&h, "job/4", true);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_RESUME);
	ck_assert_str_eq(fake_image()->tag, "job/4");
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	ck_assert_uint_eq(h.failed, 0);
}
END_TEST

START_TEST(what_a_power_cut_has_left)
{
	char *dir = temp_dir();
	const struct download_events none = { 0 };

	h.download = download_free(h.download);
	ck_assert_int_eq(download_new(&h.download, h.event, "thing", "", dir, h.image, &none), 0);
	download_clean(h.download);
	ck_assert(!fake_image()->discarded);
	temp_text(dir, STAGING_FILE, "x");
	download_clean(h.download);
	ck_assert(fake_image()->discarded);
	temp_remove(dir);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("download");
	TCase *tc = tcase_create("download");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_of_it);
	tcase_add_test(tc, waits_for_the_connection);
	tcase_add_test(tc, goes_on_after_a_restart);
	tcase_add_test(tc, begins_anew_when_nothing_is_there);
	tcase_add_test(tc, was_complete_before_the_restart);
	tcase_add_test(tc, the_loss_comes_too_late);
	tcase_add_test(tc, a_slow_disk);
	tcase_add_test(tc, a_full_disk);
	tcase_add_test(tc, a_broken_disk);
	tcase_add_test(tc, a_stream_that_fails);
	tcase_add_loop_test(tc, a_stream_that_does_not_start, 0, 2);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, what_a_power_cut_has_left);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
