/* SPDX-License-Identifier: Apache-2.0 */
#include "at/server.h"

#include "at/gate.h"
#include "at/line.h"
#include "at/reply.h"
#include "at/run.h"
#include "at/tty.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TURN_LINES 512 /* commands in one turn of the loop, ... */
#define TURN_MS    10  /* ... and the time they may take: others want their turn too */
#define TURN_LOOK  4   /* after how many the clock is looked at */

#define MAX_BEHIND (64 * 1024) /* bytes behind a command that may take the line */

struct at_server {
	struct gate gate;
	struct tty *tty;
	struct line_reader *lines;
	struct run run;
	sd_event_source *more; /* lines are left for the next turn */
	struct timer silence;
	unsigned silence_ms; /* what it was armed for, 0: nothing */
	bool held;
	bool shut;
	bool turning;
	struct buf behind; /* a command that may take the line: what came since */
	bool behind_cut;   /* and did not fit */
	bool lost;         /* the line was, since then */
	struct at_raw raw;
	bool is_raw;
	struct trace trace;
	struct at_server_stats stats;
};

static void write_reply(struct at_server *s, const struct reply *reply, int r)
{
	struct buf *out = tty_out(s->tty);
	size_t before = buf_used(out);
	int k;

	k = reply_write(reply, r, out);
	if (k < 0)
		(void)log_errno(k, "Answer lost");
	else
		trace_answer(&s->trace, buf_head(out) + before, buf_used(out) - before);
}

static void write_answer(struct at_server *s, const struct reply *reply, int r)
{
	write_reply(s, reply, r);
	s->stats.commands++;
	s->stats.errors += r != 0;
}

static void on_answer(void *userdata, int r)
{
	struct at_server *s = userdata;

	if (s->run.body_follows)
		line_swallow(s->lines);
	write_answer(s, &s->run.reply, r);
}

static void run_line(struct at_server *s, const struct line *line)
{
	const struct at_world *world = s->gate.world;

	/* The text got lost for want of memory. */
	if (s->run.state == RUN_BODY && line->kind != LINE_BODY)
		run_body(&s->run, NULL, 0);
	if (line->kind != LINE_BODY && world->on_line)
		world->on_line(s->gate.m);
	switch (line->kind) {
	case LINE_COMMAND:
		trace_command(&s->trace, line->data, line->n);
		run_command(&s->run, line->data, line->n);
		break;
	case LINE_BODY:
		trace_note(&s->trace, "a certificate of %zu bytes", line->n);
		if (s->run.state == RUN_BODY)
			run_body(&s->run, line->data, line->n);
		break;
	case LINE_OVERFLOW:
		trace_note(&s->trace, "a command that does not fit");
		write_answer(s, &s->run.reply, AT_ERR_OVERFLOW);
		break;
	}
}

/* Nobody took the line, so they are lines. A command among them may stop those again. */
static void read_behind(struct at_server *s)
{
	size_t n = line_go_on(s->lines, buf_head(&s->behind), buf_used(&s->behind), s->behind_cut);

	s->lost = false;
	buf_consume(&s->behind, n);
	if (buf_used(&s->behind) == 0 && !line_stopped(s->lines))
		s->behind_cut = false;
}

static void drop_behind(struct at_server *s)
{
	buf_clear(&s->behind);
	s->behind_cut = false;
	s->lost = false;
}

static bool may_run(struct at_server *s)
{
	if (s->run.state == RUN_IDLE && !s->is_raw && line_stopped(s->lines) && !line_ready(s->lines))
		read_behind(s);
	if (s->held || s->shut || s->is_raw || (s->run.state != RUN_IDLE && s->run.state != RUN_BODY) ||
	    !line_ready(s->lines))
		return false;
	if (tty_busy(s->tty))
		tty_flush(s->tty);
	return !tty_busy(s->tty);
}

