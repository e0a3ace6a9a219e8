/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/defender.h"

#include "at/error.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define TOPIC    "$aws/things/thing/defender/metrics/json"
#define ACCEPTED TOPIC "/accepted"
#define REJECTED TOPIC "/rejected"
#define LEAST    (DEFENDER_LEAST_S * 1000ULL)
#define DAY      (DEFENDER_PAUSE_S * 1000ULL)
#define NOW      1800000000

static sd_event *event;
static char *dir;
static struct defender *defender;

/* What the module counts, and what the clock says. */
static struct metrics_counts counts;
static int64_t now;
static uint64_t bytes_in;

/* The connection. */
static char *report; /* the last one; NULL: none since it was taken */
static unsigned reports, asked;
static int publish_result, subscribe_result;
static bool withhold; /* the acknowledgement of the subscription */
static bool dead;     /* a line on which nothing is acknowledged */
static struct done subscribed, published;

void __wrap_netstat_read(struct netstat *ret);
void __wrap_netstat_read(struct netstat *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tcp = (struct netstat_ports){ true, 1, 1, { { 22, "" } } };
	ret->interfaces.known = true;
	ret->interfaces.count = 1;
	(void)snprintf(ret->interfaces.all[0].name, IFNAMSIZ, "eth0");
	ret->interfaces.all[0].traffic.bytes_in = bytes_in;
}

static void on_sample(void *userdata, struct metrics_counts *ret, int64_t *ret_now)
{
	ck_assert_ptr_eq(userdata, &defender);
	*ret = counts;
	*ret_now = now;
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, struct done done)
{
	ck_assert_ptr_eq(userdata, &defender);
	ck_assert_str_eq(topic, TOPIC);
	if (publish_result < 0)
		return publish_result;
	free(report);
	report = strndup(payload, n);
	reports++;
	published = done;
	if (!dead)
		done_call(&published, 0);
	return 0;
}

static int on_subscribe(void *userdata, const char *filter, struct done done)
{
	ck_assert_ptr_eq(userdata, &defender);
	ck_assert_str_eq(filter, TOPIC "/+");
	asked++;
	if (subscribe_result < 0)
		return subscribe_result;
	if (withhold)
		subscribed = done;
	else
		done_call(&done, subscribe_result);
	return 0;
}

static void make(void)
{
	const struct defender_events events = { on_sample, on_publish, on_subscribe, &defender };

	ck_assert_int_eq(defender_new(&defender, event, "thing", dir, &events), 0);
	defender_start(defender);
}

static void setup(void)
{
	ck_assert_int_ge(sd_event_new(&event), 0);
	dir = temp_dir();
	now = NOW;
	counts = (struct metrics_counts){ 0 };
	bytes_in = 0;
	reports = asked = 0;
	publish_result = subscribe_result = 0;
	withhold = dead = false;
	make();
}

static void teardown(void)
{
	ck_assert_ptr_null(defender_free(defender));
	ck_assert_ptr_null(defender_free(NULL));
	sd_event_unref(event);
	temp_remove(dir);
	free(report);
	report = NULL;
}

static void restart(void)
{
	defender = defender_free(defender);
	make();
}

/* A report is being made: until the loop has heard of it. */
static void finish(void)
{
	ck_assert_int_gt(sd_event_run(event, UINT64_C(60000000)), 0);
}

static cJSON *take(void)
{
	cJSON *json;

	ck_assert_ptr_nonnull(report);
	json = cJSON_Parse(report);
	ck_assert_ptr_nonnull(json);
	free(report);
	report = NULL;
	return json;
}

