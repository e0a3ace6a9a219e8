/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/download.h"

#include "fake/fetch.h"
#include "fake/image.h"
#include "fake/streams.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "ota/staging.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static sd_event *event;
static struct image *image;
static struct download *download;
static unsigned complete, failed, stale;
static uint64_t progress;
static char last[DOCUMENT_MAX_REASON + 1];
static struct document document = { .stream = "stream-1", .file = 7, .size = 2 * STREAMS_BLOCK + 100 };
static uint8_t block[STREAMS_BLOCK];

static void on_complete(void *userdata)
{
	ck_assert_ptr_eq(userdata, &complete);
	complete++;
}

static void on_failed(void *userdata, const char *reason)
{
	ck_assert_ptr_eq(userdata, &complete);
	(void)snprintf(last, sizeof(last), "%s", reason);
	failed++;
}

static void on_progress(void *userdata, uint64_t blocks)
{
	ck_assert_ptr_eq(userdata, &complete);
	progress = blocks;
}

static void on_stale(void *userdata)
{
	ck_assert_ptr_eq(userdata, &complete);
	stale++;
}

static void setup(void)
{
	const struct download_events events = { .on_complete = on_complete,
						.on_failed = on_failed,
						.on_progress = on_progress,
						.on_stale = on_stale,
						.userdata = &complete };

	complete = failed = stale = 0;
	document.url[0] = '\0';
	strcpy(document.stream, "stream-1");
	progress = 99;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(image_new(&image, event, "/"), 0);
	ck_assert_int_eq(download_new(&download, event, "thing", "", "/", image, &events), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(download_free(download));
	ck_assert_ptr_null(download_free(NULL));
	image_free(image);
	sd_event_unref(event);
}

static void start(const char *tag, bool resume)
{
	download_start(download, tag, &document, resume);
	download_go(download);
}

static void put(unsigned i)
{
	uint64_t offset = (uint64_t)i * STREAMS_BLOCK;
	size_t n = document.size - offset < STREAMS_BLOCK ? (size_t)(document.size - offset) : STREAMS_BLOCK;

	memset(block, (int)i, sizeof(block));
	ck_assert(fake_streams_block(offset, block, n));
}

START_TEST(all_of_it)
{
	ck_assert_uint_eq(download_blocks(&document), 3);
	start("job/1", false);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_CREATE);
	ck_assert_str_eq(fake_image()->tag, "job/1");
	ck_assert_uint_eq(fake_image()->size, document.size);
	ck_assert(!fake_streams()->running);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	ck_assert_str_eq(fake_streams()->stream, "stream-1");
	ck_assert_uint_eq(fake_streams()->file, 7);
	ck_assert_uint_eq(fake_streams()->size, document.size);
	ck_assert_uint_eq(fake_streams()->have, 0);
	for (unsigned i = 0; i < 3; i++) {
		ck_assert_uint_eq(progress, i);
		put(i);
	}
	ck_assert_uint_eq(progress, 3);
	fake_streams_complete();
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_FINISH);
	ck_assert_uint_eq(complete, 0);
	fake_image_done(0);
	ck_assert_uint_eq(complete, 1);
	ck_assert_uint_eq(failed, 0);
}
END_TEST

START_TEST(waits_for_the_connection)
{
	download_start(download, "job/1", &document, false);
	fake_image_done(0);
	ck_assert_uint_eq(fake_streams()->starts, 0);
	download_go(download);
	ck_assert_uint_eq(fake_streams()->starts, 1);
	put(0);
	download_pause(download);
	ck_assert(!fake_streams()->running);
	download_go(download);
	ck_assert_uint_eq(fake_streams()->starts, 2);
	ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
	ck_assert_uint_eq(progress, 1);

	/* While the file is made. */
	download_stop(download);
	start("job/2", false);
	download_pause(download);
	fake_image_done(0);
	ck_assert(!fake_streams()->running);
	download_go(download);
	ck_assert(fake_streams()->running);
}
END_TEST

START_TEST(goes_on_after_a_restart)
{
	download_start(download, "job/1", &document, true);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_RESUME);
	fake_image()->have = STREAMS_BLOCK + 5; /* whole blocks are fetched */
	fake_image_done(0);
	ck_assert_uint_eq(progress, 1);
	download_go(download);
	ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
}
END_TEST

START_TEST(begins_anew_when_nothing_is_there)
{
	start("job/1", true);
	fake_image_done(-ENOENT);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_CREATE);
	ck_assert_uint_eq(failed, 0);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
}
END_TEST