static void watch_silence(struct at_server *s, bool fed)
{
	unsigned ms = line_silence_ms(s->lines);

	if (ms == s->silence_ms && !(fed && ms > 0))
		return;
	s->silence_ms = ms;
	if (ms > 0)
		timer_arm(&s->silence, ms);
	else
		timer_disarm(&s->silence);
}

static void tell_turn(struct at_server *s, bool begins)
{
	if (s->gate.world->on_turn)
		s->gate.world->on_turn(s->gate.m, begins);
}

/* Runs what is ready. While more is ready than one turn may do, reading pauses: a host that is faster than its
 * commands waits, instead of filling the backlog. */
static void turn(struct at_server *s)
{
	uint64_t end = 0;
	struct line line;
	bool more;

	if (s->turning)
		return;
	s->turning = true;
	tell_turn(s, true);
	for (unsigned n = 0; n < TURN_LINES && may_run(s) && line_next(s->lines, &line); n++) {
		run_line(s, &line);
		/* Mostly there is but one, and none needs the clock as long as that takes. */
		if (n % TURN_LOOK != TURN_LOOK - 1)
			continue;
		if (end == 0)
			end = timer_now() + TURN_MS;
		else if (timer_now() >= end)
			break;
	}
	tell_turn(s, false);
	tty_flush(s->tty);
	more = may_run(s);
	tty_pause(s->tty, more);
	if (more)
		(void)sd_event_source_set_enabled(s->more, SD_EVENT_ONESHOT);
	if (s->run.state == RUN_SENDING)
		tty_when_sent(s->tty);
	s->turning = false;
	watch_silence(s, false);
}

static int on_more(sd_event_source *source, void *userdata)
{
	(void)source;
	turn(userdata);
	return 0;
}

/* Nothing of a file may be lost in its middle. */
static void keep_behind(struct at_server *s, const void *data, size_t n)
{
	if (n > 0 && !s->behind_cut)
		s->behind_cut = buf_append(&s->behind, data, n) < 0;
}

static void on_bytes(void *userdata, const void *data, size_t n)
{
	struct at_server *s = userdata;
	size_t k;

	if (s->held || s->shut)
		return;
	if (s->is_raw && buf_used(&s->behind) == 0)
		k = s->raw.on_bytes(s->raw.userdata, data, n);
	else
		k = line_feed(s->lines, data, n);
	keep_behind(s, (const char *)data + k, n - k);
	watch_silence(s, true);
	turn(s);
}

/* A half line, or a half paste, will not go on. */
static void on_gap(void *userdata)
{
	struct at_server *s = userdata;

	drop_behind(s);
	s->lost = line_stopped(s->lines);
	if (s->is_raw)
		s->raw.on_gap(s->raw.userdata);
	line_silence(s->lines);
	turn(s);
}

/* The queue has room again, or a command that was pending is answered. */
static void on_free(void *userdata)
{
	turn(userdata);
}

static void on_sent(void *userdata)
{
	struct at_server *s = userdata;

	if (s->run.state != RUN_SENDING)
		return;
	run_sent(&s->run);
	turn(s);
}

static void on_silence(void *userdata)
{
	struct at_server *s = userdata;

	s->silence_ms = 0;
	on_gap(s);
}

static enum line_follows follows(void *userdata, const uint8_t *data, size_t n)
{
	const struct at_server *s = userdata;

	return gate_follows(&s->gate, data, n);
}

/*
 * Bytes instead of lines.
 */

void at_server_raw(struct at_server *s, const struct at_raw *raw)
{
	uint8_t piece[1024];

	s->raw = *raw;
	s->is_raw = true;
	trace_note(&s->trace, "bytes, no lines");
	if (s->lost)
		s->raw.on_gap(s->raw.userdata);

	/* Whoever takes them may end it. */
	while (s->is_raw && buf_used(&s->behind) > 0) {
		size_t n = buf_used(&s->behind), k;

		n = n < sizeof(piece) ? n : sizeof(piece);
		memcpy(piece, buf_head(&s->behind), n);
		k = s->raw.on_bytes(s->raw.userdata, piece, n);
		buf_consume(&s->behind, k);
		if (k < n)
			break;
	}

	/* What got lost was not of a line. */
	if (buf_used(&s->behind) == 0)
		s->behind_cut = false;
}

