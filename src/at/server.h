#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One command at a time (guide 3.5, 3.6): the gate of checks, run, answer now or later, deadline. */

#include "at/command.h"
#include "at/trace.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct at_server;
struct module;

/* What the gate asks of the module. */
struct at_world {
	unsigned (*max_topic)(struct module *m);
	/* 0, AT_ERR_PARAMETER (not fit for needs: AT_VALID_TOPIC or AT_VALID_FILTER), AT_ERR_UNDEFINED (empty) */
	int (*topic)(struct module *m, unsigned index, unsigned needs);
	bool (*connected)(struct module *m);
	/* Optional: a turn of commands begins, or ends: what they put aside is to be handed over before their answers
	 * leave. */
	void (*on_turn)(struct module *m, bool begins);
	/* Optional: a line that gets an answer is about to be looked at (guide 3.7.4.2: it wakes the module). */
	void (*on_line)(struct module *m);
};

/* table ends with a row whose name is NULL. Remembers, does nothing yet. device, runtime_dir: see tty_new(). */
int at_server_new(struct at_server **ret, sd_event *event, const struct at_command *table, const struct at_world *world,
		  struct module *m, const char *device, const char *runtime_dir) _must_check_;
struct at_server *at_server_free(struct at_server *s);
DEFINE_CLEANUP(struct at_server *, at_server_free)

/* Opens the port. From here on commands are answered. 0 or -errno (logged). */
int at_server_start(struct at_server *s) _must_check_;

/* RST low: forgets the running command, what was received and what is not yet sent; then bytes are dropped
 * until at_server_release(). */
void at_server_hold(struct at_server *s);
void at_server_release(struct at_server *s);

/* Closes the port, as deep sleep does, and opens it again. Whole commands that had come before are kept, what comes
 * meanwhile is lost. */
void at_server_shut(struct at_server *s);
void at_server_open(struct at_server *s);

/* A command of a row with takes_line has the line for itself, from its at_then() on: bytes as they come, those too that
 * were behind it, and no command runs, until at_server_raw_end() gives the last answer; then come lines again. A hold
 * ends it without a word. on_bytes returns how many it took: the rest are lines. on_gap: the line was lost since the
 * command came. */
struct at_raw {
	size_t (*on_bytes)(void *userdata, const void *data, size_t n);
	void (*on_gap)(void *userdata);
	void *userdata;
};
void at_server_raw(struct at_server *s, const struct at_raw *raw);
void at_server_raw_send(struct at_server *s, const void *data, size_t n);

/* "OK" and the text, or the row of Table 1. text may be "". */
void at_server_raw_answer(struct at_server *s, int r, const char *text);
void at_server_raw_end(struct at_server *s, int r, const char *text);

/* Counters for DIAG INFO and status. */
struct at_server_stats {
	uint64_t commands; /* answered */
	uint64_t errors;   /* of them, not OK */
};
void at_server_get_stats(const struct at_server *s, struct at_server_stats *ret);

/* fn is told the dialogue from here on, and calls nothing of this room; NULL: nobody is. */
void at_server_watch(struct at_server *s, trace_fn fn, void *userdata);
