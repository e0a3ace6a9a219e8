/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/streams.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct streams {
	struct streams_events events;
};

static struct fake_streams fake;
static struct streams *present;

struct fake_streams *fake_streams(void)
{
	return &fake;
}

int streams_new(struct streams **ret, sd_event *event, const char *thing_name, const struct streams_events *events)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_nonnull(thing_name);
	ck_assert_ptr_null(present);
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	present->events = *events;
	fake = (struct fake_streams){ 0 };
	*ret = present;
	return 0;
}

struct streams *streams_free(struct streams *s)
{
	if (!s)
		return NULL;
	ck_assert_ptr_eq(s, present);
	present = NULL;
	free(s);
	return NULL;
}

int streams_start(struct streams *s, const struct streams_target *target)
{
	ck_assert_ptr_eq(s, present);
	if (fake.start_result < 0)
		return fake.start_result;
	fake.running = true;
	fake.starts++;
	(void)snprintf(fake.stream, sizeof(fake.stream), "%s", target->stream);
	fake.file = target->file;
	fake.size = target->size;
	fake.have = target->have;
	fake.patience = target->patience;
	return 0;
}

void streams_stop(struct streams *s)
{
	ck_assert_ptr_eq(s, present);
	fake.running = false;
}

void streams_go_on(struct streams *s)
{
	ck_assert_ptr_eq(s, present);
	fake.gone_on++;
}

bool streams_message(struct streams *s, const char *topic, const void *payload, size_t n)
{
	(void)s;
	(void)topic;
	(void)payload;
	(void)n;
	return false;
}

bool fake_streams_block(uint64_t offset, const void *data, size_t n)
{
	ck_assert(fake.running);
	return present->events.on_block(present->events.userdata, offset, data, n);
}

void fake_streams_complete(void)
{
	ck_assert(fake.running);
	fake.running = false;
	present->events.on_complete(present->events.userdata);
}

void fake_streams_fail(const char *reason)
{
	ck_assert(fake.running);
	fake.running = false;
	present->events.on_failed(present->events.userdata, reason);
}
