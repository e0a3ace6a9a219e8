/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/trial.h"

#include "fake/descriptors.h"
#include "fake/resolve.h"
#include "fake/timer.h"

#include <check.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURNS 50 /* of the loop, for one connection with TLS */

static void on_report(void *userdata, const struct probe_report *r)
{
	struct trial *t = userdata;

	ck_assert_ptr_eq(t, t->self);
	trial_assert_closed(t);
	if (!t->keep_it)
		t->probe = probe_free(t->probe);
	t->report = *r;
	t->reports++;
}

static void set(char **text, const char *value)
{
	free(*text);
	*text = strdup(value);
	ck_assert_ptr_nonnull(*text);
}

void trial_make(struct trial *t)
{
	*t = (struct trial){ .self = t, .peer.version = TLS1_3_VERSION, .server.log = -1 };
	*fake_resolve() = (struct fake_resolve){ 0 };
	rig_make(&t->rig, NULL);
	parties_init(&t->parties);
	set(&t->rig.settings->private_key, t->parties.config.key_uri);
	set(&t->rig.settings->certificate_pem, t->parties.device->pem);
	set(&t->rig.settings->root_ca_pem, t->parties.root->pem);
	ck_assert_int_eq(dict_new(&t->rig.dict, t->rig.event, t->rig.settings, t->rig.dir), 0);
	ck_assert_int_eq(dict_start(t->rig.dict), 0);
	ck_assert_int_eq(epoch_new(&t->rig.epoch, t->rig.event, t->rig.dir), 0);
	t->peer.shown = pki_server(t->parties.root, "server", "DNS:server.example,IP:127.0.0.1", false);
	ck_assert_int_eq(pipe2(t->peer.ready, O_CLOEXEC), 0);
}

void trial_done(struct trial *t)
{
	t->probe = probe_free(t->probe);
	ck_assert_ptr_null(t->probe);
	ck_assert_ptr_null(probe_free(NULL));
	broker_kill(&t->server);
	(void)close(t->peer.ready[0]);
	(void)close(t->peer.ready[1]);
	pki_free(t->peer.shown);
	parties_done(&t->parties);
	rig_done(&t->rig);
}

void trial_serve(int fd, void *userdata)
{
	const struct trial *t = userdata;
	SSL_CTX *ctx = parties_server(&t->parties, t->peer.shown, t->peer.version);
	char bytes[256];
	SSL *ssl;

	if (t->peer.intermediate)
		(void)SSL_CTX_add1_chain_cert(ctx, t->peer.intermediate->cert);
	if (t->peer.no_tickets)
		(void)SSL_CTX_set_num_tickets(ctx, 0);
	ssl = SSL_new(ctx);
	(void)SSL_set_fd(ssl, fd);
	if (SSL_accept(ssl) == 1) {
		(void)!write(t->peer.ready[1], "", 1);
		(void)SSL_read(ssl, bytes, sizeof(bytes));
	}
	SSL_free(ssl);
	SSL_CTX_free(ctx);
}

void trial_begin(struct trial *t, const struct endpoint *endpoint)
{
	t->descriptors_before = descriptors();
	t->reports = 0;
	ck_assert_int_eq(probe_start(&t->probe, t->rig.event, t->rig.settings, t->rig.dict, t->rig.epoch, endpoint,
				     TRIAL_WHOLE, on_report, t),
			 0);
	ck_assert_uint_eq(t->reports, 0);
}

void trial_start(struct trial *t, const char *format, ...)
{
	struct endpoint endpoint;
	char text[ENDPOINT_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	ck_assert_int_eq(endpoint_parse(text, (size_t)n, &endpoint), 0);
	trial_begin(t, &endpoint);
	memset(&endpoint, '#', sizeof(endpoint)); /* it has its own */
	fake_timer_pass(0);
}

void trial_run(struct trial *t, const char *host, int port)
{
	trial_start(t, "%s:%d", host, port);
	if (fake_resolve()->asked)
		fake_resolve_found("127.0.0.1\n");
	trial_wait_for_report(t);
}

void trial_wait_for_report(struct trial *t)
{
	unsigned n = 0;

	while (t->reports == 0) {
		ck_assert_int_gt(sd_event_run(t->rig.event, UINT64_MAX), 0);
		ck_assert_uint_lt(n++, TURNS);
	}
	ck_assert_uint_eq(t->reports, 1);
}

void trial_idle(struct trial *t)
{
	unsigned n = 0;

	while (sd_event_run(t->rig.event, 0) > 0)
		ck_assert_uint_lt(n++, TURNS);
	ck_assert_uint_eq(t->reports, 0);
}

void trial_wait_for_tcp(struct trial *t)
{
	ck_assert_int_gt(sd_event_run(t->rig.event, UINT64_MAX), 0);
	trial_idle(t);
}

void trial_wait_for_server(struct trial *t)
{
	struct pollfd p = { .fd = t->peer.ready[0], .events = POLLIN };
	char byte;

	while (poll(&p, 1, 0) == 0)
		ck_assert_int_ge(sd_event_run(t->rig.event, 10000), 0);
	ck_assert_int_eq(read(t->peer.ready[0], &byte, 1), 1);
	trial_idle(t);
}

void trial_assert_closed(const struct trial *t)
{
	ck_assert(!fake_resolve()->asked);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(descriptors(), t->descriptors_before);
}

void trial_assert_lines(const struct trial *t, const char *format, ...)
{
	char expected[PROBE_MAX_LINES * (PROBE_MAX_LINE + 1) + 1] = "", got[sizeof(expected)] = "";
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(expected, sizeof(expected), format, ap);
	va_end(ap);
	for (size_t i = 0; i < t->report.count; i++) {
		ck_assert_uint_le(strlen(t->report.lines[i]), PROBE_MAX_LINE);
		strcat(got, t->report.lines[i]);
		strcat(got, "\n");
	}
	ck_assert_str_eq(got, expected);
}

void trial_assert_failed(const struct trial *t, enum fault_hint hint, const char *detail)
{
	ck_assert_uint_eq(t->reports, 1);
	ck_assert(!t->report.passed);
	ck_assert_int_eq((int)t->report.fault.hint, (int)hint);
	ck_assert_str_eq(t->report.fault.detail, detail);
}

const char *trial_dates(const struct pki *p)
{
	static char texts[2][32];
	static unsigned next;
	char *text = texts[next++ % 2];
	struct tm tm;

	ck_assert_int_eq(ASN1_TIME_to_tm(X509_get0_notBefore(p->cert), &tm), 1);
	ck_assert_uint_eq(strftime(text, 32, "%Y-%m-%d ", &tm), 11);
	ck_assert_int_eq(ASN1_TIME_to_tm(X509_get0_notAfter(p->cert), &tm), 1);
	ck_assert_uint_eq(strftime(text + 11, 21, "%Y-%m-%d", &tm), 10);
	return text;
}