static const cJSON *in(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

static double custom(const cJSON *json, const char *name)
{
	return in(cJSON_GetArrayItem(in(in(json, "custom_metrics"), name), 0), "number")->valuedouble;
}

/* One goes out now: its id, MessagesSent. */
static void sends(double id, double sent)
{
	_cleanup_(freep) char *kept = NULL;
	cJSON *json;

	if (!report)
		finish();
	json = take();
	ck_assert_double_eq(in(in(json, "header"), "report_id")->valuedouble, id);
	ck_assert_double_eq(custom(json, "MessagesSent"), sent);
	cJSON_Delete(json);
	kept = temp_read(dir, "defender", NULL);
	ck_assert_double_eq(strtod(kept, NULL), id);
}

/* Nothing is under way, and nothing comes within this time. */
static void silent(uint64_t ms)
{
	unsigned before = asked;

	fake_timer_pass(ms);
	ck_assert_int_eq(sd_event_run(event, 0), 0);
	ck_assert_uint_eq(asked, before);
	ck_assert_ptr_null(report);
}

static void text(const char *topic, const char *payload)
{
	defender_message(defender, topic, payload, strlen(payload));
}

static void accepted(unsigned id)
{
	char payload[128];

	(void)snprintf(payload, sizeof(payload),
		       "{\"thingName\":\"thing\",\"reportId\":%u,\"status\":\"ACCEPTED\",\"timestamp\":1}", id);
	text(ACCEPTED, payload);
}

static void outcome_is(enum defender_outcome outcome)
{
	struct defender_info info;

	defender_get_info(defender, &info);
	ck_assert_str_eq(defender_outcome_name(info.outcome), defender_outcome_name(outcome));
}

/* --- when --- */

START_TEST(off)
{
	defender_up(defender);
	silent(40 * DAY);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	outcome_is(DEFENDER_NONE);
}
END_TEST

START_TEST(at_connect_and_each_interval)
{
	defender_set_interval(defender, 1000);
	silent(500000);
	defender_up(defender);
	sends(NOW, 0);
	accepted(NOW);

	/* The interval began when the key was set. */
	now += 500;
	silent(499999);
	fake_timer_pass(1);
	sends(NOW + 500, 0);
	now += 1000;
	silent(999999);
	fake_timer_pass(1);
	sends(NOW + 1500, 0);
}
END_TEST

/* The service's minimum, whatever the key says. */
START_TEST(no_more_often_than_allowed)
{
	defender_set_interval(defender, 1);
	defender_up(defender);
	sends(NOW, 0);
	silent(LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 1, 0);

	/* Nor with a new connection. */
	fake_timer_pass(1000);
	defender_down(defender, false);
	defender_up(defender);
	silent(LEAST - 1001);
	defender_down(defender, false);
	silent(10);
	defender_up(defender);
	sends(NOW + 2, 0);

	/* Nor with a new key. */
	defender_set_interval(defender, 0);
	silent(1000);
	defender_set_interval(defender, 500);
	silent(LEAST - 1001);
	fake_timer_pass(1);
	sends(NOW + 3, 0);
}
END_TEST

START_TEST(goes_on_without_a_connection)
{
	defender_set_interval(defender, 1000);
	defender_up(defender);
	sends(NOW, 0);
	fake_timer_pass(100000);
	defender_down(defender, false);
	silent(3650000); /* until 3750 */
	defender_up(defender);
	sends(NOW + 1, 0);

	/* The fourth tick comes too soon after it. */
	silent(LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 2, 0);
	silent(5000000 - 3750000 - LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 3, 0);
}
END_TEST

START_TEST(another_interval_at_once)
{
	defender_set_interval(defender, 3600);
	defender_up(defender);
	sends(NOW, 0);
	fake_timer_pass(1000000);
	defender_set_interval(defender, 1200);
	silent(199999);
	fake_timer_pass(1);
	sends(NOW + 1, 0);
	defender_set_interval(defender, 1200);
	fake_timer_pass(600000);
	defender_set_interval(defender, 400);
	sends(NOW + 2, 0);
	silent(LEAST);
	defender_set_interval(defender, 0);
	silent(DAY);
	defender_set_interval(defender, 2592000);
	sends(NOW + 3, 0);
	silent(2591999999);
	fake_timer_pass(1);
	sends(NOW + 4, 0);
}
END_TEST

/* --- ids --- */

START_TEST(ids_rise)
{
	defender_set_interval(defender, 300);
	defender_up(defender);
	sends(NOW, 0);

	/* Somebody sets the clock back, or it starts anew with the gateway. */
	now = NOW - 100000;
	fake_timer_pass(LEAST);
	sends(NOW + 1, 0);
	now = 0;
	restart();
	defender_set_interval(defender, 300);
	defender_up(defender);
	silent(LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 2, 0);
	now = NOW + 1000;
	fake_timer_pass(LEAST);
	sends(NOW + 1000, 0);
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

	counts.sent = 1;
	defender_set_interval(defender, 400);
	defender_up(defender);
	sends(NOW, 1);
	now = NOW + restarts[_i].later;
	restart();
	defender_set_interval(defender, 400);
	defender_up(defender);
	if (wait > 0) {
		silent(wait - 1);
		fake_timer_pass(1);
	}
	sends(restarts[_i].later > 0 ? (double)now : NOW + 1, 1);
}
END_TEST

static const char *const damaged[] = { "", "x\n", "-5\n", "99999999999999\n", "1800000001\n\n" };

START_TEST(damaged_id)
{
	temp_text(dir, "defender", damaged[_i]);
	restart();
	defender_set_interval(defender, 300);
	defender_up(defender);
	sends(NOW, 0);
}
END_TEST

/* It goes out without being kept. */
START_TEST(id_not_kept)
{
	temp_remove(dir);
	dir = temp_dir();
	defender_set_interval(defender, 300);
	defender_up(defender);
	finish();
	ck_assert_ptr_nonnull(report);
	ck_assert_uint_eq(defender_writes(defender), 0);
}
END_TEST

/* --- counting --- */

START_TEST(counts_since_the_last_accepted)
{
	defender_set_interval(defender, 300);
	counts.sent = 5;
	defender_up(defender);
	sends(NOW, 5);
	counts.sent = 7; /* while it is under way */
	accepted(NOW);
	outcome_is(DEFENDER_ACCEPTED);
	fake_timer_pass(LEAST);
	sends(NOW + 1, 2);
	counts.sent = 10;
	text(REJECTED,
	     "{\"thingName\":\"thing\",\"status\":\"REJECTED\",\"statusDetails\":{\"ErrorCode\":\"Throttled\","
	     "\"ErrorMessage\":\"Too many\"},\"timestamp\":1}");
	outcome_is(DEFENDER_REJECTED);

	/* What was refused is not sent again before its time, but is not forgotten. */
	silent(LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 2, 5);
	accepted(NOW + 2);
	fake_timer_pass(LEAST);
	sends(NOW + 3, 0);
}
END_TEST

/* Not every server answers. */
START_TEST(no_answer)
{
	defender_set_interval(defender, 300);
	counts.sent = 5;
	defender_up(defender);
	sends(NOW, 5);
	outcome_is(DEFENDER_WAITING);
	fake_timer_pass(LEAST);
	sends(NOW + 1, 0);
	counts.sent = 6;
	fake_timer_pass(DEFENDER_ANSWER_MS);
	defender_down(defender, true);
	outcome_is(DEFENDER_UNANSWERED);
	fake_timer_pass(LEAST);
	defender_up(defender);
	sends(NOW + 2, 1);
}
END_TEST

START_TEST(lost_with_its_connection)
{
	defender_set_interval(defender, 300);
	counts.sent = 5;
	defender_up(defender);
	sends(NOW, 5);
	fake_timer_pass(DEFENDER_ANSWER_MS - 1);
	defender_down(defender, false);
	outcome_is(DEFENDER_LOST);
	fake_timer_pass(LEAST);
	defender_up(defender);
	accepted(NOW);
	sends(NOW + 1, 5);
}
END_TEST

/* However long the module believes in it. */
START_TEST(line_that_is_dead)
{
	defender_set_interval(defender, 86400);
	defender_up(defender);
	sends(NOW, 0);
	accepted(NOW);
	counts.sent = 5;
	dead = true;
	fake_timer_pass(DAY);
	sends(NOW + 1, 5);
	fake_timer_pass(_i ? LEAST : DEFENDER_ANSWER_MS);
	outcome_is(DEFENDER_WAITING);
	done_call(&published, -ECONNRESET);
	defender_down(defender, true);
	outcome_is(DEFENDER_LOST);

	/* It is still due, at once if it may be. */
	dead = false;
	defender_up(defender);
	if (!_i) {
		silent(LEAST - DEFENDER_ANSWER_MS - 1);
		fake_timer_pass(1);
	}
	sends(NOW + 2, 5);
}
END_TEST

/* A server that does not acknowledge, and one that does when the next report is under way. */
START_TEST(never_acknowledged)
{
	struct done late;

	defender_set_interval(defender, 300);
	counts.sent = 5;
	dead = true;
	defender_up(defender);
	sends(NOW, 5);
	late = published;
	fake_timer_pass(LEAST);
	sends(NOW + 1, 5);
	done_call(&late, 0);
	fake_timer_pass(DEFENDER_ANSWER_MS);
	defender_down(defender, false);
	outcome_is(DEFENDER_LOST);

	/* Late, but before the next one. */
	fake_timer_pass(LEAST);
	defender_up(defender);
	sends(NOW + 2, 5);
	fake_timer_pass(LEAST - 1);
	done_call(&published, 0);
	fake_timer_pass(1);
	sends(NOW + 3, 0);
	dead = false;
}
END_TEST

START_TEST(traffic)
{
	cJSON *json;

	defender_set_interval(defender, 300);
	bytes_in = 1000;
	defender_up(defender);
	finish();
	json = take();
	ck_assert_ptr_null(in(in(json, "metrics"), "network_stats")); /* since when? */
	ck_assert_double_eq(in(in(in(json, "metrics"), "listening_tcp_ports"), "total")->valuedouble, 1);
	cJSON_Delete(json);
	accepted(NOW);
	for (unsigned i = 1; i <= 3; i++) {
		bytes_in += 50;
		fake_timer_pass(LEAST);
		finish();
		json = take();
		ck_assert_double_eq(in(in(in(json, "metrics"), "network_stats"), "bytes_in")->valuedouble,
				    i == 3 ? 100 : 50);
		cJSON_Delete(json);
		if (i == 1)
			accepted(NOW + 1);
		else
			text(REJECTED, "{}");
	}
	bytes_in = 0;
}
END_TEST

/* --- answers --- */

static const struct {
	const char *topic, *payload;
} strange[] = {
	{ ACCEPTED, "" },
	{ ACCEPTED, "{" },
	{ ACCEPTED, "[]" },
	{ ACCEPTED, "{}" },
	{ ACCEPTED, "{\"reportId\":null}" },
	{ ACCEPTED, "{\"reportId\":\"x\"}" },
	{ ACCEPTED, "{\"reportId\":1799999999}" },
	{ ACCEPTED, "{\"reportId\":18000000000000000000000000000}" },
	{ REJECTED, "{\"reportId\":1799999999}" },
	{ REJECTED, "\"REJECTED\"" },
	{ REJECTED, "{\"a\":" },
	{ TOPIC, "{\"reportId\":1800000000}" },
	{ TOPIC "/other", "{\"reportId\":1800000000}" },
	{ "$aws/things/other/defender/metrics/json/accepted", "{\"reportId\":1800000000}" },
	{ "accepted", "{\"reportId\":1800000000}" },
};

START_TEST(strange_answers)
{
	defender_set_interval(defender, 300);
	defender_up(defender);
	sends(NOW, 0);
	text(strange[_i].topic, strange[_i].payload);
	outcome_is(DEFENDER_WAITING);
	accepted(NOW);
	outcome_is(DEFENDER_ACCEPTED);

	/* Once is enough. */
	text(REJECTED, "{}");
	outcome_is(DEFENDER_ACCEPTED);
}
END_TEST

START_TEST(deep_answer)
{
	static char deep[200000];

	memset(deep, '[', sizeof(deep));
	defender_set_interval(defender, 300);
	defender_up(defender);
	sends(NOW, 0);
	defender_message(defender, REJECTED, deep, sizeof(deep));
	defender_message(defender, REJECTED, deep, sizeof(deep) / 2);
	outcome_is(DEFENDER_WAITING);
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

	defender_set_interval(defender, 300);
	defender_up(defender);
	sends(NOW, 0);
	text(REJECTED, refusals[_i].payload);
	outcome_is(DEFENDER_REJECTED);
	defender_get_info(defender, &info);
	ck_assert_str_eq(info.code, refusals[_i].code);
	ck_assert_str_eq(info.message, refusals[_i].message);
	ck_assert_uint_eq(info.id, NOW);
	ck_assert_int_eq(info.at, NOW);
	ck_assert_uint_eq(info.reports, 1);

	/* The next one is about itself. */
	fake_timer_pass(LEAST);
	sends(NOW + 1, 0);
	accepted(NOW + 1);
	defender_get_info(defender, &info);
	ck_assert_str_eq(info.code, "");
}
END_TEST

/* --- what is not allowed --- */

START_TEST(subscription_refused)
{
	subscribe_result = AT_ERR_PARAMETER;
	defender_set_interval(defender, 300);
	defender_up(defender);
	sends(NOW, 0);
}
END_TEST

START_TEST(subscription_comes_first)
{
	withhold = true;
	defender_set_interval(defender, 300);
	defender_up(defender);
	ck_assert_uint_eq(asked, 1);
	ck_assert_int_eq(sd_event_run(event, 0), 0);
	ck_assert_ptr_null(report);
	done_call(&subscribed, 0);
	sends(NOW, 0);

	/* One that comes after its connection, and one that never comes. */
	defender_down(defender, false);
	fake_timer_pass(LEAST);
	defender_up(defender);
	ck_assert_uint_eq(asked, 2);
	defender_down(defender, true);
	done_call(&subscribed, -ECONNRESET);
	defender_up(defender);
	fake_timer_pass(LEAST);
	ck_assert_uint_eq(asked, 3);
	subscribe_result = -EBUSY;
	fake_timer_pass(LEAST);
	ck_assert_uint_eq(asked, 4);
	done_call(&subscribed, 0);
	silent(0);
	subscribe_result = 0;
	withhold = false;
	fake_timer_pass(LEAST);
	sends(NOW + 1, 0);
}
END_TEST

/* Nobody waits for the next interval. */
START_TEST(not_sent)
{
	publish_result = -EBUSY;
	counts.sent = 3;
	defender_set_interval(defender, 86400);
	defender_up(defender);
	finish();
	ck_assert_ptr_null(report);
	outcome_is(DEFENDER_NONE);
	publish_result = 0;
	silent(LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 1, 3);
}
END_TEST

/* Nor when it cannot even begin: at connect, and at a tick. */
START_TEST(not_begun)
{
	counts.sent = 3;
	fake_timer_pass(_i ? 12345 : 0);
	defender_set_interval(defender, 86400);
	subscribe_result = -EBUSY;
	defender_up(defender);
	for (unsigned i = 1; i <= 3; i++) {
		ck_assert_uint_eq(asked, i);
		silent(LEAST - 1);
		if (i == 3)
			subscribe_result = 0;
		fake_timer_pass(1);
	}
	ck_assert_uint_eq(asked, 4);
	sends(NOW, 3);
	accepted(NOW);

	if (_i == 0)
		return;
	subscribe_result = -EACCES;
	fake_timer_pass(DAY - 3 * LEAST);
	ck_assert_uint_eq(asked, 5);
	subscribe_result = 0;
	silent(LEAST - 1);
	fake_timer_pass(1);
	sends(NOW + 1, 0);
}
END_TEST

/* The connection goes while the report is being made; and the module ends then, too. */
START_TEST(down_meanwhile)
{
	defender_set_interval(defender, 300);
	defender_up(defender);
	defender_down(defender, false);
	finish();
	ck_assert_ptr_null(report);
	fake_timer_pass(LEAST);
	defender_up(defender);
	defender_set_interval(defender, 0);
	finish();
	ck_assert_ptr_null(report);
	defender_set_interval(defender, 300);
	fake_timer_pass(LEAST);
}
END_TEST

/* AWS IoT ends the connection instead of an acknowledgement, and would do so each time. */
static void lose(unsigned times, bool with_report)
{
	for (unsigned i = 0; i < times; i++) {
		withhold = !with_report;
		dead = with_report;
		defender_up(defender);
		if (with_report) {
			finish();
			ck_assert_ptr_nonnull(report);
			free(report);
			report = NULL;
		}
		defender_down(defender, true);
		silent(LEAST);
	}
	withhold = dead = false;
}

START_TEST(not_allowed)
{
	defender_set_interval(defender, 300);
	lose(DEFENDER_LOSSES, _i);
	defender_up(defender);
	silent(DAY - LEAST - 1);
	dead = true;
	fake_timer_pass(1);
	finish();
	ck_assert_ptr_nonnull(report);
	free(report);
	report = NULL;
	dead = false;

	/* Once more it is not answered, and once more it pauses: until the key or a reset. */
	defender_down(defender, true);
	silent(LEAST);
	defender_up(defender);
	silent(2 * LEAST);
	defender_down(defender, false);
	defender_reset(defender);
	lose(DEFENDER_LOSSES, _i);
	defender_up(defender);
	silent(LEAST);
	defender_set_interval(defender, 400);
	finish();
	ck_assert_ptr_nonnull(report);
	free(report);
	report = NULL;
}
END_TEST

/* Losses that say nothing of what is allowed. */
START_TEST(losses_of_other_kinds)
{
	defender_set_interval(defender, 300);
	for (unsigned i = 0; i < 4 * DEFENDER_LOSSES; i++) {
		defender_up(defender);
		sends(NOW + i, 0);
		if (i % 4 == 0)
			accepted(NOW + i);
		if (i % 4 == 1)
			fake_timer_pass(DEFENDER_ANSWER_MS);
		/* Of the fourth kind: it was acknowledged, at least. */
		defender_down(defender, i % 4 != 2);
		silent(LEAST);
	}
}
END_TEST

/* A host that is not connected for long, or a network that breaks, in front of a server that does not answer. */
START_TEST(short_connections)
{
	defender_set_interval(defender, 300);
	for (unsigned i = 0; i < 2 * DEFENDER_LOSSES; i++) {
		defender_up(defender);
		sends(NOW + i, 0);
		defender_down(defender, _i);
		silent(LEAST);
	}
}
END_TEST

/* A server that forgot to acknowledge, and a network that then broke. */
START_TEST(late_losses)
{
	defender_set_interval(defender, 300);
	for (unsigned i = 0; i < 2 * DEFENDER_LOSSES; i++) {
		withhold = true;
		defender_up(defender);
		fake_timer_pass(DEFENDER_ANSWER_MS);
		defender_down(defender, true);
		silent(LEAST);
	}
	withhold = false;
	defender_up(defender);
	sends(NOW, 0);
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
