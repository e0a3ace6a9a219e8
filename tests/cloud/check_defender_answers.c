/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/defender.c and what the service answers; and when it answers with the end of the connection, or not at all. */
#include "cloud/defender.h"

#include "at/error.h"
#include "fake/reports.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <string.h>

#define NOW   REPORTS_NOW
#define LEAST REPORTS_LEAST
#define DAY   REPORTS_DAY

static struct reports reports;

static void setup(void)
{
	reports_make(&reports);
}

static void teardown(void)
{
	reports_done(&reports);
}

/* --- answers --- */

static const struct {
	const char *topic, *payload;
} strange[] = {
	{ REPORTS_ACCEPTED, "" },
	{ REPORTS_ACCEPTED, "{" },
	{ REPORTS_ACCEPTED, "[]" },
	{ REPORTS_ACCEPTED, "{}" },
	{ REPORTS_ACCEPTED, "{\"reportId\":null}" },
	{ REPORTS_ACCEPTED, "{\"reportId\":\"x\"}" },
	{ REPORTS_ACCEPTED, "{\"reportId\":1799999999}" },
	{ REPORTS_ACCEPTED, "{\"reportId\":18000000000000000000000000000}" },
	{ REPORTS_REJECTED, "{\"reportId\":1799999999}" },
	{ REPORTS_REJECTED, "\"REJECTED\"" },
	{ REPORTS_REJECTED, "{\"a\":" },
	{ REPORTS_TOPIC, "{\"reportId\":1800000000}" },
	{ REPORTS_TOPIC "/other", "{\"reportId\":1800000000}" },
	{ "$aws/things/other/defender/metrics/json/accepted", "{\"reportId\":1800000000}" },
	{ "accepted", "{\"reportId\":1800000000}" },
};

START_TEST(strange_answers)
{
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	reports_text(&reports, strange[_i].topic, strange[_i].payload);
	reports_outcome_is(&reports, DEFENDER_WAITING);
	reports_accepted(&reports, NOW);
	reports_outcome_is(&reports, DEFENDER_ACCEPTED);

	/* Once is enough. */
	reports_text(&reports, REPORTS_REJECTED, "{}");
	reports_outcome_is(&reports, DEFENDER_ACCEPTED);
}
END_TEST

START_TEST(deep_answer)
{
	static char deep[200000];

	memset(deep, '[', sizeof(deep));
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	defender_message(reports.defender, REPORTS_REJECTED, deep, sizeof(deep));
	defender_message(reports.defender, REPORTS_REJECTED, deep, sizeof(deep) / 2);
	reports_outcome_is(&reports, DEFENDER_WAITING);
}
END_TEST

static const struct {
	const char *payload, *code, *message;
} refusals[] = {
	{ "{}", "", "" },
	{ "{\"statusDetails\":{\"ErrorCode\":\"InvalidPayload\",\"ErrorMessage\":\"Malformed\"}}", "InvalidPayload",
	  "Malformed" },
	{ "{\"reportId\":1800000000,\"statusDetails\":{\"ErrorCode\":\"A\\n\\u001b[0m\",\"ErrorMessage\":5}}",
	  "A\\x0A\\x1B[0m", "" },
	{ "{\"statusDetails\":[{\"ErrorCode\":\"A\"}]}", "", "" },
	{ "{\"statusDetails\":{\"ErrorCode\":\"a23456789b123456789c123456789d123456789e123456789f123456789gx\"}}",
	  "a23456789b123456789c123456789d123456789e123456789f123456789gx", "" },
	{ "{\"statusDetails\":{\"ErrorCode\":\"a23456789b123456789c123456789d123456789e123456789f123456789gxyz\"}}",
	  "a23456789b123456789c123456789d123456789e123456789f123456789gx", "" },
};

