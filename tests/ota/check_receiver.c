/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/receiver.h"

#include "fake/frame.h"
#include "fake/image.h"
#include "fake/packed.h"
#include "fake/suite.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define SIZE 3000

static sd_event *event;
static struct image *image;
static struct unpack unpack;
static struct receiver receiver;
static uint8_t payload[SIZE], file[CONTAINER_HEADER + SIZE + 1024];
static char told
	[2048]; /* bytes that were sent, as hex; "OK", "heard", "complete"; "failed: <why>", and "!" to be cancelled */
static unsigned number; /* of the next block */

#define note(...) (void)snprintf(told + strlen(told), sizeof(told) - strlen(told), __VA_ARGS__)

static void on_send(void *userdata, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &receiver);
	for (size_t i = 0; i < n; i++)
		note("%02x ", ((const uint8_t *)data)[i]);
}

static void on_taken(void *userdata)
{
	ck_assert_ptr_eq(userdata, &receiver);
	note("OK ");
}

static void on_heard(void *userdata)
{
	ck_assert_ptr_eq(userdata, &receiver);
	note("heard ");
}

static void on_complete(void *userdata)
{
	ck_assert_ptr_eq(userdata, &receiver);
	note("complete ");
}

static void on_failed(void *userdata, bool cancel, const char *why)
{
	ck_assert_ptr_eq(userdata, &receiver);
	note("failed%s: %s ", cancel ? "!" : "", why);
	receiver_stop(&receiver);
	unpack_stop(&unpack);
}

/* --- of the unpack --- */

static int judge(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1])
{
	(void)userdata;
	(void)c;
	(void)why;
	return 0;
}

static void on_room(void *userdata)
{
	receiver_room(userdata);
}

static void on_unpack_failed(void *userdata, int r, const char *why)
{
	(void)r;
	on_failed(userdata, true, why);
}

static void setup(void)
{
	const struct unpack_events unpack_events = {
		.judge = judge, .on_room = on_room, .on_failed = on_unpack_failed, .userdata = &receiver
	};
	const struct receiver_events events = { .send = on_send,
						.taken = on_taken,
						.heard = on_heard,
						.complete = on_complete,
						.failed = on_failed,
						.userdata = &receiver };
	const struct packed packed = { .version = "v2", .payload = payload, .n = SIZE };

	log_set_level(LOG_EMERG);
	for (size_t i = 0; i < SIZE; i++)
		payload[i] = (uint8_t)(i * 13);
	packed_make(&packed, file);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(image_new(&image, event, "/none"), 0);
	fake_image()->at_once = true;
	unpack_init(&unpack, image, &unpack_events);
	receiver_init(&receiver, &unpack, &events);
	told[0] = '\0';
	number = 1;
}

static void teardown(void)
{
	receiver_done(&receiver);
	image_free(image);
	sd_event_unref(event);
}

static void begin(uint64_t size, uint32_t block)
{
	const struct wire_form form = { .size = size, .block = block };

	unpack_begin(&unpack);
	receiver_begin(&receiver, &form);
}

static void expect(const char *text)
{
	ck_assert_str_eq(told, text);
	told[0] = '\0';
}

static void bytes(const void *data, size_t n)
{
	ck_assert_uint_eq(receiver_bytes(&receiver, data, n), n);
}

/* The next KiB of the file. */
static void block(void)
{
	uint8_t frame[FRAME_MAX];

	bytes(frame, frame_make(frame, number, file + (number - 1) * (size_t)1024, 1024));
	number++;
}

