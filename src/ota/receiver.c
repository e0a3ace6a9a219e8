/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/receiver.h"

#include <string.h>

#define MAX_HELD (WIRE_MAX_BLOCK + 8192)

static bool is_xmodem(const struct receiver *r)
{
	return r->form.block == 0;
}

static void send_byte(struct receiver *r, uint8_t byte)
{
	r->events.send(r->events.userdata, &byte, 1);
}

static void heard(struct receiver *r)
{
	r->events.heard(r->events.userdata);
}

static void complete(struct receiver *r)
{
	r->coming = false;
	r->events.complete(r->events.userdata);
}

static void fail(struct receiver *r, bool cancel, const char *why)
{
	r->events.failed(r->events.userdata, cancel, why);
}

/* --- blocks that are acknowledged with OK --- */

static void end_block(struct receiver *r)
{
	r->in_block = r->left < r->form.block ? r->left : r->form.block;
	heard(r);
	r->events.taken(r->events.userdata);
	if (r->left == 0)
		complete(r);
}

static void pump_blocks(struct receiver *r)
{
	while (r->coming && !unpack_busy(r->unpack)) {
		size_t n;

		if (r->in_block == 0) {
			end_block(r);
			continue;
		}
		n = buf_used(&r->held);
		if (n > 0)
			n = unpack_take(r->unpack, buf_head(&r->held), n < r->in_block ? n : (size_t)r->in_block);
		if (n == 0)
			return;
		buf_consume(&r->held, n);
		r->left -= n;
		r->in_block -= n;
	}
}

/* --- XMODEM --- */

static void pump_xmodem(struct receiver *r)
{
	while (r->coming && buf_used(&r->held) > 0) {
		size_t n = unpack_take(r->unpack, buf_head(&r->held), buf_used(&r->held));

		if (n == 0)
			return;
		buf_consume(&r->held, n);
	}
	if (!r->owed || !r->coming || unpack_busy(r->unpack))
		return;
	r->owed = false;
	heard(r);
	send_byte(r, XMODEM_ACK);
}

static void pump(struct receiver *r)
{
	/* There may be room before unpack_take() has returned. */
	if (r->pumping)
		return;
	r->pumping = true;
	if (is_xmodem(r))
		pump_xmodem(r);
	else
		pump_blocks(r);
	r->pumping = false;
}

static void take_block(struct receiver *r)
{
	size_t n;
	const uint8_t *data = xmodem_data(&r->xmodem, &n);

	r->owed = true;
	if (buf_append(&r->held, data, n) < 0)
		fail(r, true, "No memory for a block");
	else
		pump(r);
}

static void heed(struct receiver *r, enum xmodem_event event)
{
	switch (event) {
	case XMODEM_DATA:
		take_block(r);
		break;
	case XMODEM_ANSWER:
		if (xmodem_answer(&r->xmodem) == XMODEM_ACK)
			heard(r);
		send_byte(r, xmodem_answer(&r->xmodem));
		break;
	case XMODEM_END:
		send_byte(r, XMODEM_ACK);
		complete(r);
		break;
	case XMODEM_CANCEL:
		fail(r, false, "Cancelled by the sender");
		break;
	case XMODEM_LOST:
		fail(r, true, "A block is out of its order");
		break;
	case XMODEM_NOTHING:
		break;
	}
}

/* --- what comes --- */

static void xmodem_bytes(struct receiver *r, const uint8_t *data, size_t n)
{
	/* A block that comes again while the disk is slow is the one that we have. */
	while (n > 0 && r->coming && !r->owed) {
		enum xmodem_event event;
		size_t k = xmodem_feed(&r->xmodem, data, n, &event);

		data += k;
		n -= k;
		heed(r, event);
	}
}

/* What stands before the first byte is the rest of the command's end of line. */
static size_t block_bytes(struct receiver *r, const uint8_t *data, size_t n)
{
	size_t from = 0, k;

	while (r->left == r->form.size && buf_used(&r->held) == 0 && from < n && memchr("\r\n", data[from], 2))
		from++;
	k = r->left - buf_used(&r->held) < n - from ? (size_t)r->left - buf_used(&r->held) : n - from;
	if (buf_append(&r->held, data + from, k) < 0) {
		fail(r, false, "The sender does not wait for its blocks to be taken");
		return n;
	}
	pump(r);
	return from + k;
}

size_t receiver_bytes(struct receiver *r, const void *data, size_t n)
{
	if (!is_xmodem(r))
		return block_bytes(r, data, n);
	xmodem_bytes(r, data, n);
	return n;
}

void receiver_room(struct receiver *r)
{
	pump(r);
}

bool receiver_waits_for_disk(const struct receiver *r)
{
	return is_xmodem(r) ? r->owed : buf_used(&r->held) > 0 || unpack_busy(r->unpack);
}

/* While we owe an answer the silence is ours. */
unsigned receiver_silence_ms(const struct receiver *r)
{
	return r->coming && is_xmodem(r) && !r->owed ? xmodem_silence_ms(&r->xmodem) : 0;
}

void receiver_silence(struct receiver *r)
{
	if (receiver_silence_ms(r) > 0)
		heed(r, xmodem_silence(&r->xmodem));
}

/* --- life --- */

void receiver_init(struct receiver *r, struct unpack *unpack, const struct receiver_events *events)
{
	*r = (struct receiver){ .events = *events, .unpack = unpack };
	buf_init(&r->held, MAX_HELD);
}

void receiver_done(struct receiver *r)
{
	buf_done(&r->held);
}

void receiver_begin(struct receiver *r, const struct wire_form *form)
{
	r->form = *form;
	r->coming = true;
	r->owed = false;
	r->left = form->size;
	r->in_block = form->size < form->block ? form->size : form->block;
	xmodem_init(&r->xmodem);
	if (is_xmodem(r))
		send_byte(r, XMODEM_CRC);
}

void receiver_stop(struct receiver *r)
{
	r->coming = false;
	buf_clear(&r->held);
}