void at_server_raw_send(struct at_server *s, const void *data, size_t n)
{
	int r = buf_append(tty_out(s->tty), data, n);

	if (r < 0)
		(void)log_errno(r, "An answer lost");
	tty_flush(s->tty);
}

void at_server_raw_answer(struct at_server *s, int r, const char *text)
{
	struct reply *reply = &s->run.reply;
	int k = r == 0 ? reply_ok(reply, text, strlen(text)) : 0;

	if (k < 0)
		(void)log_errno(k, "Answer lost");
	else
		write_reply(s, reply, r);
	reply_clear(reply);
	tty_flush(s->tty);
}

void at_server_raw_end(struct at_server *s, int r, const char *text)
{
	s->is_raw = false;
	at_server_raw_answer(s, r, text);
	s->stats.errors += r != 0;

	/* It may be called by what it has to call. */
	(void)sd_event_source_set_enabled(s->more, SD_EVENT_ONESHOT);
}

int at_server_new(struct at_server **ret, sd_event *event, const struct at_command *table, const struct at_world *world,
		  struct module *m, const char *device, const char *runtime_dir)
{
	_cleanup_(at_server_freep) struct at_server *s = NULL;
	struct tty_events events = { .on_bytes = on_bytes, .on_gap = on_gap, .on_room = on_free, .on_sent = on_sent };
	struct run_events answers = { .on_answer = on_answer, .on_free = on_free };
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->gate = (struct gate){ .table = table, .world = world, .m = m };
	buf_init(&s->behind, MAX_BEHIND);
	answers.userdata = s;
	r = run_init(&s->run, event, &s->gate, &answers);
	if (r < 0)
		return r;
	r = line_reader_new(&s->lines, follows, s);
	if (r < 0)
		return r;
	r = timer_init(&s->silence, event, on_silence, s);
	if (r < 0)
		return r;
	r = sd_event_add_defer(event, &s->more, on_more, s);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(s->more, SD_EVENT_OFF);
	if (r < 0)
		return r;
	events.userdata = s;
	r = tty_new(&s->tty, event, device, runtime_dir, &events);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct at_server *at_server_free(struct at_server *s)
{
	if (!s)
		return NULL;
	tty_free(s->tty);
	sd_event_source_disable_unref(s->more);
	timer_done(&s->silence);
	line_reader_free(s->lines);
	run_done(&s->run);
	buf_done(&s->behind);
	free(s);
	return NULL;
}

int at_server_start(struct at_server *s)
{
	return tty_start(s->tty);
}

void at_server_hold(struct at_server *s)
{
	s->held = true;
	s->is_raw = false;
	run_reset(&s->run);
	line_reset(s->lines);
	drop_behind(s);
	tty_discard(s->tty);
	tty_pause(s->tty, false);
	watch_silence(s, false);
}

void at_server_release(struct at_server *s)
{
	s->held = false;
}

void at_server_shut(struct at_server *s)
{
	s->shut = true;
	tty_shut(s->tty);
	drop_behind(s);
	line_silence(s->lines);
	watch_silence(s, false);
}

void at_server_open(struct at_server *s)
{
	/* What was kept waits for the next turn of the loop: the module is not awake yet. */
	tty_open(s->tty);
	s->shut = false;
	(void)sd_event_source_set_enabled(s->more, SD_EVENT_ONESHOT);
}

void at_server_get_stats(const struct at_server *s, struct at_server_stats *ret)
{
	*ret = s->stats;
}

void at_server_watch(struct at_server *s, trace_fn fn, void *userdata)
{
	s->trace = (struct trace){ .fn = fn, .userdata = userdata };
}
