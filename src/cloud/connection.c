/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/connection.h"

#include "at/error.h"
#include "cloud/mqtt.h"
#include "cloud/resolve.h"
#include "cloud/topics.h"
#include "config/endpoint.h"
#include "crypto/ssl.h"
#include "util/backoff.h"
#include "util/file.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define WAIT_IN_PLACE_MS 5000  /* a longer backoff is answered at once */
#define STAGE_MS         10000 /* the most that one stage may take */
#define STAGE_LEAST_MS   1000  /* an address is given at least this, however many there are */
#define ANSWER_MS        250   /* kept back from ConnectTimeout, so that the answer is out in time */
#define DEFAULT_PORT     8883
#define ALPN_PORT        443
#define ALPN_NAME        "x-amzn-mqtt-ca"
#define JOBS_GET         "$aws/things/%s/jobs/$next/get"
#define JOBS_PAYLOAD     "{\"clientToken\":\"%s\"}"

enum stage {
	STAGE_IDLE,
	STAGE_BACKOFF,
	STAGE_RESOLVE,
	STAGE_TCP,
	STAGE_TLS, /* and the login behind it */
	STAGE_JOBS,
	STAGE_UP,
};

struct connection {
	sd_event *event;
	const struct settings *settings;
	struct dict *dict;
	struct connection_events events;

	enum stage stage;
	struct done done;
	struct timer timer;    /* the stage's deadline, or the end of the backoff */
	uint64_t deadline;     /* of the whole CONNECT */
	struct backoff backoff;
	struct endpoint endpoint;
	struct resolve *resolve;
	struct addresses addresses;
	size_t address; /* the one being tried */
	struct ssl *ssl;
	struct mqtt *mqtt;
	unsigned jobs_open;    /* acknowledgements still to come */
	uint64_t jobs_attempt; /* number of the attempt that they belong to */

	/* One operation of the host at a time: a command waits for it. */
	struct done operation;
	uint64_t operation_number;
	uint64_t operation_deadline;
	struct timer operation_timer;

	int hint;
	char detail[CONNECTION_MAX_DETAIL + 1];
	struct connection_stats stats;
};

static void connection_resolved(void *userdata, int r, const struct addresses *found);
static void connection_next_address(struct connection *c);

static const char *connection_thing(const struct connection *c)
{
	return c->settings->thing_name;
}

/* --- the end of an attempt --- */

static void connection_stop(struct connection *c)
{
	c->stage = STAGE_IDLE;
	timer_disarm(&c->timer);
	c->resolve = resolve_free(c->resolve);
	mqtt_close(c->mqtt);
	c->ssl = ssl_free(c->ssl);
}

static void _printf_(3, 4) connection_fail(struct connection *c, int hint, const char *format, ...)
{
	uint64_t entropy = 0;
	va_list ap;

	connection_stop(c);
	va_start(ap, format);
	(void)vsnprintf(c->detail, sizeof(c->detail), format, ap);
	va_end(ap);
	c->hint = hint;
	if (hint != HINT_BACKOFF) {
		if (getrandom(&entropy, sizeof(entropy), GRND_NONBLOCK) < 0)
			entropy = timer_now();
		backoff_fail(&c->backoff, timer_now(), entropy);
	}
	log_warning("Not connected, hint %d: %s", hint, c->detail);
	done_call(&c->done, AT_ERR_CONNECT);
}

/* Arms the deadline of a stage: its own, or what is left of the whole. */
static void connection_stage(struct connection *c, enum stage stage, uint64_t most_ms)
{
	uint64_t now = timer_now();
	uint64_t left = c->deadline > now ? c->deadline - now : 0;

	c->stage = stage;
	timer_arm(&c->timer, most_ms < left ? most_ms : left);
}

static void on_deadline(void *userdata)
{
	struct connection *c = userdata;

	switch (c->stage) {
	case STAGE_RESOLVE:
		connection_fail(c, HINT_ENDPOINT, "Name server does not answer: check network");
		break;
	case STAGE_TCP:
		connection_next_address(c);
		break;
	case STAGE_TLS:
		if (ssl_established(c->ssl))
			connection_fail(c, HINT_LOGIN, "Server does not answer the login");
		else
			connection_fail(c, HINT_TLS, "Server is silent during TLS: check Endpoint");
		break;
	case STAGE_JOBS:
		connection_fail(c, HINT_JOBS, "Server does not confirm the Jobs topics");
		break;
	case STAGE_IDLE:
	case STAGE_BACKOFF:
	case STAGE_UP:
		break;
	}
}

