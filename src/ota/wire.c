/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/wire.h"

#include "at/error.h"
#include "ota/xmodem.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_HELD (WIRE_MAX_BLOCK + 8192)

enum stage {
	WIRE_NOTHING,
	WIRE_OPEN, /* not begun */
	WIRE_COMING,
	WIRE_FINISH, /* all is there; it goes to the disk */
	WIRE_KEEP,   /* its owner has it: there is no way back */
	WIRE_SETTLE, /* the result is known, ... */
	WIRE_PURGE,  /* ... but the sender may not know that it was refused */
};

struct wire {
	struct wire_owner owner;
	struct wire_events events;
	struct timer timer;
	enum stage stage;
	uint64_t number; /* of the transfer; completions of another one are dropped */
	struct wire_form form;
	struct unpack unpack;
	struct xmodem xmodem;
	struct buf held; /* what was not taken yet */
	bool owed;       /* an ACK for it */
	bool pumping;
	uint64_t left;      /* of the size */
	uint64_t in_block;  /* and of the block */
	uint64_t heard_at;  /* ms: the last byte that made sense */
	uint64_t settle_at; /* ms: when the result may be told */
	uint64_t purge_end; /* ms */
	int result;
};

static bool is_xmodem(const struct wire *w)
{
	return w->form.block == 0;
}

static void send_byte(struct wire *w, uint8_t byte)
{
	w->events.send(w->events.userdata, &byte, 1);
}

/* --- ends --- */

static void end(struct wire *w)
{
	timer_disarm(&w->timer);
	w->stage = WIRE_NOTHING;
	w->events.ended(w->events.userdata, w->result);
}

static void give_back(struct wire *w)
{
	buf_clear(&w->held);
	w->number++;
	if (w->stage == WIRE_KEEP)
		unpack_leave(&w->unpack);
	else
		unpack_stop(&w->unpack);
}

/* cancel: a sender that waits for our answer is told that there is none. */
static void fail(struct wire *w, int r, bool cancel, const char *why)
{
	static const uint8_t cans[] = { XMODEM_CAN, XMODEM_CAN };

	log_warning("OTW: %s", why);
	give_back(w);
	w->stage = WIRE_PURGE;
	w->result = r;
	w->purge_end = timer_now() + WIRE_PURGE_MAX_MS;
	if (cancel && is_xmodem(w))
		w->events.send(w->events.userdata, cans, sizeof(cans));
	timer_arm(&w->timer, WIRE_PURGE_MS);
}

void wire_stop(struct wire *w)
{
	if (w->stage == WIRE_NOTHING)
		return;
	log_notice("OTW was ended");
	give_back(w);
	timer_disarm(&w->timer);
	w->stage = WIRE_NOTHING;
}

void wire_lost(struct wire *w)
{
	if (w->stage <= WIRE_OPEN)
		return;
	if (w->stage < WIRE_SETTLE)
		fail(w, AT_ERR_OTA, false, "The line was lost");
	end(w);
}

/* --- silences --- */

static void watch(struct wire *w)
{
	uint64_t now = timer_now(), limit = w->heard_at + WIRE_SILENCE_MS;
	uint64_t ms = limit > now ? limit - now : 0;

	/* While we owe an answer the silence is ours. */
	if (is_xmodem(w) && w->stage == WIRE_COMING && !w->owed && ms > xmodem_silence_ms(&w->xmodem))
		ms = xmodem_silence_ms(&w->xmodem);
	timer_arm(&w->timer, ms);
}

static void heed(struct wire *w, enum xmodem_event event);

static void on_timer(void *userdata)
{
	struct wire *w = userdata;

	if (w->stage >= WIRE_SETTLE) {
		end(w);
		return;
	}
	if (timer_now() >= w->heard_at + WIRE_SILENCE_MS) {
		fail(w, AT_ERR_OTA, false, "The sender is silent");
		return;
	}
	if (is_xmodem(w) && w->stage == WIRE_COMING && !w->owed)
		heed(w, xmodem_silence(&w->xmodem));
	if (w->stage < WIRE_SETTLE)
		watch(w);
}

/* --- all is there --- */

static void settle(struct wire *w)
{
	uint64_t now = timer_now();

	w->stage = WIRE_SETTLE;
	w->result = 0;
	if (now < w->settle_at)
		timer_arm(&w->timer, w->settle_at - now);
	else
		end(w);
}

