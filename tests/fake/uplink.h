#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A connection, the dictionary that it needs, and an owner that counts what it is told. */

#include "cloud/connection.h"
#include "fake/rig.h"

struct uplink {
	const struct uplink *self; /* as callbacks should have it */
	struct rig rig;
	struct connection *connection;
	struct done done; /* counts its calls, and keeps the result of the last one */
	unsigned calls;
	int result;
	unsigned losses, messages;
	char topic[256], payload[256];     /* of the last message */
	void (*on_loss)(struct uplink *u); /* what the owner does when it is told of one; NULL: nothing */
};

/* With further lines of settings, or NULL. */
void uplink_make(struct uplink *u, const char *more);

/* The counters stay. */
void uplink_done(struct uplink *u);

/* done was called once, with r; or not at all. */
void uplink_assert_result(struct uplink *u, int r);
void uplink_assert_pending(const struct uplink *u);

/* CONNECT, and all goes well; or nobody listens. */
void uplink_connect(struct uplink *u);
void uplink_fail(struct uplink *u);
