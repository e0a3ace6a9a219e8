/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/keeper.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WRITES 4

struct keeper {
	struct write {
		struct record record;
		struct done done;
	} writes[WRITES];
};

static struct fake_keeper fake;
static struct keeper *present;

struct fake_keeper *fake_keeper(void)
{
	return &fake;
}

void fake_keeper_clear(void)
{
	fake = (struct fake_keeper){ .at_once = true };
}

int keeper_new(struct keeper **ret, sd_event *event, const char *dir)
{
	ck_assert_ptr_nonnull(event);
	ck_assert_ptr_nonnull(dir);
	ck_assert_ptr_null(present);
	present = calloc(1, sizeof(*present));
	ck_assert_ptr_nonnull(present);
	*ret = present;
	return 0;
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	ck_assert_ptr_eq(k, present);
	present = NULL;
	fake.waiting = 0;
	free(k);
	return NULL;
}

void keeper_load(struct keeper *k, struct record *ret)
{
	ck_assert_ptr_eq(k, present);
	*ret = fake.disk;
}

void keeper_save(struct keeper *k, const struct record *record, struct done done)
{
	ck_assert_ptr_eq(k, present);
	ck_assert_uint_lt(fake.waiting, WRITES);
	fake.saves++;
	k->writes[fake.waiting].record = *record;
	k->writes[fake.waiting++].done = done;
	if (fake.at_once)
		fake_keeper_done(fake.result);
}

void fake_keeper_done(int r)
{
	struct done done = present->writes[0].done;

	ck_assert_uint_gt(fake.waiting, 0);
	if (r == 0)
		fake.disk = present->writes[0].record;
	fake.waiting--;
	memmove(&present->writes[0], &present->writes[1], fake.waiting * sizeof(present->writes[0]));
	done_call(&done, r);
}
