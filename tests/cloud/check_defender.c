/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/defender.h"

#include "fake/reports.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <errno.h>

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

/* --- when --- */

START_TEST(off)
{
	defender_up(reports.defender);
	reports_silent(&reports, 40 * DAY);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	reports_outcome_is(&reports, DEFENDER_NONE);
}
END_TEST

START_TEST(at_connect_and_each_interval)
{
	defender_set_interval(reports.defender, 1000);
	reports_silent(&reports, 500000);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	reports_accepted(&reports, NOW);

	/* The interval began when the key was set. */
	reports.now += 500;
	reports_silent(&reports, 499999);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 500, 0);
	reports.now += 1000;
	reports_silent(&reports, 999999);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 1500, 0);
}
END_TEST

/* The service's minimum, whatever the key says. */
START_TEST(no_more_often_than_allowed)
{
	defender_set_interval(reports.defender, 1);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	reports_silent(&reports, LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 1, 0);

	/* Nor with a new connection. */
	fake_timer_pass(1000);
	defender_down(reports.defender, false);
	defender_up(reports.defender);
	reports_silent(&reports, LEAST - 1001);
	defender_down(reports.defender, false);
	reports_silent(&reports, 10);
	defender_up(reports.defender);
	reports_sends(&reports, NOW + 2, 0);

	/* Nor with a new key. */
	defender_set_interval(reports.defender, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	reports_silent(&reports, 1000);
	defender_set_interval(reports.defender, 500);
	reports_silent(&reports, LEAST - 1001);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 3, 0);
}
END_TEST

START_TEST(goes_on_without_a_connection)
{
	defender_set_interval(reports.defender, 1000);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	fake_timer_pass(100000);
	defender_down(reports.defender, false);
	reports_silent(&reports, 3650000); /* until 3750 */
	defender_up(reports.defender);
	reports_sends(&reports, NOW + 1, 0);

	/* The fourth tick comes too soon after it. */
	reports_silent(&reports, LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 2, 0);
	reports_silent(&reports, 5000000 - 3750000 - LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 3, 0);
}
END_TEST

START_TEST(another_interval_at_once)
{
	defender_set_interval(reports.defender, 3600);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	fake_timer_pass(1000000);
	defender_set_interval(reports.defender, 1200);
	reports_silent(&reports, 199999);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 1, 0);
	defender_set_interval(reports.defender, 1200);
	fake_timer_pass(600000);
	defender_set_interval(reports.defender, 400);
	reports_sends(&reports, NOW + 2, 0);
	reports_silent(&reports, LEAST);
	defender_set_interval(reports.defender, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	reports_silent(&reports, DAY);
	defender_set_interval(reports.defender, 2592000);
	reports_sends(&reports, NOW + 3, 0);
	reports_silent(&reports, 2591999999);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 4, 0);
}
END_TEST

/* --- ids --- */

START_TEST(ids_rise)
{
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);

	/* Somebody sets the clock back, or it starts anew with the gateway. */
	reports.now = NOW - 100000;
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1, 0);
	reports.now = 0;
	reports_restart(&reports);
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_silent(&reports, LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 2, 0);
	reports.now = NOW + 1000;
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1000, 0);
}
END_TEST

/* In s: how late it is after the last report, and how long nothing may be sent. */
static const struct {
	int64_t later;
	unsigned wait;
} restarts[] = {
	{ 0, DEFENDER_LEAST_S },
	{ 1, DEFENDER_LEAST_S - 1 },
	{ DEFENDER_LEAST_S - 1, 1 },
	{ DEFENDER_LEAST_S, 0 },
	{ DEFENDER_LEAST_S + 1, 0 },
	{ 100000, 0 },
	/* Nobody knows how long it was off. */
	{ -1, DEFENDER_LEAST_S },
	{ -100000, DEFENDER_LEAST_S },
	{ -NOW, DEFENDER_LEAST_S },
};

START_TEST(minimum_over_a_restart)
{
	uint64_t wait = restarts[_i].wait * 1000ULL;

	reports.counts.sent = 1;
	defender_set_interval(reports.defender, 400);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 1);
	reports.now = NOW + restarts[_i].later;
	reports_restart(&reports);
	defender_set_interval(reports.defender, 400);
	defender_up(reports.defender);
	if (wait > 0) {
		reports_silent(&reports, wait - 1);
		fake_timer_pass(1);
	}
	reports_sends(&reports, restarts[_i].later > 0 ? (double)reports.now : NOW + 1, 1);
}
END_TEST

static const char *const damaged[] = { "", "x\n", "-5\n", "99999999999999\n", "1800000001\n\n" };

START_TEST(damaged_id)
{
	temp_text(reports.dir, "defender", damaged[_i]);
	reports_restart(&reports);
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
}
END_TEST

/* It goes out without being kept. */
START_TEST(id_not_kept)
{
	temp_remove(reports.dir);
	reports.dir = temp_dir();
	defender_set_interval(reports.defender, 300);
	defender_up(reports.defender);
	reports_finish(&reports);
	ck_assert_ptr_nonnull(reports.report);
	ck_assert_uint_eq(defender_writes(reports.defender), 0);
}
END_TEST

/* --- counting --- */

START_TEST(counts_since_the_last_accepted)
{
	defender_set_interval(reports.defender, 300);
	reports.counts.sent = 5;
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 5);
	reports.counts.sent = 7; /* while it is under way */
	reports_accepted(&reports, NOW);
	reports_outcome_is(&reports, DEFENDER_ACCEPTED);
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1, 2);
	reports.counts.sent = 10;
	reports_text(&reports, REPORTS_REJECTED,
		     "{\"thingName\":\"thing\",\"status\":\"REJECTED\",\"statusDetails\":{\"ErrorCode\":\"Throttled\","
		     "\"ErrorMessage\":\"Too many\"},\"timestamp\":1}");
	reports_outcome_is(&reports, DEFENDER_REJECTED);

	/* What was refused is not sent again before its time, but is not forgotten. */
	reports_silent(&reports, LEAST - 1);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 2, 5);
	reports_accepted(&reports, NOW + 2);
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 3, 0);
}
END_TEST

