/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/probe.h"

#include "cloud/route.h"
#include "cloud/secure.h"
#include "crypto/handshake.h"
#include "util/log.h"
#include "util/socket.h"
#include "util/timer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define CONFIRM_MS 1000 /* for a server that refuses our certificate after the handshake */

enum stage {
	STAGE_BEGIN, /* the loop comes first: fn is not called before probe_start() returns */
	STAGE_RESOLVE,
	STAGE_TCP,
	STAGE_TLS,
	STAGE_CONFIRM,
};

struct probe {
	sd_event *event;
	const struct settings *settings;
	const struct dict *dict;
	const struct epoch *epoch;
	struct endpoint endpoint;
	probe_fn fn;
	void *userdata;

	enum stage stage;
	struct timer timer; /* the stage's deadline */
	uint64_t since;     /* when the present stage began */
	struct resolve *resolve;
	struct route route;
	struct ssl *ssl;
	int fd;
	sd_event_source *io;
	uint32_t armed; /* events that io waits for */
	struct handshake *handshake;
	struct probe_report report;
};

static void probe_next_address(struct probe *p);

/* --- the report and its end --- */

/* A line begins with the name of its step. */
static void probe_log(const struct probe *p, const char *line)
{
	char step[8];
	const struct log_field fields[] = {
		{ "EXPRESSLINK_ENDPOINT", p->endpoint.host },
		{ "EXPRESSLINK_ADDRESS", p->report.address },
		{ "EXPRESSLINK_STEP", step },
	};

	(void)snprintf(step, sizeof(step), "%.*s", (int)strcspn(line, " "), line);
	log_record(LOG_INFO, fields, ELEMENTS(fields), "DIAG TLS: %s", line);
}

/* The log has every line, the report as many as fit. */
static void _printf_(2, 3) probe_line(struct probe *p, const char *format, ...)
{
	struct probe_report *report = &p->report;
	char line[PROBE_MAX_LINE + 1];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(line, sizeof(line), format, ap);
	va_end(ap);
	probe_log(p, line);
	if (report->count < PROBE_MAX_LINES)
		memcpy(report->lines[report->count++], line, sizeof(line));
	else
		(void)snprintf(report->lines[PROBE_MAX_LINES - 1], sizeof(line), "and more");
}

static unsigned long long probe_took(const struct probe *p)
{
	return timer_now() - p->since;
}

static void probe_close(struct probe *p)
{
	p->handshake = handshake_free(p->handshake);
	p->io = sd_event_source_disable_unref(p->io);
	if (p->fd >= 0)
		(void)close(p->fd);
	p->fd = -1;
}

static void probe_stop(struct probe *p)
{
	timer_disarm(&p->timer);
	p->resolve = resolve_free(p->resolve);
	probe_close(p);
	p->ssl = ssl_free(p->ssl);
}

/* p may be gone afterwards. */
static void probe_end(struct probe *p)
{
	struct probe_report report = p->report;

	if (!report.passed)
		report.fault = p->route.fault;
	probe_stop(p);
	p->fn(p->userdata, &report);
}

static void probe_stage(struct probe *p, enum stage stage, uint64_t most_ms)
{
	uint64_t left = route_left(&p->route);

	p->stage = stage;
	p->since = timer_now();
	timer_arm(&p->timer, left < most_ms ? left : most_ms);
}

/* The present address has failed. */
static void probe_failed(struct probe *p, const struct fault *fault)
{
	route_fail(&p->route, fault);
	probe_close(p);
	if (route_goes_on(&p->route))
		probe_next_address(p);
	else
		probe_end(p);
}

/* --- name --- */

static void probe_unresolved(struct probe *p, int r)
{
	const char *text = r == -ENOENT ? "not found" : r == -ETIME ? "no answer" : "cannot be resolved";
	struct fault fault;

	probe_line(p, "DNS %.80s %s %llu ms", p->endpoint.host, text, probe_took(p));
	fault_of_name(&fault, r);
	route_fail(&p->route, &fault);
	probe_end(p);
}

static void on_resolved(void *userdata, int r, const struct addresses *found)
{
	struct probe *p = userdata;

	route_found(&p->route, found);
	p->resolve = resolve_free(p->resolve);
	if (r < 0) {
		probe_unresolved(p, r);
		return;
	}
	probe_line(p, "DNS %.80s %zu %s %llu ms", p->endpoint.host, found->count,
		   found->count == 1 ? "address" : "addresses", probe_took(p));
	probe_next_address(p);
}

/* --- TCP --- */

/* error: errno; 0: no answer. */
static void probe_tcp_failed(struct probe *p, int error)
{
	struct fault fault;

	probe_line(p, "TCP %s %d %s %llu ms", p->report.address, p->endpoint.port,
		   error ? strerror(error) : "no answer", probe_took(p));
	fault_of_tcp(&fault, error);
	probe_failed(p, &fault);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata);

static void probe_next_address(struct probe *p)
{
	int r;

	(void)snprintf(p->report.address, sizeof(p->report.address), "%s", route_next(&p->route));
	probe_stage(p, STAGE_TCP, route_stage_left(&p->route));
	ssl_restart(p->ssl);
	r = socket_connect(p->report.address, p->endpoint.port, &p->fd);
	if (r == 0) {
		p->armed = EPOLLOUT;
		r = sd_event_add_io(p->event, &p->io, p->fd, p->armed, on_io, p);
	}
	if (r < 0)
		probe_tcp_failed(p, -r);
}

/* --- TLS --- */

static void probe_certificates(struct probe *p, const struct handshake_view *view)
{
	for (size_t i = 0; i < view->count; i++) {
		const struct handshake_certificate *c = &view->certificates[i];

		probe_line(p, "CERT %zu %s by %s %s %s", i, c->subject, c->issuer, c->not_before, c->not_after);
	}
	if (view->shown > view->count)
		probe_line(p, "CERT %zu more", view->shown - view->count);
}

