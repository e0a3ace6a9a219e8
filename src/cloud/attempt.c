/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/attempt.h"

#include "at/error.h"
#include "cloud/resolve.h"
#include "cloud/topics.h"
#include "config/endpoint.h"
#include "crypto/ssl.h"
#include "util/file.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STAGE_MS       10000 /* the most that one stage may take */
#define STAGE_LEAST_MS 1000  /* an address is given at least this, however many there are */
#define DEFAULT_PORT   8883
#define ALPN_PORT      443
#define ALPN_NAME      "x-amzn-mqtt-ca"
#define JOBS_GET       "$aws/things/%s/jobs/$next/get"
#define JOBS_PAYLOAD   "{\"clientToken\":\"%s\"}"

enum stage {
	STAGE_IDLE,
	STAGE_RESOLVE,
	STAGE_TCP,
	STAGE_TLS, /* and the login behind it */
	STAGE_JOBS,
	STAGE_DONE,
};

struct attempt {
	sd_event *event;
	const struct settings *settings;
	struct dict *dict;
	struct mqtt *mqtt;
	struct attempt_events events;
	enum stage stage;
	struct timer timer; /* the stage's deadline */
	uint64_t deadline;  /* of the whole */
	struct endpoint endpoint;
	struct resolve *resolve;
	struct addresses addresses;
	size_t address; /* the next to be tried */
	struct ssl *ssl;
	unsigned jobs_open;   /* acknowledgements still to come */
	uint64_t jobs_number; /* of the attempt that they belong to */
};

static void on_resolved(void *userdata, int r, const struct addresses *found);
static void attempt_next_address(struct attempt *a);

/* --- the end of an attempt --- */

void attempt_stop(struct attempt *a)
{
	a->stage = STAGE_IDLE;
	timer_disarm(&a->timer);
	a->resolve = resolve_free(a->resolve);
	mqtt_close(a->mqtt);
	a->ssl = ssl_free(a->ssl);
}

static void _printf_(3, 4) attempt_fail(struct attempt *a, enum attempt_hint hint, const char *format, ...)
{
	char detail[ATTEMPT_MAX_DETAIL + 1];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(detail, sizeof(detail), format, ap);
	va_end(ap);
	attempt_stop(a);
	a->events.on_failure(a->events.userdata, hint, detail);
}

/* Arms the deadline of a stage: its own, or what is left of the whole. */
static void attempt_stage(struct attempt *a, enum stage stage, uint64_t most_ms)
{
	uint64_t now = timer_now();
	uint64_t left = a->deadline > now ? a->deadline - now : 0;

	a->stage = stage;
	timer_arm(&a->timer, most_ms < left ? most_ms : left);
}

static void on_deadline(void *userdata)
{
	struct attempt *a = userdata;

	switch (a->stage) {
	case STAGE_RESOLVE:
		attempt_fail(a, HINT_ENDPOINT, "Name server does not answer: check network");
		break;
	case STAGE_TCP:
		attempt_next_address(a);
		break;
	case STAGE_TLS:
		if (ssl_established(a->ssl))
			attempt_fail(a, HINT_LOGIN, "Server does not answer the login");
		else
			attempt_fail(a, HINT_TLS, "Server is silent during TLS: check Endpoint");
		break;
	case STAGE_JOBS:
		attempt_fail(a, HINT_JOBS, "Server does not confirm the Jobs topics");
		break;
	case STAGE_IDLE:
	case STAGE_DONE:
		break;
	}
}

/* --- the stages, in order --- */

static int attempt_make_ssl(struct attempt *a, const char *roots, const char *pin)
{
	size_t proof_n;
	const char *proof = dict_get(a->dict, KEY_ROOTCA, &proof_n);
	const struct ssl_config config = {
		.host = a->endpoint.host,
		.host_is_address = a->endpoint.numeric,
		.alpn = a->endpoint.port == ALPN_PORT ? ALPN_NAME : NULL,
		.roots_pem = roots,
		.proof_pem = proof,
		.proof_n = proof_n,
		.certificate_pem = a->settings->certificate_pem,
		.key_uri = a->settings->private_key,
		.pin = pin,
	};

	return ssl_new(&a->ssl, &config);
}

