/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/reports.h"

#include "fake/temp.h"
#include "fake/timer.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct reports *present;

void __wrap_netstat_read(struct netstat *ret);
void __wrap_netstat_read(struct netstat *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tcp = (struct netstat_ports){ true, 1, 1, { { 22, "" } } };
	ret->interfaces.known = true;
	ret->interfaces.count = 1;
	(void)snprintf(ret->interfaces.all[0].name, IFNAMSIZ, "eth0");
	ret->interfaces.all[0].traffic.bytes_in = present->bytes_in;
}

static struct reports *ours(void *userdata)
{
	ck_assert_ptr_eq(userdata, present);
	return userdata;
}

static void on_sample(void *userdata, struct metrics_counts *ret, int64_t *ret_now)
{
	struct reports *r = ours(userdata);

	*ret = r->counts;
	*ret_now = r->now;
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, struct done done)
{
	struct reports *r = ours(userdata);

	ck_assert_str_eq(topic, REPORTS_TOPIC);
	if (r->publish_result < 0)
		return r->publish_result;
	free(r->report);
	r->report = strndup(payload, n);
	r->published = done;
	if (!r->dead)
		done_call(&r->published, 0);
	return 0;
}

static int on_subscribe(void *userdata, const char *filter, struct done done)
{
	struct reports *r = ours(userdata);

	ck_assert_str_eq(filter, REPORTS_TOPIC "/+");
	r->asked++;
	if (r->subscribe_result < 0)
		return r->subscribe_result;
	if (r->withhold)
		r->subscribed = done;
	else
		done_call(&done, r->subscribe_result);
	return 0;
}

static void start(struct reports *r)
{
	const struct defender_events events = { on_sample, on_publish, on_subscribe, r };

	ck_assert_int_eq(defender_new(&r->defender, r->event, "thing", r->dir, &events), 0);
	defender_start(r->defender);
}

void reports_make(struct reports *r)
{
	memset(r, 0, sizeof(*r));
	present = r;
	ck_assert_int_ge(sd_event_new(&r->event), 0);
	r->dir = temp_dir();
	r->now = REPORTS_NOW;
	start(r);
}

void reports_done(struct reports *r)
{
	ck_assert_ptr_null(defender_free(r->defender));
	ck_assert_ptr_null(defender_free(NULL));
	sd_event_unref(r->event);
	temp_remove(r->dir);
	free(r->report);
}

void reports_restart(struct reports *r)
{
	r->defender = defender_free(r->defender);
	start(r);
}

void reports_finish(struct reports *r)
{
	ck_assert_int_gt(sd_event_run(r->event, UINT64_C(60000000)), 0);
}

cJSON *reports_take(struct reports *r)
{
	cJSON *json;

	ck_assert_ptr_nonnull(r->report);
	json = cJSON_Parse(r->report);
	ck_assert_ptr_nonnull(json);
	free(r->report);
	r->report = NULL;
	return json;
}

const cJSON *reports_member(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static double custom(const cJSON *json, const char *name)
{
	const cJSON *values = reports_member(reports_member(json, "custom_metrics"), name);

	return reports_member(cJSON_GetArrayItem(values, 0), "number")->valuedouble;
}

void reports_sends(struct reports *r, double id, double sent)
{
	_cleanup_(freep) char *kept = NULL;
	cJSON *json;

	if (!r->report)
		reports_finish(r);
	json = reports_take(r);
	ck_assert_double_eq(reports_member(reports_member(json, "header"), "report_id")->valuedouble, id);
	ck_assert_double_eq(custom(json, "MessagesSent"), sent);
	cJSON_Delete(json);
	kept = temp_read(r->dir, "defender", NULL);
	ck_assert_double_eq(strtod(kept, NULL), id);
}

void reports_silent(struct reports *r, uint64_t ms)
{
	unsigned before = r->asked;

	fake_timer_pass(ms);
	ck_assert_int_eq(sd_event_run(r->event, 0), 0);
	ck_assert_uint_eq(r->asked, before);
	ck_assert_ptr_null(r->report);
}

void reports_text(struct reports *r, const char *topic, const char *payload)
{
	defender_message(r->defender, topic, payload, strlen(payload));
}

void reports_accepted(struct reports *r, unsigned id)
{
	char payload[128];

	(void)snprintf(payload, sizeof(payload),
		       "{\"thingName\":\"thing\",\"reportId\":%u,\"status\":\"ACCEPTED\",\"timestamp\":1}", id);
	reports_text(r, REPORTS_ACCEPTED, payload);
}

void reports_outcome_is(const struct reports *r, enum defender_outcome outcome)
{
	struct defender_info info;

	defender_get_info(r->defender, &info);
	ck_assert_str_eq(defender_outcome_name(info.outcome), defender_outcome_name(outcome));
}
