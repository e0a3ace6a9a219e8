/* SPDX-License-Identifier: Apache-2.0 */
#include "module/module.h"

#include "board/network.h"
#include "cloud/onboard.h"
#include "cloud/topics.h"
#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define DAY_MS 86400000

/* --- from the cloud --- */

static unsigned on_index(void *userdata, const char *topic)
{
	const struct module *m = userdata;

	return topics_index(m->dict, m->settings->max_topic, topic);
}

/* The first message that is lost still raises its event, then OVERRUN; further ones are silent until the host
 * has read a message (guide 4.1.7.6). */
static void module_overrun(struct module *m, unsigned index, const char *topic)
{
	m->messages_lost++;
	if (m->overrun)
		return;
	m->overrun = true;
	log_warning("Message queue full: messages are lost until the host reads");
	events_push(m->events, EVENT_MSG, index, NULL, 0);
	events_push(m->events, EVENT_OVERRUN, 0, topic, strlen(topic));
}

static void on_onboarded(void *who, uint64_t number, int r)
{
	struct module *m = who;

	(void)number;
	if (r == 0)
		connection_give_up(m->connection);
}

/* Only in the staging state (guide 10.3.1.1). The message stays an ordinary one for the host. */
static void module_onboard(struct module *m, const void *payload, size_t n)
{
	struct done done = { .fn = on_onboarded, .who = m };
	char endpoint[ENDPOINT_MAX + 1];
	const char *present;
	size_t present_n;
	int r;

	present = dict_get(m->dict, KEY_ENDPOINT, &present_n);
	if (dict_onboarded(m->dict) || !onboard_parse(payload, n, present, present_n, endpoint))
		return;
	log_notice("Onboarded: the endpoint is now %s", endpoint);
	r = dict_set_endpoint(m->dict, endpoint, done);
	if (r)
		log_error("The endpoint %s was refused", endpoint);
}

static void on_message(void *userdata, const char *topic, const void *payload, size_t n)
{
	struct module *m = userdata;
	unsigned index = on_index(m, topic);

	/* The module's own traffic is the host's only if a topic of the host matches it. */
	if (topics_is_own(m->settings->thing_name, topic)) {
		updates_message(m->updates, topic, payload, n);
		if (index == 0)
			return;
	} else if (topics_is_defender(m->settings->thing_name, topic)) {
		defence_message(m->defence, topic, payload, n);
		if (index == 0)
			return;
	}
	if (topics_is_onboarding(m->settings->thing_name, topic))
		module_onboard(m, payload, n);
	if (n > MESSAGE_MAX_PAYLOAD || messages_push(m->messages, topic, payload, n) < 0) {
		module_overrun(m, index, topic);
		return;
	}
	events_push(m->events, EVENT_MSG, index, NULL, 0);
}

static void on_lost(void *userdata)
{
	module_happen(userdata, HAPPEN_LOST);
}

static void on_clock(void *who, uint64_t number, int r)
{
	struct module *m = who;

	(void)number;
	if (r == 0)
		epoch_note(m->epoch, time(NULL));
	else if (r != -ECANCELED)
		epoch_doubt(m->epoch);
}

static void look_at_clock(void *userdata)
{
	struct module *m = userdata;

	clock_ask(m->clock, (struct done){ .fn = on_clock, .who = m });
}

/* A module that stays connected for a year knows the time, too. */
static void on_day(void *userdata)
{
	struct module *m = userdata;

	look_at_clock(m);
	timer_arm(&m->day, DAY_MS);
}

static void on_level(void *userdata, bool high)
{
	struct module *m = userdata;

	pins_set_event(m->pins, high);
}

bool module_may_wake(const struct module *m)
{
	return m->sleep_seconds > 0 || pins_have(m->pins, PIN_WAKE) || pins_have(m->pins, PIN_RST);
}

/* WAKE is a level: one that is low already is looked at when the module is about to sleep. */
static void on_pin(void *userdata, enum pin pin, bool high)
{
	struct module *m = userdata;

	if (pin == PIN_RST)
		module_happen(m, high ? HAPPEN_RST_HIGH : HAPPEN_RST_LOW);
	else if (!high)
		module_happen(m, HAPPEN_WAKE);
	/* The last line that could end a sleep without a serial line was unplugged. */
	if (m->state == STATE_DEEP_SLEEP && !module_may_wake(m))
		module_happen(m, HAPPEN_WAKE);
}

static void on_wake(void *userdata)
{
	module_happen(userdata, HAPPEN_WAKE);
}

/* --- what the gate asks --- */

static unsigned world_max_topic(struct module *m)
{
	return m->settings->max_topic;
}

static int world_topic(struct module *m, unsigned index, unsigned needs)
{
	size_t n;
	const char *topic = dict_topic(m->dict, index, &n);

	if (n == 0)
		return AT_ERR_UNDEFINED;
	if ((needs & AT_VALID_TOPIC) && !topic_is_name(topic, n))
		return AT_ERR_PARAMETER;
	if ((needs & AT_VALID_FILTER) && !topic_is_filter(topic, n))
		return AT_ERR_PARAMETER;
	return 0;
}

static bool world_connected(struct module *m)
{
	return connection_is_up(m->connection);
}

static void world_on_line(struct module *m)
{
	if (m->state == STATE_SLEEPING)
		module_happen(m, HAPPEN_WAKE);
}

static void world_on_turn(struct module *m, bool begins)
{
	connection_cork(m->connection, begins);
}

static const struct at_world world = {
	.max_topic = world_max_topic,
	.topic = world_topic,
	.connected = world_connected,
	.on_turn = world_on_turn,
	.on_line = world_on_line,
};

/* --- run states --- */

