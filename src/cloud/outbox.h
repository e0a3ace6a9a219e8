#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the module itself sends and subscribes to after CONNECT, beside the one operation of the host. Its packets are
 * counted until they are acknowledged, so that a server that withholds that leaves the host its own. */

#include "cloud/mqtt.h"
#include "cloud/topics.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define OUTBOX_MAX     8 /* packets that may wait for their acknowledgement: half of ACKS_MAX */
#define OUTBOX_LOSSES  5 /* of connections, in a row, with a filter that was not acknowledged: it is refused */
#define OUTBOX_FILTERS 2 /* streams, Device Defender */

struct watch {
	char filter[TOPICS_MAX]; /* "": none so far; a slot keeps its filter from one connection to the next */
	bool held;               /* asked for on this connection, and not refused */
	bool open;               /* ... and not acknowledged yet */
	unsigned losses;         /* in a row: see OUTBOX_LOSSES */
	struct done done;
};

struct outbox {
	struct mqtt *mqtt;
	unsigned open;                /* packets that wait for their acknowledgement */
	struct done sent[OUTBOX_MAX]; /* of those among them that were published and that somebody waits for */
	struct watch watches[OUTBOX_FILTERS];
};

void outbox_init(struct outbox *o, struct mqtt *mqtt);

/* The connection has ended, and the subscriptions with it. */
void outbox_ended(struct outbox *o);

/* done, which may be empty, gets 0 when the packet is acknowledged (QoS 1) or on its way (QoS 0), perhaps at once;
 * -ECONNRESET, -ECANCELED. 0; without done -EBUSY when OUTBOX_MAX packets wait, or -errno of mqtt_publish(). */
int outbox_send(struct outbox *o, const char *topic, const void *payload, size_t n, int qos,
		struct done done) _must_check_;

/* Again it does nothing but call done. done gets 0; AT_ERR_PARAMETER when the filter is refused; -ECONNRESET,
 * -ECANCELED. 0; -EACCES once, when it was refused as AWS IoT does it: by ending the connection; -ENOSPC beyond
 * OUTBOX_FILTERS; -EBUSY as above, and while the same filter waits for its acknowledgement; -errno. */
int outbox_watch(struct outbox *o, const char *filter, struct done done) _must_check_;
bool outbox_watches(const struct outbox *o, const char *filter);
