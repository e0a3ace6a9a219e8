#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The module: owns every object, introduces them to each other, and carries out what state.c decides. */

#include "at/command.h"
#include "at/server.h"
#include "board/clock.h"
#include "board/gpsd.h"
#include "board/pins.h"
#include "cloud/connection.h"
#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "module/defence.h"
#include "module/diagnosis.h"
#include "module/state.h"
#include "module/updates.h"
#include "queue/events.h"
#include "queue/messages.h"
#include "util/macro.h"
#include "util/timer.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct module {
	sd_event *event;
	const struct settings *settings; /* the caller's */
	struct dict *dict;
	struct epoch *epoch;
	struct clock *clock;
	struct gpsd *gpsd;
	struct events *events;
	struct messages *messages;
	struct connection *connection;
	struct diagnosis *diagnosis;
	struct updates *updates;
	struct defence *defence;
	struct pins *pins;
	struct at_server *server;
	enum state state;
	struct timer wake;      /* the end of a sleep with a duration */
	struct timer day;       /* until the clock is looked at again */
	uint64_t sleep_seconds; /* of the SLEEP being entered; 0: until something wakes */
	bool sleep_deep;        /* ... in mode 1 */
	bool otw_blocks;        /* OTW is in blocks, no XMODEM */
	bool overrun;           /* a message was lost since the host read one */
	uint64_t started;       /* ms, timer_now() */
	uint64_t messages_lost;
	void (*on_state)(void *userdata, enum state state);
	void *userdata;
};

/* Remembers, touches nothing. on_state may be NULL. */
int module_new(struct module **ret, sd_event *event, const struct settings *settings, const struct at_command *commands,
	       const char *state_dir, const char *runtime_dir, void (*on_state)(void *userdata, enum state state),
	       void *userdata) _must_check_;
struct module *module_free(struct module *m);
DEFINE_CLEANUP(struct module *, module_free)

/* Opens the port, loads the dictionary, takes the pins, queues STARTUP unless RST is low. 0 or -errno (logged). */
int module_start(struct module *m) _must_check_;

/* Can anything end the sleep of which sleep_seconds tells, if no command is heard? */
bool module_may_wake(const struct module *m);

/* Goes where the table of state.c says and does what it says. What does not happen in this state is ignored. */
void module_happen(struct module *m, enum happening happening);
