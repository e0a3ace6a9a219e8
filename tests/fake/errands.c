/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/errands.h"

#include "fake/timer.h"

#include <check.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static struct errands *present;

static struct errands *ours(void *userdata)
{
	ck_assert_ptr_eq(userdata, present);
	return userdata;
}

static void tell(struct errands *t, const char *format, ...) _printf_(2, 3);
static void tell(struct errands *t, const char *format, ...)
{
	size_t n = strlen(t->told);
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(t->told + n, sizeof(t->told) - n, format, ap);
	va_end(ap);
	if (t->on_told)
		t->on_told();
}

static const char *describe(const struct jobs_execution *e)
{
	static char text[256];
	char *document = e->document ? cJSON_PrintUnformatted(e->document) : NULL;

	(void)snprintf(text, sizeof(text), "%s %d #%lld v%lld %s", e->id, (int)e->status, (long long)e->number,
		       (long long)e->version, document ? document : "-");
	cJSON_free(document);
	return text;
}

static void on_next(void *userdata, const struct jobs_execution *next)
{
	tell(ours(userdata), "next %s;", next ? describe(next) : "none");
}

static void on_described(void *userdata, const struct jobs_execution *e, const char *code)
{
	struct errands *t = ours(userdata);

	if (code)
		tell(t, "described %s: '%s';", e->id, code);
	else
		tell(t, "described %s;", describe(e));
}

static void on_pending(void *userdata, const struct jobs_execution *all, size_t n)
{
	char text[512] = "";

	for (size_t i = 0; i < n; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), " %s/%d", all[i].id,
			       (int)all[i].status);
	tell(ours(userdata), "pending%s;", text);
}

static void on_updated(void *userdata, const char *id, const char *code)
{
	tell(ours(userdata), "updated %s: %s;", id, code ? *code ? code : "''" : "yes");
}

static int publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	cJSON *root = payload_parse(payload, n);
	struct errands *t = ours(userdata);

	ck_assert_ptr_nonnull(root);
	if (t->sent.result < 0) {
		cJSON_Delete(root);
		return t->sent.result;
	}
	(void)snprintf(t->sent.topic, sizeof(t->sent.topic), "%s", topic);
	(void)snprintf(t->sent.payload, sizeof(t->sent.payload), "%.*s", (int)n, (const char *)payload);
	(void)snprintf(t->sent.token, sizeof(t->sent.token), "%s", payload_text(root, "clientToken"));
	ck_assert_uint_gt(strlen(t->sent.token), 0);
	t->sent.qos = qos;
	t->sent.count++;
	cJSON_Delete(root);
	return 0;
}

void errands_make(struct errands *t)
{
	const struct jobs_events events = {
		.on_next = on_next,
		.on_described = on_described,
		.on_pending = on_pending,
		.on_updated = on_updated,
		.publish = publish,
		.userdata = t,
	};

	memset(t, 0, sizeof(*t));
	present = t;
	ck_assert_int_ge(sd_event_new(&t->event), 0);
	ck_assert_int_eq(jobs_new(&t->jobs, t->event, ERRANDS_THING, &events), 0);
}

void errands_done(struct errands *t)
{
	ck_assert_ptr_null(jobs_free(t->jobs));
	ck_assert_ptr_null(jobs_free(NULL));
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	sd_event_unref(t->event);
}

void errands_message(struct errands *t, const char *topic, const char *payload)
{
	const char *at = strchr(payload, '@');
	char where[256], what[8192];

	(void)snprintf(where, sizeof(where), ERRANDS_TOPICS "%s", topic);
	if (at)
		(void)snprintf(what, sizeof(what), "%.*s%s%s", (int)(at - payload), payload, t->sent.token, at + 1);
	else
		(void)snprintf(what, sizeof(what), "%s", payload);
	ck_assert(jobs_message(t->jobs, where, what, strlen(what)));
}

void errands_up(struct errands *t)
{
	jobs_up(t->jobs);
	errands_message(t, "$next/get/accepted", "{\"timestamp\":1,\"clientToken\":\"" JOBS_FIRST_TOKEN "\"}");
	errands_assert_told(t, "next none;");
	ck_assert_uint_eq(t->sent.count, 0);
}

int errands_update(struct errands *t, const char *id, enum jobs_status status, const char *value, bool progress)
{
	const struct jobs_update u = {
		.id = id, .status = status, .key = "reason", .value = value, .progress = progress
	};

	return jobs_update(t->jobs, &u);
}

void errands_assert_sent(const struct errands *t, unsigned count, const char *topic, int qos)
{
	ck_assert_uint_eq(t->sent.count, count);
	ck_assert_str_eq(t->sent.topic, topic);
	ck_assert_int_eq(t->sent.qos, qos);
	ck_assert_uint_le(strlen(t->sent.token), 64);
}

void errands_assert_told(struct errands *t, const char *text)
{
	ck_assert_str_eq(t->told, text);
	t->told[0] = '\0';
}
