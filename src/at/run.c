/* SPDX-License-Identifier: Apache-2.0 */
#include "at/run.h"

#include "at/request.h"
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HINT_UNKNOWN 3 /* ERR14 always has a hint (guide 3.7.2.2): of the six this one is the least misleading */

static struct run *run_of(struct at_call *call)
{
	return container_of(call, struct run, call);
}

/*
 * What handlers use (at/call.h).
 */

int at_ok_bytes(struct at_call *call, const void *data, size_t n)
{
	return reply_ok(&run_of(call)->reply, data, n);
}

int at_ok(struct at_call *call, const char *format, ...)
{
	_cleanup_(freep) char *text = NULL;
	va_list ap;
	int n;

	va_start(ap, format);
	n = vasprintf(&text, format, ap);
	va_end(ap);
	if (n < 0) {
		text = NULL;
		return -ENOMEM;
	}
	return at_ok_bytes(call, text, (size_t)n);
}

int at_line(struct at_call *call, const void *data, size_t n)
{
	return reply_line(&run_of(call)->reply, data, n);
}

void at_counted(struct at_call *call)
{
	run_of(call)->reply.counted = true;
}

int at_hint(struct at_call *call, enum at_error error, int hint, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	reply_hint(&run_of(call)->reply, hint, format, ap);
	va_end(ap);
	return (int)error;
}

static void on_done(void *who, uint64_t number, int r);

static int as_it_is(struct at_call *call, struct module *m, int r)
{
	(void)call;
	(void)m;
	return r;
}

struct done at_later(struct at_call *call, at_finished_fn finished)
{
	struct run *run = run_of(call);

	run->finished = finished ? finished : as_it_is;
	run->done_early = false;
	run->number++;
	return (struct done){ .fn = on_done, .who = run, .number = run->number };
}

int at_body(struct at_call *call, at_body_fn fn)
{
	struct run *run = run_of(call);

	if (!run->body_follows)
		return AT_ERR_PARAMETER;
	run->on_body = fn;
	return 0;
}

void at_then(struct at_call *call, at_then_fn fn)
{
	run_of(call)->then = fn;
}

/*
 * From the gate to the answer.
 */

static void forget(struct run *run)
{
	run->finished = NULL;
	run->on_body = NULL;
	run->body_follows = false;
	run->done_early = false;
	run->number++;
	free(run->body);
	run->body = NULL;
	reply_clear(&run->reply);
}

static void answer(struct run *run, int r)
{
	const struct at_command *command = run->call.command;

	if (r < 0) {
		(void)log_errno(r, "AT+%s", command->name);
		r = (int)command->fallback;
		reply_clear(&run->reply);
		if (r == AT_ERR_CONNECT)
			(void)at_hint(&run->call, AT_ERR_CONNECT, HINT_UNKNOWN, "Module lacks resources: see its log");
	}
	if (r)
		run->then = NULL;
	run->state = run->then ? RUN_SENDING : RUN_IDLE;
	run->events.on_answer(run->events.userdata, r);
	forget(run);
}

static void arm_deadline(struct run *run)
{
	uint64_t ms = run->call.command->seconds * (uint64_t)1000, at;

	/* It counts for the whole command, however often that waits. */
	if (run->deadline_at != 0)
		return;
	at = timer_now() + ms;
	run->deadline_at = at;
	if (run->timer_at != 0 && run->timer_at <= at)
		return;
	run->timer_at = at;
	timer_arm(&run->deadline, ms);
}

/* r is what a function of the command returned; resets their number before it was called. */
static void settle(struct run *run, int r, uint64_t resets)
{
	while (run->resets == resets) {
		at_finished_fn finished = run->finished;

		if (r == 0 && finished && run->done_early) {
			run->finished = NULL;
			run->done_early = false;
			run->number++;
			r = finished(&run->call, run->gate->m, run->done_r);
			continue;
		}
		if (r == 0 && finished) {
			run->state = RUN_PENDING;
			arm_deadline(run);
		} else if (r == 0 && run->on_body) {
			run->state = RUN_BODY;
		} else {
			answer(run, r);
		}
		return;
	}
	forget(run);
}

void run_command(struct run *run, const uint8_t *data, size_t n)
{
	struct at_request request;
	uint64_t resets = run->resets;
	int r;

	if (n > 0)
		memcpy(run->line, data, n);
	run->state = RUN_RUNNING;
	run->then = NULL;
	run->deadline_at = 0;
	request_parse(run->line, n, &request);
	run->call = (struct at_call){ .command = gate_find(run->gate, &request) };
	run->body_follows = gate_announces_body(run->call.command, &request);
	r = gate_check(run->gate, &request, &run->call);
	if (r == 0)
		r = run->call.command->run(&run->call, run->gate->m);
	settle(run, r, resets);
}

void run_body(struct run *run, const uint8_t *data, size_t n)
{
	uint64_t resets = run->resets;
	at_body_fn fn = run->on_body;
	int r = AT_ERR_PARAMETER;

	run->on_body = NULL;
	run->body_follows = false;
	run->state = RUN_RUNNING;
	run->deadline_at = 0; /* the host took its time to paste */
	if (n > 0) {
		run->body = malloc(n);
		r = -ENOMEM;
	}
	if (run->body) {
		memcpy(run->body, data, n);
		r = fn(&run->call, run->gate->m, run->body, n);
	}
	settle(run, r, resets);
}

void run_sent(struct run *run)
{
	at_then_fn then = run->then;

	run->state = RUN_IDLE;
	run->then = NULL;
	then(run->gate->m);
}

static void on_done(void *who, uint64_t number, int r)
{
	struct run *run = who;

	if (number != run->number || !run->finished) {
		log_debug("A result that came too late was dropped");
		return;
	}
	run->done_early = true;
	run->done_r = r;
	if (run->state != RUN_PENDING)
		return;
	run->state = RUN_RUNNING;
	settle(run, 0, run->resets);
	run->events.on_free(run->events.userdata);
}

static void on_deadline(void *userdata)
{
	struct run *run = userdata;
	uint64_t now = timer_now();

	run->timer_at = 0;
	if (run->state != RUN_PENDING)
		return;
	if (now < run->deadline_at) {
		run->timer_at = run->deadline_at;
		timer_arm(&run->deadline, run->deadline_at - now);
		return;
	}
	answer(run, -ETIMEDOUT);
	run->events.on_free(run->events.userdata);
}

int run_init(struct run *run, sd_event *event, const struct gate *gate, const struct run_events *events)
{
	*run = (struct run){ .gate = gate, .events = *events };
	reply_init(&run->reply);
	return timer_init(&run->deadline, event, on_deadline, run);
}

void run_done(struct run *run)
{
	forget(run);
	timer_done(&run->deadline);
	reply_done(&run->reply);
}

void run_reset(struct run *run)
{
	run->resets++;
	run->state = RUN_IDLE;
	run->then = NULL;
	forget(run);
}