START_TEST(refused)
{
	struct defender_info info;

	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	reports_text(&reports, REPORTS_REJECTED, refusals[_i].payload);
	reports_outcome_is(&reports, DEFENDER_REJECTED);
	defender_get_info(reports.defender, &info);
	ck_assert_str_eq(info.code, refusals[_i].code);
	ck_assert_str_eq(info.message, refusals[_i].message);
	ck_assert_uint_eq(info.id, NOW);
	ck_assert_int_eq(info.at, NOW);
	ck_assert_uint_eq(info.reports, 1);

	/* The next one is about itself. */
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1, 0);
	reports_accepted(&reports, NOW + 1);
	defender_get_info(reports.defender, &info);
	ck_assert_str_eq(info.code, "");
}
END_TEST

/* --- what is not allowed --- */

START_TEST(subscription_refused)
{
	reports.subscribe_result = AT_ERR_PARAMETER;
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
}
END_TEST

START_TEST(subscription_comes_first)
{
	reports.withhold = true;
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	ck_assert_uint_eq(reports.asked, 1);
	ck_assert_int_eq(sd_event_run(reports.event, 0), 0);
	ck_assert_ptr_null(reports.report);
	done_call(&reports.subscribed, 0);
	reports_sends(&reports, NOW, 0);

	/* One that comes after its connection, and one that never comes. */
	defender_down(reports.defender, false);
	fake_timer_pass(LEAST);
	defender_up(reports.defender);
	ck_assert_uint_eq(reports.asked, 2);
	defender_down(reports.defender, true);
	done_call(&reports.subscribed, -ECONNRESET);
	defender_up(reports.defender);
	fake_timer_pass(LEAST);
	ck_assert_uint_eq(reports.asked, 3);
	reports.subscribe_result = -EBUSY;
	fake_timer_pass(LEAST);
	ck_assert_uint_eq(reports.asked, 4);
	done_call(&reports.subscribed, 0);
	reports_silent(&reports, 0);
	reports.subscribe_result = 0;
	reports.withhold = false;
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1, 0);
}
END_TEST

/* Nobody waits for the next interval. */
START_TEST(not_sent)
{
	reports.publish_result = -EBUSY;
	reports.counts.sent = 3;
	defender_set_interval(reports.defender, 86400);
	defender_up(reports.defender);
	reports_finish(&reports);
	ck_assert_ptr_null(reports.report);
	reports_outcome_is(&reports, DEFENDER_NONE);
	reports.publish_result = 0;
	reports_silent(&reports, LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 1, 3);
}
END_TEST

/* Nor when it cannot even begin: at connect, and at a tick. */
START_TEST(not_begun)
{
	reports.counts.sent = 3;
	fake_timer_pass(_i ? 12345 : 0);
	defender_set_interval(reports.defender, 86400);
	reports.subscribe_result = -EBUSY;
	defender_up(reports.defender);
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(reports.asked, i);
		reports_silent(&reports, LEAST - 1);
		if (i == 3)
			reports.subscribe_result = 0;
		fake_timer_pass(1);
	}
	ck_assert_uint_eq(reports.asked, 4);
	reports_sends(&reports, NOW, 3);
	reports_accepted(&reports, NOW);

	if (_i == 0)
		return;
	reports.subscribe_result = -EACCES;
	fake_timer_pass(DAY - 3 * LEAST);
	ck_assert_uint_eq(reports.asked, 5);
	reports.subscribe_result = 0;
	reports_silent(&reports, LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 1, 0);
}
END_TEST

/* The connection goes while the report is being made; and the module ends then, too. */
START_TEST(down_meanwhile)
{
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	defender_down(reports.defender, false);
	reports_finish(&reports);
	ck_assert_ptr_null(reports.report);
	fake_timer_pass(LEAST);
	defender_up(reports.defender);
	defender_set_interval(reports.defender, 0);
	reports_finish(&reports);
	ck_assert_ptr_null(reports.report);
	defender_set_interval(reports.defender, 300);
	fake_timer_pass(LEAST);
}
END_TEST

