/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/jobs.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct jobs {
	struct jobs_events events;
};

static struct fake_jobs fake;
static struct jobs *present;

struct fake_jobs *fake_jobs(void)
{
	return &fake;
}

void fake_jobs_forget(void)
{
	fake.next = fake.pending = fake.describes = fake.updates = fake.progress = 0;
}

int jobs_new(struct jobs **ret, sd_event *event, const char *thing_name, const struct jobs_events *events)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_nonnull(thing_name);
	ck_assert_ptr_null(present);
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	present->events = *events;
	fake = (struct fake_jobs){ 0 };
	*ret = present;
	return 0;
}

struct jobs *jobs_free(struct jobs *j)
{
	if (!j)
		return NULL;
	ck_assert_ptr_eq(j, present);
	present = NULL;
	free(j);
	return NULL;
}

void jobs_up(struct jobs *j)
{
	ck_assert_ptr_eq(j, present);
	fake.up = true;
}

void jobs_down(struct jobs *j)
{
	ck_assert_ptr_eq(j, present);
	fake.up = fake.describing = fake.updating = false;
}

bool jobs_message(struct jobs *j, const char *topic, const void *payload, size_t n)
{
	ck_assert_ptr_eq(j, present);
	(void)payload;
	(void)n;
	(void)snprintf(fake.heard, sizeof(fake.heard), "%s", topic);
	return strstr(topic, "/jobs/") != NULL;
}

static int question(struct jobs *j)
{
	ck_assert_ptr_eq(j, present);
	return fake.up ? fake.result : -ENOTCONN;
}

int jobs_ask_next(struct jobs *j)
{
	int r = question(j);

	fake.next += r == 0;
	return r;
}

int jobs_ask_pending(struct jobs *j)
{
	int r = question(j);

	fake.pending += r == 0;
	return r;
}

int jobs_describe(struct jobs *j, const char *id)
{
	int r = question(j);

	ck_assert(!fake.describing);
	if (r < 0)
		return r;
	fake.describes++;
	fake.describing = true;
	(void)snprintf(fake.described, sizeof(fake.described), "%s", id);
	return 0;
}

int jobs_update(struct jobs *j, const struct jobs_update *update)
{
	int r = question(j);

	if (r == 0 && fake.updating)
		r = -EBUSY;
	if (r < 0)
		return r;
	fake.updates++;
	fake.progress += update->progress;
	fake.updating = !update->progress;
	(void)snprintf(fake.id, sizeof(fake.id), "%s", update->id);
	fake.number = update->number;
	fake.version = update->version;
	fake.status = update->status;
	(void)snprintf(fake.key, sizeof(fake.key), "%s", update->key);
	(void)snprintf(fake.value, sizeof(fake.value), "%s", update->value);
	return 0;
}

/* --- what the service says --- */

static cJSON *set(struct jobs_execution *e, const char *id, int64_t number, enum jobs_status status,
		  const char *document)
{
	cJSON *json = document ? cJSON_Parse(document) : NULL;

	ck_assert(!document || json);
	*e = (struct jobs_execution){ .number = number, .status = status, .document = json };
	(void)snprintf(e->id, sizeof(e->id), "%s", id);
	return json;
}

void fake_jobs_next(const char *id, int64_t number, enum jobs_status status, const char *document)
{
	struct jobs_execution e;
	cJSON *json;

	if (!id) {
		present->events.on_next(present->events.userdata, NULL);
		return;
	}
	json = set(&e, id, number, status, document);
	present->events.on_next(present->events.userdata, &e);
	cJSON_Delete(json);
}

void fake_jobs_described(const char *id, int64_t number, enum jobs_status status, const char *document,
			 const char *code)
{
	struct jobs_execution e;
	cJSON *json = set(&e, id, number, status, document);

	ck_assert(fake.describing);
	ck_assert_str_eq(fake.described, id);
	fake.describing = false;
	present->events.on_described(present->events.userdata, &e, code);
	cJSON_Delete(json);
}

void fake_jobs_updated(const char *code)
{
	char id[JOBS_MAX_ID + 1];

	ck_assert(fake.updating);
	fake.updating = false;
	memcpy(id, fake.id, sizeof(id));
	present->events.on_updated(present->events.userdata, id, code);
}

void fake_jobs_pending(const struct fake_pending *all, size_t n)
{
	struct jobs_execution e[JOBS_MAX_PENDING];

	ck_assert_uint_le(n, ELEMENTS(e));
	for (size_t i = 0; i < n; i++)
		(void)set(&e[i], all[i].id, all[i].number, JOBS_QUEUED, NULL);
	present->events.on_pending(present->events.userdata, e, n);
}
