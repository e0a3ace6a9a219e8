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
	o->watched[0] = '\0';
}

static void on_sent(void *who, uint64_t number, int r)
{
	struct outbox *o = who;

	(void)number;
	(void)r;
	o->open--;
}

static void on_watched(void *who, uint64_t number, int r)
{
	struct outbox *o = who;

	on_sent(who, number, r);
	if (r == -ECONNRESET)
		o->losses++;
	else if (r >= 0)
		o->losses = 0;
	if (r <= 0)
		return;
	log_warning("Subscription to %s refused: check the policy", o->watched);
	o->watched[0] = '\0';
}

/* The library may acknowledge before it returns, so a packet counts from before. */
static int outbox_opened(struct outbox *o, int r)
{
	if (r < 0)
		o->open--;
	return r;
}

int outbox_send(struct outbox *o, const char *topic, const void *payload, size_t n, int qos)
{
	if (o->open >= OUTBOX_MAX)
		return -EBUSY;
	o->open++;
	return outbox_opened(o, mqtt_publish(o->mqtt, topic, payload, n, qos, (struct done){ on_sent, o, 0 }));
}

int outbox_watch(struct outbox *o, const char *filter)
{
	int r;

	if (outbox_watches(o, filter))
		return 0;
	if (o->losses >= OUTBOX_LOSSES) {
		o->losses = 0;
		return -EACCES;
	}
	if (o->open >= OUTBOX_MAX)
		return -EBUSY;
	o->open++;
	r = outbox_opened(o, mqtt_subscribe(o->mqtt, &filter, 1, (struct done){ on_watched, o, 0 }));
	if (r == 0)
		(void)snprintf(o->watched, sizeof(o->watched), "%s", filter);
	return r;
}

bool outbox_watches(const struct outbox *o, const char *filter)
{
	return filter[0] && strcmp(o->watched, filter) == 0;
}
