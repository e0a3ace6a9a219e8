#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the module itself sends and subscribes to after CONNECT, beside the one operation of the host. Nobody waits for
 * its acknowledgements; they are counted, so that a server that withholds them leaves the host its own. */

#include "cloud/mqtt.h"
#include "cloud/topics.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define OUTBOX_MAX    8 /* packets that may wait for their acknowledgement: half of ACKS_MAX */
#define OUTBOX_LOSSES 5 /* of connections, in a row, with a filter that was not acknowledged: it is refused */

struct outbox {
	struct mqtt *mqtt;
	unsigned open;            /* packets that wait for their acknowledgement */
	char watched[TOPICS_MAX]; /* the filter; "": none */
	unsigned losses;          /* in a row: see OUTBOX_LOSSES */
};

void outbox_init(struct outbox *o, struct mqtt *mqtt);

/* The connection has ended, and the subscription with it. */
void outbox_ended(struct outbox *o);

/* 0; -EBUSY when OUTBOX_MAX packets wait; -errno of mqtt_publish(). */
int outbox_send(struct outbox *o, const char *topic, const void *payload, size_t n, int qos) _must_check_;

/* One filter; again it does nothing. 0; -EACCES once, when it was refused as AWS IoT does it: by ending the connection;
 * -errno as above. */
int outbox_watch(struct outbox *o, const char *filter) _must_check_;
bool outbox_watches(const struct outbox *o, const char *filter);
