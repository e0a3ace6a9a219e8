/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/history.h"

#include "fake/suite.h"
#include "fake/timer.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

static const struct attempt_report report = {
	.address = "192.0.2.1", .tls = "TLSv1.3 X", .tries = 2, .name_ms = 1, .tcp_ms = 2, .tls_ms = 3, .jobs_ms = 4
};
static struct history *h;

static void setup(void)
{
	ck_assert_int_eq(history_new(&h), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(history_free(h));
	ck_assert_ptr_null(history_free(NULL));
}

static void note_failure(unsigned number)
{
	struct fault fault;

	fault_set(&fault, HINT_TLS, "failure %u", number);
	history_note(h, "endpoint", &report, &fault);
}

START_TEST(empty)
{
	ck_assert_ptr_null(history_get(h, 0));
	history_ended(h, "nothing");
	ck_assert_ptr_null(history_get(h, 0));
}
END_TEST

START_TEST(a_failure)
{
	const struct history_entry *entry;
	time_t before = time(NULL);

	note_failure(1);
	entry = history_get(h, 0);
	ck_assert_uint_eq(entry->number, 1);
	ck_assert_int_ge(entry->at, before);
	ck_assert_int_le(entry->at, time(NULL));
	ck_assert_str_eq(entry->endpoint, "endpoint");
	ck_assert(!entry->connected);
	ck_assert_int_eq((int)entry->fault.hint, HINT_TLS);
	ck_assert_str_eq(entry->fault.detail, "failure 1");
	ck_assert_str_eq(entry->report.address, "192.0.2.1");
	ck_assert_uint_eq(entry->report.jobs_ms, 4);
	history_ended(h, "it never was up");
	ck_assert_int_eq(entry->lost_at, 0);
	ck_assert_str_eq(entry->reason, "");
}
END_TEST

START_TEST(a_connection_and_its_end)
{
	const struct history_entry *entry;

	fake_timer_pass(1234);
	history_note(h, "endpoint", &report, NULL);
	entry = history_get(h, 0);
	ck_assert(entry->connected);
	ck_assert_uint_eq(entry->connected_ms, timer_now());
	ck_assert_int_eq(entry->lost_at, 0);
	history_ended(h, "first reason");
	ck_assert_int_ne(entry->lost_at, 0);
	history_ended(h, "second reason");
	ck_assert_str_eq(entry->reason, "first reason");
	note_failure(2);
	history_ended(h, "third reason");
	ck_assert_str_eq(history_get(h, 1)->reason, "first reason");
}
END_TEST

/* What never went on line is in the log, but would push out what tells more. */
START_TEST(only_what_went_on_line)
{
	struct fault fault;

	note_failure(1);
	fault_set(&fault, HINT_BACKOFF, "Retry in 9 s");
	history_note(h, "endpoint", NULL, &fault);
	ck_assert_str_eq(history_get(h, 0)->fault.detail, "failure 1");
	ck_assert_ptr_null(history_get(h, 1));
}
END_TEST

START_TEST(the_last_twenty)
{
	char text[32];

	for (unsigned i = 1; i <= 47; i++) {
		note_failure(i);
		for (unsigned back = 0; back < HISTORY_MAX && back < i; back++) {
			snprintf(text, sizeof(text), "failure %u", i - back);
			ck_assert_str_eq(history_get(h, back)->fault.detail, text);
			ck_assert_uint_eq(history_get(h, back)->number, i - back);
		}
		ck_assert_ptr_null(history_get(h, i < HISTORY_MAX ? i : HISTORY_MAX));
	}
}
END_TEST

START_TEST(long_texts_are_cut)
{
	char text[500];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	history_note(h, text, &report, NULL);
	history_ended(h, text);
	ck_assert_uint_eq(strlen(history_get(h, 0)->endpoint), ENDPOINT_MAX);
	ck_assert_uint_eq(strlen(history_get(h, 0)->reason), HISTORY_REASON);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("history");
	TCase *tc = tcase_create("history");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, empty);
	tcase_add_test(tc, a_failure);
	tcase_add_test(tc, a_connection_and_its_end);
	tcase_add_test(tc, only_what_went_on_line);
	tcase_add_test(tc, the_last_twenty);
	tcase_add_test(tc, long_texts_are_cut);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
