/* SPDX-License-Identifier: Apache-2.0 */
#include "module/defence.h"

#include "fake/gpio.h"
#include "fake/mqtt.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define TOPIC "$aws/things/" RIG_THING "/defender/metrics/json"
#define LEAST (DEFENDER_LEAST_S * 1000ULL)
#define WAIT  UINT64_C(60000000)

static struct rig rig;

static void setup(void)
{
	fake_gpio_reset();
	rig_make_module(&rig, "[Pins]\nChip=fake\nReset=1\n");
	ck_assert_str_eq(rig_ask(&rig, "AT+EVENT?"), "OK 2 0 STARTUP\r\n");
}

static void teardown(void)
{
	rig_done(&rig);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)

static const struct fake_packet *find(enum fake_kind kind, const char *topic)
{
	const struct fake_mqtt *m = fake_mqtt();

	for (size_t i = 0; i < m->packet_count; i++) {
		if (m->packets[i].kind == kind && strcmp(m->packets[i].topics[0], topic) == 0)
			return &m->packets[i];
	}
	return NULL;
}

/* What the connection had counted before the last report. */
static struct connection_stats counted;

/* A report goes out, or is on its way: cJSON of it. Nobody acknowledges it yet. */
static cJSON *take_only(void)
{
	const struct fake_packet *p;
	cJSON *json;

	while (fake_mqtt_ack(0))
		;
	while (!(p = find(FAKE_PUBLISH, TOPIC)))
		ck_assert_int_gt(sd_event_run(rig.event, WAIT), 0);
	ck_assert_int_eq(p->qos, 1);
	connection_get_stats(rig.module->connection, &counted);
	counted.published--;
	counted.bytes_out -= p->n;
	json = cJSON_ParseWithLength(p->payload, p->n);
	ck_assert_ptr_nonnull(json);
	return json;
}

static cJSON *take(void)
{
	cJSON *json = take_only();

	while (fake_mqtt_ack(0))
		;
	fake_mqtt_forget();
	return json;
}

static double custom(const cJSON *json, const char *name)
{
	const cJSON *all = cJSON_GetObjectItemCaseSensitive(json, "custom_metrics");
	const cJSON *one = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(all, name), 0);

	return cJSON_GetObjectItemCaseSensitive(one, "number")->valuedouble;
}

static void accepted(const cJSON *json)
{
	const cJSON *header = cJSON_GetObjectItemCaseSensitive(json, "header");
	char text[80];

	(void)snprintf(text, sizeof(text), "{\"reportId\":%.0f,\"status\":\"ACCEPTED\"}",
		       cJSON_GetObjectItemCaseSensitive(header, "report_id")->valuedouble);
	fake_mqtt_text(TOPIC "/accepted", text);
	rig_idle(&rig);
}

static void outcome_is(enum defender_outcome outcome)
{
	struct defender_info info;

	defender_get_info(defence_defender(rig.module->defence), &info);
	ck_assert_int_eq((int)info.outcome, (int)outcome);
}

/* Not even a subscription. */
static void silent(void)
{
	rig_idle(&rig);
	ck_assert_ptr_null(find(FAKE_SUBSCRIBE, TOPIC "/+"));
	ck_assert_ptr_null(find(FAKE_PUBLISH, TOPIC));
}

static void onboard(void)
{
	expect("AT+CONF Endpoint=198.51.100.1", "OK\r\n");
}

START_TEST(staging)
{
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	fake_timer_pass(2 * LEAST);
	silent();

	/* The present connection still is with the staging account. */
	onboard();
	silent();
	fake_timer_pass(2 * LEAST);
	silent();
	expect("AT+DISCONNECT", "OK 0 DISCONNECTED\r\n");
	silent();
	rig_connect(&rig);
	cJSON_Delete(take());
}
END_TEST

START_TEST(the_key)
{
	onboard();
	rig_connect(&rig);
	fake_timer_pass(2 * LEAST);
	silent();
	expect("AT+CONF Defender=600", "OK\r\n");
	ck_assert_ptr_nonnull(find(FAKE_SUBSCRIBE, TOPIC "/+"));
	cJSON_Delete(take());
	fake_timer_pass(2 * LEAST);
	cJSON_Delete(take());

	/* It is there after RESET, not after FACTORY_RESET. */
	expect("AT+RESET", "OK\r\n");
	fake_timer_pass(LEAST);
	rig_connect(&rig);
	cJSON_Delete(take());
	expect("AT+FACTORY_RESET", "OK\r\n");
	fake_timer_pass(LEAST);
	rig_connect(&rig);
	silent();
}
END_TEST

/* Accepted ones. */
static void counters_are(double reset, double reconnect)
{
	static struct connection_stats before;
	cJSON *json = take();
	const cJSON *header = cJSON_GetObjectItemCaseSensitive(json, "header");

	ck_assert_double_ge(cJSON_GetObjectItemCaseSensitive(header, "report_id")->valuedouble, (double)EPOCH_RELEASE);
	ck_assert_double_eq(custom(json, "BytesOut"), (double)(counted.bytes_out - before.bytes_out));
	ck_assert_double_eq(custom(json, "MessagesSent"), (double)(counted.published - before.published));
	ck_assert_double_eq(custom(json, "MessagesReceived"), (double)(counted.received - before.received));
	ck_assert_double_eq(custom(json, "HardResetEvent"), reset);
	ck_assert_double_eq(custom(json, "ReconnectEvents"), reconnect);
	before = counted;
	accepted(json);
	outcome_is(DEFENDER_ACCEPTED);
	cJSON_Delete(json);
}

