/* SPDX-License-Identifier: Apache-2.0 */
#include "module/updates.h"

#include "cloud/inbox.h"
#include "util/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct updates {
	const struct settings *settings;
	struct connection *connection;
	struct events *events;
	struct inbox *inbox;
	struct ota *ota;
	bool up;
	bool awake;  /* the host's queue takes events */
	bool missed; /* one that it did not take */
};

/* STARTUP is the first event of all (guide 3.7.4.8, 3.7.6.2): what happens before it is told after it. */
static void on_event(void *userdata, enum ota_state state, const char *detail)
{
	struct updates *u = userdata;
	unsigned parameter = u->settings->ota_event_state ? (unsigned)state : 0;

	u->missed = !u->awake;
	if (u->awake)
		events_push(u->events, EVENT_OTA, parameter, detail, detail ? strlen(detail) : 0);
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	struct updates *u = userdata;

	return connection_send(u->connection, topic, payload, n, qos, (struct done){ 0 });
}

static int on_subscribe(void *userdata, const char *filter)
{
	struct updates *u = userdata;

	return connection_watch(u->connection, filter, (struct done){ 0 });
}

static void on_inbox(void *userdata, const char *topic, const void *payload, size_t n)
{
	struct updates *u = userdata;

	(void)ota_message(u->ota, topic, payload, n);
}

void updates_message(struct updates *u, const char *topic, const void *payload, size_t n)
{
	int r = inbox_put(u->inbox, topic, payload, n);

	if (r < 0)
		(void)log_errno(r, "A message on %s is lost", topic);
}

static bool is_awake(enum state state)
{
	return state == STATE_ACTIVE || state == STATE_CONNECTING || state == STATE_OTW || state_is_up(state);
}

void updates_follow(struct updates *u, enum state state, unsigned actions)
{
	bool up = state_is_up(state);

	u->awake = is_awake(state);
	if (u->up && !up)
		ota_disconnected(u->ota);
	/* What came during a CONNECT that failed is of no use either. */
	if (!up && state != STATE_CONNECTING)
		inbox_clear(u->inbox);
	if (actions & ACTION_RESET_KEYS)
		ota_reset(u->ota);
	if (!u->up && up) {
		ota_connected(u->ota);
		inbox_open(u->inbox);
	}
	u->up = up;
	if (!(actions & ACTION_STARTUP))
		return;
	ota_startup(u->ota);
	if (u->missed)
		on_event(u, ota_state(u->ota), NULL);
}

struct ota *updates_ota(const struct updates *u)
{
	return u->ota;
}

int updates_new(struct updates **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const char *state_dir, struct events *events)
{
	_cleanup_(updates_freep) struct updates *u = NULL;
	struct ota_events ota = { .on_event = on_event, .publish = on_publish, .subscribe = on_subscribe };
	int r;

	u = calloc(1, sizeof(*u));
	if (!u)
		return -ENOMEM;
	u->settings = settings;
	u->events = events;
	ota.userdata = u;
	r = inbox_new(&u->inbox, event, on_inbox, u);
	if (r == 0)
		r = ota_new(&u->ota, event, settings, dict, epoch, state_dir, &ota);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(u);
	return 0;
}

struct updates *updates_free(struct updates *u)
{
	if (!u)
		return NULL;
	u->ota = ota_free(u->ota);
	u->inbox = inbox_free(u->inbox);
	free(u);
	return NULL;
}

int updates_start(struct updates *u, struct connection *connection)
{
	u->connection = connection;
	return ota_start(u->ota);
}
