/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/wire.h"

#include "at/error.h"
#include "fake/frame.h"
#include "fake/image.h"
#include "fake/packed.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "ota/xmodem.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIZE 3000

static sd_event *event;
static struct image *image;
static struct wire *wire;
static uint8_t payload[SIZE], file[CONTAINER_HEADER + SIZE + 1024];
static size_t file_n;
static char told[2048]; /* the bytes that were sent, as hex; "OK" for a block; "=<r>" for the end */
static int verdict;
static struct done take_done;
static bool withdrawn;
static unsigned number; /* of the next block */

/* Two are enough for a sender, but a bad line may have none of them. */
#define CANS "18 18 18 18 18 18 18 18 18 18 "

#define note(...) (void)snprintf(told + strlen(told), sizeof(told) - strlen(told), __VA_ARGS__)

static void on_send(void *userdata, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &wire);
	for (size_t i = 0; i < n; i++)
		note("%02x ", ((const uint8_t *)data)[i]);
}

static void on_taken(void *userdata)
{
	ck_assert_ptr_eq(userdata, &wire);
	note("OK ");
}

static void on_ended(void *userdata, int r)
{
	ck_assert_ptr_eq(userdata, &wire);
	note("=%d ", r);
}

static int judge(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1])
{
	ck_assert_ptr_eq(userdata, &wire);
	ck_assert_uint_eq(c->size, SIZE);
	strcpy(why, "why");
	return verdict;
}

static void take(void *userdata, const struct container *c, struct done done)
{
	ck_assert_ptr_eq(userdata, &wire);
	ck_assert_str_eq(c->version, "v2");
	take_done = done;
}

static void withdraw(void *userdata)
{
	ck_assert_ptr_eq(userdata, &wire);
	withdrawn = true;
	done_call(&take_done, -ECANCELED);
}

static void setup(void)
{
	const struct wire_owner owner = { .judge = judge, .take = take, .withdraw = withdraw, .userdata = &wire };
	const struct packed packed = { .version = "v2", .payload = payload, .n = SIZE };

	log_set_level(LOG_EMERG);
	for (size_t i = 0; i < SIZE; i++)
		payload[i] = (uint8_t)(i * 13);
	packed_make(&packed, file);
	memset(file + CONTAINER_HEADER + SIZE, 0x1a, 1024);
	file_n = CONTAINER_HEADER + SIZE;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(image_new(&image, event, "/none"), 0);
	memcpy(fake_image()->digest, file + 24, IMAGE_DIGEST);
	fake_image()->at_once = true;
	ck_assert_int_eq(wire_new(&wire, event, image, &owner), 0);
	verdict = 0;
	told[0] = '\0';
	number = 1;
	take_done = (struct done){ 0 };
	withdrawn = false;
}

static void teardown(void)
{
	ck_assert_ptr_null(wire_free(wire));
	image_free(image);
	sd_event_unref(event);
}

static void begin(uint64_t size, uint32_t block)
{
	const struct wire_form form = { .size = size, .block = block };
	const struct wire_events events = { .send = on_send, .taken = on_taken, .ended = on_ended, .userdata = &wire };

	ck_assert(!wire_active(wire));
	wire_open(wire, &form, &events);
	ck_assert(wire_active(wire));
	wire_go(wire);
}

static void expect(const char *text)
{
	ck_assert_str_eq(told, text);
	told[0] = '\0';
}

static void bytes(const void *data, size_t n)
{
	ck_assert_uint_eq(wire_bytes(wire, data, n), n);
}

/* The next KiB of the file. */
static void block(void)
{
	uint8_t frame[FRAME_MAX];

	bytes(frame, frame_make(frame, number, file + (number - 1) * (size_t)1024, 1024));
	number++;
}

static void eot(void)
{
	bytes("\x04", 1);
	fake_timer_pass(XMODEM_EOT_MS);
}

/* All blocks and the end. */
static void by_xmodem(void)
{
	begin(0, 0);
	for (unsigned i = 0; i < 4; i++)
		block();
	eot();
	eot();
	expect("43 06 06 06 06 15 06 ");
}

START_TEST(xmodem)
{
	by_xmodem();
	ck_assert_mem_eq(fake_image()->data, payload, SIZE);
	done_call(&take_done, 0);
	fake_timer_pass(WIRE_SETTLE_MS - 1);
	expect("");
	bytes("\x04", 1); /* our ACK was lost */
	fake_timer_pass(WIRE_SETTLE_MS - 1);
	expect("06 ");
	fake_timer_pass(1);
	expect("=0 ");
	ck_assert(!wire_active(wire));
	ck_assert(!fake_image()->discarded);
}
END_TEST