/* Not every server answers. */
START_TEST(no_answer)
{
	defender_set_interval(reports.defender, 300);
	reports.counts.sent = 5;
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 5);
	reports_outcome_is(&reports, DEFENDER_WAITING);
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1, 0);
	reports.counts.sent = 6;
	fake_timer_pass(DEFENDER_ANSWER_MS);
	defender_down(reports.defender, true);
	reports_outcome_is(&reports, DEFENDER_UNANSWERED);
	fake_timer_pass(LEAST);
	defender_up(reports.defender);
	reports_sends(&reports, NOW + 2, 1);
}
END_TEST

START_TEST(lost_with_its_connection)
{
	defender_set_interval(reports.defender, 300);
	reports.counts.sent = 5;
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 5);
	fake_timer_pass(DEFENDER_ANSWER_MS - 1);
	defender_down(reports.defender, false);
	reports_outcome_is(&reports, DEFENDER_LOST);
	fake_timer_pass(LEAST);
	defender_up(reports.defender);
	reports_accepted(&reports, NOW);
	reports_sends(&reports, NOW + 1, 5);
}
END_TEST

/* However long the module believes in it. */
START_TEST(line_that_is_dead)
{
	defender_set_interval(reports.defender, 86400);
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 0);
	reports_accepted(&reports, NOW);
	reports.counts.sent = 5;
	reports.dead = true;
	fake_timer_pass(DAY);
	reports_sends(&reports, NOW + 1, 5);
	fake_timer_pass(_i ? LEAST : DEFENDER_ANSWER_MS);
	reports_outcome_is(&reports, DEFENDER_WAITING);
	done_call(&reports.published, -ECONNRESET);
	defender_down(reports.defender, true);
	reports_outcome_is(&reports, DEFENDER_LOST);

	/* It is still due, at once if it may be. */
	reports.dead = false;
	defender_up(reports.defender);
	if (!_i) {
		reports_silent(&reports, LEAST - DEFENDER_ANSWER_MS - 1);
		fake_timer_pass(1);
	}
	reports_sends(&reports, NOW + 2, 5);
}
END_TEST

/* A server that does not acknowledge, and one that does when the next report is under way. */
START_TEST(never_acknowledged)
{
	struct done late;

	defender_set_interval(reports.defender, 300);
	reports.counts.sent = 5;
	reports.dead = true;
	defender_up(reports.defender);
	reports_sends(&reports, NOW, 5);
	late = reports.published;
	fake_timer_pass(LEAST);
	reports_sends(&reports, NOW + 1, 5);
	done_call(&late, 0);
	fake_timer_pass(DEFENDER_ANSWER_MS);
	defender_down(reports.defender, false);
	reports_outcome_is(&reports, DEFENDER_LOST);

	/* Late, but before the next one. */
	fake_timer_pass(LEAST);
	defender_up(reports.defender);
	reports_sends(&reports, NOW + 2, 5);
	fake_timer_pass(LEAST - 1);
	done_call(&reports.published, 0);
	fake_timer_pass(1);
	reports_sends(&reports, NOW + 3, 0);
}
END_TEST

static double metric(const cJSON *json, const char *group, const char *name)
{
	const cJSON *metrics = reports_member(json, "metrics");

	return reports_member(reports_member(metrics, group), name)->valuedouble;
}

START_TEST(traffic)
{
	cJSON *json;

	defender_set_interval(reports.defender, 300);
	reports.bytes_in = 1000;
	defender_up(reports.defender);
	reports_finish(&reports);
	json = reports_take(&reports);
	ck_assert_ptr_null(reports_member(reports_member(json, "metrics"), "network_stats")); /* since when? */
	ck_assert_double_eq(metric(json, "listening_tcp_ports", "total"), 1);
	cJSON_Delete(json);
	reports_accepted(&reports, NOW);
	for (unsigned i = 1; i <= 3; i++) {
		reports.bytes_in += 50;
		fake_timer_pass(LEAST);
		reports_finish(&reports);
		json = reports_take(&reports);
		ck_assert_double_eq(metric(json, "network_stats", "bytes_in"), i == 3 ? 100 : 50);
		cJSON_Delete(json);
		if (i == 1)
			reports_accepted(&reports, NOW + 1);
		else
			reports_text(&reports, REPORTS_REJECTED, "{}");
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("defender");
	TCase *tc = tcase_create("defender");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, off);
	tcase_add_test(tc, at_connect_and_each_interval);
	tcase_add_test(tc, no_more_often_than_allowed);
	tcase_add_test(tc, goes_on_without_a_connection);
	tcase_add_test(tc, another_interval_at_once);
	tcase_add_test(tc, ids_rise);
	tcase_add_loop_test(tc, minimum_over_a_restart, 0, (int)ELEMENTS(restarts));
	tcase_add_loop_test(tc, damaged_id, 0, (int)ELEMENTS(damaged));
	tcase_add_test(tc, id_not_kept);
	tcase_add_test(tc, counts_since_the_last_accepted);
	tcase_add_test(tc, no_answer);
	tcase_add_test(tc, lost_with_its_connection);
	tcase_add_loop_test(tc, line_that_is_dead, 0, 2);
	tcase_add_test(tc, never_acknowledged);
	tcase_add_test(tc, traffic);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
