/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/outbox.h"

#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void outbox_init(struct outbox *o, struct mqtt *mqtt)
{
	*o = (struct outbox){ .mqtt = mqtt };
}

void outbox_ended(struct outbox *o)
{
	for (size_t i = 0; i < OUTBOX_FILTERS; i++)
		o->watches[i].held = false;
}

static void on_sent(void *who, uint64_t number, int r)
{
	struct outbox *o = who;

	o->open--;
	if (number < OUTBOX_MAX)
		done_call(&o->sent[number], r);
}

static void on_watched(void *who, uint64_t number, int r)
{
	struct outbox *o = who;
	struct watch *w = &o->watches[number];

	o->open--;
	w->open = false;
	if (r == -ECONNRESET)
		w->losses++;
	else if (r >= 0)
		w->losses = 0;
	if (r > 0) {
		log_warning("Subscription to %s refused: check the policy", w->filter);
		w->held = false;
	}
	done_call(&w->done, r);
}

/* The library may acknowledge before it returns, so a packet counts from before. */
static int outbox_opened(struct outbox *o, int r)
{
	if (r < 0)
		o->open--;
	return r;
}

int outbox_send(struct outbox *o, const char *topic, const void *payload, size_t n, int qos, struct done done)
{
	size_t slot = done.fn ? 0 : OUTBOX_MAX;
	int r;

	if (o->open >= OUTBOX_MAX)
		return -EBUSY;
	o->open++;
	/* One is free: there are as many as packets. */
	while (slot < OUTBOX_MAX && o->sent[slot].fn)
		slot++;
	if (slot < OUTBOX_MAX)
		o->sent[slot] = done;
	r = outbox_opened(o, mqtt_publish(o->mqtt, topic, payload, n, qos, (struct done){ on_sent, o, slot }));
	if (r < 0 && slot < OUTBOX_MAX)
		o->sent[slot] = (struct done){ 0 };
	return r;
}

/* The slot of this filter, or a free one; NULL: there is none. */
static struct watch *outbox_find(struct outbox *o, const char *filter)
{
	for (size_t i = 0; i < OUTBOX_FILTERS; i++) {
		struct watch *w = &o->watches[i];

		if (!w->filter[0])
			(void)snprintf(w->filter, sizeof(w->filter), "%s", filter);
		if (strcmp(w->filter, filter) == 0)
			return w;
	}
	return NULL;
}

int outbox_watch(struct outbox *o, const char *filter, struct done done)
{
	struct watch *w = outbox_find(o, filter);
	struct done watched = { on_watched, o, w ? (uint64_t)(w - o->watches) : 0 };
	int r;

	if (!w)
		return -ENOSPC;
	if (w->held && !w->open) {
		done_call(&done, 0);
		return 0;
	}
	if (w->open)
		return done.fn ? -EBUSY : 0;
	if (w->losses >= OUTBOX_LOSSES) {
		w->losses = 0;
		return -EACCES;
	}
	if (o->open >= OUTBOX_MAX)
		return -EBUSY;
	o->open++;
	w->open = w->held = true;
	w->done = done;
	r = outbox_opened(o, mqtt_subscribe(o->mqtt, &filter, 1, watched));
	if (r < 0) {
		w->open = w->held = false;
		w->done = (struct done){ 0 };
	}
	return r;
}

bool outbox_watches(const struct outbox *o, const char *filter)
{
	for (size_t i = 0; i < OUTBOX_FILTERS; i++) {
		if (o->watches[i].held && strcmp(o->watches[i].filter, filter) == 0)
			return true;
	}
	return false;
}
