/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/wire.h"

#include "at/error.h"
#include "ota/receiver.h"
#include "ota/xmodem.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum stage {
	WIRE_NOTHING,
	WIRE_OPEN, /* not begun */
	WIRE_COMING,
	WIRE_FINISH, /* all is there; it goes to the disk */
	WIRE_KEEP,   /* its owner has it */
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
	struct receiver receiver;
	bool disk;          /* it is waited for, and not the sender */
	uint64_t since;     /* ms: ... since when */
	uint64_t settle_at; /* ms: when the result may be told */
	uint64_t purge_end; /* ms */
	int result;
};

static bool is_xmodem(const struct wire *w)
{
	return w->form.block == 0;
}

/* --- ends --- */

static void end(struct wire *w)
{
	timer_disarm(&w->timer);
	w->stage = WIRE_NOTHING;
	w->events.ended(w->events.userdata, w->result);
}

static void forget(struct wire *w)
{
	receiver_stop(&w->receiver);
	w->number++;
}

/* cancel: a sender that waits for our answer is told that there is none. */
static void fail(struct wire *w, int r, bool cancel, const char *why)
{
	uint8_t cans[10]; /* two in a row are enough for a sender; on a bad line some get lost */

	log_warning("OTW: %s", why);
	forget(w);
	unpack_stop(&w->unpack);
	if (w->stage == WIRE_KEEP)
		w->owner.withdraw(w->owner.userdata);
	w->stage = WIRE_PURGE;
	w->result = r;
	w->purge_end = timer_now() + WIRE_PURGE_MAX_MS;
	if (cancel && is_xmodem(w)) {
		memset(cans, XMODEM_CAN, sizeof(cans));
		w->events.send(w->events.userdata, cans, sizeof(cans));
	}
	timer_arm(&w->timer, WIRE_PURGE_MS);
}

/* What its owner has already stays: nobody was told otherwise. */
void wire_stop(struct wire *w)
{
	if (w->stage == WIRE_NOTHING)
		return;
	log_notice("OTW was ended");
	forget(w);
	if (w->stage == WIRE_KEEP)
		unpack_leave(&w->unpack);
	else
		unpack_stop(&w->unpack);
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

static uint64_t deadline(const struct wire *w)
{
	return w->since + (w->disk ? WIRE_DISK_MS : WIRE_SILENCE_MS);
}

static void watch(struct wire *w)
{
	bool disk = w->stage > WIRE_COMING || receiver_waits_for_disk(&w->receiver);
	unsigned quiet = receiver_silence_ms(&w->receiver);
	uint64_t now = timer_now(), ms;

	if (disk != w->disk)
		w->since = now;
	w->disk = disk;
	ms = deadline(w) > now ? deadline(w) - now : 0;
	timer_arm(&w->timer, quiet > 0 && quiet < ms ? quiet : ms);
}

static void on_timer(void *userdata)
{
	struct wire *w = userdata;

	if (w->stage >= WIRE_SETTLE) {
		end(w);
		return;
	}
	if (timer_now() >= deadline(w)) {
		if (w->disk)
			fail(w, AT_ERR_OTA, w->stage == WIRE_COMING, "The disk is too slow");
		else
			fail(w, AT_ERR_OTA, false, "The sender is silent");
		return;
	}
	receiver_silence(&w->receiver);
	if (w->stage == WIRE_COMING)
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

static void on_complete(void *userdata)
{
	struct wire *w = userdata;

	if (!unpack_complete(&w->unpack)) {
		fail(w, AT_ERR_OTA, false, "The image is incomplete");
		return;
	}
	w->stage = WIRE_FINISH;
	if (is_xmodem(w))
		w->settle_at = timer_now() + WIRE_SETTLE_MS;
	watch(w);
	unpack_finish(&w->unpack, (struct done){ .fn = on_finished, .who = w, .number = w->number });
}

/* --- what comes --- */

static int judge(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1])
{
	struct wire *w = userdata;

	return w->owner.judge(w->owner.userdata, c, why);
}

static void on_room(void *userdata)
{
	struct wire *w = userdata;

	receiver_room(&w->receiver);
	if (w->stage == WIRE_COMING)
		watch(w);
}

static void on_unpack_failed(void *userdata, int r, const char *why)
{
	struct wire *w = userdata;

	if (w->stage == WIRE_COMING || w->stage == WIRE_FINISH)
		fail(w, r, w->stage == WIRE_COMING, why);
}

static void on_send(void *userdata, const void *data, size_t n)
{
	struct wire *w = userdata;

	w->events.send(w->events.userdata, data, n);
}

static void on_block_taken(void *userdata)
{
	struct wire *w = userdata;

	w->events.taken(w->events.userdata);
}

static void on_heard(void *userdata)
{
	struct wire *w = userdata;

	w->since = timer_now();
}

static void on_failed(void *userdata, bool cancel, const char *why)
{
	fail(userdata, AT_ERR_OTA, cancel, why);
}

/* Our last ACK was lost. */
static void answer_again(struct wire *w, const uint8_t *data, size_t n)
{
	static const uint8_t ack = XMODEM_ACK;

	if (!memchr(data, XMODEM_EOT, n))
		return;
	w->events.send(w->events.userdata, &ack, 1);
	w->settle_at = timer_now() + WIRE_SETTLE_MS;
	if (w->stage == WIRE_SETTLE)
		timer_arm(&w->timer, WIRE_SETTLE_MS);
}

static void purge(struct wire *w)
{
	uint64_t now = timer_now(), rest = w->purge_end > now ? w->purge_end - now : 0;

	timer_arm(&w->timer, rest < WIRE_PURGE_MS ? rest : WIRE_PURGE_MS);
}

static size_t receive(struct wire *w, const void *data, size_t n)
{
	n = receiver_bytes(&w->receiver, data, n);
	if (w->stage == WIRE_COMING)
		watch(w);
	return n;
}

size_t wire_bytes(struct wire *w, const void *data, size_t n)
{
	if (n == 0 || w->stage <= WIRE_OPEN)
		return n;
	if (w->stage == WIRE_COMING)
		return receive(w, data, n);
	if (w->stage == WIRE_PURGE)
		purge(w);
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
	w->settle_at = 0;
}

void wire_go(struct wire *w)
{
	if (w->stage != WIRE_OPEN)
		return;
	w->stage = WIRE_COMING;
	unpack_begin(&w->unpack);
	w->disk = false;
	w->since = timer_now();
	receiver_begin(&w->receiver, &w->form);
	watch(w);
}

int wire_new(struct wire **ret, sd_event *event, struct image *image, const struct wire_owner *owner)
{
	_cleanup_(wire_freep) struct wire *w = calloc(1, sizeof(*w));
	struct unpack_events unpack = { .judge = judge, .on_room = on_room, .on_failed = on_unpack_failed };
	struct receiver_events receiver = { .send = on_send,
					    .taken = on_block_taken,
					    .heard = on_heard,
					    .complete = on_complete,
					    .failed = on_failed };
	int r;

	if (!w)
		return -ENOMEM;
	unpack.userdata = receiver.userdata = w;
	unpack_init(&w->unpack, image, &unpack);
	receiver_init(&w->receiver, &w->unpack, &receiver);
	w->owner = *owner;
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
	receiver_done(&w->receiver);
	free(w);
	return NULL;
}
