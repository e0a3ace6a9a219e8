/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/connection.h"

#include "at/error.h"
#include "cloud/attempt.h"
#include "cloud/mqtt.h"
#include "cloud/outbox.h"
#include "cloud/topics.h"
#include "config/endpoint.h"
#include "util/backoff.h"
#include "util/entropy.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_IN_PLACE_MS 5000 /* a longer backoff is answered at once */
#define LEAST_TRY_MS     2000 /* what a wait has to leave of ConnectTimeout for the attempt itself */
#define ANSWER_MS        250  /* kept back from ConnectTimeout, so that the answer is out in time */

enum connection_state {
	CONNECTION_IDLE,
	CONNECTION_WAITING, /* for the end of the backoff */
	CONNECTION_TRYING,
	CONNECTION_UP,
};

struct connection {
	const struct settings *settings;
	const struct dict *dict;
	struct connection_events events;
	struct mqtt *mqtt;
	struct attempt *attempt;
	struct history *history;
	enum connection_state state;

	struct done done; /* of CONNECT */
	uint64_t deadline;
	struct backoff backoff;
	struct timer wait;

	/* One operation of the host at a time: a command waits for it. */
	struct done operation;
	uint64_t operation_number;
	uint64_t operation_deadline; /* 0: none */
	struct timer operation_timer;

	struct outbox outbox;

	struct fault fault;              /* of the last CONNECT */
	char endpoint[ENDPOINT_MAX + 1]; /* of the present or last CONNECT */
	char known_to[ENDPOINT_MAX + 1]; /* the endpoint that knows the module by now, or has had its time for that */
	bool give_up;                    /* as soon as it is up */
	struct connection_stats stats;
};

/* --- the attempt --- */

static void connection_stop(struct connection *c, const char *reason)
{
	history_ended(c->history, reason);
	c->state = CONNECTION_IDLE;
	outbox_ended(&c->outbox);
	timer_disarm(&c->wait);
	attempt_stop(c->attempt);
}

static void connection_failed(struct connection *c, const struct attempt_report *report, const struct fault *fault)
{
	c->state = CONNECTION_IDLE;
	c->fault = *fault;
	history_note(c->history, c->endpoint, report, fault);
	done_call(&c->done, AT_ERR_CONNECT);
}

static void on_failure(void *userdata, const struct fault *fault)
{
	struct connection *c = userdata;

	backoff_fail(&c->backoff, timer_now(), entropy_get());
	if (attempt_get_report(c->attempt)->retried)
		memcpy(c->known_to, c->endpoint, sizeof(c->known_to));
	connection_failed(c, attempt_get_report(c->attempt), fault);
}

static void on_success(void *userdata)
{
	struct connection *c = userdata;

	c->state = CONNECTION_UP;
	c->stats.connects++;
	backoff_clear(&c->backoff);
	memcpy(c->known_to, c->endpoint, sizeof(c->known_to));
	history_note(c->history, c->endpoint, attempt_get_report(c->attempt), NULL);
	done_call(&c->done, 0);
	if (c->give_up)
		connection_give_up(c);
}

static void connection_try(void *userdata)
{
	struct connection *c = userdata;

	c->state = CONNECTION_TRYING;
	c->stats.attempts++;
	attempt_start(c->attempt, c->deadline, strcmp(c->endpoint, c->known_to) != 0);
}

static void look_at_clock(void *userdata)
{
	struct connection *c = userdata;

	c->events.look_at_clock(c->events.userdata);
}

/* --- the MQTT connection --- */

static void connection_lost(struct connection *c, const char *why)
{
	struct done operation = c->operation;
	const struct log_field fields[] = {
		{ "EXPRESSLINK_ENDPOINT", c->endpoint },
		{ "EXPRESSLINK_LOSS", why },
	};

	log_record(LOG_WARNING, fields, ELEMENTS(fields), "Connection lost: %s", why);

	/* Whoever waits for an answer is told last: then the next command may run, and has to find all of this done. */
	c->operation = (struct done){ 0 };
	c->operation_number++;
	c->operation_deadline = 0;
	connection_stop(c, why);
	c->stats.losses++;
	c->events.on_lost(c->events.userdata);
	done_call(&operation, -ECONNRESET);
}