/* r: of the handshake; -ETIME: the time is over. */
static void probe_tls_failed(struct probe *p, int r)
{
	const char *why = ssl_failure(p->ssl);
	struct handshake_view view;
	struct fault fault;

	handshake_describe(p->handshake, &view);
	if (!why)
		why = r == -ETIME ? "no answer" : "closed by the server";
	probe_line(p, "TLS %s %llu ms", strncmp(why, "TLS ", 4) == 0 ? why + 4 : why, probe_took(p));
	if (p->stage == STAGE_TLS)
		probe_certificates(p, &view);
	fault_of_tls(&fault, p->ssl, r != -ETIME);
	probe_failed(p, &fault);
}

static void probe_passed(struct probe *p)
{
	(void)snprintf(p->report.summary, sizeof(p->report.summary), "%s", ssl_suite(p->ssl));
	p->report.passed = true;
	probe_end(p);
}

static void probe_established(struct probe *p)
{
	struct handshake_view view;

	handshake_describe(p->handshake, &view);
	probe_line(p, "TLS %s%s%s %llu ms", ssl_suite(p->ssl), view.alpn[0] ? " ALPN " : "", view.alpn, probe_took(p));
	probe_certificates(p, &view);
	probe_stage(p, STAGE_CONFIRM, CONFIRM_MS);
}

static void probe_arm_io(struct probe *p)
{
	uint32_t wanted = handshake_wants_write(p->handshake) ? EPOLLOUT : EPOLLIN;

	if (wanted == p->armed)
		return;
	p->armed = wanted;
	(void)sd_event_source_set_io_events(p->io, wanted);
}

static void probe_tls(struct probe *p)
{
	int r = 0;

	if (p->stage == STAGE_TLS) {
		r = handshake_step(p->handshake);
		if (r == 0)
			probe_established(p);
	}
	if (p->stage == STAGE_CONFIRM)
		r = handshake_confirm(p->handshake);
	if (r == 0)
		probe_passed(p);
	else if (r == -EAGAIN)
		probe_arm_io(p);
	else
		probe_tls_failed(p, r);
}

static void probe_tcp_up(struct probe *p)
{
	struct fault fault;
	int r;

	probe_line(p, "TCP %s %d connected %llu ms", p->report.address, p->endpoint.port, probe_took(p));
	probe_stage(p, STAGE_TLS, route_stage_left(&p->route));
	r = handshake_new(&p->handshake, p->ssl, p->fd);
	if (r == 0) {
		probe_tls(p);
		return;
	}
	probe_line(p, "TLS cannot be started");
	fault_log_resources(&fault, r);
	probe_failed(p, &fault);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct probe *p = userdata;
	int r;

	(void)source;
	if (p->stage != STAGE_TCP) {
		probe_tls(p);
		return 0;
	}
	r = socket_state(fd, revents);
	if (r > 0)
		probe_tcp_up(p);
	else if (r < 0)
		probe_tcp_failed(p, -r);
	return 0;
}

/* --- its course --- */

static void probe_begin(struct probe *p)
{
	struct fault fault;
	int r;

	r = secure_new(&p->ssl, p->settings, p->dict, p->epoch, &p->endpoint);
	if (r) {
		probe_line(p, "TLS own key or certificate unusable");
		fault_log_identity(&fault, r);
		route_fail(&p->route, &fault);
		probe_end(p);
		return;
	}
	if (p->endpoint.numeric) {
		route_direct(&p->route, &p->endpoint);
		probe_next_address(p);
		return;
	}
	probe_stage(p, STAGE_RESOLVE, ROUTE_STAGE_MS);
	r = resolve_start(&p->resolve, p->event, p->endpoint.host, ROUTE_STAGE_MS, on_resolved, p);
	if (r < 0) {
		probe_line(p, "DNS resolver cannot be started");
		fault_log_resolver(&fault, r);
		route_fail(&p->route, &fault);
		probe_end(p);
	}
}

static void on_time(void *userdata)
{
	struct probe *p = userdata;

	switch (p->stage) {
	case STAGE_BEGIN:
		probe_begin(p);
		break;
	case STAGE_RESOLVE:
		probe_unresolved(p, -ETIME);
		break;
	case STAGE_TCP:
		probe_tcp_failed(p, 0);
		break;
	case STAGE_TLS:
		probe_tls_failed(p, -ETIME);
		break;
	case STAGE_CONFIRM:
		probe_passed(p); /* nobody objects */
		break;
	}
}

int probe_start(struct probe **ret, sd_event *event, const struct settings *settings, const struct dict *dict,
		const struct epoch *epoch, const struct endpoint *endpoint, uint64_t timeout_ms, probe_fn fn,
		void *userdata)
{
	_cleanup_(probe_freep) struct probe *p = NULL;
	int r;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->event = sd_event_ref(event);
	p->settings = settings;
	p->dict = dict;
	p->epoch = epoch;
	p->endpoint = *endpoint;
	if (p->endpoint.port == 0)
		p->endpoint.port = SECURE_PORT;
	p->fn = fn;
	p->userdata = userdata;
	p->fd = -1;
	route_start(&p->route, timer_now() + timeout_ms);
	r = timer_init(&p->timer, event, on_time, p);
	if (r < 0)
		return r;
	timer_arm(&p->timer, 0);
	*ret = TAKE_PTR(p);
	return 0;
}

struct probe *probe_free(struct probe *p)
{
	if (!p)
		return NULL;
	probe_stop(p);
	timer_done(&p->timer);
	sd_event_unref(p->event);
	free(p);
	return NULL;
}