/* What is there needs no connection. */
START_TEST(was_complete_before_the_restart)
{
	download_start(download, "job/1", &document, true);
	fake_image()->have = document.size;
	fake_image_done(0);
	ck_assert_uint_eq(progress, 3);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_FINISH);
	fake_image_done(0);
	ck_assert_uint_eq(complete, 1);
	ck_assert_uint_eq(fake_streams()->starts, 0);
}
END_TEST

START_TEST(the_loss_comes_too_late)
{
	start("job/1", false);
	fake_image_done(0);
	for (unsigned i = 0; i < 3; i++)
		put(i);
	fake_streams_complete();
	download_pause(download);
	download_go(download);
	ck_assert_uint_eq(fake_streams()->starts, 1);
	fake_image_done(0);
	ck_assert_uint_eq(complete, 1);
}
END_TEST

START_TEST(a_slow_disk)
{
	start("job/1", false);
	fake_image_done(0);
	fake_image()->full = true;
	ck_assert(!fake_streams_block(0, block, STREAMS_BLOCK));
	ck_assert_uint_eq(progress, 0);
	ck_assert_uint_eq(fake_streams()->gone_on, 0);
	fake_image_room();
	ck_assert_uint_eq(fake_streams()->gone_on, 1);
	put(0);
	ck_assert_uint_eq(progress, 1);
}
END_TEST

START_TEST(a_full_disk)
{
	uint64_t needed, free;

	start("job/1", false);
	fake_image_done(-ENOSPC);
	ck_assert_uint_eq(failed, 1);
	ck_assert_int_eq(sscanf(last, "Not enough space: %" SCNu64 " bytes needed, %" SCNu64 " free", &needed, &free),
			 2);
	ck_assert_uint_eq(needed, document.size);
	ck_assert_uint_gt(free, 0);
	ck_assert(!fake_streams()->running);
}
END_TEST

START_TEST(a_broken_disk)
{
	start("job/1", false);
	fake_image_done(0);
	put(0);
	fake_image_error(-EIO);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "The image cannot be stored: Input/output error");
	ck_assert(!fake_streams()->running);

	/* Of a download that is over nobody wants to hear. */
	fake_image_error(-EIO);
	ck_assert_uint_eq(failed, 1);

	start("job/2", false);
	fake_image_done(0);
	for (unsigned i = 0; i < 3; i++)
		put(i);
	fake_streams_complete();
	fake_image_done(-EIO);
	ck_assert_uint_eq(failed, 2);
	ck_assert_uint_eq(complete, 0);
}
END_TEST

START_TEST(a_stream_that_fails)
{
	start("job/1", false);
	fake_image_done(0);
	fake_streams_fail("ResourceNotFound");
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "ResourceNotFound");
	download_pause(download);
	download_go(download);
	ck_assert_uint_eq(fake_streams()->starts, 1);
}
END_TEST

START_TEST(a_stream_that_does_not_start)
{
	download_go(download);
	fake_streams()->start_result = -ENOTCONN;
	download_start(download, "job/1", &document, false);
	fake_image_done(0);
	ck_assert_uint_eq(failed, 0);
	fake_streams()->start_result = _i ? -EACCES : -EINVAL;
	download_go(download);
	ck_assert_uint_eq(failed, 1);
	ck_assert(!_i || strstr(last, "check the policy"));
}
END_TEST

START_TEST(stopped)
{
	start("job/1", false);
	download_stop(download);
	fake_image_done(0); /* too late */
	ck_assert_uint_eq(fake_streams()->starts, 0);

	start("job/2", false);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	download_stop(download);
	ck_assert(!fake_streams()->running);
	download_pause(download);
	download_go(download);
	ck_assert(!fake_streams()->running);

	/* The disk was done with the file that is not wanted any more, not with this one. */
	download_start(download, "job/3", &document, true);
	start("job/4", true);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_RESUME);
	ck_assert_str_eq(fake_image()->tag, "job/4");
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	ck_assert_uint_eq(failed, 0);
}
END_TEST

/* --- by HTTPS --- */

static void give(uint64_t offset, size_t n)
{
	static uint8_t data[8 * STREAMS_BLOCK];

	ck_assert(fake_fetch_data(offset, data, n));
}

static void offer_url(bool stream)
{
	strcpy(document.url, "https://h/1");
	if (!stream)
		document.stream[0] = '\0';
}

