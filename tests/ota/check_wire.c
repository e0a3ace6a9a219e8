/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/wire.h"

#include "at/error.h"
#include "fake/cable.h"
#include "fake/image.h"
#include "fake/suite.h"
#include "fake/timer.h"

static struct cable c;

static void setup(void)
{
	cable_make(&c);
}

static void teardown(void)
{
	cable_done(&c);
}

START_TEST(xmodem)
{
	cable_by_xmodem(&c);
	ck_assert_mem_eq(fake_image()->data, c.payload, CABLE_SIZE);
	done_call(&c.take_done, 0);
	fake_timer_pass(WIRE_SETTLE_MS - 1);
	cable_assert_told(&c, "");
	cable_bytes(&c, "\x04", 1); /* our ACK was lost */
	fake_timer_pass(WIRE_SETTLE_MS - 1);
	cable_assert_told(&c, "06 ");
	fake_timer_pass(1);
	cable_assert_told(&c, "=0 ");
	ck_assert(!wire_active(c.wire));
	ck_assert(!fake_image()->discarded);
}
END_TEST

START_TEST(blocks)
{
	cable_begin(&c, c.file_n, 1000);
	cable_bytes(&c, "\n", 1);
	cable_bytes(&c, c.file, 999);
	cable_assert_told(&c, "");
	cable_bytes(&c, c.file + 999, 2);
	cable_assert_told(&c, "OK ");
	cable_bytes(&c, c.file + 1001, 3000);
	cable_assert_told(&c, "OK OK OK ");
	ck_assert_uint_eq(wire_bytes(c.wire, c.file + 4001, 900), 23);
	cable_assert_told(&c, "OK ");
	ck_assert_uint_eq(wire_bytes(c.wire, "AT", 2), 0);
	done_call(&c.take_done, 0);
	cable_assert_told(&c, "=0 ");
	ck_assert_mem_eq(fake_image()->data, c.payload, CABLE_SIZE);
}
END_TEST

START_TEST(refused)
{
	c.verdict = _i ? AT_ERR_SIGNATURE : AT_ERR_OTA;
	cable_begin(&c, 0, 0);
	cable_block(&c);
	cable_assert_told(&c, "43 " CABLE_CANS);
	fake_timer_pass(WIRE_PURGE_MS - 1);
	cable_bytes(&c, "AT+RESET\n", 9);
	fake_timer_pass(WIRE_PURGE_MS - 1);
	cable_assert_told(&c, "");
	fake_timer_pass(1);
	cable_assert_told(&c, _i ? "=23 " : "=21 ");

	/* Of blocks, in place of an OK. */
	cable_begin(&c, c.file_n, 1024);
	cable_bytes(&c, c.file, 1024);
	cable_assert_told(&c, "");
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, _i ? "=23 " : "=21 ");
}
END_TEST

START_TEST(purge_is_bounded)
{
	unsigned seconds = 0;

	c.verdict = AT_ERR_OTA;
	cable_begin(&c, 0, 0);
	cable_block(&c);
	cable_assert_told(&c, "43 " CABLE_CANS);
	while (wire_active(c.wire)) {
		cable_bytes(&c, "x", 1);
		fake_timer_pass(500);
		ck_assert_uint_le(++seconds, 2 * WIRE_PURGE_MAX_MS / 1000);
	}
	cable_assert_told(&c, "=21 ");
}
END_TEST

START_TEST(incomplete)
{
	cable_begin(&c, 0, 0);
	cable_block(&c);
	cable_block(&c);
	cable_eot(&c);
	cable_eot(&c);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "43 06 06 15 06 =21 ");
	ck_assert(fake_image()->discarded);
	cable_begin(&c, 900, 100);
	cable_bytes(&c, c.file, 900);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "OK OK OK OK OK OK OK OK OK =21 ");
}
END_TEST

START_TEST(damaged)
{
	fake_image()->digest[0] ^= 1;
	cable_by_xmodem(&c);
	ck_assert_ptr_null(c.take_done.fn);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(silent)
{
	cable_begin(&c, 0, 0);
	fake_timer_pass(WIRE_SILENCE_MS + WIRE_PURGE_MS);
	cable_assert_told(&c, "43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 =21 ");
	cable_begin(&c, 0, 0);
	cable_block(&c);
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	cable_bytes(&c, "rubbish", 7);
	fake_timer_pass(WIRE_PURGE_MS + 1);
	cable_assert_told(&c, "43 06 15 15 15 15 15 =21 ");
	cable_begin(&c, c.file_n, 1024);
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	cable_bytes(&c, c.file, 1024);
	cable_assert_told(&c, "OK ");
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	ck_assert(wire_active(c.wire));

	/* As of a host that was reset and asks now and then whether we are there. */
	cable_bytes(&c, "AT\r\n", 4);
	fake_timer_pass(1 + WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
}
END_TEST

START_TEST(cancelled)
{
	cable_begin(&c, 0, 0);
	cable_block(&c);
	cable_bytes(&c, "\x18\x18\x18\x18\x08\x08", 6);
	cable_assert_told(&c, "43 06 ");
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "=21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(out_of_step)
{
	cable_begin(&c, 0, 0);
	cable_block(&c);
	c.number = 4;
	cable_block(&c);
	fake_timer_pass(WIRE_PURGE_MS);
	cable_assert_told(&c, "43 06 " CABLE_CANS "=21 ");
}
END_TEST

START_TEST(line_lost)
{
	cable_begin(&c, 0, 0);
	cable_block(&c);
	wire_lost(c.wire);
	cable_assert_told(&c, "43 06 =21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(stopped)
{
	cable_begin(&c, 0, 0);
	cable_block(&c);
	wire_stop(c.wire);
	cable_assert_told(&c, "43 06 ");
	ck_assert(!wire_active(c.wire));
	ck_assert(fake_image()->discarded);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* Its owner has it: nobody is told, and it is his. */
START_TEST(stopped_at_the_end)
{
	cable_by_xmodem(&c);
	wire_stop(c.wire);
	ck_assert(!fake_image()->discarded);
	ck_assert(!c.withdrawn);
	done_call(&c.take_done, 0);
	cable_assert_told(&c, "");
}
END_TEST

START_TEST(line_lost_at_the_end)
{
	cable_by_xmodem(&c);
	if (_i)
		done_call(&c.take_done, 0);
	wire_lost(c.wire);
	cable_assert_told(&c, _i ? "=0 " : "=21 ");
	ck_assert_int_eq(fake_image()->discarded, !_i);
	ck_assert_int_eq(c.withdrawn, !_i);
	ck_assert(!wire_active(c.wire));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("wire");
	TCase *tc = tcase_create("wire");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, xmodem);
	tcase_add_test(tc, blocks);
	tcase_add_loop_test(tc, refused, 0, 2);
	tcase_add_test(tc, purge_is_bounded);
	tcase_add_test(tc, incomplete);
	tcase_add_test(tc, damaged);
	tcase_add_test(tc, silent);
	tcase_add_test(tc, cancelled);
	tcase_add_test(tc, out_of_step);
	tcase_add_test(tc, line_lost);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, stopped_at_the_end);
	tcase_add_loop_test(tc, line_lost_at_the_end, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
