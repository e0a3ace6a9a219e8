#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The command that runs, from the gate to its answer: the inside of at/call.h. */

#include "at/call.h"
#include "at/gate.h"
#include "at/line.h"
#include "at/reply.h"
#include "util/macro.h"
#include "util/timer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

enum run_state {
	RUN_IDLE,
	RUN_RUNNING, /* inside a function of the command */
	RUN_PENDING, /* answered by a completion */
	RUN_BODY,    /* waits for its pasted certificate */
	RUN_SENDING, /* answered; what follows waits until the answer has left the UART */
};

/* on_answer: the reply to be written, with r = 0 or a row of Table 1. on_free: a command that was pending is answered
 * or waits for something else; called from the loop, so other commands may run now. */
struct run_events {
	void (*on_answer)(void *userdata, int r);
	void (*on_free)(void *userdata);
	void *userdata;
};

struct run {
	const struct gate *gate;
	struct run_events events;
	enum run_state state;
	struct at_call call;
	struct reply reply;
	at_then_fn then;
	bool body_follows; /* and was not yet taken */

	at_finished_fn finished;
	uint64_t number; /* of the completion that is awaited; any other is stale */
	bool done_early; /* it came before the function that asked for it returned */
	int done_r;
	at_body_fn on_body;
	uint8_t *body;
	uint64_t resets; /* a function that sees this change was forgotten meanwhile */

	uint64_t deadline_at; /* ms of timer_now(), 0 before the command waits */
	struct timer deadline;
	uint64_t timer_at; /* when that fires, 0: not armed. It stays armed over many commands, to save system calls */

	uint8_t line[LINE_MAX_COMMAND]; /* the parameter lives here */
};

int run_init(struct run *run, sd_event *event, const struct gate *gate, const struct run_events *events) _must_check_;
void run_done(struct run *run);

/* The data of a LINE_COMMAND; none may be running. */
void run_command(struct run *run, const uint8_t *data, size_t n);

/* The data of a LINE_BODY, in RUN_BODY. */
void run_body(struct run *run, const uint8_t *data, size_t n);

/* In RUN_SENDING, when the answer has left. */
void run_sent(struct run *run);

/* Forgets the command without an answer. */
void run_reset(struct run *run);
