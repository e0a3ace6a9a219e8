/* SPDX-License-Identifier: Apache-2.0 */
/* ota/wire.c with disks that are slow, hang and fail. */
#include "ota/wire.h"

#include "fake/cable.h"
#include "fake/image.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>

static struct cable c;

static void setup(void)
{
	cable_make(&c);
}

static void teardown(void)
{
	cable_done(&c);
}

/* The sender's time begins when he is answered. */
START_TEST(whose_turn)
{
	cable_begin(&c, 0, 0);
	cable_block(&c);
	fake_image()->full = true;
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	cable_block(&c);
	cable_assert_told(&c, "43 06 15 15 15 15 15 ");
	fake_timer_pass(WIRE_DISK_MS - 1);
	fake_image_room();
	cable_assert_told(&c, "06 ");
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	cable_assert_told(&c, "15 15 15 15 15 ");
	cable_block(&c);
	cable_assert_told(&c, "06 ");
	fake_timer_pass(WIRE_SILENCE_MS + WIRE_PURGE_MS);
	cable_assert_told(&c, "15 15 15 15 15 =21 ");

	cable_begin(&c, c.file_n, 1024);
	cable_bytes(&c, c.file, 1024);
	fake_image()->full = true;
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	cable_bytes(&c, c.file + 1024, 1024);
	fake_timer_pass(WIRE_DISK_MS - 1);
	fake_image_room();
	cable_assert_told(&c, "OK OK ");
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	ck_assert(wire_active(c.wire));
	fake_timer_pass(1 + WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
}
END_TEST

/* A disk that takes no block. */
START_TEST(disk_hangs)
{
	cable_begin(&c, _i ? c.file_n : 0, _i ? 1024 : 0);
	if (_i)
		cable_bytes(&c, c.file, 1024);
	else
		cable_block(&c);
	fake_image()->full = true;
	if (_i)
		cable_bytes(&c, c.file + 1024, 1024);
	else
		cable_block(&c);
	cable_assert_told(&c, _i ? "OK " : "43 06 ");
	fake_timer_pass(WIRE_DISK_MS - 1);
	cable_assert_told(&c, "");
	fake_timer_pass(1);
	cable_assert_told(&c, _i ? "" : CABLE_CANS);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

/* One that does not keep what it has: what the host is told is true afterwards. */
START_TEST(disk_hangs_at_the_end)
{
	fake_image()->at_once = false;
	cable_begin(&c, 0, 0);
	cable_block(&c);
	fake_image_done(0);
	for (unsigned i = 1; i < 4; i++)
		cable_block(&c);
	fake_timer_pass(WIRE_SILENCE_MS / 2);
	c.told[0] = '\0';
	cable_eot(&c);
	cable_eot(&c);
	cable_assert_told(&c, "15 06 ");
	fake_timer_pass(WIRE_DISK_MS / 2);
	if (_i)
		fake_image_done(0);
	ck_assert_int_eq(c.take_done.fn != NULL, _i);
	fake_timer_pass(WIRE_DISK_MS / 2 - 1);
	cable_assert_told(&c, "");
	ck_assert(!fake_image()->discarded);
	fake_timer_pass(1 + WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
	ck_assert(fake_image()->discarded);
	ck_assert_int_eq(c.withdrawn, _i);
	ck_assert(!wire_active(c.wire));
}
END_TEST

START_TEST(not_kept)
{
	cable_by_xmodem(&c);
	done_call(&c.take_done, -EROFS);
	ck_assert(fake_image()->discarded);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
}
END_TEST

START_TEST(disk_fails)
{
	cable_begin(&c, 0, 0);
	if (_i == 0)
		fake_image()->result = -ENOSPC;
	cable_block(&c);
	if (_i == 1)
		fake_image_error(-EIO);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, _i == 0 ? "43 " CABLE_CANS "=21 " : "43 06 " CABLE_CANS "=21 ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire_disk");
	TCase *tc = tcase_create("wire_disk");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, whose_turn);
	tcase_add_loop_test(tc, disk_hangs, 0, 2);
	tcase_add_loop_test(tc, disk_hangs_at_the_end, 0, 2);
	tcase_add_test(tc, not_kept);
	tcase_add_loop_test(tc, disk_fails, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
