/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/attempt.h"

#include "at/error.h"
#include "cloud/enrol.h"
#include "cloud/route.h"
#include "cloud/secure.h"
#include "config/endpoint.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TRY_LEAST_MS 2000 /* what a pause has to leave for another try */
#define CLOCK_MS     500  /* how often is looked whether the clock was set */

enum stage {
	STAGE_IDLE,
	STAGE_RESOLVE,
	STAGE_TCP,
	STAGE_TLS, /* and the login behind it */
	STAGE_JOBS,
	STAGE_PAUSE, /* before all addresses are tried again */
	STAGE_DONE,
};

/* A cloud that registers the module just in time is ready after some seconds. */
static const uint64_t pauses_ms[] = { 2000, 4000, 8000 };

struct attempt {
	sd_event *event;
	const struct settings *settings;
	struct dict *dict;
	const struct epoch *epoch;
	struct mqtt *mqtt;
	struct attempt_events events;
	enum stage stage;
	struct timer timer; /* the stage's deadline */
	uint64_t since;     /* when the present stage began */
	struct attempt_report report;

	struct endpoint endpoint;
	struct resolve *resolve;
	struct route route; /* an address has its time up to the login */
	struct ssl *ssl;

	bool clock_behind; /* the clock is to blame */
	int64_t clock;     /* epoch_clock_offset() then */
	bool dropped;      /* the server closed where it was to answer the login */
	bool first;
	size_t pauses;

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

static void attempt_fail(struct attempt *a, const struct fault *fault)
{
	const struct fault copy = *fault; /* the owner may start a again */

	attempt_stop(a);
	a->events.on_failure(a->events.userdata, &copy);
}

static void attempt_fail_text(struct attempt *a, enum fault_hint hint, const char *text)
{
	struct fault fault;

	fault_set(&fault, hint, "%s", text);
	attempt_fail(a, &fault);
}

/* Arms the deadline of a stage: its own, or what is left of the whole. */
static void attempt_stage(struct attempt *a, enum stage stage, uint64_t most_ms)
{
	uint64_t left = route_left(&a->route);

	a->stage = stage;
	a->since = timer_now();
	timer_arm(&a->timer, most_ms < left ? most_ms : left);
}

/* --- what one address gave --- */

/* False: there is nothing to wait for, or no time. */
static bool attempt_pause(struct attempt *a)
{
	uint64_t ms;

	if (a->clock_behind && a->route.fault.hint == HINT_TLS) {
		log_notice("The clock is not set: waiting until somebody sets it");
		a->clock = epoch_clock_offset();
		attempt_stage(a, STAGE_PAUSE, CLOCK_MS);
		return true;
	}
	if (!a->first || !a->dropped || a->pauses >= ELEMENTS(pauses_ms))
		return false;
	ms = pauses_ms[a->pauses];
	if (route_left(&a->route) < ms + TRY_LEAST_MS)
		return false;
	a->pauses++;
	a->report.retried = true;
	log_notice("%s: next try in %llu s, the module may just be being registered", a->route.fault.detail,
		   (unsigned long long)ms / 1000);
	attempt_stage(a, STAGE_PAUSE, ms);
	return true;
}

/* The TLS side is made once more, for a clock that is right judges otherwise. */
static bool attempt_clock_was_set(struct attempt *a)
{
	int64_t moved;

	a->events.look_at_clock(a->events.userdata);
	moved = epoch_clock_offset() - a->clock;
	if (!epoch_is_sure(a->epoch) && moved >= -1 && moved <= 1)
		return false;
	a->ssl = ssl_free(a->ssl);
	return secure_new(&a->ssl, a->settings, a->dict, a->epoch, &a->endpoint) == 0;
}

static void attempt_again(struct attempt *a)
{
	if (route_left(&a->route) == 0) {
		attempt_fail(a, &a->route.fault);
		return;
	}
	if (a->clock_behind && !attempt_clock_was_set(a)) {
		attempt_stage(a, STAGE_PAUSE, CLOCK_MS);
		return;
	}
	route_again(&a->route);
	a->clock_behind = a->dropped = false;
	attempt_next_address(a);
}

/* Every address has failed. */
static void attempt_give_up(struct attempt *a)
{
	if (attempt_pause(a))
		return;
	if (a->route.fault.off_net && !a->events.network_is_usable())
		fault_of_network(&a->route.fault);
	attempt_fail(a, &a->route.fault);
}

static void attempt_no_name(struct attempt *a, int r)
{
	struct fault fault;

	fault_of_name(&fault, r);
	route_fail(&a->route, &fault);
	attempt_give_up(a);
}

static void attempt_address_failed(struct attempt *a, const struct fault *fault)
{
	route_fail(&a->route, fault);
	a->clock_behind = a->clock_behind || ssl_clock_behind(a->ssl);
	mqtt_close(a->mqtt);

	/* Who was asked to log us in has answered by closing: the others are the same cloud, and it wants a pause
	 * between two logins. */
	if (!a->dropped && route_goes_on(&a->route)) {
		log_info("%s: %s", a->report.address, fault->detail);
		attempt_next_address(a);
	} else {
		attempt_give_up(a);
	}
}

/* The connection has ended before the login was answered. */
static void attempt_closed_early(struct attempt *a, int error)
{
	struct fault fault;

	/* A quick peer may have come and gone before the loop saw the TCP connection. */
	ssl_last_word(a->ssl);
	if (a->stage == STAGE_TLS || ssl_failure(a->ssl) || ssl_heard(a->ssl)) {
		fault_of_tls(&fault, a->ssl, true);
		a->dropped = fault.hint == HINT_LOGIN;
	} else {
		fault_of_tcp(&fault, error);
	}
	attempt_address_failed(a, &fault);
}

static void on_deadline(void *userdata)
{
	struct attempt *a = userdata;
	struct fault fault;

	switch (a->stage) {
	case STAGE_RESOLVE:
		attempt_no_name(a, -ETIME);
		break;
	case STAGE_TCP:
	case STAGE_TLS:
		if (a->stage == STAGE_TCP)
			fault_of_tcp(&fault, 0);
		else
			fault_of_tls(&fault, a->ssl, false);
		attempt_address_failed(a, &fault);
		break;
	case STAGE_JOBS:
		attempt_fail_text(a, HINT_JOBS, "Server does not confirm the Jobs topics");
		break;
	case STAGE_PAUSE:
		attempt_again(a);
		break;
	case STAGE_IDLE:
	case STAGE_DONE:
		break;
	}
}

/* --- the stages, in order --- */

static void attempt_begin(struct attempt *a)
{
	size_t n;
	const char *endpoint = dict_get(a->dict, KEY_ENDPOINT, &n);
	struct fault fault;
	int r = 0;

	if (endpoint_parse(endpoint, n, &a->endpoint) < 0) {
		fault_of_endpoint(&fault, n == 0);
		attempt_fail(a, &fault);
		return;
	}
	if (a->endpoint.port == 0)
		a->endpoint.port = SECURE_PORT;

	/* The name servers are at work while we read keys and certificates. */
	attempt_stage(a, STAGE_RESOLVE, UINT64_MAX);
	if (!a->endpoint.numeric)
		r = resolve_start(&a->resolve, a->event, a->endpoint.host, ROUTE_STAGE_MS, on_resolved, a);
	if (r < 0) {
		fault_log_resolver(&fault, r);
		attempt_fail(a, &fault);
		return;
	}
	r = secure_new(&a->ssl, a->settings, a->dict, a->epoch, &a->endpoint);
	if (r) {
		fault_log_identity(&fault, r);
		attempt_fail(a, &fault);
		return;
	}
	if (a->endpoint.numeric) {
		route_direct(&a->route, &a->endpoint);
		attempt_next_address(a);
	}
}

static void on_resolved(void *userdata, int r, const struct addresses *found)
{
	struct attempt *a = userdata;

	route_found(&a->route, found);
	a->resolve = resolve_free(a->resolve);
	a->report.name_ms = timer_now() - a->since;
	if (r == 0)
		attempt_next_address(a);
	else
		attempt_no_name(a, r);
}

static void attempt_next_address(struct attempt *a)
{
	struct mqtt_target target = {
		.address = route_next(&a->route),
		.port = a->endpoint.port,
		.client_id = a->settings->thing_name,
		.keep_alive = a->settings->keep_alive,
		.ssl_ctx = ssl_context(a->ssl),
	};
	int r;

	a->report.tries++;
	(void)snprintf(a->report.address, sizeof(a->report.address), "%s", target.address);
	a->report.tcp_ms = a->report.tls_ms = a->report.jobs_ms = 0;
	a->report.tls[0] = '\0';
	attempt_stage(a, STAGE_TCP, route_stage_left(&a->route));
	ssl_restart(a->ssl);
	log_debug("Connecting to %s port %d", target.address, target.port);
	r = mqtt_open(a->mqtt, &target);
	if (r < 0)
		attempt_closed_early(a, -r);
}

void attempt_on_tcp(struct attempt *a)
{
	a->report.tcp_ms = timer_now() - a->since;
	attempt_stage(a, STAGE_TLS, route_stage_left(&a->route));
}

/* All acknowledgements, or the first that fails. A lost connection is told by attempt_on_closed(). */
static void attempt_acknowledged(struct attempt *a, uint64_t number, int r, const char *refused)
{
	if (a->stage != STAGE_JOBS || number != a->jobs_number)
		return;
	if (r > 0)
		attempt_fail_text(a, HINT_JOBS, refused);
	if (r || --a->jobs_open > 0)
		return;

	timer_disarm(&a->timer);
	a->stage = STAGE_DONE;
	a->report.jobs_ms = timer_now() - a->since;
	if (ssl_proven(a->ssl))
		dict_roots_proven(a->dict);
	a->events.on_success(a->events.userdata);
}

static void on_jobs(void *who, uint64_t number, int r)
{
	attempt_acknowledged(who, number, r, "Jobs topics refused: check the policy");
}

static void on_endpoint(void *who, uint64_t number, int r)
{
	attempt_acknowledged(who, number, r, "Topic expresslink_config refused: check the policy");
}

void attempt_on_connack(struct attempt *a, int code)
{
	const struct enrolment enrolment = {
		.thing_name = a->settings->thing_name,
		.staging = !dict_onboarded(a->dict),
		.jobs = { .fn = on_jobs, .who = a, .number = ++a->jobs_number },
		.endpoint = { .fn = on_endpoint, .who = a, .number = a->jobs_number },
	};
	struct fault fault;
	int r;

	a->report.tls_ms = timer_now() - a->since;
	(void)snprintf(a->report.tls, sizeof(a->report.tls), "%s", ssl_suite(a->ssl));
	if (code != 0) {
		fault_of_login(&fault, code);
		attempt_fail(a, &fault);
		return;
	}
	ssl_release(a->ssl);
	attempt_stage(a, STAGE_JOBS, ROUTE_STAGE_MS);
	r = enrol(a->mqtt, &enrolment, &a->jobs_open);
	if (r < 0) {
		fault_set(&fault, HINT_JOBS, "Jobs topics: %s", strerror(-r));
		attempt_fail(a, &fault);
	}
}

void attempt_on_closed(struct attempt *a, int error)
{
	if (a->stage == STAGE_TCP || a->stage == STAGE_TLS)
		attempt_closed_early(a, error);
	else if (a->stage == STAGE_JOBS)
		attempt_fail_text(a, HINT_JOBS, "Closed by the server after login: check the policy");
}

/* --- for the owner --- */

void attempt_start(struct attempt *a, uint64_t deadline, bool first)
{
	attempt_stop(a);
	route_start(&a->route, deadline);
	a->first = first;
	a->report = (struct attempt_report){ 0 };
	a->clock_behind = a->dropped = false;
	a->pauses = 0;
	attempt_begin(a);
}

const struct attempt_report *attempt_get_report(const struct attempt *a)
{
	return &a->report;
}

int attempt_new(struct attempt **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, struct mqtt *mqtt, const struct attempt_events *events)
{
	_cleanup_(attempt_freep) struct attempt *a = NULL;
	int r;

	a = calloc(1, sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->event = sd_event_ref(event);
	a->settings = settings;
	a->dict = dict;
	a->epoch = epoch;
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