/* --- the stages, in order --- */

static int connection_make_ssl(struct connection *c, const char *roots, const char *pin)
{
	size_t proof_n;
	const char *proof = dict_get(c->dict, KEY_ROOTCA, &proof_n);
	const struct ssl_config config = {
		.host = c->endpoint.host,
		.host_is_address = c->endpoint.numeric,
		.alpn = c->endpoint.port == ALPN_PORT ? ALPN_NAME : NULL,
		.roots_pem = roots,
		.proof_pem = proof,
		.proof_n = proof_n,
		.certificate_pem = c->settings->certificate_pem,
		.key_uri = c->settings->private_key,
		.pin = pin,
	};

	return ssl_new(&c->ssl, &config);
}

static int connection_start_ssl(struct connection *c)
{
	_cleanup_(freep) char *roots = dict_trusted_roots(c->dict);
	char *pin = NULL;
	size_t pin_n = 0;
	int r;

	if (!roots)
		return -ENOMEM;
	if (c->settings->pin_file[0]) {
		r = file_read(c->settings->pin_file, 256, &pin, &pin_n);
		if (r < 0)
			return r;
		pin[strcspn(pin, "\r\n")] = '\0';
	}
	r = connection_make_ssl(c, roots, pin);
	if (pin) {
		explicit_bzero(pin, pin_n);
		free(pin);
	}
	return r;
}

static void connection_start(struct connection *c)
{
	size_t n;
	const char *endpoint = dict_get(c->dict, KEY_ENDPOINT, &n);
	int r;

	c->stats.attempts++;
	if (n == 0) {
		connection_fail(c, HINT_ENDPOINT, "No endpoint: set Endpoint");
		return;
	}
	if (endpoint_parse(endpoint, n, &c->endpoint) < 0) {
		connection_fail(c, HINT_ENDPOINT, "Not a host name: check Endpoint");
		return;
	}
	if (c->endpoint.port == 0)
		c->endpoint.port = DEFAULT_PORT;
	r = connection_start_ssl(c);
	if (r) {
		(void)log_errno(r, "Certificate or private key");
		connection_fail(c, HINT_TLS, "Own key or certificate unusable: see the module's log");
		return;
	}
	c->address = 0;
	if (c->endpoint.numeric) {
		c->addresses.count = 1;
		(void)snprintf(c->addresses.text[0], sizeof(c->addresses.text[0]), "%.45s", c->endpoint.host);
		connection_next_address(c);
		return;
	}
	connection_stage(c, STAGE_RESOLVE, UINT64_MAX);
	r = resolve_start(&c->resolve, c->event, c->endpoint.host, STAGE_MS, connection_resolved, c);
	if (r < 0) {
		(void)log_errno(r, "Resolver");
		connection_fail(c, HINT_ENDPOINT, "Resolver could not be started: see the module's log");
	}
}

static void connection_resolved(void *userdata, int r, const struct addresses *found)
{
	struct connection *c = userdata;

	c->addresses = *found;
	c->resolve = resolve_free(c->resolve);
	if (r == 0)
		connection_next_address(c);
	else if (r == -ENOENT)
		connection_fail(c, HINT_ENDPOINT, "Name not found: check Endpoint");
	else
		connection_fail(c, HINT_ENDPOINT, "Name server does not answer: check network");
}

static void connection_try_failed(struct connection *c, int error)
{
	if (c->address < c->addresses.count && c->deadline > timer_now())
		connection_next_address(c);
	else if (error)
		connection_fail(c, HINT_ENDPOINT, "%s: check Endpoint and network", strerror(error));
	else
		connection_fail(c, HINT_ENDPOINT, "No answer from the server: check network");
}

