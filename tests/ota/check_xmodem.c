/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/xmodem.h"

#include "fake/frame.h"
#include "fake/suite.h"
#include "util/macro.h"

#include <stdio.h>
#include <string.h>

static struct xmodem x;
static char told[512]; /* of the receiver: "d<first byte>/<size>", "a<answer>", "end", "cancel", "lost" */

static void setup(void)
{
	xmodem_init(&x);
	told[0] = '\0';
	ck_assert_uint_eq(xmodem_answer(&x), XMODEM_CRC);
}

static void note(enum xmodem_event event)
{
	static const char *const ends[] = {
		[XMODEM_END] = "end ",
		[XMODEM_CANCEL] = "cancel ",
		[XMODEM_LOST] = "lost ",
	};
	char *at = told + strlen(told);
	size_t room = sizeof(told) - strlen(told), n;
	const uint8_t *data;

	if (event == XMODEM_DATA) {
		data = xmodem_data(&x, &n);
		for (size_t i = 1; i < n; i++)
			ck_assert_uint_eq(data[i], (data[0] + i) & 0xff);
		(void)snprintf(at, room, "d%u/%zu ", data[0], n);
	} else if (event == XMODEM_ANSWER) {
		(void)snprintf(at, room, "a%02x ", xmodem_answer(&x));
	} else if (event != XMODEM_NOTHING) {
		(void)snprintf(at, room, "%s", ends[event]);
	}
}

static void feed(const void *data, size_t n)
{
	const uint8_t *bytes = data;

	while (n > 0) {
		enum xmodem_event event;
		size_t k = xmodem_feed(&x, bytes, n, &event);

		ck_assert(k == n || event != XMODEM_NOTHING);
		note(event);
		bytes += k;
		n -= k;
	}
}

static void silence(void)
{
	note(xmodem_silence(&x));
}

static void eot(void)
{
	feed("\x04", 1);
	ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_EOT_MS);
	silence();
}

static void expect(const char *text)
{
	ck_assert_str_eq(told, text);
	told[0] = '\0';
}

static uint8_t frame[FRAME_MAX];

static size_t make(unsigned number, uint8_t first, size_t size)
{
	uint8_t data[XMODEM_MAX_BLOCK];

	for (size_t i = 0; i < size; i++)
		data[i] = (uint8_t)(first + i);
	return frame_make(frame, number, data, size);
}

static void block(unsigned number, uint8_t first, size_t size)
{
	feed(frame, make(number, first, size));
}

START_TEST(both_sizes)
{
	ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_START_MS);
	silence();
	expect("a43 ");
	feed("\n", 1);
	block(1, 7, 128);
	expect("d7/128 ");
	ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_RETRY_MS);
	block(2, 8, 1024);
	block(3, 9, 128);
	expect("d8/1024 d9/128 ");
	eot();
	expect("a15 ");
	eot();
	expect("end ");
}
END_TEST

START_TEST(numbers_go_round)
{
	char want[32];

	for (unsigned i = 1; i < 600; i++) {
		block(i, (uint8_t)i, 128);
		(void)snprintf(want, sizeof(want), "d%u/128 ", i & 0xff);
		expect(want);
	}
}
END_TEST

START_TEST(bytes_one_by_one)
{
	size_t n = make(1, 5, 1024);

	for (size_t i = 0; i + 1 < n; i++) {
		feed(frame + i, 1);
		expect("");
		ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_GAP_MS);
	}
	feed(frame + n - 1, 1);
	expect("d5/1024 ");
}
END_TEST

/* The rest of what is damaged is waited for; then it is asked for again. */
START_TEST(damaged)
{
	static const size_t places[] = { 0, 1, 2, 3, 100, 130, 131, 132 };

	block(1, 1, 128);
	expect("d1/128 ");
	(void)make(2, 2, 128);
	frame[places[_i]] ^= 0x40;
	feed(frame, 133);
	expect("");
	ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_QUIET_MS);
	silence();
	expect("a15 ");
	block(2, 2, 128);
	expect("d2/128 ");
}
END_TEST

START_TEST(a_byte_is_lost)
{
	(void)make(1, 1, 1024);
	feed(frame, 500);
	feed(frame + 501, 528);
	expect("");
	ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_GAP_MS);
	silence();
	expect("a43 "); /* not NAK: the sender would leave CRC */
	block(1, 1, 1024);
	expect("d1/1024 ");
	silence();
	expect("a15 ");
	block(1, 1, 1024); /* our ACK was lost */
	expect("a06 ");
	block(2, 2, 128);
	expect("d2/128 ");
}
END_TEST

