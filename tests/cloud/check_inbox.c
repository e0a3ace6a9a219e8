/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/inbox.h"

#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static sd_event *event;
static struct inbox *inbox;
static char heard[1024];
static size_t count;
static void (*on_letter)(void);

static void on_message(void *userdata, const char *topic, const void *payload, size_t n)
{
	size_t used = strlen(heard);

	ck_assert_ptr_eq(userdata, &count);
	if (count < 32)
		(void)snprintf(heard + used, sizeof(heard) - used, "%s=%.*s;", topic, n < 16 ? (int)n : 16,
			       (const char *)payload);
	count++;
	if (on_letter)
		on_letter();
}

static void setup(void)
{
	heard[0] = '\0';
	count = 0;
	on_letter = NULL;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(inbox_new(&inbox, event, on_message, &count), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(inbox_free(inbox));
	ck_assert_ptr_null(inbox_free(NULL));
	sd_event_unref(event);
}

static void put(const char *topic, const char *payload)
{
	ck_assert_int_eq(inbox_put(inbox, topic, payload, strlen(payload)), 0);
}

/* How many turns of the loop there is something to do. */
static unsigned turns(void)
{
	unsigned n = 0;
	int r;

	while ((r = sd_event_run(event, 0)) > 0)
		n++;
	ck_assert_int_eq(r, 0);
	return n;
}

START_TEST(in_order)
{
	inbox_open(inbox);
	ck_assert_uint_eq(turns(), 0);
	put("a", "one");
	put("b/c", "");
	put("a", "three");
	ck_assert_str_eq(heard, ""); /* from the loop only */
	ck_assert_uint_eq(turns(), 3);
	ck_assert_str_eq(heard, "a=one;b/c=;a=three;");
	put("d", "4");
	ck_assert_uint_eq(turns(), 1);
	ck_assert_str_eq(heard, "a=one;b/c=;a=three;d=4;");
}
END_TEST

START_TEST(copies)
{
	char topic[] = "topic", payload[] = "x\0y";

	inbox_open(inbox);
	ck_assert_int_eq(inbox_put(inbox, topic, payload, 3), 0);
	memset(topic, '#', 5);
	memset(payload, '#', 3);
	ck_assert_uint_eq(turns(), 1);
	ck_assert_str_eq(heard, "topic=x;");
}
END_TEST

START_TEST(waits_until_open)
{
	put("a", "one");
	ck_assert_uint_eq(turns(), 0);
	inbox_open(inbox);
	put("a", "two");
	ck_assert_uint_eq(turns(), 2);
	ck_assert_str_eq(heard, "a=one;a=two;");

	/* The end of a connection, and the next one. */
	put("a", "three");
	inbox_clear(inbox);
	put("a", "four");
	ck_assert_uint_eq(turns(), 0);
	inbox_open(inbox);
	ck_assert_uint_eq(turns(), 1);
	ck_assert_str_eq(heard, "a=one;a=two;a=four;");
}
END_TEST

static void clear(void)
{
	inbox_clear(inbox);
}

static void put_more(void)
{
	if (count < 3)
		put("more", "");
}

START_TEST(from_within)
{
	inbox_open(inbox);
	put("a", "one");
	put("a", "two");
	on_letter = clear;
	ck_assert_uint_eq(turns(), 1);
	ck_assert_str_eq(heard, "a=one;");
	on_letter = put_more;
	inbox_open(inbox);
	put("b", "");
	ck_assert_uint_eq(turns(), 2);
	ck_assert_str_eq(heard, "a=one;b=;more=;");
}
END_TEST

/* Small messages count with what it costs to keep them. */
START_TEST(bounded)
{
	static char large[INBOX_MAX_BYTES];
	size_t n = 0;

	inbox_open(inbox);
	ck_assert_int_eq(inbox_put(inbox, "t", large, sizeof(large)), -ENOSPC);
	ck_assert_int_eq(inbox_put(inbox, "t", large, SIZE_MAX), -ENOSPC);
	for (unsigned i = 0; i < 7; i++)
		ck_assert_int_eq(inbox_put(inbox, "t", large, 128 * 1024), 0);
	ck_assert_int_eq(inbox_put(inbox, "t", large, 128 * 1024), -ENOSPC);
	ck_assert_int_eq(inbox_put(inbox, "t", large, 64 * 1024), 0);
	ck_assert_uint_eq(turns(), 8);

	while (inbox_put(inbox, "t", NULL, 0) == 0)
		n++;
	ck_assert_uint_gt(n, 1000);
	ck_assert_uint_le(n, INBOX_MAX_BYTES / sizeof(void *));
	count = 0;
	ck_assert_uint_eq(turns(), n);
	ck_assert_uint_eq(count, n);
	put("t", "again");
	ck_assert_uint_eq(turns(), 1);
}
END_TEST

START_TEST(freed_with_letters)
{
	inbox_open(inbox);
	put("a", "one");
	teardown();
	ck_assert_str_eq(heard, "");
	setup();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("inbox");
	TCase *tc = tcase_create("inbox");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, in_order);
	tcase_add_test(tc, copies);
	tcase_add_test(tc, waits_until_open);
	tcase_add_test(tc, from_within);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, freed_with_letters);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
