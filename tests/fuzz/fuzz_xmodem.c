/* SPDX-License-Identifier: Apache-2.0 */
/* The receiver of XMODEM, whatever comes: it means the same however the bytes are cut, and no block is told of twice or
 * out of its order. */
#include "fuzz/fuzz.h"

#include "ota/xmodem.h"
#include "util/buf.h"

#include <stdbool.h>
#include <string.h>

static bool is_answer(uint8_t byte)
{
	return byte == XMODEM_ACK || byte == XMODEM_NAK || byte == XMODEM_CRC;
}

/* True: the transfer is over. */
static bool judge(const struct xmodem *x, enum xmodem_event event, struct buf *out)
{
	uint8_t kind = (uint8_t)event, answer = xmodem_answer(x);
	const uint8_t *data;
	size_t n;

	if (event == XMODEM_NOTHING)
		return false;
	FUZZ_HOLDS(buf_append(out, &kind, 1) == 0);
	if (event == XMODEM_ANSWER) {
		FUZZ_HOLDS(is_answer(answer));
		FUZZ_HOLDS(buf_append(out, &answer, 1) == 0);
	}
	if (event == XMODEM_DATA) {
		data = xmodem_data(x, &n);
		FUZZ_HOLDS(n == 128 || n == 1024);
		FUZZ_HOLDS(buf_append(out, data, n) == 0);
	}
	return event != XMODEM_ANSWER && event != XMODEM_DATA;
}

static bool feed(struct xmodem *x, const uint8_t *data, size_t n, size_t piece, struct buf *out)
{
	while (n > 0) {
		size_t part = piece && piece < n ? piece : n, k;
		enum xmodem_event event;

		k = xmodem_feed(x, data, part, &event);
		FUZZ_HOLDS(k > 0 && k <= part);
		FUZZ_HOLDS(k == part || event != XMODEM_NOTHING);
		FUZZ_HOLDS(event != XMODEM_END); /* before a silence it is none */
		data += k;
		n -= k;
		if (judge(x, event, out))
			return true;
	}
	return false;
}

static uint16_t crc(const uint8_t *data, size_t n)
{
	uint16_t value = 0;

	for (size_t i = 0; i < n; i++) {
		value = (uint16_t)(value ^ data[i] << 8);
		for (unsigned bit = 0; bit < 8; bit++)
			value = (uint16_t)(value & 0x8000 ? value << 1 ^ 0x1021 : value << 1);
	}
	return value;
}

/* A block that no fuzzer finds. */
static bool feed_block(struct xmodem *x, uint8_t number, uint8_t filling, bool large, struct buf *out)
{
	size_t n = large ? 1024 : 128;
	uint8_t frame[3 + 1024 + 2] = { large ? XMODEM_STX : XMODEM_SOH, number, (uint8_t)~number };
	uint16_t check;

	memset(frame + 3, filling, n);
	check = crc(frame + 3, n);
	frame[3 + n] = (uint8_t)(check >> 8);
	frame[4 + n] = (uint8_t)check;
	return feed(x, frame, n + 5, 0, out);
}

static void run(const uint8_t *data, size_t n, size_t piece, struct buf *out)
{
	struct xmodem x;
	bool over = false;

	xmodem_init(&x);
	FUZZ_HOLDS(xmodem_answer(&x) == XMODEM_CRC);
	while (n > 1 && !over) {
		uint8_t step = data[0], more = data[1];
		size_t part = step & 0x1f;

		data += 2;
		n -= 2;
		FUZZ_HOLDS(xmodem_silence_ms(&x) > 0);
		switch (step >> 5) {
		case 0:
		case 1:
		case 2:
			over = feed_block(&x, (uint8_t)(x.next + (more & 0x80 ? more : 0)), more, step & 0x20, out);
			break;
		case 3:
			over = judge(&x, xmodem_silence(&x), out);
			break;
		default:
			part = part < n ? part : n;
			over = feed(&x, data, part, piece, out);
			data += part;
			n -= part;
		}
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole, cut;

	if (n > 100) /* a long one is slow, and says nothing new */
		return 0;
	buf_init(&whole, SIZE_MAX / 4);
	buf_init(&cut, SIZE_MAX / 4);
	run(data, n, 0, &whole);
	run(data, n, 1 + n % 7, &cut);
	FUZZ_HOLDS(buf_used(&whole) == buf_used(&cut));
	FUZZ_HOLDS(buf_used(&whole) == 0 || memcmp(buf_head(&whole), buf_head(&cut), buf_used(&whole)) == 0);
	buf_done(&whole);
	buf_done(&cut);
	return 0;
}
