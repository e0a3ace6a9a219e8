/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/fetch.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct fetch {
	struct fetch_events events;
};

static struct fake_fetch fake;
static struct fetch *present;

struct fake_fetch *fake_fetch(void)
{
	return &fake;
}

int fetch_new(struct fetch **ret, sd_event *event, const char *ca_file, const struct fetch_events *events)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_nonnull(ca_file);
	ck_assert_ptr_null(present);
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	present->events = *events;
	fake = (struct fake_fetch){ 0 };
	*ret = present;
	return 0;
}

struct fetch *fetch_free(struct fetch *f)
{
	if (!f)
		return NULL;
	ck_assert_ptr_eq(f, present);
	present = NULL;
	free(f);
	return NULL;
}

int fetch_start(struct fetch *f, const struct fetch_target *target)
{
	ck_assert_ptr_eq(f, present);
	if (fake.start_result < 0)
		return fake.start_result;
	fake.running = true;
	fake.starts++;
	(void)snprintf(fake.url, sizeof(fake.url), "%s", target->url);
	fake.size = target->size;
	fake.have = target->have;
	fake.patience = target->patience;
	return 0;
}

void fetch_stop(struct fetch *f)
{
	ck_assert_ptr_eq(f, present);
	fake.running = false;
}

void fetch_go_on(struct fetch *f)
{
	ck_assert_ptr_eq(f, present);
	fake.gone_on++;
}

void fetch_renew(struct fetch *f, const char *url)
{
	ck_assert_ptr_eq(f, present);
	(void)snprintf(fake.url, sizeof(fake.url), "%s", url);
	fake.renewed++;
}

bool fake_fetch_data(uint64_t offset, const void *data, size_t n)
{
	ck_assert(fake.running);
	return present->events.on_data(present->events.userdata, offset, data, n);
}

void fake_fetch_complete(void)
{
	ck_assert(fake.running);
	fake.running = false;
	present->events.on_complete(present->events.userdata);
}

void fake_fetch_stale(void)
{
	ck_assert(fake.running);
	present->events.on_stale(present->events.userdata);
}

void fake_fetch_fail(const char *reason)
{
	ck_assert(fake.running);
	fake.running = false;
	present->events.on_failed(present->events.userdata, reason);
}
