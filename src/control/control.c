/* SPDX-License-Identifier: Apache-2.0 */
#include "control/control.h"

#include "control/channel.h"
#include "control/json.h"
#include "ota/ota.h"
#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

struct control {
	struct module *m;
	struct status_place place;
	struct channel *channel;
	struct probe *probe;
	struct channel_client *asker; /* of the probe */
	bool followed;
	uint64_t attempt; /* number of the last one that was told */
	bool attempt_ended;
};

/* --- the monitor --- */

static void record_init(struct json *j, const char *type)
{
	struct timeval now;

	json_init(j);
	json_text(j, NULL, "type", type);
	(void)gettimeofday(&now, NULL);
	json_number(j, NULL, "at_ms", (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_usec / 1000);
}

static void record_publish(struct control *c, struct json *j)
{
	_cleanup_(freep) char *text = json_print(j);

	if (text)
		channel_publish(c->channel, text, strlen(text));
	json_done(j);
}

static void on_dialogue(void *userdata, enum trace_side side, const void *shown, size_t shown_n, size_t n)
{
	struct json j;

	record_init(&j, side == TRACE_HOST ? "host" : "module");
	json_bytes(&j, NULL, "text", shown, shown_n);
	json_number(&j, NULL, "bytes", n);
	record_publish(userdata, &j);
}

static void on_event(void *userdata, const struct event *event)
{
	struct json j;

	record_init(&j, "event");
	json_text(&j, NULL, "name", event_name(event->code));
	json_number(&j, NULL, "code", (uint64_t)event->code);
	json_number(&j, NULL, "parameter", event->parameter);
	json_bytes(&j, NULL, "detail", event->detail, event->detail_n);
	record_publish(userdata, &j);
}

static void on_update(void *userdata, const struct record_result *result)
{
	struct json j;

	record_init(&j, "update");
	status_update_end(&j, NULL, result, time(NULL));
	record_publish(userdata, &j);
}

/* A CONNECT that has ended, or its connection that has, is told once. */
static void control_tell_connection(struct control *c)
{
	const struct history_entry *last = history_get(connection_history(c->m->connection), 0);
	struct json j;

	if (!last || (last->number == c->attempt && (last->lost_at != 0) == c->attempt_ended))
		return;
	c->attempt = last->number;
	c->attempt_ended = last->lost_at != 0;
	if (!c->followed)
		return;
	record_init(&j, "connection");
	status_attempt(&j, NULL, last);
	record_publish(c, &j);
}

static void control_tell_state(struct control *c, enum state state)
{
	struct json j;

	record_init(&j, "state");
	json_text(&j, NULL, "state", state_name(state));
	record_publish(c, &j);
}

void control_on_state(struct control *c, enum state state)
{
	control_tell_connection(c);
	if (c->followed)
		control_tell_state(c, state);
}

/* Nobody pays for a monitor that nobody watches. */
static void on_followed(void *userdata, bool followed)
{
	struct control *c = userdata;

	c->followed = followed;
	at_server_watch(c->m->server, followed ? on_dialogue : NULL, c);
	events_watch(c->m->events, followed ? on_event : NULL, c);
	ota_watch(updates_ota(c->m->updates), followed ? on_update : NULL, c);
}

/* --- requests --- */

static void control_answer(struct channel_client *client, char *text)
{
	if (text)
		channel_answer(client, text, strlen(text));
	else
		channel_refuse(client, "no memory");
	free(text);
}

static void on_probed(void *userdata, const struct probe_report *report)
{
	struct control *c = userdata;
	struct probe_report corrected = *report;

	if (!corrected.passed)
		diagnosis_correct(&corrected.fault);
	c->probe = probe_free(c->probe);
	control_answer(TAKE_PTR(c->asker), status_probe(&corrected));
}

static void control_probe(struct control *c, struct channel_client *client)
{
	const struct module *m = c->m;
	struct endpoint endpoint;
	size_t n;
	const char *text = dict_get(m->dict, KEY_ENDPOINT, &n);
	int r;

	if (c->probe) {
		channel_refuse(client, "somebody else is just trying the way to the endpoint");
		return;
	}
	if (endpoint_parse(text, n, &endpoint) < 0) {
		struct probe_report report = { 0 };

		fault_of_endpoint(&report.fault, n == 0);
		c->asker = client;
		on_probed(c, &report);
		return;
	}
	r = probe_start(&c->probe, m->event, m->settings, m->dict, m->epoch, &endpoint, CONTROL_PROBE_MS, on_probed, c);
	if (r < 0)
		channel_refuse(client, "the way to the endpoint cannot be tried now");
	else
		c->asker = client;
}

static void on_request(void *userdata, struct channel_client *client, enum request request)
{
	struct control *c = userdata;

	switch (request) {
	case REQUEST_STATUS:
		control_answer(client, status_text(c->m, &c->place));
		break;
	case REQUEST_ATTEMPTS:
		control_answer(client, status_attempts(c->m));
		break;
	case REQUEST_PROBE:
		control_probe(c, client);
		break;
	case REQUEST_MONITOR:
		channel_follow(client);
		control_tell_state(c, c->m->state);
		break;
	case REQUEST_NONE:
	case REQUEST_BAD:
		break;
	}
}

static void on_gone(void *userdata, struct channel_client *client)
{
	struct control *c = userdata;

	if (c->asker != client)
		return;
	c->asker = NULL;
	c->probe = probe_free(c->probe);
}

/* --- life --- */

int control_new(struct control **ret, struct module *m, const struct status_place *place)
{
	_cleanup_(control_freep) struct control *c = NULL;
	struct channel_events events = {
		.on_request = on_request,
		.on_gone = on_gone,
		.on_followed = on_followed,
	};
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->m = m;
	c->place = *place;
	events.userdata = c;
	r = channel_new(&c->channel, m->event, place->runtime_dir, &events);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

void control_start(struct control *c)
{
	int r = channel_start(c->channel);

	if (r == -EADDRINUSE)
		log_warning("%s/" CONTROL_SOCKET
			    " belongs to another running module: expresslinkctl will find that one",
			    c->place.runtime_dir);
	else if (r < 0)
		log_warning("%s/" CONTROL_SOCKET ": %s: expresslinkctl will not find this module", c->place.runtime_dir,
			    strerror(-r));
}

struct control *control_free(struct control *c)
{
	if (!c)
		return NULL;
	if (c->followed)
		on_followed(c, false);
	c->probe = probe_free(c->probe);
	c->channel = channel_free(c->channel);
	free(c);
	return NULL;
}