static void on_taken(void *who, uint64_t number, int r)
{
	struct wire *w = who;

	if (number != w->number || w->stage != WIRE_KEEP)
		return;
	if (r == 0) {
		unpack_leave(&w->unpack);
		settle(w);
	} else {
		w->stage = WIRE_FINISH;
		fail(w, AT_ERR_OTA, false, "The image cannot be kept");
	}
}

static void on_finished(void *who, uint64_t number, int r)
{
	struct wire *w = who;

	if (number != w->number || w->stage != WIRE_FINISH)
		return;
	if (r < 0) {
		fail(w, AT_ERR_OTA, false, r == -EBADMSG ? "The image is damaged" : "The image cannot be stored");
		return;
	}
	w->stage = WIRE_KEEP;
	w->owner.take(w->owner.userdata, &w->unpack.container,
		      (struct done){ .fn = on_taken, .who = w, .number = w->number });
}

static void complete(struct wire *w)
{
	if (!unpack_complete(&w->unpack)) {
		fail(w, AT_ERR_OTA, false, "The image is incomplete");
		return;
	}
	w->stage = WIRE_FINISH;
	w->heard_at = timer_now();
	if (is_xmodem(w))
		w->settle_at = w->heard_at + WIRE_SETTLE_MS;
	watch(w);
	unpack_finish(&w->unpack, (struct done){ .fn = on_finished, .who = w, .number = w->number });
}

/* --- blocks that are acknowledged with OK --- */

static void end_block(struct wire *w)
{
	w->in_block = w->left < w->form.block ? w->left : w->form.block;
	w->heard_at = timer_now();
	w->events.taken(w->events.userdata);
	if (w->left == 0)
		complete(w);
}

static void pump_blocks(struct wire *w)
{
	while (w->stage == WIRE_COMING && !unpack_busy(&w->unpack)) {
		size_t n;

		if (w->in_block == 0) {
			end_block(w);
			continue;
		}
		n = buf_used(&w->held);
		if (n > 0)
			n = unpack_take(&w->unpack, buf_head(&w->held), n < w->in_block ? n : (size_t)w->in_block);
		if (n == 0)
			return;
		buf_consume(&w->held, n);
		w->left -= n;
		w->in_block -= n;
	}
}

/* --- XMODEM --- */

static void pump_xmodem(struct wire *w)
{
	while (w->stage == WIRE_COMING && buf_used(&w->held) > 0) {
		size_t n = unpack_take(&w->unpack, buf_head(&w->held), buf_used(&w->held));

		if (n == 0)
			return;
		buf_consume(&w->held, n);
	}
	if (!w->owed || w->stage != WIRE_COMING || unpack_busy(&w->unpack))
		return;
	w->owed = false;
	send_byte(w, XMODEM_ACK);
}

static void pump(struct wire *w)
{
	/* There may be room before unpack_take() has returned. */
	if (w->pumping)
		return;
	w->pumping = true;
	if (is_xmodem(w))
		pump_xmodem(w);
	else
		pump_blocks(w);
	w->pumping = false;
}

static int judge(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1])
{
	struct wire *w = userdata;

	return w->owner.judge(w->owner.userdata, c, why);
}

static void on_room(void *userdata)
{
	struct wire *w = userdata;

	pump(w);
	if (w->stage == WIRE_COMING)
		watch(w);
}

static void on_failed(void *userdata, int r, const char *why)
{
	struct wire *w = userdata;

	if (w->stage == WIRE_COMING || w->stage == WIRE_FINISH)
		fail(w, r, w->stage == WIRE_COMING, why);
}

static void take_block(struct wire *w)
{
	size_t n;
	const uint8_t *data = xmodem_data(&w->xmodem, &n);

	w->heard_at = timer_now();
	w->owed = true;
	if (buf_append(&w->held, data, n) < 0)
		fail(w, AT_ERR_OTA, true, "No memory for a block");
	else
		pump(w);
}

static void heed(struct wire *w, enum xmodem_event event)
{
	switch (event) {
	case XMODEM_DATA:
		take_block(w);
		break;
	case XMODEM_ANSWER:
		if (xmodem_answer(&w->xmodem) == XMODEM_ACK)
			w->heard_at = timer_now();
		send_byte(w, xmodem_answer(&w->xmodem));
		break;
	case XMODEM_END:
		send_byte(w, XMODEM_ACK);
		complete(w);
		break;
	case XMODEM_CANCEL:
		fail(w, AT_ERR_OTA, false, "Cancelled by the sender");
		break;
	case XMODEM_LOST:
		fail(w, AT_ERR_OTA, true, "A block is out of its order");
		break;
	case XMODEM_NOTHING:
		break;
	}
}