static void module_clear_messages(struct module *m)
{
	messages_clear(m->messages);
	m->overrun = false;
}

static void module_act(struct module *m, unsigned actions)
{
	if (actions & ACTION_OPEN)
		at_server_open(m->server);
	if (actions & ACTION_HOLD)
		at_server_hold(m->server);
	if (actions & ACTION_SHUT)
		at_server_shut(m->server);
	if (actions & ACTION_CLOSE) {
		connection_close(m->connection);
		diagnosis_stop(m->diagnosis);
	}
	if (actions & ACTION_CLEAR_EVENTS)
		events_clear(m->events);
	if (actions & ACTION_CLEAR_MESSAGES)
		module_clear_messages(m);
	if (actions & ACTION_RESET_KEYS)
		dict_reset(m->dict);
	if (actions & ACTION_CLEAR_BACKOFF)
		connection_clear_backoff(m->connection);
	if (actions & ACTION_CONLOST)
		events_push(m->events, EVENT_CONLOST, 0, NULL, 0);
	if (actions & ACTION_RELEASE)
		at_server_release(m->server);
	if (actions & ACTION_STARTUP)
		events_push(m->events, EVENT_STARTUP, 0, NULL, 0);
}

void module_happen(struct module *m, enum happening happening)
{
	struct transition t;

	if (!state_next(m->state, happening, &t))
		return;
	log_debug("%s: %s -> %s", happening_name(happening), state_name(m->state), state_name(t.next));

	/* First the state: closing the connection ends a CONNECT, and what that tells does not happen any more. */
	m->state = t.next;
	if ((t.next == STATE_SLEEPING || t.next == STATE_DEEP_SLEEP) && m->sleep_seconds > 0)
		timer_arm(&m->wake, m->sleep_seconds * 1000);
	else
		timer_disarm(&m->wake);
	module_act(m, t.actions);
	updates_follow(m->updates, m->state, t.actions);
	defence_follow(m->defence, m->state, t.actions);
	if (happening == HAPPEN_CONNECT)
		look_at_clock(m);
	if (m->on_state)
		m->on_state(m->userdata, m->state);
}

/* --- life --- */

int module_new(struct module **ret, sd_event *event, const struct settings *settings, const struct at_command *commands,
	       const char *state_dir, const char *runtime_dir, void (*on_state)(void *userdata, enum state state),
	       void *userdata)
{
	_cleanup_(module_freep) struct module *m = NULL;
	struct connection_events cloud = {
		.on_lost = on_lost,
		.on_message = on_message,
		.network_is_usable = network_usable,
		.look_at_clock = look_at_clock,
	};
	int r;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->event = sd_event_ref(event);
	m->settings = settings;
	m->on_state = on_state;
	m->userdata = userdata;
	m->started = timer_now();
	cloud.userdata = m;
	r = timer_init(&m->wake, event, on_wake, m);
	if (r == 0)
		r = timer_init(&m->day, event, on_day, m);
	if (r == 0)
		r = dict_new(&m->dict, event, settings, state_dir);
	if (r == 0)
		r = epoch_new(&m->epoch, event, state_dir);
	if (r == 0)
		r = clock_new(&m->clock, event);
	if (r == 0)
		r = gpsd_new(&m->gpsd, event, settings->gpsd);
	if (r == 0)
		r = events_new(&m->events, settings->event_queue);
	if (r == 0)
		r = messages_new(&m->messages, settings->message_queue, settings->message_bytes, on_index, m);
	if (r == 0)
		r = pins_new(&m->pins, event, settings, on_pin, m);
	if (r == 0)
		r = connection_new(&m->connection, event, settings, m->dict, m->epoch, &cloud);
	if (r == 0)
		r = updates_new(&m->updates, event, settings, m->dict, m->epoch, state_dir, m->events);
	if (r == 0)
		r = defence_new(&m->defence, event, settings, m->dict, m->epoch, state_dir);
	if (r == 0)
		r = diagnosis_new(&m->diagnosis, event, settings, m->dict, m->epoch);
	if (r == 0)
		r = at_server_new(&m->server, event, commands, &world, m, settings->device, runtime_dir);
	if (r < 0)
		return r;
	events_on_level(m->events, on_level, m);
	*ret = TAKE_PTR(m);
	return 0;
}

struct module *module_free(struct module *m)
{
	if (!m)
		return NULL;
	m->on_state = NULL;
	m->server = at_server_free(m->server);
	m->diagnosis = diagnosis_free(m->diagnosis);
	m->updates = updates_free(m->updates);
	m->connection = connection_free(m->connection);
	m->defence = defence_free(m->defence);
	m->pins = pins_free(m->pins);
	m->messages = messages_free(m->messages);
	m->events = events_free(m->events);
	m->gpsd = gpsd_free(m->gpsd);
	m->clock = clock_free(m->clock);
	m->epoch = epoch_free(m->epoch);
	m->dict = dict_free(m->dict);
	timer_done(&m->wake);
	timer_done(&m->day);
	sd_event_unref(m->event);
	free(m);
	return NULL;
}

int module_start(struct module *m)
{
	int r;

	/* The port first: of two daemons with one configuration the second one should name it. */
	r = at_server_start(m->server);
	if (r < 0)
		return r;
	r = dict_start(m->dict);
	if (r < 0)
		return r;
	r = updates_start(m->updates, m->connection);
	if (r < 0)
		return r;
	r = pins_start(m->pins);
	if (r < 0)
		return r;
	epoch_start(m->epoch);
	gpsd_start(m->gpsd);
	defence_start(m->defence, m->connection);
	on_day(m);
	module_happen(m, pins_high(m->pins, PIN_RST) ? HAPPEN_BOOTED : HAPPEN_RST_LOW);
	return 0;
}
