#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The event queue (guide 7): a bounded FIFO that tells its level, empty or not, when it changes. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

/* Guide, Table 4. */
enum event_code {
	EVENT_MSG = 1,
	EVENT_STARTUP = 2,
	EVENT_CONLOST = 3,
	EVENT_OVERRUN = 4,
	EVENT_OTA = 5,
	EVENT_CONFMODE = 7,
};

#define EVENT_MAX_DETAIL 64

struct event {
	enum event_code code;
	unsigned parameter;
	size_t detail_n;
	char detail[EVENT_MAX_DETAIL]; /* bytes */
};

struct events;

int events_new(struct events **ret, unsigned limit) _must_check_;
struct events *events_free(struct events *e);
DEFINE_CLEANUP(struct events *, events_free)

/* high: the queue holds something (guide 7.1.1.2). Called only on a change. */
void events_on_level(struct events *e, void (*fn)(void *userdata, bool high), void *userdata);

/* Told every event that is queued, before anybody can take it; NULL: nobody is. */
void events_watch(struct events *e, void (*fn)(void *userdata, const struct event *event), void *userdata);

/* detail may be NULL; cut to 64 bytes, between characters. A full queue loses its oldest MSG event, or, if it holds
 * none, a new MSG or else the oldest of all. */
void events_push(struct events *e, enum event_code code, unsigned parameter, const void *detail, size_t n);

/* The oldest; false: none. */
bool events_pop(struct events *e, struct event *ret);

void events_clear(struct events *e);
unsigned events_used(const struct events *e);

/* "MSG", "STARTUP" ... */
const char *event_name(enum event_code code);
