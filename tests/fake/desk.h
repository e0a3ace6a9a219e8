#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* control/channel.c in a folder of its own, those who come to it, and a module that counts what it is asked. Programs
 * that use it link fake/timer.c. */

#include "control/channel.h"
#include "control/protocol.h"

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

struct desk {
	const struct desk *self; /* as callbacks should have it */
	char *dir;
	sd_event *event;
	struct channel *channel;
	struct channel_events events; /* what it was made with */

	struct channel_client *last; /* who asked */
	enum request requests[256];
	size_t request_count, gone;
	bool followed;
	void (*then)(struct channel_client *client); /* what the module does with a request; NULL: nothing */

	char heard[CONTROL_ANSWER * 8];
};

void desk_make(struct desk *d);
void desk_done(struct desk *d);

/* Until nothing more happens by itself. */
void desk_idle(struct desk *d);

/* Somebody comes, and says something. */
int desk_connect(struct desk *d);
void desk_say(struct desk *d, int fd, const char *text);

/* All that came, until the next call; *ret_end: and the end behind it. */
const char *desk_hear(struct desk *d, int fd, bool *ret_end);

void desk_expect(struct desk *d, int fd, const char *wanted, bool wanted_end);
