/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/events.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct events {
	void (*on_level)(void *userdata, bool high);
	void *userdata;
	void (*on_push)(void *userdata, const struct event *event);
	void *push_userdata;
	unsigned limit;
	unsigned used;
	unsigned first;
	struct event ring[];
};

int events_new(struct events **ret, unsigned limit)
{
	struct events *e;

	e = calloc(1, sizeof(*e) + limit * sizeof(e->ring[0]));
	if (!e)
		return -ENOMEM;
	e->limit = limit;
	*ret = e;
	return 0;
}

struct events *events_free(struct events *e)
{
	free(e);
	return NULL;
}

void events_on_level(struct events *e, void (*fn)(void *userdata, bool high), void *userdata)
{
	e->on_level = fn;
	e->userdata = userdata;
}

void events_watch(struct events *e, void (*fn)(void *userdata, const struct event *event), void *userdata)
{
	e->on_push = fn;
	e->push_userdata = userdata;
}

static struct event *events_at(struct events *e, unsigned i)
{
	return &e->ring[(e->first + i) % e->limit];
}

static void events_level(struct events *e, bool high)
{
	if (e->on_level)
		e->on_level(e->userdata, high);
}

static bool events_lose(struct events *e, enum event_code incoming)
{
	unsigned i;

	for (i = 0; i < e->used && events_at(e, i)->code != EVENT_MSG; i++)
		;
	if (i == e->used) {
		if (incoming == EVENT_MSG)
			return false;
		i = 0;
	}
	for (; i + 1 < e->used; i++)
		*events_at(e, i) = *events_at(e, i + 1);
	e->used--;
	return true;
}

/* Not in the middle of a UTF-8 character: some hosts decode strictly. */
static size_t cut(const char *detail, size_t n)
{
	if (n <= EVENT_MAX_DETAIL)
		return n;
	for (n = EVENT_MAX_DETAIL; n > 0 && ((unsigned char)detail[n] & 0xc0) == 0x80; n--)
		;
	return n;
}

void events_push(struct events *e, enum event_code code, unsigned parameter, const void *detail, size_t n)
{
	struct event *slot;

	if (e->used == e->limit && !events_lose(e, code))
		return;
	slot = events_at(e, e->used++);
	*slot = (struct event){ .code = code, .parameter = parameter };
	if (detail) {
		slot->detail_n = cut(detail, n);
		memcpy(slot->detail, detail, slot->detail_n);
	}
	if (e->on_push)
		e->on_push(e->push_userdata, slot);
	if (e->used == 1)
		events_level(e, true);
}

bool events_pop(struct events *e, struct event *ret)
{
	if (e->used == 0)
		return false;
	*ret = *events_at(e, 0);
	e->first = (e->first + 1) % e->limit;
	if (--e->used == 0)
		events_level(e, false);
	return true;
}

void events_clear(struct events *e)
{
	if (e->used == 0)
		return;
	e->used = 0;
	events_level(e, false);
}

unsigned events_used(const struct events *e)
{
	return e->used;
}

const char *event_name(enum event_code code)
{
	switch (code) {
	case EVENT_MSG:
		return "MSG";
	case EVENT_STARTUP:
		return "STARTUP";
	case EVENT_CONLOST:
		return "CONLOST";
	case EVENT_OVERRUN:
		return "OVERRUN";
	case EVENT_OTA:
		return "OTA";
	case EVENT_CONFMODE:
		return "CONFMODE";
	}
	return "UNKNOWN";
}