static int attempt_start_ssl(struct attempt *a)
{
	_cleanup_(freep) char *roots = dict_trusted_roots(a->dict);
	char *pin = NULL;
	size_t pin_n = 0;
	int r;

	if (!roots)
		return -ENOMEM;
	if (a->settings->pin_file[0]) {
		r = file_read(a->settings->pin_file, 256, &pin, &pin_n);
		if (r < 0)
			return r;
		pin[strcspn(pin, "\r\n")] = '\0';
	}
	r = attempt_make_ssl(a, roots, pin);
	if (pin) {
		explicit_bzero(pin, pin_n);
		free(pin);
	}
	return r;
}

static void attempt_begin(struct attempt *a)
{
	size_t n;
	const char *endpoint = dict_get(a->dict, KEY_ENDPOINT, &n);
	int r;

	if (n == 0) {
		attempt_fail(a, HINT_ENDPOINT, "No endpoint: set Endpoint");
		return;
	}
	if (endpoint_parse(endpoint, n, &a->endpoint) < 0) {
		attempt_fail(a, HINT_ENDPOINT, "Not a host name: check Endpoint");
		return;
	}
	if (a->endpoint.port == 0)
		a->endpoint.port = DEFAULT_PORT;
	r = attempt_start_ssl(a);
	if (r) {
		(void)log_errno(r, "Certificate or private key");
		attempt_fail(a, HINT_TLS, "Own key or certificate unusable: see the module's log");
		return;
	}
	a->address = 0;
	if (a->endpoint.numeric) {
		a->addresses.count = 1;
		(void)snprintf(a->addresses.text[0], sizeof(a->addresses.text[0]), "%.45s", a->endpoint.host);
		attempt_next_address(a);
		return;
	}
	attempt_stage(a, STAGE_RESOLVE, UINT64_MAX);
	r = resolve_start(&a->resolve, a->event, a->endpoint.host, STAGE_MS, on_resolved, a);
	if (r < 0) {
		(void)log_errno(r, "Resolver");
		attempt_fail(a, HINT_ENDPOINT, "Resolver could not be started: see the module's log");
	}
}

static void on_resolved(void *userdata, int r, const struct addresses *found)
{
	struct attempt *a = userdata;

	a->addresses = *found;
	a->resolve = resolve_free(a->resolve);
	if (r == 0)
		attempt_next_address(a);
	else if (r == -ENOENT)
		attempt_fail(a, HINT_ENDPOINT, "Name not found: check Endpoint");
	else
		attempt_fail(a, HINT_ENDPOINT, "Name server does not answer: check network");
}