START_TEST(blocks)
{
	begin(file_n, 1000);
	bytes("\n", 1);
	bytes(file, 999);
	expect("");
	bytes(file + 999, 2);
	expect("OK ");
	bytes(file + 1001, 3000);
	expect("OK OK OK ");
	ck_assert_uint_eq(wire_bytes(wire, file + 4001, 900), 23);
	expect("OK ");
	ck_assert_uint_eq(wire_bytes(wire, "AT", 2), 0);
	done_call(&take_done, 0);
	expect("=0 ");
	ck_assert_mem_eq(fake_image()->data, payload, SIZE);
}
END_TEST

START_TEST(refused)
{
	verdict = _i ? AT_ERR_SIGNATURE : AT_ERR_OTA;
	begin(0, 0);
	block();
	expect("43 " CANS);
	fake_timer_pass(WIRE_PURGE_MS - 1);
	bytes("AT+RESET\n", 9);
	fake_timer_pass(WIRE_PURGE_MS - 1);
	expect("");
	fake_timer_pass(1);
	expect(_i ? "=23 " : "=21 ");

	/* Of blocks, in place of an OK. */
	begin(file_n, 1024);
	bytes(file, 1024);
	expect("");
	fake_timer_pass(WIRE_PURGE_MS);
	expect(_i ? "=23 " : "=21 ");
}
END_TEST

START_TEST(purge_is_bounded)
{
	unsigned seconds = 0;

	verdict = AT_ERR_OTA;
	begin(0, 0);
	block();
	expect("43 " CANS);
	while (wire_active(wire)) {
		bytes("x", 1);
		fake_timer_pass(500);
		ck_assert_uint_le(++seconds, 2 * WIRE_PURGE_MAX_MS / 1000);
	}
	expect("=21 ");
}
END_TEST

START_TEST(incomplete)
{
	begin(0, 0);
	block();
	block();
	eot();
	eot();
	fake_timer_pass(WIRE_PURGE_MS);
	expect("43 06 06 15 06 =21 ");
	ck_assert(fake_image()->discarded);
	begin(900, 100);
	bytes(file, 900);
	fake_timer_pass(WIRE_PURGE_MS);
	expect("OK OK OK OK OK OK OK OK OK =21 ");
}
END_TEST