static void on_tcp(void *userdata)
{
	struct connection *c = userdata;

	attempt_on_tcp(c->attempt);
}

static void on_connack(void *userdata, int code)
{
	struct connection *c = userdata;

	attempt_on_connack(c->attempt, code);
}

static void on_closed(void *userdata, int error)
{
	struct connection *c = userdata;

	if (c->state != CONNECTION_UP) {
		attempt_on_closed(c->attempt, error);
		return;
	}
	connection_lost(c, error ? strerror(error) : "closed by the server");
}

static void on_message(void *userdata, const char *topic, const void *payload, size_t n)
{
	struct connection *c = userdata;

	c->stats.received++;
	c->events.on_message(c->events.userdata, topic, payload, n);
}

/* --- operations of the host --- */

static void on_operation(void *who, uint64_t number, int r)
{
	struct connection *c = who;

	if (number != c->operation_number)
		return;
	c->operation_deadline = 0;
	done_call(&c->operation, r);
}

/* Armed lazily: most operations end long before, and the timer just finds a later one, or none. */
static void on_operation_timer(void *userdata)
{
	struct connection *c = userdata;
	uint64_t now = timer_now();

	if (c->operation_deadline == 0)
		return;
	if (c->operation_deadline > now) {
		timer_arm(&c->operation_timer, c->operation_deadline - now);
		return;
	}
	/* libmosquitto sends again only after a reconnect, so this connection is of no more use. */
	connection_lost(c, "no acknowledgement from the server in time");
}

static struct done connection_operation(struct connection *c, struct done done)
{
	c->operation = done;
	c->operation_deadline = timer_now() + CONNECTION_OPERATION_MS;
	if (!timer_armed(&c->operation_timer))
		timer_arm(&c->operation_timer, CONNECTION_OPERATION_MS);
	return (struct done){ .fn = on_operation, .who = c, .number = ++c->operation_number };
}

static int connection_started(struct connection *c, int r)
{
	if (r < 0) {
		c->operation = (struct done){ 0 };
		c->operation_deadline = 0;
	}
	return r;
}

int connection_publish(struct connection *c, const void *topic, size_t topic_n, const void *payload, size_t n, int qos,
		       struct done done)
{
	char text[TOPICS_MAX];
	int r;

	if (c->state != CONNECTION_UP)
		return -ENOTCONN;
	if (topic_n >= sizeof(text))
		return -EMSGSIZE;
	memcpy(text, topic, topic_n);
	text[topic_n] = '\0';
	r = mqtt_publish(c->mqtt, text, payload, n, qos, connection_operation(c, done));
	if (r == 0) {
		c->stats.sent++;
		c->stats.published++;
		c->stats.bytes_out += n;
	}
	return connection_started(c, r);
}

static int connection_filter(struct connection *c, const void *filter, size_t n, char text[TOPICS_MAX])
{
	if (c->state != CONNECTION_UP)
		return -ENOTCONN;
	if (n >= TOPICS_MAX)
		return -EMSGSIZE;
	memcpy(text, filter, n);
	text[n] = '\0';
	return 0;
}

int connection_subscribe(struct connection *c, const void *filter, size_t n, struct done done)
{
	char text[TOPICS_MAX];
	const char *filters[] = { text };
	int r;

	r = connection_filter(c, filter, n, text);
	if (r < 0)
		return r;
	return connection_started(c, mqtt_subscribe(c->mqtt, filters, 1, connection_operation(c, done)));
}

int connection_unsubscribe(struct connection *c, const void *filter, size_t n, struct done done)
{
	char text[TOPICS_MAX];
	int r;

	r = connection_filter(c, filter, n, text);
	if (r < 0)
		return r;
	if (topics_is_own_filter(c->settings->thing_name, !dict_onboarded(c->dict), text) ||
	    outbox_watches(&c->outbox, text)) {
		/* The module needs it itself. */
		done_call(&done, 0);
		return 0;
	}
	return connection_started(c, mqtt_unsubscribe(c->mqtt, text, connection_operation(c, done)));
}

/* --- of the module itself --- */

int connection_send(struct connection *c, const char *topic, const void *payload, size_t n, int qos, struct done done)
{
	int r = c->state == CONNECTION_UP ? outbox_send(&c->outbox, topic, payload, n, qos, done) : -ENOTCONN;

	if (r == 0) {
		c->stats.published++;
		c->stats.bytes_out += n;
	}
	return r;
}