/* The connection ended before the login: does TLS say why, or that it is not TCP that failed? */
static bool attempt_failed_by_tls(struct attempt *a)
{
	ssl_last_word(a->ssl);
	if (ssl_failure(a->ssl))
		attempt_fail(a, HINT_TLS, "%s", ssl_failure(a->ssl));
	else if (ssl_established(a->ssl))
		attempt_fail(a, HINT_LOGIN, "Closed before login: check registration and policy");
	else if (ssl_heard(a->ssl))
		attempt_fail(a, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
	else
		return false;
	return true;
}

static void attempt_try_failed(struct attempt *a, int error)
{
	if (a->address < a->addresses.count && a->deadline > timer_now())
		attempt_next_address(a);
	else if (error)
		attempt_fail(a, HINT_ENDPOINT, "%s: check Endpoint and network", strerror(error));
	else
		attempt_fail(a, HINT_ENDPOINT, "No answer from the server: check network");
}

/* Tries addresses until one is under way. */
static void attempt_next_address(struct attempt *a)
{
	size_t left = a->addresses.count - a->address;
	uint64_t now = timer_now();
	uint64_t share;
	struct mqtt_target target = {
		.port = a->endpoint.port,
		.client_id = a->settings->thing_name,
		.keep_alive = a->settings->keep_alive,
		.ssl_ctx = ssl_context(a->ssl),
	};
	int r;

	if (left == 0 || now >= a->deadline) {
		attempt_try_failed(a, 0);
		return;
	}
	target.address = a->addresses.text[a->address++];
	share = (a->deadline - now) / left;
	if (share < STAGE_LEAST_MS)
		share = STAGE_LEAST_MS;
	attempt_stage(a, STAGE_TCP, share < STAGE_MS ? share : STAGE_MS);
	ssl_restart(a->ssl);
	log_debug("Connecting to %s port %d", target.address, target.port);
	r = mqtt_open(a->mqtt, &target);

	/* A quick peer may have refused us in TLS before this call returned. */
	if (r < 0 && !attempt_failed_by_tls(a))
		attempt_try_failed(a, -r);
}

void attempt_on_tcp(struct attempt *a)
{
	attempt_stage(a, STAGE_TLS, STAGE_MS);
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
	struct attempt *a = who;

	if (a->stage != STAGE_JOBS || number != a->jobs_number)
		return;
	if (r > 0)
		attempt_fail(a, HINT_JOBS, "Jobs topics refused: check the policy");
	if (r || --a->jobs_open > 0)
		return; /* a lost connection is told by attempt_on_closed() */

	timer_disarm(&a->timer);
	a->stage = STAGE_DONE;
	if (ssl_proven(a->ssl))
		dict_roots_proven(a->dict);
	a->events.on_success(a->events.userdata);
}

void attempt_on_connack(struct attempt *a, int code)
{
	struct done done = { .fn = on_jobs, .who = a, .number = ++a->jobs_number };
	char own[TOPICS_OWN][TOPICS_MAX], topic[TOPICS_MAX], payload[96];
	const char *filters[TOPICS_OWN];
	size_t count;
	int r;

	if (code != 0) {
		attempt_fail(a, HINT_LOGIN, "%s", connack_text(code));
		return;
	}
	ssl_release(a->ssl);
	attempt_stage(a, STAGE_JOBS, STAGE_MS);
	a->jobs_open = 2;
	count = topics_own(a->settings->thing_name, !dict_onboarded(a->dict), own);
	for (size_t i = 0; i < count; i++)
		filters[i] = own[i];
	(void)snprintf(topic, sizeof(topic), JOBS_GET, a->settings->thing_name);
	(void)snprintf(payload, sizeof(payload), JOBS_PAYLOAD, a->settings->thing_name);
	r = mqtt_subscribe(a->mqtt, filters, count, done);
	if (r == 0)
		r = mqtt_publish(a->mqtt, topic, payload, strlen(payload), 1, done);
	if (r < 0)
		attempt_fail(a, HINT_JOBS, "Jobs topics: %s", strerror(-r));
}

void attempt_on_closed(struct attempt *a, int error)
{
	switch (a->stage) {
	case STAGE_TCP:
		/* A quick peer may have come and gone before the loop saw the TCP connection. */
		if (!attempt_failed_by_tls(a))
			attempt_try_failed(a, error);
		break;
	case STAGE_TLS:
		if (!attempt_failed_by_tls(a))
			attempt_fail(a, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
		break;
	case STAGE_JOBS:
		attempt_fail(a, HINT_JOBS, "Closed by the server after login: check the policy");
		break;
	case STAGE_IDLE:
	case STAGE_RESOLVE:
	case STAGE_DONE:
		break;
	}
}

/* --- for the owner --- */

void attempt_start(struct attempt *a, uint64_t deadline)
{
	attempt_stop(a);
	a->deadline = deadline;
	attempt_begin(a);
}

const char *attempt_host(const struct attempt *a)
{
	return a->endpoint.host;
}

int attempt_new(struct attempt **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		struct mqtt *mqtt, const struct attempt_events *events)
{
	_cleanup_(attempt_freep) struct attempt *a = NULL;
	int r;

	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->event = sd_event_ref(event);
	a->settings = settings;
	a->dict = dict;
	a->mqtt = mqtt;
	a->events = *events;
	r = timer_init(&a->timer, event, on_deadline, a);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(a);
	return 0;
}

struct attempt *attempt_free(struct attempt *a)
{
	if (!a)
		return NULL;
	attempt_stop(a);
	timer_done(&a->timer);
	sd_event_unref(a->event);
	free(a);
	return NULL;
}