START_TEST(out_of_order)
{
	static const unsigned numbers[] = { 1, 4, 0, 255 };

	block(1, 1, 128);
	block(2, 2, 128);
	expect("d1/128 d2/128 ");
	block(numbers[_i], 1, 128);
	expect("lost ");
}
END_TEST

/* YMODEM's, with the name of the file. */
START_TEST(block_0)
{
	block(0, 1, 128);
	expect("lost ");
}
END_TEST

START_TEST(one_eot_is_none)
{
	eot();
	expect("a43 "); /* no NAK before the first block */
	block(1, 1, 128);
	eot();
	expect("d1/128 a15 ");
	block(2, 2, 128); /* it was a damaged byte */
	eot();
	silence();
	eot();
	expect("d2/128 a15 a15 end ");
}
END_TEST

/* The first byte of a block was damaged, in one case that of block 4. */
START_TEST(eot_with_more_behind_it)
{
	for (unsigned i = 1; i < 6; i++) {
		if (i > 1) {
			(void)make(i, 1, 1024);
			frame[0] = XMODEM_EOT;
			feed(frame, 1);
			feed(frame + 1, 1028);
			expect("");
			ck_assert_uint_eq(xmodem_silence_ms(&x), XMODEM_QUIET_MS);
			silence();
			expect("a15 ");
		}
		block(i, 1, 1024);
		expect("d1/1024 ");
	}

	/* It does not count as the first of two. */
	feed("\x04?", 2);
	silence();
	eot();
	expect("a15 a15 ");
	feed("\x04?", 2);
	silence();
	eot();
	expect("a15 end ");
}
END_TEST

/* Impatience is none. */
START_TEST(eot_twice_at_once)
{
	block(1, 1, 128);
	feed("\x04\x04", 2);
	expect("d1/128 ");
	silence();
	feed("\x04\x04\x04", 3);
	silence();
	expect("a15 end ");
}
END_TEST

START_TEST(cancelled)
{
	feed("\x18", 1);
	expect("");
	block(1, 1, 128);
	feed("\x18", 1);
	eot();
	expect("d1/128 a15 ");
	feed("\x18\x18\x18", 2);
	expect("cancel ");
	setup();
	block(1, 1, 128);
	feed("\x04\x18\x18", 3);
	silence();
	expect("d1/128 cancel ");
}
END_TEST

/* In the middle of something they may be data, at its end they count. */
START_TEST(cancelled_in_the_middle)
{
	feed("rubbish\x18\x18 more", 14);
	silence();
	expect("a43 ");
	feed("rubbish\x18\x18\x08\x08", 11);
	silence();
	expect("cancel ");
}
END_TEST

/* In a block that breaks off they were none of its data. */
static const struct {
	size_t n; /* of the block, before them */
	const char *end;
	bool cancels;
} cancels[] = {
	{ 500, "\x18\x18", true },   { 500, "\x18\x18\x18\x18\x18\x18\x18\x18\x18\x18\b\b\b\b\b\b\b\b\b\b", true },
	{ 1, "\x18\x18", true }, /* where its number should be */
	{ 2, "\x18\x18", true },     { 1, "\x18\x18\b\b", true },
	{ 500, "\x18", false },      { 500, "\x18 \x18", false },
	{ 500, "\x18\x18 ", false }, { 1, "\x18", false },
	{ 1, "\b\b", false },
};

START_TEST(cancelled_in_a_block)
{
	block(1, 1, 1024);
	(void)make(2, 1, 1024);
	feed(frame, cancels[_i].n);
	feed(cancels[_i].end, strlen(cancels[_i].end));
	expect("d1/1024 ");
	silence();
	expect(cancels[_i].cancels ? "cancel " : "a15 ");
	if (cancels[_i].cancels)
		return;
	block(2, 2, 1024);
	expect("d2/1024 ");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("xmodem");
	TCase *tc = tcase_create("xmodem");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, both_sizes);
	tcase_add_test(tc, numbers_go_round);
	tcase_add_test(tc, bytes_one_by_one);
	tcase_add_loop_test(tc, damaged, 0, 8);
	tcase_add_test(tc, a_byte_is_lost);
	tcase_add_loop_test(tc, out_of_order, 0, 4);
	tcase_add_test(tc, block_0);
	tcase_add_test(tc, one_eot_is_none);
	tcase_add_test(tc, eot_with_more_behind_it);
	tcase_add_test(tc, eot_twice_at_once);
	tcase_add_test(tc, cancelled);
	tcase_add_test(tc, cancelled_in_the_middle);
	tcase_add_loop_test(tc, cancelled_in_a_block, 0, ELEMENTS(cancels));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
