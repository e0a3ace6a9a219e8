/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/enrol.h"

#include "cloud/topics.h"
#include "fake/mqtt.h"
#include "fake/suite.h"

#include <errno.h>
#include <string.h>
#include <systemd/sd-event.h>

static sd_event *event;
static struct mqtt *mqtt;
static unsigned open_count, jobs, endpoints;

static void ignore(void *userdata)
{
	(void)userdata;
}

static void ignore_code(void *userdata, int code)
{
	(void)userdata;
	(void)code;
}

static void on_jobs(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &jobs);
	ck_assert_uint_eq(number, 7);
	ck_assert_int_eq(r, 0);
	jobs++;
}

static void on_endpoint(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &endpoints);
	ck_assert_uint_eq(number, 8);
	ck_assert_int_eq(r, 0);
	endpoints++;
}

static struct enrolment enrolment = {
	.thing_name = "thing",
	.jobs = { .fn = on_jobs, .who = &jobs, .number = 7 },
	.endpoint = { .fn = on_endpoint, .who = &endpoints, .number = 8 },
};

static void setup(void)
{
	const struct mqtt_events events = { .on_tcp = ignore, .on_connack = ignore_code, .on_closed = ignore_code };
	const struct mqtt_target target = { .address = "192.0.2.1", .client_id = "thing" };

	open_count = jobs = endpoints = 0;
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(mqtt_new(&mqtt, event, &events), 0);
	ck_assert_int_eq(mqtt_open(mqtt, &target), 0);
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
}

static void teardown(void)
{
	mqtt_free(mqtt);
	sd_event_unref(event);
}

/* Connected means that Jobs are subscribed and asked for; in the staging state the endpoint's topic, too. */
START_TEST(packets)
{
	char own[TOPICS_JOBS][TOPICS_MAX];
	const struct fake_packet *p = fake_mqtt()->packets;
	bool staging = _i == 1;

	topics_jobs("thing", own);
	enrolment.staging = staging;
	ck_assert_int_eq(enrol(mqtt, &enrolment, &open_count), 0);
	ck_assert_uint_eq(fake_mqtt()->packet_count, staging ? 3 : 2);
	ck_assert_uint_eq(open_count, fake_mqtt()->packet_count);
	ck_assert_int_eq((int)p->kind, (int)FAKE_SUBSCRIBE);
	ck_assert_uint_eq(p->count, TOPICS_JOBS);
	for (size_t i = 0; i < TOPICS_JOBS; i++)
		ck_assert_str_eq(p->topics[i], own[i]);
	if (staging) {
		p++;
		ck_assert_int_eq((int)p->kind, (int)FAKE_SUBSCRIBE);
		ck_assert_uint_eq(p->count, 1);
		ck_assert_str_eq(p->topics[0], "thing/expresslink_config");
	}
	p++;
	ck_assert_int_eq((int)p->kind, (int)FAKE_PUBLISH);
	ck_assert_str_eq(p->topics[0], "$aws/things/thing/jobs/$next/get");
	ck_assert_str_eq(p->payload, "{\"clientToken\":\"connect\"}");
	ck_assert_int_eq(p->qos, 1);
	while (fake_mqtt_ack(0))
		;
	ck_assert_uint_eq(jobs, 2);
	ck_assert_uint_eq(endpoints, staging ? 1 : 0);
}
END_TEST

START_TEST(not_sent)
{
	fake_mqtt()->send_result = -ENOMEM;
	ck_assert_int_eq(enrol(mqtt, &enrolment, &open_count), -ENOMEM);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("enrol");
	TCase *tc = tcase_create("enrol");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, packets, 0, 2);
	tcase_add_test(tc, not_sent);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
