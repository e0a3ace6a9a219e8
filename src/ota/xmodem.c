/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/xmodem.h"

#define HEAD 3 /* SOH or STX, the block's number, its complement */
#define TAIL 2 /* CRC */

#define BS 0x08 /* some senders wipe their CANs off the screen */

void xmodem_init(struct xmodem *x)
{
	*x = (struct xmodem){ .state = XMODEM_BETWEEN, .next = 1, .answer = XMODEM_CRC };
}

/* CRC-16 with the polynomial 0x1021, from 0. */
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

static enum xmodem_event answer(struct xmodem *x, uint8_t byte)
{
	x->answer = byte;
	return XMODEM_ANSWER;
}

/* Before the first block a sender waits for an invitation, and would take XMODEM_NAK for one without CRC. */
static enum xmodem_event again(struct xmodem *x)
{
	x->state = XMODEM_BETWEEN;
	x->cans = 0;
	return answer(x, x->begun ? XMODEM_NAK : XMODEM_CRC);
}

/* cans: how many CANs in a row it has at its end so far. */
static enum xmodem_event garbage(struct xmodem *x, unsigned cans)
{
	x->state = XMODEM_IN_GARBAGE;
	x->cans = cans;
	return XMODEM_NOTHING;
}

/* A sender that gives up in the middle of a block does not say so before the next one. */
static unsigned cans_in_block(const struct xmodem *x)
{
	size_t end = x->n;
	unsigned cans = 0;

	while (end > 1 && x->frame[end - 1] == BS)
		end--;
	while (end > 1 && x->frame[end - 1] == XMODEM_CAN) {
		end--;
		cans++;
	}
	return cans;
}

static void begin_block(struct xmodem *x, uint8_t c)
{
	x->state = XMODEM_IN_BLOCK;
	x->frame[0] = c;
	x->n = 1;
	x->size = HEAD + (c == XMODEM_STX ? 1024 : 128) + TAIL;
}

/* The whole of it is there. */
static enum xmodem_event end_block(struct xmodem *x)
{
	size_t n = x->size - HEAD - TAIL;
	uint8_t number = x->frame[1];

	if (crc(x->frame + HEAD, n) != (x->frame[x->size - 2] << 8 | x->frame[x->size - 1]))
		return garbage(x, 0);
	x->state = XMODEM_BETWEEN;
	x->cans = 0;
	x->ended = false;
	if (number == x->next) {
		x->next++;
		x->begun = true;
		return XMODEM_DATA;
	}
	/* Our answer was lost. */
	if (x->begun && number == (uint8_t)(x->next - 1))
		return answer(x, XMODEM_ACK);
	return XMODEM_LOST;
}

static enum xmodem_event in_block(struct xmodem *x, uint8_t c)
{
	x->frame[x->n++] = c;
	if (x->n == HEAD && (x->frame[1] ^ x->frame[2]) != 0xff)
		return garbage(x, cans_in_block(x));
	return x->n == x->size ? end_block(x) : XMODEM_NOTHING;
}

static enum xmodem_event between(struct xmodem *x, uint8_t c)
{
	if (c == XMODEM_CAN)
		return ++x->cans == 2 ? XMODEM_CANCEL : XMODEM_NOTHING;
	x->cans = 0;
	if (c == XMODEM_SOH || c == XMODEM_STX) {
		begin_block(x, c);
		return XMODEM_NOTHING;
	}
	if (c == XMODEM_EOT) {
		x->state = XMODEM_AT_EOT;
		return XMODEM_NOTHING;
	}
	/* The rest of the command's end of line. */
	if (!x->begun && (c == '\r' || c == '\n'))
		return XMODEM_NOTHING;
	return garbage(x, 0);
}

/* Only at its end: an image may have two CANs in its middle. */
static enum xmodem_event in_garbage(struct xmodem *x, uint8_t c)
{
	if (c == XMODEM_CAN)
		x->cans++;
	else if (c != BS)
		x->cans = 0;
	return XMODEM_NOTHING;
}

/* A damaged byte, often the first one of a block, must not end a transfer: what has more behind it is no EOT. */
static enum xmodem_event at_eot(struct xmodem *x, uint8_t c)
{
	return c == XMODEM_EOT ? XMODEM_NOTHING : garbage(x, c == XMODEM_CAN);
}

/* What has nothing behind it may be one: the sender says it again. */
static enum xmodem_event end(struct xmodem *x)
{
	if (x->ended)
		return XMODEM_END;
	x->ended = true;
	return again(x);
}

static enum xmodem_event take(struct xmodem *x, uint8_t c)
{
	switch (x->state) {
	case XMODEM_BETWEEN:
		return between(x, c);
	case XMODEM_IN_BLOCK:
		return in_block(x, c);
	case XMODEM_AT_EOT:
		return at_eot(x, c);
	default:
		return in_garbage(x, c);
	}
}

size_t xmodem_feed(struct xmodem *x, const uint8_t *data, size_t n, enum xmodem_event *ret)
{
	size_t i = 0;

	*ret = XMODEM_NOTHING;
	while (i < n && *ret == XMODEM_NOTHING)
		*ret = take(x, data[i++]);
	return i;
}

unsigned xmodem_silence_ms(const struct xmodem *x)
{
	switch (x->state) {
	case XMODEM_IN_BLOCK:
		return XMODEM_GAP_MS;
	case XMODEM_IN_GARBAGE:
		return XMODEM_QUIET_MS;
	case XMODEM_AT_EOT:
		return XMODEM_EOT_MS;
	default:
		return x->begun ? XMODEM_RETRY_MS : XMODEM_START_MS;
	}
}

enum xmodem_event xmodem_silence(struct xmodem *x)
{
	if (x->state == XMODEM_AT_EOT)
		return end(x);
	if (x->state == XMODEM_IN_BLOCK)
		x->cans = cans_in_block(x);
	return x->state != XMODEM_BETWEEN && x->cans >= 2 ? XMODEM_CANCEL : again(x);
}

uint8_t xmodem_answer(const struct xmodem *x)
{
	return x->answer;
}

const uint8_t *xmodem_data(const struct xmodem *x, size_t *ret_n)
{
	*ret_n = x->size - HEAD - TAIL;
	return x->frame + HEAD;
}
