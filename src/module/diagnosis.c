/* SPDX-License-Identifier: Apache-2.0 */
#include "module/diagnosis.h"

#include "at/error.h"
#include "board/network.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct diagnosis {
	sd_event *event;
	const struct settings *settings;
	const struct dict *dict;
	const struct epoch *epoch;
	struct resolve *resolve;
	struct ping *ping;
	struct probe *probe;
	struct endpoint endpoint; /* of the probe */
	bool ping_follows;        /* behind the name */
	uint64_t asked_at;        /* ms */
	struct done done;
	struct diagnosis_result result;
};

static void begin(struct diagnosis *d, struct done done)
{
	diagnosis_stop(d);
	d->result = (struct diagnosis_result){ 0 };
	d->done = done;
}

static void on_pinged(void *userdata, const struct ping_result *result)
{
	struct diagnosis *d = userdata;

	d->result.ping = *result;
	d->ping = ping_free(d->ping);
	done_call(&d->done, 0);
}

static int start_ping(struct diagnosis *d)
{
	int r = ping_start(&d->ping, d->event, d->result.addresses.text[0], on_pinged, d);

	if (r != -EPERM)
		return r;
	log_warning("DIAG PING: this process may not send echo requests: see net.ipv4.ping_group_range in icmp(7)");
	return AT_ERR_MODE;
}

void diagnosis_correct(struct fault *fault)
{
	if (fault->off_net && !network_usable())
		fault_of_network(fault);
}

static void on_resolved(void *userdata, int r, const struct addresses *found)
{
	struct diagnosis *d = userdata;

	d->result.addresses = *found;
	d->result.name_ms = timer_now() - d->asked_at;
	d->resolve = resolve_free(d->resolve);
	if (r < 0) {
		fault_of_name(&d->result.fault, r);
		diagnosis_correct(&d->result.fault);
		r = AT_ERR_CONNECT;
	} else if (d->ping_follows) {
		r = start_ping(d);
		if (r == 0)
			return;
	}
	done_call(&d->done, r);
}

static int start_resolve(struct diagnosis *d, const char *name, bool ping_follows)
{
	int r;

	d->ping_follows = ping_follows;
	d->asked_at = timer_now();
	r = resolve_start(&d->resolve, d->event, name, DIAGNOSIS_NAME_MS, on_resolved, d);
	if (r == 0)
		return 0;
	fault_log_resolver(&d->result.fault, r);
	return AT_ERR_CONNECT;
}

int diagnosis_ping(struct diagnosis *d, const char *host, struct done done)
{
	begin(d, done);
	if (!resolve_is_address(host))
		return start_resolve(d, host, true);
	d->result.addresses.count = 1;
	(void)snprintf(d->result.addresses.text[0], sizeof(d->result.addresses.text[0]), "%s", host);
	return start_ping(d);
}

int diagnosis_dns(struct diagnosis *d, const char *name, struct done done)
{
	begin(d, done);
	return start_resolve(d, name, false);
}

static void log_result(const struct diagnosis *d)
{
	const struct probe_report *report = &d->result.tls;
	char hint[4] = "";
	const struct log_field fields[] = {
		{ "EXPRESSLINK_ENDPOINT", d->endpoint.host },
		{ "EXPRESSLINK_ADDRESS", report->address },
		{ "EXPRESSLINK_HINT", hint },
		{ "EXPRESSLINK_DETAIL", report->fault.detail },
	};

	if (!report->passed)
		(void)snprintf(hint, sizeof(hint), "%d", (int)report->fault.hint);
	log_record(LOG_INFO, fields, ELEMENTS(fields), "DIAG TLS %s: %s", report->passed ? "passed" : "failed",
		   report->passed ? report->summary : report->fault.detail);
}

static void on_probed(void *userdata, const struct probe_report *report)
{
	struct diagnosis *d = userdata;

	d->result.tls = *report;
	if (!report->passed)
		diagnosis_correct(&d->result.tls.fault);
	log_result(d);
	d->probe = probe_free(d->probe);
	done_call(&d->done, 0);
}

int diagnosis_tls(struct diagnosis *d, const struct endpoint *endpoint, struct done done)
{
	begin(d, done);
	d->endpoint = *endpoint;
	return probe_start(&d->probe, d->event, d->settings, d->dict, d->epoch, endpoint, DIAGNOSIS_TLS_MS, on_probed,
			   d);
}

void diagnosis_stop(struct diagnosis *d)
{
	d->resolve = resolve_free(d->resolve);
	d->ping = ping_free(d->ping);
	d->probe = probe_free(d->probe);
	d->done = (struct done){ 0 };
}

const struct diagnosis_result *diagnosis_result(const struct diagnosis *d)
{
	return &d->result;
}

int diagnosis_new(struct diagnosis **ret, sd_event *event, const struct settings *settings, const struct dict *dict,
		  const struct epoch *epoch)
{
	_cleanup_(diagnosis_freep) struct diagnosis *d = NULL;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->event = sd_event_ref(event);
	d->settings = settings;
	d->dict = dict;
	d->epoch = epoch;
	*ret = TAKE_PTR(d);
	return 0;
}

struct diagnosis *diagnosis_free(struct diagnosis *d)
{
	if (!d)
		return NULL;
	diagnosis_stop(d);
	sd_event_unref(d->event);
	free(d);
	return NULL;
}
