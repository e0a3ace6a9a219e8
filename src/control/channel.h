#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The control socket and its clients: who may talk, what waits to be read by them. Never waits for any. */

#include "control/request.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <systemd/sd-event.h>

struct channel;
struct channel_client;

struct channel_events {
	void (*on_request)(void *userdata, struct channel_client *client, enum request request);
	void (*on_gone)(void *userdata, struct channel_client *client); /* who had asked for something */

	/* Is there anybody who follows what is published? Told when it changes. */
	void (*on_followed)(void *userdata, bool followed);
	void *userdata;
};

/* dir: where the socket lies. */
int channel_new(struct channel **ret, sd_event *event, const char *dir,
		const struct channel_events *events) _must_check_;
struct channel *channel_free(struct channel *c);
DEFINE_CLEANUP(struct channel *, channel_free)

/* From here on clients are heard. The folder is made when there is none. 0, or -errno as of local_listen(). */
int channel_start(struct channel *c) _must_check_;

/* One line. A client for whom it does not fit is dropped. */
void channel_answer(struct channel_client *client, const char *text, size_t n);

/* The same, the last one. */
void channel_refuse(struct channel_client *client, const char *why);

void channel_follow(struct channel_client *client);

/* One line for each of those who follow. For whom it does not fit it is lost; how many were is told as
 * {"type":"lost","count":N} when there is room again, and who has read nothing for CONTROL_STUCK_MS is dropped. */
void channel_publish(struct channel *c, const char *text, size_t n);

unsigned channel_clients(const struct channel *c);