static void sends_something(void)
{
	reports_finish(&reports);
	ck_assert_ptr_nonnull(reports.report);
	free(reports.report);
	reports.report = NULL;
}

/* AWS IoT ends the connection instead of an acknowledgement, and would do so each time. */
static void lose(unsigned times, bool with_report)
{
	for (unsigned i = 0; i < times; i++) {
		reports.withhold = !with_report;
		reports.dead = with_report;
		defender_up(reports.defender);
		if (with_report)
			sends_something();
		defender_down(reports.defender, true);
		reports_silent(&reports, LEAST);
	}
	reports.withhold = reports.dead = false;
}

START_TEST(not_allowed)
{
	defender_set_interval(reports.defender, 300);
	lose(DEFENDER_LOSSES, _i);
	defender_up(reports.defender);
	reports_silent(&reports, DAY - LEAST - 1);
	reports.dead = true;
	fake_timer_pass(1);
	sends_something();
	reports.dead = false;

	/* Once more it is not answered, and once more it pauses: until the key or a reset. */
	defender_down(reports.defender, true);
	reports_silent(&reports, LEAST);
	defender_up(reports.defender);
	reports_silent(&reports, 2 * LEAST);
	defender_down(reports.defender, false);
	defender_reset(reports.defender);
	lose(DEFENDER_LOSSES, _i);
	defender_up(reports.defender);
	reports_silent(&reports, LEAST);
	defender_set_interval(reports.defender, 400);
	sends_something();
}
END_TEST

/* Losses that say nothing of what is allowed. */
START_TEST(losses_of_other_kinds)
{
	defender_set_interval(reports.defender, 300);
	for (unsigned i = 0; i < 4 * DEFENDER_LOSSES; i++) {
		defender_up(reports.defender);
		reports_sends(&reports, NOW + i, 0);
		if (i % 4 == 0)
			reports_accepted(&reports, NOW + i);
		if (i % 4 == 1)
			fake_timer_pass(DEFENDER_ANSWER_MS);
		/* Of the fourth kind: it was acknowledged, at least. */
		defender_down(reports.defender, i % 4 != 2);
		reports_silent(&reports, LEAST);
	}
}
END_TEST

/* A host that is not connected for long, or a network that breaks, in front of a server that does not answer. */
START_TEST(short_connections)
{
	defender_set_interval(reports.defender, 300);
	for (unsigned i = 0; i < 2 * DEFENDER_LOSSES; i++) {
		defender_up(reports.defender);
		reports_sends(&reports, NOW + i, 0);
		defender_down(reports.defender, _i);
		reports_silent(&reports, LEAST);
	}
}
END_TEST

/* A server that forgot to acknowledge, and a network that then broke. */
START_TEST(late_losses)
{
	defender_set_interval(reports.defender, 300);
	for (unsigned i = 0; i < 2 * DEFENDER_LOSSES; i++) {
		reports.withhold = true;
		defender_up(reports.defender);
		fake_timer_pass(DEFENDER_ANSWER_MS);
		defender_down(reports.defender, true);
		reports_silent(&reports, LEAST);
	}
	reports.withhold = false;
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("defender_answers");
	TCase *tc = tcase_create("defender_answers");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, strange_answers, 0, (int)ELEMENTS(strange));
	tcase_add_test(tc, deep_answer);
	tcase_add_loop_test(tc, refused, 0, (int)ELEMENTS(refusals));
	tcase_add_test(tc, subscription_refused);
	tcase_add_test(tc, subscription_comes_first);
	tcase_add_test(tc, not_sent);
	tcase_add_loop_test(tc, not_begun, 0, 2);
	tcase_add_test(tc, down_meanwhile);
	tcase_add_loop_test(tc, not_allowed, 0, 2);
	tcase_add_test(tc, losses_of_other_kinds);
	tcase_add_loop_test(tc, short_connections, 0, 2);
	tcase_add_test(tc, late_losses);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