START_TEST(damaged)
{
	fake_image()->digest[0] ^= 1;
	by_xmodem();
	ck_assert_ptr_null(take_done.fn);
	fake_timer_pass(WIRE_PURGE_MS);
	expect("=21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(silent)
{
	begin(0, 0);
	fake_timer_pass(WIRE_SILENCE_MS + WIRE_PURGE_MS);
	expect("43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 43 =21 ");
	begin(0, 0);
	block();
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	bytes("rubbish", 7);
	fake_timer_pass(WIRE_PURGE_MS + 1);
	expect("43 06 15 15 15 15 15 =21 ");
	begin(file_n, 1024);
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	bytes(file, 1024);
	expect("OK ");
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	ck_assert(wire_active(wire));

	/* As of a host that was reset and asks now and then whether we are there. */
	bytes("AT\r\n", 4);
	fake_timer_pass(1 + WIRE_PURGE_MS);
	expect("=21 ");
}
END_TEST

START_TEST(cancelled)
{
	begin(0, 0);
	block();
	bytes("\x18\x18\x18\x18\x08\x08", 6);
	expect("43 06 ");
	fake_timer_pass(WIRE_PURGE_MS);
	expect("=21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(out_of_step)
{
	begin(0, 0);
	block();
	number = 4;
	block();
	fake_timer_pass(WIRE_PURGE_MS);
	expect("43 06 " CANS "=21 ");
}
END_TEST

START_TEST(line_lost)
{
	begin(0, 0);
	block();
	wire_lost(wire);
	expect("43 06 =21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(stopped)
{
	begin(0, 0);
	block();
	wire_stop(wire);
	expect("43 06 ");
	ck_assert(!wire_active(wire));
	ck_assert(fake_image()->discarded);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* The sender's time begins when he is answered. */
START_TEST(whose_turn)
{
	begin(0, 0);
	block();
	fake_image()->full = true;
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	block();
	expect("43 06 15 15 15 15 15 ");
	fake_timer_pass(WIRE_DISK_MS - 1);
	fake_image_room();
	expect("06 ");
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	expect("15 15 15 15 15 ");
	block();
	expect("06 ");
	fake_timer_pass(WIRE_SILENCE_MS + WIRE_PURGE_MS);
	expect("15 15 15 15 15 =21 ");

	begin(file_n, 1024);
	bytes(file, 1024);
	fake_image()->full = true;
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	bytes(file + 1024, 1024);
	fake_timer_pass(WIRE_DISK_MS - 1);
	fake_image_room();
	expect("OK OK ");
	fake_timer_pass(WIRE_SILENCE_MS - 1);
	ck_assert(wire_active(wire));
	fake_timer_pass(1 + WIRE_PURGE_MS);
	expect("=21 ");
}
END_TEST

/* A disk that takes no block. */
START_TEST(disk_hangs)
{
	begin(_i ? file_n : 0, _i ? 1024 : 0);
	if (_i)
		bytes(file, 1024);
	else
		block();
	fake_image()->full = true;
	if (_i)
		bytes(file + 1024, 1024);
	else
		block();
	expect(_i ? "OK " : "43 06 ");
	fake_timer_pass(WIRE_DISK_MS - 1);
	expect("");
	fake_timer_pass(1);
	expect(_i ? "" : CANS);
	fake_timer_pass(WIRE_PURGE_MS);
	expect("=21 ");
	ck_assert(fake_image()->discarded);
}
END_TEST

/* One that does not keep what it has: what the host is told is true afterwards. */
START_TEST(disk_hangs_at_the_end)
{
	fake_image()->at_once = false;
	begin(0, 0);
	block();
	fake_image_done(0);
	for (unsigned i = 1; i < 4; i++)
		block();
	fake_timer_pass(WIRE_SILENCE_MS / 2);
	told[0] = '\0';
	eot();
	eot();
	expect("15 06 ");
	fake_timer_pass(WIRE_DISK_MS / 2);
	if (_i)
		fake_image_done(0);
	ck_assert_int_eq(take_done.fn != NULL, _i);
	fake_timer_pass(WIRE_DISK_MS / 2 - 1);
	expect("");
	ck_assert(!fake_image()->discarded);
	fake_timer_pass(1 + WIRE_PURGE_MS);
	expect("=21 ");
	ck_assert(fake_image()->discarded);
	ck_assert_int_eq(withdrawn, _i);
	ck_assert(!wire_active(wire));
}
END_TEST

/* Its owner has it: nobody is told, and it is his. */
START_TEST(stopped_at_the_end)
{
	by_xmodem();
	wire_stop(wire);
	ck_assert(!fake_image()->discarded);
	ck_assert(!withdrawn);
	done_call(&take_done, 0);
	expect("");
}
END_TEST

START_TEST(line_lost_at_the_end)
{
	by_xmodem();
	if (_i)
		done_call(&take_done, 0);
	wire_lost(wire);
	expect(_i ? "=0 " : "=21 ");
	ck_assert_int_eq(fake_image()->discarded, !_i);
	ck_assert_int_eq(withdrawn, !_i);
	ck_assert(!wire_active(wire));
}
END_TEST

START_TEST(not_kept)
{
	by_xmodem();
	done_call(&take_done, -EROFS);
	ck_assert(fake_image()->discarded);
	fake_timer_pass(WIRE_PURGE_MS);
	expect("=21 ");
}
END_TEST

START_TEST(disk_fails)
{
	begin(0, 0);
	if (_i == 0)
		fake_image()->result = -ENOSPC;
	block();
	if (_i == 1)
		fake_image_error(-EIO);
	fake_timer_pass(WIRE_PURGE_MS);
	expect(_i == 0 ? "43 " CANS "=21 " : "43 06 " CANS "=21 ");
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
	tcase_add_test(tc, whose_turn);
	tcase_add_loop_test(tc, disk_hangs, 0, 2);
	tcase_add_loop_test(tc, disk_hangs_at_the_end, 0, 2);
	tcase_add_test(tc, stopped_at_the_end);
	tcase_add_loop_test(tc, line_lost_at_the_end, 0, 2);
	tcase_add_test(tc, not_kept);
	tcase_add_loop_test(tc, disk_fails, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