START_TEST(counters)
{
	struct connection_stats stats;

	onboard();
	expect("AT+CONF Topic1=data", "OK\r\n");
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	counters_are(1, 0);
	stats = counted;
	expect("AT+SEND1 hello", "OK\r\n");
	fake_mqtt_text("data", "one");
	fake_mqtt_text("data", "two");
	fake_timer_pass(LEAST);
	counters_are(0, 0);
	ck_assert_uint_ge(counted.published, stats.published + 2); /* the host's, and the last report */
	ck_assert_uint_ge(counted.bytes_out, stats.bytes_out + 5 + 300);
	ck_assert_uint_eq(counted.received, stats.received + 3); /* ... and its answer */

	/* RST */
	fake_gpio_drive(1, false, 0);
	rig_idle(&rig);
	fake_timer_pass(1000);
	fake_gpio_drive(1, true, 0);
	rig_idle(&rig);
	fake_timer_pass(LEAST);
	rig_connect(&rig);
	counters_are(1, 1);
	fake_timer_pass(LEAST);
	counters_are(0, 0);
}
END_TEST

START_TEST(flash)
{
	cJSON *json;

	onboard();
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	json = take();
	ck_assert_double_eq(custom(json, "FlashMemoryWrites"), 2);
	accepted(json);
	cJSON_Delete(json);
	expect("AT+CONF CustomName=a", "OK\r\n");
	expect("AT+CONF CustomName=a", "OK\r\n");
	expect("AT+CONF Topic1=a", "OK\r\n");
	fake_timer_pass(LEAST);
	json = take();
	ck_assert_double_eq(custom(json, "FlashMemoryWrites"), 2); /* the name, and the number of the report */
	cJSON_Delete(json);
}
END_TEST

/* Shown to the host only if one of its topics matches, and never ended by it. */
START_TEST(the_host_and_the_answers)
{
	cJSON *json;

	onboard();
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	json = take();
	accepted(json);
	cJSON_Delete(json);
	expect("AT+EVENT?", "OK\r\n");
	expect("AT+GET", "OK\r\n");
	expect("AT+CONF Topic1=" TOPIC "/+", "OK\r\n");
	fake_mqtt_text(TOPIC "/rejected", "{}");
	expect("AT+EVENT?", "OK 1 1 MSG\r\n");
	expect("AT+GET1", "OK {}\r\n");
	outcome_is(DEFENDER_ACCEPTED);
	expect("AT+UNSUBSCRIBE1", "OK\r\n");
	ck_assert_ptr_null(find(FAKE_UNSUBSCRIBE, TOPIC "/+"));
}
END_TEST

START_TEST(lost_with_the_connection)
{
	onboard();
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	cJSON_Delete(take());
	outcome_is(DEFENDER_WAITING);
	fake_mqtt_lose(0);
	rig_idle(&rig);
	outcome_is(DEFENDER_LOST);
	expect("AT+EVENT?", "OK 3 0 CONLOST\r\n");
}
END_TEST

/* A line that may have been dead when the report went into it, however long that was not noticed. */
START_TEST(without_an_acknowledgement)
{
	onboard();
	expect("AT+CONF Defender=86400", "OK\r\n");
	rig_connect(&rig);
	cJSON_Delete(_i ? take() : take_only());
	fake_timer_pass(LEAST);
	outcome_is(DEFENDER_WAITING);
	fake_mqtt_lose(0);
	rig_idle(&rig);
	outcome_is(_i ? DEFENDER_UNANSWERED : DEFENDER_LOST);
}
END_TEST

/* The connection is there meanwhile, and was before. */
START_TEST(during_otw)
{
	cJSON *json;

	onboard();
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	json = take();
	expect("AT+OTW 3000,64", "OK\r\n");
	accepted(json);
	outcome_is(DEFENDER_ACCEPTED);
	cJSON_Delete(json);
	fake_timer_pass(LEAST / 2);
	fake_tty_lose(fake_tty());
	rig_idle(&rig);
	silent();
	fake_timer_pass(LEAST / 2);
	cJSON_Delete(take());
}
END_TEST

static void begin_otw(void)
{
	rig_say(&rig, "AT+OTW 3000,64");
	ck_assert_str_eq(rig_hear(&rig), "OK\r\n");
	fake_tty_take(fake_tty());
}

/* Lost with the connection as at any other time; it is none that was closed by RST. */
START_TEST(connection_ends_during_otw)
{
	onboard();
	expect("AT+CONF Defender=300", "OK\r\n");
	rig_connect(&rig);
	cJSON_Delete(take());
	begin_otw();
	outcome_is(DEFENDER_WAITING);
	if (_i) {
		fake_gpio_drive(1, false, 0);
		rig_idle(&rig);
		fake_timer_pass(1000);
		fake_gpio_drive(1, true, 0);
	} else {
		fake_mqtt_lose(0);
	}
	rig_idle(&rig);
	outcome_is(DEFENDER_LOST);
	fake_timer_pass(2 * LEAST);
	silent();

	/* Without a connection OTW has none either. */
	fake_tty_lose(fake_tty());
	rig_idle(&rig);
	fake_tty_take(fake_tty());
	begin_otw();
	fake_timer_pass(50000);
	silent();
	fake_tty_lose(fake_tty());
	rig_idle(&rig);
	fake_tty_take(fake_tty());
	rig_connect(&rig);
	cJSON_Delete(take());
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("defence");
	TCase *tc = tcase_create("defence");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, staging);
	tcase_add_test(tc, the_key);
	tcase_add_test(tc, counters);
	tcase_add_test(tc, flash);
	tcase_add_test(tc, the_host_and_the_answers);
	tcase_add_test(tc, lost_with_the_connection);
	tcase_add_loop_test(tc, without_an_acknowledgement, 0, 2);
	tcase_add_test(tc, during_otw);
	tcase_add_loop_test(tc, connection_ends_during_otw, 0, 2);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