START_TEST(from_a_url)
{
	offer_url(false);
	start("job/1", false);
	fake_image_done(0);
	ck_assert(fake_fetch()->running);
	ck_assert_uint_eq(fake_streams()->starts, 0);
	ck_assert_str_eq(fake_fetch()->url, "https://h/1");
	ck_assert_uint_eq(fake_fetch()->size, document.size);
	ck_assert_uint_eq(fake_fetch()->have, 0);
	ck_assert_uint_eq(fake_fetch()->patience, 0);
	ck_assert_uint_eq(progress, 0);
	give(0, STREAMS_BLOCK + 1);
	ck_assert_uint_eq(progress, 1);
	give(STREAMS_BLOCK + 1, (size_t)document.size - STREAMS_BLOCK - 1);
	ck_assert_uint_eq(progress, 3);
	fake_fetch_complete();
	fake_image_done(0);
	ck_assert_uint_eq(complete, 1);
}
END_TEST

START_TEST(from_the_middle_of_a_url)
{
	offer_url(true);
	download_start(download, "job/1", &document, true);
	fake_image()->have = STREAMS_BLOCK + 5;
	fake_image_done(0);
	ck_assert_uint_eq(progress, 1);
	ck_assert(!fake_fetch()->running);
	download_go(download);
	ck_assert_uint_eq(fake_fetch()->have, STREAMS_BLOCK + 5);
	download_pause(download);
	ck_assert(!fake_fetch()->running);
	download_go(download);
	ck_assert_uint_eq(fake_fetch()->starts, 2);
	download_stop(download);
	ck_assert(!fake_fetch()->running);
}
END_TEST

/* A silence of both ends within the time that one of them has. */
START_TEST(the_stream_after_the_url)
{
	offer_url(true);
	start("job/1", false);
	fake_image_done(0);
	ck_assert(fake_fetch()->running);
	ck_assert(!fake_streams()->running);
	give(0, STREAMS_BLOCK);
	fake_fetch_fail("HTTP status 404");
	ck_assert_uint_eq(failed, 0);
	ck_assert(fake_streams()->running);
	ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
	ck_assert_uint_gt(fake_fetch()->patience, 0);
	ck_assert_uint_gt(fake_streams()->patience, 0);
	ck_assert_uint_le(fake_fetch()->patience + fake_streams()->patience, FETCH_SILENCE_MS);
	download_pause(download);
	download_go(download);
	ck_assert_uint_eq(fake_fetch()->starts, 1);
	ck_assert_uint_eq(fake_streams()->starts, 2);
	fake_streams_fail("ResourceNotFound");
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "ResourceNotFound");

	start("job/2", false);
	fake_image_done(0);
	ck_assert(fake_fetch()->running);
}
END_TEST

START_TEST(a_url_that_fails)
{
	offer_url(false);
	start("job/1", false);
	fake_image_done(0);
	fake_fetch_fail("HTTP status 404");
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "HTTP status 404");

	fake_fetch()->start_result = -EINVAL;
	start("job/2", false);
	fake_image_done(0);
	ck_assert_uint_eq(failed, 2);
	ck_assert_str_eq(last, "The URL cannot be used");
}
END_TEST

START_TEST(another_url)
{
	offer_url(false);
	download_start(download, "job/1", &document, false);
	download_renewed(download);
	ck_assert_uint_eq(fake_fetch()->renewed, 0);
	fake_image_done(0);
	download_go(download);
	fake_fetch_stale();
	ck_assert_uint_eq(stale, 1);
	strcpy(document.url, "https://h/2");
	download_renewed(download);
	ck_assert_uint_eq(fake_fetch()->renewed, 1);
	ck_assert_str_eq(fake_fetch()->url, "https://h/2");
}
END_TEST

START_TEST(a_slow_disk_and_a_url)
{
	offer_url(false);
	start("job/1", false);
	fake_image_done(0);
	fake_image()->full = true;
	ck_assert(!fake_fetch_data(0, block, 5));
	ck_assert_uint_eq(progress, 0);
	fake_image_room();
	ck_assert_uint_eq(fake_fetch()->gone_on, 1);
}
END_TEST

START_TEST(what_a_power_cut_has_left)
{
	char *dir = temp_dir();
	const struct download_events none = { .on_progress = on_progress };

	download = download_free(download);
	ck_assert_int_eq(download_new(&download, event, "thing", "", dir, image, &none), 0);
	download_clean(download);
	ck_assert(!fake_image()->discarded);
	temp_text(dir, STAGING_FILE, "x");
	download_clean(download);
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
	tcase_add_test(tc, from_a_url);
	tcase_add_test(tc, from_the_middle_of_a_url);
	tcase_add_test(tc, the_stream_after_the_url);
	tcase_add_test(tc, a_url_that_fails);
	tcase_add_test(tc, another_url);
	tcase_add_test(tc, a_slow_disk_and_a_url);
	tcase_add_test(tc, what_a_power_cut_has_left);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