START_TEST(xmodem)
{
	begin(0, 0);
	expect("43 ");
	ck_assert_uint_eq(receiver_silence_ms(&receiver), XMODEM_START_MS);
	receiver_silence(&receiver);
	expect("43 ");
	for (unsigned i = 0; i < 4; i++) {
		block();
		expect("heard 06 ");
	}
	number--;
	block();
	expect("heard 06 ");
	bytes("\x04", 1);
	expect("");
	receiver_silence(&receiver);
	expect("15 ");
	bytes("\x04", 1);
	receiver_silence(&receiver);
	expect("06 complete ");
	ck_assert(unpack_complete(&unpack));
	ck_assert_mem_eq(fake_image()->data, payload, SIZE);
	ck_assert_uint_eq(receiver_silence_ms(&receiver), 0);
}
END_TEST

START_TEST(blocks)
{
	const size_t n = CONTAINER_HEADER + SIZE;

	begin(n, 1000);
	ck_assert_uint_eq(receiver_silence_ms(&receiver), 0);
	bytes("\r\n", 2);
	bytes(file, 999);
	expect("");
	bytes(file + 999, 1002);
	expect("heard OK heard OK ");
	bytes(file + 2001, 1999);
	expect("heard OK heard OK ");
	ck_assert_uint_eq(receiver_bytes(&receiver, file + 4000, 100), n - 4000);
	expect("heard OK complete ");
	ck_assert_mem_eq(fake_image()->data, payload, SIZE);
}
END_TEST

enum turn { SENDER, DISK };

static void expect_turn(enum turn turn)
{
	ck_assert_int_eq(receiver_waits_for_disk(&receiver), turn == DISK);
}

/* What is acknowledged was taken. */
START_TEST(slow_disk)
{
	fake_image()->at_once = false;
	begin(CONTAINER_HEADER + SIZE, 1024);
	expect_turn(SENDER);
	bytes(file, 1024);
	expect("");
	expect_turn(DISK);
	fake_image_done(0);
	expect("heard OK ");
	expect_turn(SENDER);
	fake_image()->full = true;
	bytes(file + 1024, 1024);
	expect("");
	expect_turn(DISK);
	fake_image_room();
	expect("heard OK ");
	expect_turn(SENDER);
	receiver_stop(&receiver);
	unpack_stop(&unpack);

	begin(0, 0);
	expect_turn(SENDER);
	block();
	expect("43 ");
	expect_turn(DISK);
	ck_assert_uint_eq(receiver_silence_ms(&receiver), 0);
	receiver_silence(&receiver);
	expect("");
	fake_image_done(0);
	expect("heard 06 ");
	expect_turn(SENDER);
	fake_image()->full = true;
	block();
	number--;
	block(); /* he does not know */
	expect("");
	expect_turn(DISK);
	fake_image_room();
	expect("heard 06 ");
	expect_turn(SENDER);
	block();
	expect("heard 06 ");
}
END_TEST

START_TEST(ends)
{
	begin(0, 0);
	block();
	bytes("\x18\x18", 2);
	expect("43 heard 06 failed: Cancelled by the sender ");
	bytes("AT+RESET\n", 9);
	receiver_silence(&receiver);
	expect("");

	number = 1;
	begin(0, 0);
	block();
	number = 4;
	block();
	expect("43 heard 06 failed!: A block is out of its order ");

	fake_image()->at_once = false;
	number = 1;
	begin(0, 0);
	block();
	fake_image_done(-ENOSPC);
	expect("43 failed!: The image cannot be stored: No space left on device ");
}
END_TEST

/* Nobody waits for him. */
START_TEST(sender_does_not_wait)
{
	static uint8_t much[WIRE_MAX_BLOCK];

	begin(16u << 20, 1024);
	bytes(file, 1024);
	expect("heard OK ");
	fake_image()->full = true;
	bytes(much, sizeof(much));
	bytes(much, sizeof(much));
	expect("failed: The sender does not wait for its blocks to be taken ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("receiver");
	TCase *tc = tcase_create("receiver");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, xmodem);
	tcase_add_test(tc, blocks);
	tcase_add_test(tc, slow_disk);
	tcase_add_test(tc, ends);
	tcase_add_test(tc, sender_does_not_wait);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
