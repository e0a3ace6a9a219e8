/* SPDX-License-Identifier: Apache-2.0 */
#include "module/defence.h"

#include "cloud/inbox.h"
#include "util/log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <time.h>

struct defence {
	struct dict *dict;
	const struct epoch *epoch;
	struct connection *connection;
	struct inbox *inbox;
	struct defender *defender;
	bool up;
	bool staging; /* the present connection is with the staging account, whatever Endpoint says by now */
	uint64_t hard_resets;
};

static void on_sample(void *userdata, struct metrics_counts *ret, int64_t *ret_now)
{
	const struct defence *d = userdata;
	struct connection_stats stats;
	int64_t now = time(NULL), floor = epoch_floor(d->epoch);

	connection_get_stats(d->connection, &stats);
	*ret = (struct metrics_counts){
		.bytes_out = stats.bytes_out,
		.sent = stats.published,
		.received = stats.received,
		.hard_resets = d->hard_resets,
		.reconnects = stats.connects > 0 ? stats.connects - 1 : 0,
		.writes = dict_writes(d->dict) + defender_writes(d->defender),
	};
	*ret_now = now > floor ? now : floor;
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, struct done done)
{
	const struct defence *d = userdata;

	return connection_send(d->connection, topic, payload, n, 1, done);
}

static int on_subscribe(void *userdata, const char *filter, struct done done)
{
	const struct defence *d = userdata;

	return connection_watch(d->connection, filter, done);
}

static void on_inbox(void *userdata, const char *topic, const void *payload, size_t n)
{
	const struct defence *d = userdata;

	defender_message(d->defender, topic, payload, n);
}

void defence_message(struct defence *d, const char *topic, const void *payload, size_t n)
{
	int r = inbox_put(d->inbox, topic, payload, n);

	if (r < 0)
		(void)log_errno(r, "A message on %s is lost", topic);
}

/* In the staging state there is no Device Defender to talk to. */
static void on_key(void *who, uint64_t number, int r)
{
	const struct defence *d = who;
	bool onboarded = dict_onboarded(d->dict) && !d->staging;

	(void)number;
	(void)r;
	defender_set_interval(d->defender, onboarded ? dict_number(d->dict, KEY_DEFENDER) : 0);
}

void defence_follow(struct defence *d, enum state state, unsigned actions)
{
	bool up = state_is_up(state);

	if (actions & ACTION_HOLD)
		d->hard_resets++;
	if (d->up && !up)
		defender_down(d->defender, actions & ACTION_CONLOST);
	if (d->up != up) {
		d->staging = up && !dict_onboarded(d->dict);
		on_key(d, 0, 0);
	}
	if (!up)
		inbox_clear(d->inbox);
	if (actions & ACTION_RESET_KEYS)
		defender_reset(d->defender);
	if (!d->up && up) {
		inbox_open(d->inbox);
		defender_up(d->defender);
	}
	d->up = up;
}

const struct defender *defence_defender(const struct defence *d)
{
	return d->defender;
}

int defence_new(struct defence **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const char *state_dir)
{
	_cleanup_(defence_freep) struct defence *d = NULL;
	struct defender_events events = { .sample = on_sample, .publish = on_publish, .subscribe = on_subscribe };
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->dict = dict;
	d->epoch = epoch;
	d->hard_resets = 1; /* the start of the module is one */
	events.userdata = d;
	r = inbox_new(&d->inbox, event, on_inbox, d);
	if (r == 0)
		r = defender_new(&d->defender, event, settings->thing_name, state_dir, &events);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct defence *defence_free(struct defence *d)
{
	if (!d)
		return NULL;
	d->defender = defender_free(d->defender);
	d->inbox = inbox_free(d->inbox);
	free(d);
	return NULL;
}

void defence_start(struct defence *d, struct connection *connection)
{
	d->connection = connection;
	defender_start(d->defender);
	dict_on_change(d->dict, (struct done){ on_key, d, 0 });
	on_key(d, 0, 0);
}