int connection_watch(struct connection *c, const char *filter, struct done done)
{
	return c->state == CONNECTION_UP ? outbox_watch(&c->outbox, filter, done) : -ENOTCONN;
}

/* --- for the owner --- */

int connection_new(struct connection **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		   const struct epoch *epoch, const struct connection_events *events)
{
	_cleanup_(connection_freep) struct connection *c = NULL;
	struct attempt_events attempt = {
		.on_success = on_success,
		.on_failure = on_failure,
		.network_is_usable = events->network_is_usable,
		.look_at_clock = look_at_clock,
	};
	struct mqtt_events mqtt = {
		.on_tcp = on_tcp,
		.on_connack = on_connack,
		.on_closed = on_closed,
		.on_message = on_message,
	};
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->settings = settings;
	c->dict = dict;
	c->events = *events;
	attempt.userdata = c;
	mqtt.userdata = c;
	r = timer_init(&c->wait, event, connection_try, c);
	if (r == 0)
		r = timer_init(&c->operation_timer, event, on_operation_timer, c);
	if (r == 0)
		r = history_new(&c->history);
	if (r == 0)
		r = mqtt_new(&c->mqtt, event, &mqtt);
	if (r == 0)
		r = attempt_new(&c->attempt, event, settings, dict, epoch, c->mqtt, &attempt);
	if (r < 0)
		return r;
	outbox_init(&c->outbox, c->mqtt);
	*ret = TAKE_PTR(c);
	return 0;
}

struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	c->done = c->operation = (struct done){ 0 };
	c->attempt = attempt_free(c->attempt);
	c->mqtt = mqtt_free(c->mqtt);
	c->history = history_free(c->history);
	timer_done(&c->wait);
	timer_done(&c->operation_timer);
	free(c);
	return NULL;
}

void connection_open(struct connection *c, struct done done)
{
	uint64_t now = timer_now();
	uint64_t wait = backoff_wait(&c->backoff, now);
	uint64_t budget = (uint64_t)c->settings->connect_timeout * 1000 - ANSWER_MS;
	const char *endpoint;
	struct fault fault;
	size_t n;

	if (c->state == CONNECTION_UP) {
		done_call(&done, 0);
		return;
	}
	connection_close(c);
	endpoint = dict_get(c->dict, KEY_ENDPOINT, &n);
	(void)snprintf(c->endpoint, sizeof(c->endpoint), "%.*s", (int)n, endpoint);
	c->give_up = false;
	c->done = done;
	c->deadline = now + budget;
	if (wait > WAIT_IN_PLACE_MS || wait + LEAST_TRY_MS > budget) {
		fault_set(&fault, HINT_BACKOFF, "Retry in %llu s", (unsigned long long)(wait + 999) / 1000);
		connection_failed(c, NULL, &fault);
	} else if (wait > 0) {
		c->state = CONNECTION_WAITING;
		timer_arm(&c->wait, wait);
	} else {
		connection_try(c);
	}
}

void connection_close(struct connection *c)
{
	connection_stop(c, "closed by the module");
	done_call(&c->done, -ECANCELED);
}

void connection_give_up(struct connection *c)
{
	if (c->state == CONNECTION_UP)
		connection_lost(c, "the module is to go to another endpoint");
	else
		c->give_up = true;
}

bool connection_is_up(const struct connection *c)
{
	return c->state == CONNECTION_UP;
}

const struct fault *connection_fault(const struct connection *c)
{
	return &c->fault;
}

void connection_cork(struct connection *c, bool corked)
{
	if (c->state == CONNECTION_UP)
		mqtt_cork(c->mqtt, corked);
}

void connection_clear_backoff(struct connection *c)
{
	backoff_clear(&c->backoff);
	c->known_to[0] = '\0';
}

uint64_t connection_wait(const struct connection *c)
{
	return backoff_wait(&c->backoff, timer_now());
}

const struct history *connection_history(const struct connection *c)
{
	return c->history;
}

void connection_get_stats(const struct connection *c, struct connection_stats *ret)
{
	*ret = c->stats;
}