/* Tries addresses until one is under way. */
static void connection_next_address(struct connection *c)
{
	size_t left = c->addresses.count - c->address;
	uint64_t now = timer_now();
	uint64_t share;
	struct mqtt_target target = {
		.port = c->endpoint.port,
		.client_id = connection_thing(c),
		.keep_alive = c->settings->keep_alive,
		.ssl_ctx = ssl_context(c->ssl),
	};
	int r;

	if (left == 0 || now >= c->deadline) {
		connection_try_failed(c, 0);
		return;
	}
	target.address = c->addresses.text[c->address++];
	share = (c->deadline - now) / left;
	if (share < STAGE_LEAST_MS)
		share = STAGE_LEAST_MS;
	connection_stage(c, STAGE_TCP, share < STAGE_MS ? share : STAGE_MS);
	ssl_restart(c->ssl);
	log_debug("Connecting to %s port %d", target.address, target.port);
	r = mqtt_open(c->mqtt, &target);
	if (r < 0 && ssl_failure(c->ssl))
		connection_fail(c, HINT_TLS, "%s", ssl_failure(c->ssl)); /* a peer quicker than our own call */
	else if (r < 0)
		connection_try_failed(c, -r);
}

static void on_tcp(void *userdata)
{
	struct connection *c = userdata;

	connection_stage(c, STAGE_TLS, STAGE_MS);
}

static const char *connack_text(int code)
{
	switch (code) {
	case 1:
		return "Server refused the protocol version";
	case 2:
		return "Server refused the client id: check ThingName";
	case 3:
		return "Server is unavailable";
	case 4:
	case 5:
	case 7: /* of AWS IoT */
		return "Login refused: check registration and policy";
	default:
		return "Login refused";
	}
}

/* Both acknowledgements, or the first that fails. */
static void on_jobs(void *who, uint64_t number, int r)
{
	struct connection *c = who;

	if (c->stage != STAGE_JOBS || number != c->jobs_attempt)
		return;
	if (r > 0)
		connection_fail(c, HINT_JOBS, "Jobs topics refused: check the policy");
	if (r || --c->jobs_open > 0)
		return; /* a lost connection is told by on_closed() */

	timer_disarm(&c->timer);
	c->stage = STAGE_UP;
	c->stats.connects++;
	backoff_clear(&c->backoff);
	if (ssl_proven(c->ssl))
		dict_roots_proven(c->dict);
	log_info("Connected to %s", c->endpoint.host);
	done_call(&c->done, 0);
}

static void on_connack(void *userdata, int code)
{
	struct connection *c = userdata;
	struct done done = { .fn = on_jobs, .who = c, .number = ++c->jobs_attempt };
	char own[TOPICS_OWN][TOPICS_MAX], topic[TOPICS_MAX], payload[96];
	const char *filters[TOPICS_OWN];
	int r;

	if (code != 0) {
		connection_fail(c, HINT_LOGIN, "%s", connack_text(code));
		return;
	}
	connection_stage(c, STAGE_JOBS, STAGE_MS);
	c->jobs_open = 2;
	topics_own(connection_thing(c), own);
	for (size_t i = 0; i < TOPICS_OWN; i++)
		filters[i] = own[i];
	(void)snprintf(topic, sizeof(topic), JOBS_GET, connection_thing(c));
	(void)snprintf(payload, sizeof(payload), JOBS_PAYLOAD, connection_thing(c));
	r = mqtt_subscribe(c->mqtt, filters, TOPICS_OWN, done);
	if (r == 0)
		r = mqtt_publish(c->mqtt, topic, payload, strlen(payload), 1, done);
	if (r < 0)
		connection_fail(c, HINT_JOBS, "Jobs topics: %s", strerror(-r));
}

