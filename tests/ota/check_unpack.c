/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/unpack.h"

#include "at/error.h"
#include "fake/image.h"
#include "fake/packed.h"
#include "fake/suite.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIZE 5000

static sd_event *event;
static struct image *image;
static struct unpack unpack;
static uint8_t payload[SIZE], file[CONTAINER_HEADER + SIZE];
static int judged, verdict, failed, finished;
static unsigned rooms;
static char reason[UNPACK_MAX_WHY + 1];

static int judge(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1])
{
	ck_assert_ptr_eq(userdata, &unpack);
	ck_assert_uint_eq(c->size, SIZE);
	ck_assert_str_eq(c->version, "v2");
	judged++;
	strcpy(why, "of another maker");
	return verdict;
}

static void on_room(void *userdata)
{
	ck_assert_ptr_eq(userdata, &unpack);
	rooms++;
}

static void on_failed(void *userdata, int r, const char *why)
{
	ck_assert_ptr_eq(userdata, &unpack);
	failed = r;
	(void)snprintf(reason, sizeof(reason), "%s", why);
}

static void on_finished(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	finished = r;
}

static void setup(void)
{
	const struct unpack_events events = {
		.judge = judge, .on_room = on_room, .on_failed = on_failed, .userdata = &unpack
	};
	const struct packed packed = { .version = "v2", .payload = payload, .n = SIZE };

	log_set_level(LOG_EMERG);
	for (size_t i = 0; i < SIZE; i++)
		payload[i] = (uint8_t)(i * 13);
	packed_make(&packed, file);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(image_new(&image, event, "/none"), 0);
	memcpy(fake_image()->digest, file + 24, IMAGE_DIGEST);
	unpack_init(&unpack, image, &events);
	unpack_begin(&unpack);
	judged = verdict = failed = 0;
	rooms = 0;
	finished = 1;
}

static void teardown(void)
{
	image_free(image);
	sd_event_unref(event);
}

static void take(size_t from, size_t n)
{
	ck_assert_uint_eq(unpack_take(&unpack, file + from, n), n);
}

static void reach_body(void)
{
	take(0, CONTAINER_HEADER);
	fake_image_done(0);
}

START_TEST(in_pieces)
{
	take(0, 1000);
	ck_assert_int_eq(judged, 0);
	ck_assert_uint_eq(unpack_take(&unpack, file + 1000, 500), 24);
	ck_assert_int_eq(judged, 1);
	ck_assert(unpack_busy(&unpack));
	ck_assert_uint_eq(fake_image()->size, SIZE);
	ck_assert_uint_eq(unpack_take(&unpack, file + 1024, 500), 0);
	fake_image_done(0);
	ck_assert_uint_eq(rooms, 1);
	ck_assert(!unpack_busy(&unpack));
	for (size_t at = 0; at < SIZE; at += 500)
		take(CONTAINER_HEADER + at, 500);
	ck_assert(unpack_complete(&unpack));
	ck_assert_mem_eq(fake_image()->data, payload, SIZE);
	take(0, 900); /* whatever it is */
	unpack_finish(&unpack, (struct done){ .fn = on_finished });
	fake_image_done(0);
	ck_assert_int_eq(finished, 0);
	unpack_leave(&unpack);
	ck_assert(!fake_image()->discarded);
}
END_TEST

START_TEST(disk_is_slow)
{
	reach_body();
	take(CONTAINER_HEADER, 100);
	fake_image()->full = true;
	ck_assert_uint_eq(unpack_take(&unpack, file + CONTAINER_HEADER + 100, 100), 0);
	ck_assert_uint_eq(rooms, 1);
	fake_image_room();
	ck_assert_uint_eq(rooms, 2);
	take(CONTAINER_HEADER + 100, SIZE - 100);
	ck_assert_mem_eq(fake_image()->data, payload, SIZE);
}
END_TEST

START_TEST(damaged)
{
	reach_body();
	take(CONTAINER_HEADER, SIZE);
	fake_image()->digest[5] ^= 1;
	unpack_finish(&unpack, (struct done){ .fn = on_finished });
	fake_image_done(0);
	ck_assert_int_eq(finished, -EBADMSG);
	unpack_stop(&unpack);
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(refused)
{
	verdict = _i ? AT_ERR_SIGNATURE : AT_ERR_OTA;
	ck_assert_uint_eq(unpack_take(&unpack, file, CONTAINER_HEADER), 0);
	ck_assert_int_eq(failed, verdict);
	ck_assert_str_eq(reason, "of another maker");
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_NOTHING);
	unpack_stop(&unpack);
	ck_assert(!fake_image()->discarded);
}
END_TEST

START_TEST(no_image)
{
	file[0] = 'x';
	ck_assert_uint_eq(unpack_take(&unpack, file, CONTAINER_HEADER), 0);
	ck_assert_int_eq(failed, AT_ERR_OTA);
	ck_assert_int_eq(judged, 0);
}
END_TEST

START_TEST(disk_fails)
{
	if (_i == 0) {
		take(0, CONTAINER_HEADER);
		fake_image_done(-ENOSPC);
	} else {
		reach_body();
		fake_image_error(-EIO);
	}
	ck_assert_int_eq(failed, AT_ERR_OTA);
	unpack_stop(&unpack);
	ck_assert(fake_image()->discarded);
}
END_TEST

/* What is given up does not come back. */
START_TEST(stopped)
{
	take(0, CONTAINER_HEADER);
	unpack_stop(&unpack);
	ck_assert(fake_image()->discarded);
	ck_assert_uint_eq(rooms, 0);
	ck_assert_uint_eq(unpack_take(&unpack, file, 10), 0);
	unpack_begin(&unpack);
	reach_body();
	ck_assert_uint_eq(rooms, 1);
	take(CONTAINER_HEADER, SIZE);
	ck_assert(unpack_complete(&unpack));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unpack");
	TCase *tc = tcase_create("unpack");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, in_pieces);
	tcase_add_test(tc, disk_is_slow);
	tcase_add_test(tc, damaged);
	tcase_add_loop_test(tc, refused, 0, 2);
	tcase_add_test(tc, no_image);
	tcase_add_loop_test(tc, disk_fails, 0, 2);
	tcase_add_test(tc, stopped);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
