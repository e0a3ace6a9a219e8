/* SPDX-License-Identifier: Apache-2.0 */
/* The way to the endpoint, tried by the running module, or here. */
#include "cloud/probe.h"
#include "cloud/secure.h"
#include "control/protocol.h"
#include "ctl/ask.h"
#include "ctl/check.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <systemd/sd-event.h>

#define TOPIC        "cloud"
#define OTHER_PORT   443
#define OTHER_MS     8000
#define SLACK_MS     2000
#define ENDPOINT_KEY "Endpoint"

/* What is needed to try it here. */
struct direct {
	sd_event *event;
	struct dict *dict;
	struct epoch *epoch;
	struct probe_report report;
};

static void direct_done(struct direct *d)
{
	dict_free(d->dict);
	epoch_free(d->epoch);
	sd_event_unref(d->event);
}

/* Changes nothing in the module's folder. */
static int direct_init(struct direct *d, const struct check *c)
{
	int r;

	*d = (struct direct){ 0 };
	r = sd_event_default(&d->event);
	if (r >= 0)
		r = dict_new(&d->dict, d->event, c->settings, c->where.state);
	if (r >= 0)
		r = epoch_new(&d->epoch, d->event, c->where.state);
	if (r >= 0)
		r = dict_peek(d->dict);
	if (r >= 0)
		epoch_start(d->epoch);
	return r < 0 ? r : 0;
}

static void on_probed(void *userdata, const struct probe_report *report)
{
	struct direct *d = userdata;

	d->report = *report;
	(void)sd_event_exit(d->event, 0);
}

static int direct_probe(struct direct *d, const struct check *c, const struct endpoint *endpoint, uint64_t ms)
{
	struct probe *probe = NULL;
	int r = probe_start(&probe, d->event, c->settings, d->dict, d->epoch, endpoint, ms, on_probed, d);

	if (r == 0)
		r = sd_event_loop(d->event);
	probe_free(probe);
	return r;
}

/* A firewall often lets nothing but 443 through. */
static bool other_port_works(const struct check *c, const struct endpoint *endpoint)
{
	_cleanup_(direct_done) struct direct d = { 0 };
	struct endpoint other = *endpoint;

	if (endpoint->port != SECURE_PORT || !c->settings || direct_init(&d, c) < 0)
		return false;
	other.port = OTHER_PORT;
	return direct_probe(&d, c, &other, OTHER_MS) == 0 && (d.report.passed || d.report.fault.hint > HINT_ENDPOINT);
}

static void say_failed(struct check *c, const struct endpoint *endpoint, int hint, const char *detail)
{
	check_say(c, CHECK_FAIL, TOPIC, "%s port %u: %s (hint %d)", endpoint->host, endpoint->port, detail, hint);
	if (hint == HINT_ENDPOINT && other_port_works(c, endpoint))
		check_detail("Port %d is open: a firewall closes %u. The host may set " ENDPOINT_KEY "=%s:%d",
			     OTHER_PORT, endpoint->port, endpoint->host, OTHER_PORT);
}

static void check_by_module(struct check *c, const struct endpoint *endpoint)
{
	_cleanup_(ask_forgetp) cJSON *answer = NULL;
	const cJSON *line;
	int r = ask_once(c->where.runtime, "probe", CONTROL_PROBE_MS + SLACK_MS, &answer, NULL);

	if (r < 0) {
		check_say(c, CHECK_WARNING, TOPIC, "the module does not try it now: %s",
			  r == -EPERM ? ask_text(answer, "error") : strerror(-r));
		return;
	}
	if (cJSON_IsTrue(cJSON_GetObjectItemCaseSensitive(answer, "passed")))
		check_say(c, CHECK_OK, TOPIC, "%s port %u, %s", endpoint->host, endpoint->port,
			  ask_text(answer, "summary"));
	else
		say_failed(c, endpoint, (int)ask_number(answer, "hint"), ask_text(answer, "detail"));
	cJSON_ArrayForEach(line, cJSON_GetObjectItemCaseSensitive(answer, "lines"))
	{
		if (cJSON_IsString(line))
			check_detail("%s", line->valuestring);
	}
}

static void check_here(struct check *c, struct direct *d, const struct endpoint *endpoint)
{
	int r = direct_probe(d, c, endpoint, CONTROL_PROBE_MS);

	if (r < 0) {
		check_say(c, CHECK_WARNING, TOPIC, "could not be tried: %s", strerror(-r));
		return;
	}
	if (d->report.passed)
		check_say(c, CHECK_OK, TOPIC, "%s port %u, %s", endpoint->host, endpoint->port, d->report.summary);
	else
		say_failed(c, endpoint, (int)d->report.fault.hint, d->report.fault.detail);
	for (size_t i = 0; i < d->report.count; i++)
		check_detail("%s", d->report.lines[i]);
}

/* False, and it was said: there is none. */
static bool take_endpoint(struct check *c, const char *text, size_t n, struct endpoint *ret)
{
	if (n == 0) {
		check_say(c, CHECK_FAIL, TOPIC,
			  "no endpoint: set [Cloud] StagingEndpoint=, or let the host set " ENDPOINT_KEY);
		return false;
	}
	if (endpoint_parse(text, n, ret) < 0) {
		check_say(c, CHECK_FAIL, TOPIC, "the key " ENDPOINT_KEY " is no host name: let the host correct it");
		return false;
	}
	if (ret->port == 0)
		ret->port = SECURE_PORT;
	return true;
}

void check_cloud(struct check *c)
{
	_cleanup_(direct_done) struct direct d = { 0 };
	struct endpoint endpoint;
	const char *text;
	size_t n;
	int r;

	if (c->status) {
		text = ask_text(cJSON_GetObjectItemCaseSensitive(c->status, "connection"), "endpoint");
		if (take_endpoint(c, text, strlen(text), &endpoint))
			check_by_module(c, &endpoint);
		return;
	}
	if (!c->settings)
		return;
	r = direct_init(&d, c);
	if (r < 0) {
		check_say(c, CHECK_WARNING, TOPIC, "%s: %s", c->where.state, strerror(-r));
		return;
	}
	text = dict_get(d.dict, KEY_ENDPOINT, &n);
	if (take_endpoint(c, text, n, &endpoint))
		check_here(c, &d, &endpoint);
}