static void on_closed(void *userdata, int error)
{
	struct connection *c = userdata;
	const char *failure = ssl_failure(c->ssl);

	switch (c->stage) {
	case STAGE_TCP:
		connection_try_failed(c, error);
		break;
	case STAGE_TLS:
		if (failure)
			connection_fail(c, HINT_TLS, "%s", failure);
		else if (!ssl_established(c->ssl))
			connection_fail(c, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
		else
			connection_fail(c, HINT_LOGIN, "Closed before login: check registration and policy");
		break;
	case STAGE_JOBS:
		if (failure)
			connection_fail(c, HINT_TLS, "%s", failure);
		else
			connection_fail(c, HINT_JOBS, "Closed by the server after login: check the policy");
		break;
	case STAGE_UP:
		connection_stop(c);
		c->stats.losses++;
		log_warning("Connection lost%s%s", error ? ": " : "", error ? strerror(error) : "");
		c->events.on_lost(c->events.userdata);
		break;
	case STAGE_IDLE:
	case STAGE_BACKOFF:
	case STAGE_RESOLVE:
		break;
	}
}

static void on_message(void *userdata, const char *topic, const void *payload, size_t n)
{
	struct connection *c = userdata;

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
	log_warning("No acknowledgement from the server in time: connection given up");
	connection_stop(c);
	c->stats.losses++;
	c->events.on_lost(c->events.userdata);
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

	if (c->stage != STAGE_UP)
		return -ENOTCONN;
	if (topic_n >= sizeof(text))
		return -EMSGSIZE;
	memcpy(text, topic, topic_n);
	text[topic_n] = '\0';
	return connection_started(c, mqtt_publish(c->mqtt, text, payload, n, qos, connection_operation(c, done)));
}

static int connection_filter(struct connection *c, const void *filter, size_t n, char text[TOPICS_MAX])
{
	if (c->stage != STAGE_UP)
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
	if (topics_is_own_filter(connection_thing(c), text)) {
		/* The module needs it itself. */
		done_call(&done, 0);
		return 0;
	}
	return connection_started(c, mqtt_unsubscribe(c->mqtt, text, connection_operation(c, done)));
}

/* --- for the owner --- */

static void on_timer(void *userdata)
{
	struct connection *c = userdata;

	if (c->stage == STAGE_BACKOFF)
		connection_start(c);
	else
		on_deadline(c);
}

int connection_new(struct connection **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		   const struct connection_events *events)
{
	_cleanup_(connection_freep) struct connection *c = NULL;
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
	c->event = sd_event_ref(event);
	c->settings = settings;
	c->dict = dict;
	c->events = *events;
	r = timer_init(&c->timer, event, on_timer, c);
	if (r == 0)
		r = timer_init(&c->operation_timer, event, on_operation_timer, c);
	mqtt.userdata = c;
	if (r == 0)
		r = mqtt_new(&c->mqtt, event, &mqtt);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct connection *connection_free(struct connection *c)
{
	if (!c)
		return NULL;
	if (c->mqtt)
		connection_stop(c);
	c->mqtt = mqtt_free(c->mqtt);
	timer_done(&c->timer);
	timer_done(&c->operation_timer);
	sd_event_unref(c->event);
	free(c);
	return NULL;
}

void connection_open(struct connection *c, struct done done)
{
	uint64_t now = timer_now();
	uint64_t wait = backoff_wait(&c->backoff, now);
	uint64_t budget = (uint64_t)c->settings->connect_timeout * 1000 - ANSWER_MS;

	if (c->stage == STAGE_UP) {
		done_call(&done, 0);
		return;
	}
	connection_close(c);
	c->done = done;
	c->deadline = now + budget;
	if (wait > WAIT_IN_PLACE_MS || wait >= budget) {
		connection_fail(c, HINT_BACKOFF, "Retry in %llu s", (unsigned long long)(wait + 999) / 1000);
		return;
	}
	if (wait == 0) {
		connection_start(c);
		return;
	}
	c->stage = STAGE_BACKOFF;
	timer_arm(&c->timer, wait);
}

void connection_close(struct connection *c)
{
	connection_stop(c);
	done_call(&c->done, -ECANCELED);
}

bool connection_is_up(const struct connection *c)
{
	return c->stage == STAGE_UP;
}

int connection_hint(const struct connection *c)
{
	return c->hint;
}

const char *connection_detail(const struct connection *c)
{
	return c->detail;
}

void connection_clear_backoff(struct connection *c)
{
	backoff_clear(&c->backoff);
}

void connection_get_stats(const struct connection *c, struct connection_stats *ret)
{
	struct mqtt_stats mqtt;

	mqtt_get_stats(c->mqtt, &mqtt);
	*ret = c->stats;
	ret->sent = mqtt.sent;
	ret->received = mqtt.received;
}
