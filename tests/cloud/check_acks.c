/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/acks.h"

#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct acks acks;
static char told[256]; /* "number:result " in the order of the calls */
static bool open_within, settle_within;

static void on_done(void *who, uint64_t number, int r)
{
	size_t n = strlen(told);

	ck_assert_ptr_eq(who, &acks);
	(void)snprintf(told + n, sizeof(told) - n, "%u:%d ", (unsigned)number, r);
	if (open_within) {
		open_within = false;
		ck_assert(!acks_full(&acks)); /* its own place is free again */
		acks_open(&acks, 99, (struct done){ .fn = on_done, .who = &acks, .number = 99 });
	}
	if (settle_within)
		acks_settle(&acks);
}

static void open_one(unsigned number)
{
	acks_open(&acks, (int)number, (struct done){ .fn = on_done, .who = &acks, .number = number });
}

/* What was told since the last time. */
static const char *heard(void)
{
	static char text[256];

	acks_settle(&acks);
	(void)snprintf(text, sizeof(text), "%s", told);
	told[0] = '\0';
	return text;
}

START_TEST(one)
{
	open_one(7);
	ck_assert_str_eq(heard(), "");
	ck_assert(acks_note(&acks, 7, 0));
	ck_assert_str_eq(told, ""); /* not before it is settled */
	ck_assert_str_eq(heard(), "7:0 ");
	ck_assert_str_eq(heard(), "");
	ck_assert(!acks_note(&acks, 7, 0));
}
END_TEST

START_TEST(found_by_number)
{
	open_one(1);
	open_one(2);
	open_one(3);
	ck_assert(!acks_note(&acks, 4, 0));
	ck_assert(acks_note(&acks, 2, 4));
	ck_assert(!acks_note(&acks, 2, 0)); /* the first word counts */
	ck_assert_str_eq(heard(), "2:4 ");
	ck_assert(acks_note(&acks, 3, 0));
	ck_assert(acks_note(&acks, 1, 0));
	ck_assert_str_eq(heard(), "1:0 3:0 ");
}
END_TEST

START_TEST(all_at_once)
{
	open_one(1);
	open_one(2);
	ck_assert(acks_note(&acks, 2, 0));
	acks_note_all(&acks, -ECONNRESET);
	ck_assert(!acks_note(&acks, 1, 0));
	ck_assert_str_eq(told, "");
	ck_assert_str_eq(heard(), "1:-104 2:0 ");
	acks_note_all(&acks, -ECONNRESET);
	ck_assert_str_eq(heard(), "");
}
END_TEST

START_TEST(bounded)
{
	for (unsigned i = 0; i < ACKS_MAX; i++) {
		ck_assert(!acks_full(&acks));
		open_one(i);
	}
	ck_assert(acks_full(&acks));
	ck_assert(acks_note(&acks, 5, 0));
	ck_assert(acks_full(&acks)); /* until it is told */
	ck_assert_str_eq(heard(), "5:0 ");
	ck_assert(!acks_full(&acks));
}
END_TEST

/* A completion may ask for more: the next command runs inside it. */
START_TEST(opened_within)
{
	for (unsigned i = 0; i < ACKS_MAX; i++)
		open_one(i);
	acks_note_all(&acks, -ECANCELED);
	open_within = true;
	acks_settle(&acks);
	ck_assert_ptr_null(strstr(told, "99:"));
	told[0] = '\0';
	ck_assert(acks_note(&acks, 99, 0));
	ck_assert_str_eq(heard(), "99:0 ");
}
END_TEST

START_TEST(settled_within)
{
	settle_within = true;
	open_one(1);
	open_one(2);
	open_one(3);
	acks_note_all(&acks, 0);
	ck_assert_str_eq(heard(), "1:0 2:0 3:0 ");
	ck_assert_uint_eq(acks.noted, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("acks");
	TCase *tc = tcase_create("acks");

	tcase_add_test(tc, one);
	tcase_add_test(tc, found_by_number);
	tcase_add_test(tc, all_at_once);
	tcase_add_test(tc, bounded);
	tcase_add_test(tc, opened_within);
	tcase_add_test(tc, settled_within);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
