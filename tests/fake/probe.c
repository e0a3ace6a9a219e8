/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/probe.h"

#include <check.h>
#include <stdlib.h>

struct probe {
	probe_fn fn;
	void *userdata;
};

static struct fake_probe fake;
static struct probe *present;

struct fake_probe *fake_probe(void)
{
	return &fake;
}

int probe_start(struct probe **ret, sd_event *event, const struct settings *settings, const struct dict *dict,
		const struct epoch *epoch, const struct endpoint *endpoint, uint64_t timeout_ms, probe_fn fn,
		void *userdata)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_nonnull(settings);
	ck_assert_ptr_nonnull(dict);
	ck_assert_ptr_nonnull(epoch);
	ck_assert_ptr_null(present);
	if (fake.start_result < 0)
		return fake.start_result;
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	present->fn = fn;
	present->userdata = userdata;
	fake.asked = true;
	fake.starts++;
	fake.endpoint = *endpoint;
	fake.timeout_ms = timeout_ms;
	*ret = present;
	return 0;
}

struct probe *probe_free(struct probe *p)
{
	if (!p)
		return NULL;
	ck_assert_ptr_eq(p, present);
	present = NULL;
	fake.asked = false;
	free(p);
	return NULL;
}

void fake_probe_end(const struct probe_report *report)
{
	ck_assert_ptr_nonnull(present);
	present->fn(present->userdata, report);
}
