/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/ping.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

struct ping {
	ping_fn fn;
	void *userdata;
};

static struct fake_ping fake;
static struct ping *present;

struct fake_ping *fake_ping(void)
{
	return &fake;
}

int ping_start(struct ping **ret, sd_event *event, const char *address, ping_fn fn, void *userdata)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_null(present);
	if (fake.start_result < 0)
		return fake.start_result;
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	present->fn = fn;
	present->userdata = userdata;
	fake.asked = true;
	fake.starts++;
	(void)snprintf(fake.address, sizeof(fake.address), "%s", address);
	*ret = present;
	return 0;
}

struct ping *ping_free(struct ping *p)
{
	if (!p)
		return NULL;
	ck_assert_ptr_eq(p, present);
	present = NULL;
	fake.asked = false;
	free(p);
	return NULL;
}

void fake_ping_end(const struct ping_result *result)
{
	ck_assert_ptr_nonnull(present);
	present->fn(present->userdata, result);
}
