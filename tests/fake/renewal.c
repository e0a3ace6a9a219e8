/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/renewal.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct renewal {
	struct renewal_events events;
};

static struct fake_renewal fake;
static struct renewal *present;

struct fake_renewal *fake_renewal(void)
{
	return &fake;
}

int renewal_new(struct renewal **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const struct renewal_events *events)
{
	ck_assert(event && settings && dict && epoch);
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	present->events = *events;
	fake = (struct fake_renewal){ 0 };
	*ret = present;
	return 0;
}

struct renewal *renewal_free(struct renewal *r)
{
	free(r);
	return NULL;
}

const char *renewal_job(const struct renewal *r)
{
	ck_assert_ptr_eq(r, present);
	return fake.running ? fake.id : NULL;
}

bool renewal_is(const struct renewal *r, const struct jobs_execution *execution, const struct document *document)
{
	return renewal_job(r) && strcmp(fake.id, execution->id) == 0 && fake.number == execution->number &&
	       fake.document.type == document->type && fake.document.size == document->size;
}

void renewal_begin(struct renewal *r, const struct jobs_execution *execution, const struct document *document)
{
	ck_assert_ptr_null(renewal_job(r));
	(void)snprintf(fake.id, sizeof(fake.id), "%s", execution->id);
	fake.number = execution->number;
	fake.document = *document;
	fake.running = true;
	fake.writing = false;
	fake.begins++;
}

bool renewal_stop(struct renewal *r)
{
	bool stopped = renewal_job(r) && !fake.writing;

	if (stopped)
		fake.running = false;
	return stopped;
}

bool renewal_message(struct renewal *r, const char *topic, const void *payload, size_t n)
{
	ck_assert_ptr_eq(r, present);
	(void)topic;
	(void)payload;
	(void)n;
	return false;
}

void fake_renewal_end(enum jobs_status status, const char *reason)
{
	struct record_result result = { .number = fake.number, .status = status };

	ck_assert(fake.running);
	memcpy(result.id, fake.id, sizeof(result.id));
	(void)snprintf(result.reason, sizeof(result.reason), "%s", reason);
	fake.running = false;
	present->events.on_result(present->events.userdata, &result);
}