static void xmodem_bytes(struct wire *w, const uint8_t *data, size_t n)
{
	/* A block that comes again while the disk is slow is the one that we have. */
	while (n > 0 && w->stage == WIRE_COMING && !w->owed) {
		enum xmodem_event event;
		size_t k = xmodem_feed(&w->xmodem, data, n, &event);

		data += k;
		n -= k;
		heed(w, event);
	}
	if (w->stage == WIRE_COMING)
		watch(w);
}

/* Our last ACK was lost. */
static void answer_again(struct wire *w, const uint8_t *data, size_t n)
{
	if (!memchr(data, XMODEM_EOT, n))
		return;
	send_byte(w, XMODEM_ACK);
	w->settle_at = timer_now() + WIRE_SETTLE_MS;
	if (w->stage == WIRE_SETTLE)
		timer_arm(&w->timer, WIRE_SETTLE_MS);
}

static void purge(struct wire *w)
{
	uint64_t now = timer_now(), rest = w->purge_end > now ? w->purge_end - now : 0;

	timer_arm(&w->timer, rest < WIRE_PURGE_MS ? rest : WIRE_PURGE_MS);
}

/* What stands before the first byte is the rest of the command's end of line. */
static size_t block_bytes(struct wire *w, const uint8_t *data, size_t n)
{
	size_t from = 0, k;

	while (w->left == w->form.size && buf_used(&w->held) == 0 && from < n && memchr("\r\n", data[from], 2))
		from++;
	k = w->left - buf_used(&w->held) < n - from ? (size_t)w->left - buf_used(&w->held) : n - from;
	if (buf_append(&w->held, data + from, k) < 0) {
		fail(w, AT_ERR_OTA, false, "The sender does not wait for its blocks to be taken");
		return n;
	}
	pump(w);
	if (w->stage == WIRE_COMING)
		watch(w);
	return from + k;
}

size_t wire_bytes(struct wire *w, const void *data, size_t n)
{
	if (n == 0 || w->stage <= WIRE_OPEN)
		return n;
	if (w->stage == WIRE_PURGE)
		purge(w);
	else if (w->stage == WIRE_COMING && !is_xmodem(w))
		return block_bytes(w, data, n);
	else if (w->stage == WIRE_COMING)
		xmodem_bytes(w, data, n);
	else if (is_xmodem(w))
		answer_again(w, data, n);
	else
		return 0;
	return n;
}

/* --- life --- */

bool wire_active(const struct wire *w)
{
	return w->stage != WIRE_NOTHING;
}

void wire_open(struct wire *w, const struct wire_form *form, const struct wire_events *events)
{
	w->form = *form;
	w->events = *events;
	w->stage = WIRE_OPEN;
	w->number++;
	w->owed = false;
	w->left = form->size;
	w->in_block = form->size < form->block ? form->size : form->block;
	w->settle_at = 0;
	xmodem_init(&w->xmodem);
}

void wire_go(struct wire *w)
{
	if (w->stage != WIRE_OPEN)
		return;
	w->stage = WIRE_COMING;
	unpack_begin(&w->unpack);
	w->heard_at = timer_now();
	if (is_xmodem(w))
		send_byte(w, XMODEM_CRC);
	watch(w);
}

int wire_new(struct wire **ret, sd_event *event, struct image *image, const struct wire_owner *owner)
{
	_cleanup_(wire_freep) struct wire *w = calloc(1, sizeof(*w));
	struct unpack_events events = { .judge = judge, .on_room = on_room, .on_failed = on_failed, .userdata = w };
	int r;

	if (!w)
		return -ENOMEM;
	unpack_init(&w->unpack, image, &events);
	w->owner = *owner;
	buf_init(&w->held, MAX_HELD);
	r = timer_init(&w->timer, event, on_timer, w);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(w);
	return 0;
}

struct wire *wire_free(struct wire *w)
{
	if (!w)
		return NULL;
	timer_done(&w->timer);
	buf_done(&w->held);
	free(w);
	return NULL;
}
