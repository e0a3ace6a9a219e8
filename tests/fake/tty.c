/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/tty.h"

#include "at/reply.h"
#include "util/buf.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct tty {
	struct tty_events events;
	struct buf out;      /* the module's write queue */
	struct buf received; /* what the host has got */
	struct buf unread;   /* what the host sent while reading was paused */
	sd_event_source *turn;
	size_t pace;
	unsigned writes;
	bool paused;
	bool want_sent;
	bool sent;
	bool shut;
};

static struct tty *last;
static int start_r;

struct tty *fake_tty(void)
{
	return last;
}

static size_t move(struct tty *t)
{
	size_t n = buf_used(&t->out);
	int r;

	if (n > t->pace)
		n = t->pace;
	r = buf_append(&t->received, buf_head(&t->out), n);
	assert(r == 0);
	buf_consume(&t->out, n);
	return n;
}

static bool has_work(const struct tty *t)
{
	return (buf_used(&t->out) > 0 && t->pace > 0) || (t->want_sent && t->sent && buf_used(&t->out) == 0) ||
	       (buf_used(&t->unread) > 0 && !t->paused);
}

static void wake(struct tty *t)
{
	(void)sd_event_source_set_enabled(t->turn, has_work(t) ? SD_EVENT_ON : SD_EVENT_OFF);
}

static int on_turn(sd_event_source *source, void *userdata)
{
	struct tty *t = userdata;

	(void)source;
	if (buf_used(&t->out) > 0 && move(t) > 0 && buf_used(&t->out) == 0) {
		t->events.on_room(t->events.userdata);
	} else if (t->want_sent && t->sent && buf_used(&t->out) == 0) {
		t->want_sent = false;
		t->events.on_sent(t->events.userdata);
	} else if (buf_used(&t->unread) > 0 && !t->paused) {
		uint8_t piece[4096];
		size_t n = buf_used(&t->unread);

		if (n > sizeof(piece))
			n = sizeof(piece);
		memcpy(piece, buf_head(&t->unread), n);
		buf_consume(&t->unread, n);
		t->events.on_bytes(t->events.userdata, piece, n);
	}
	wake(t);
	return 0;
}

int tty_new(struct tty **ret, sd_event *event, const char *device, const char *runtime_dir,
	    const struct tty_events *events)
{
	_cleanup_(tty_freep) struct tty *t = NULL;
	int r;

	(void)device;
	(void)runtime_dir;
	t = calloc(1, sizeof(*t));
	assert(t);
	t->events = *events;
	t->pace = SIZE_MAX;
	t->sent = true;
	buf_init(&t->out, TTY_BUSY + 2 * REPLY_MAX + 64);
	buf_init(&t->received, SIZE_MAX / 4);
	buf_init(&t->unread, SIZE_MAX / 4);
	r = sd_event_add_defer(event, &t->turn, on_turn, t);
	if (r < 0)
		return r;
	wake(t);
	last = t;
	*ret = TAKE_PTR(t);
	return 0;
}

struct tty *tty_free(struct tty *t)
{
	if (!t)
		return NULL;
	if (last == t)
		last = NULL;
	sd_event_source_disable_unref(t->turn);
	buf_done(&t->out);
	buf_done(&t->received);
	buf_done(&t->unread);
	free(t);
	return NULL;
}

int tty_start(struct tty *t)
{
	(void)t;
	return start_r;
}

struct buf *tty_out(struct tty *t)
{
	return &t->out;
}

void tty_flush(struct tty *t)
{
	if (buf_used(&t->out) == 0)
		return;
	t->writes++;
	(void)move(t);
	wake(t);
}

bool tty_busy(const struct tty *t)
{
	return buf_used(&t->out) > TTY_BUSY;
}

void tty_when_sent(struct tty *t)
{
	t->want_sent = true;
	wake(t);
}

void tty_discard(struct tty *t)
{
	buf_clear(&t->out);
	t->want_sent = false;
	wake(t);
}

void tty_pause(struct tty *t, bool paused)
{
	t->paused = paused;
	wake(t);
}

void tty_shut(struct tty *t)
{
	tty_discard(t);
	t->shut = true;
}

void tty_open(struct tty *t)
{
	t->shut = false;
}

bool fake_tty_is_shut(const struct tty *t)
{
	return t->shut;
}

void fake_tty_lose(struct tty *t)
{
	t->events.on_gap(t->events.userdata);
}

void fake_tty_send(struct tty *t, const void *data, size_t n)
{
	int r;

	if (t->shut)
		return;
	if (!t->paused && buf_used(&t->unread) == 0) {
		t->events.on_bytes(t->events.userdata, data, n);
	} else {
		r = buf_append(&t->unread, data, n);
		assert(r == 0);
	}
	wake(t);
}

void fake_tty_say(struct tty *t, const char *text)
{
	fake_tty_send(t, text, strlen(text));
}

const char *fake_tty_received(struct tty *t, size_t *ret_n)
{
	uint8_t *end;
	int r;

	r = buf_reserve(&t->received, 1, &end);
	assert(r == 0);
	*end = '\0';
	if (ret_n)
		*ret_n = buf_used(&t->received);
	return (const char *)buf_head(&t->received);
}

void fake_tty_take(struct tty *t)
{
	buf_clear(&t->received);
}

void fake_tty_set_pace(struct tty *t, size_t bytes)
{
	t->pace = bytes;
	wake(t);
}

size_t fake_tty_waiting(const struct tty *t)
{
	return buf_used(&t->out);
}

unsigned fake_tty_writes(const struct tty *t)
{
	return t->writes;
}

void fake_tty_set_sent(struct tty *t, bool sent)
{
	t->sent = sent;
	wake(t);
}

void fake_tty_set_start(int r)
{
	start_r = r;
}

bool fake_tty_paused(const struct tty *t)
{
	return t->paused;
}
