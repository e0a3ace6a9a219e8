/* SPDX-License-Identifier: Apache-2.0 */
/* ota/download.c by HTTPS, with a stream to fall back on or without. */
#include "ota/download.h"

#include "fake/fetch.h"
#include "fake/haul.h"
#include "fake/image.h"
#include "fake/streams.h"
#include "fake/suite.h"

#include <errno.h>
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

static void give(uint64_t offset, size_t n)
{
	static uint8_t data[8 * STREAMS_BLOCK];

	ck_assert(fake_fetch_data(offset, data, n));
}

static void offer_url(bool stream)
{
	strcpy(h.document.url, "https://h/1");
	if (!stream)
		h.document.stream[0] = '\0';
}

START_TEST(from_a_url)
{
	offer_url(false);
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	ck_assert(fake_fetch()->running);
	ck_assert_uint_eq(fake_streams()->starts, 0);
	ck_assert_str_eq(fake_fetch()->url, "https://h/1");
	ck_assert_uint_eq(fake_fetch()->size, h.document.size);
	ck_assert_uint_eq(fake_fetch()->have, 0);
	ck_assert_uint_eq(fake_fetch()->patience, 0);
	ck_assert_uint_eq(h.progress, 0);
	give(0, STREAMS_BLOCK + 1);
	ck_assert_uint_eq(h.progress, 1);
	give(STREAMS_BLOCK + 1, (size_t)h.document.size - STREAMS_BLOCK - 1);
	ck_assert_uint_eq(h.progress, 3);
	fake_fetch_complete();
	fake_image_done(0);
	ck_assert_uint_eq(h.complete, 1);
}
END_TEST

START_TEST(from_the_middle_of_a_url)
{
	offer_url(true);
	download_start(h.download, "job/1", &h.document, true);
	fake_image()->have = STREAMS_BLOCK + 5;
	fake_image_done(0);
	ck_assert_uint_eq(h.progress, 1);
	ck_assert(!fake_fetch()->running);
	download_go(h.download);
	ck_assert_uint_eq(fake_fetch()->have, STREAMS_BLOCK + 5);
	download_pause(h.download);
	ck_assert(!fake_fetch()->running);
	download_go(h.download);
	ck_assert_uint_eq(fake_fetch()->starts, 2);
	download_stop(h.download);
	ck_assert(!fake_fetch()->running);
}
END_TEST

/* A silence of both ends within the time that one of them has. */
START_TEST(the_stream_after_the_url)
{
	offer_url(true);
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	ck_assert(fake_fetch()->running);
	ck_assert(!fake_streams()->running);
	give(0, STREAMS_BLOCK);
	fake_fetch_fail("HTTP status 404");
	ck_assert_uint_eq(h.failed, 0);
	ck_assert(fake_streams()->running);
	ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
	ck_assert_uint_gt(fake_fetch()->patience, 0);
	ck_assert_uint_gt(fake_streams()->patience, 0);
	ck_assert_uint_le(fake_fetch()->patience + fake_streams()->patience, FETCH_SILENCE_MS);
	download_pause(h.download);
	download_go(h.download);
	ck_assert_uint_eq(fake_fetch()->starts, 1);
	ck_assert_uint_eq(fake_streams()->starts, 2);
	fake_streams_fail("ResourceNotFound");
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "ResourceNotFound");

	haul_start(&h, "job/2", false);
	fake_image_done(0);
	ck_assert(fake_fetch()->running);
}
END_TEST

START_TEST(a_url_that_fails)
{
	offer_url(false);
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	fake_fetch_fail("HTTP status 404");
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "HTTP status 404");

	fake_fetch()->start_result = -EINVAL;
	haul_start(&h, "job/2", false);
	fake_image_done(0);
	ck_assert_uint_eq(h.failed, 2);
	ck_assert_str_eq(h.last, "The URL cannot be used");
}
END_TEST

START_TEST(another_url)
{
	offer_url(false);
	download_start(h.download, "job/1", &h.document, false);
	download_renewed(h.download);
	ck_assert_uint_eq(fake_fetch()->renewed, 0);
	fake_image_done(0);
	download_go(h.download);
	fake_fetch_stale();
	ck_assert_uint_eq(h.stale, 1);
	strcpy(h.document.url, "https://h/2");
	download_renewed(h.download);
	ck_assert_uint_eq(fake_fetch()->renewed, 1);
	ck_assert_str_eq(fake_fetch()->url, "https://h/2");
}
END_TEST

START_TEST(a_slow_disk_and_a_url)
{
	offer_url(false);
	haul_start(&h, "job/1", false);
	fake_image_done(0);
	fake_image()->full = true;
	ck_assert(!fake_fetch_data(0, h.block, 5));
	ck_assert_uint_eq(h.progress, 0);
	fake_image_room();
	ck_assert_uint_eq(fake_fetch()->gone_on, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("download_url");
	TCase *tc = tcase_create("download_url");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, from_a_url);
	tcase_add_test(tc, from_the_middle_of_a_url);
	tcase_add_test(tc, the_stream_after_the_url);
	tcase_add_test(tc, a_url_that_fails);
	tcase_add_test(tc, another_url);
	tcase_add_test(tc, a_slow_disk_and_a_url);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
