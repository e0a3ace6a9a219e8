/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/attempt.h"

#include "at/error.h"
#include "fake/dial.h"
#include "fake/mqtt.h"
#include "fake/resolve.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct dial d;

static void setup(void)
{
	dial_make(&d, NULL);
}

static void teardown(void)
{
	dial_done(&d);
}

/* --- it works --- */

START_TEST(success)
{
	dial_start(&d);
	dial_assert_target(RIG_STAGING, 8883);
	ck_assert_str_eq(fake_mqtt()->client_id, RIG_THING);
	ck_assert_uint_eq(fake_mqtt()->keep_alive, 90);
	ck_assert_ptr_nonnull(fake_mqtt()->ssl_ctx);
	ck_assert_str_eq(fake_ssl()->host, RIG_STAGING);
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	fake_mqtt_tcp();
	dial_assert_under_way(&d);
	fake_mqtt_connack(0);
	dial_assert_under_way(&d);
	ck_assert_uint_eq(fake_ssl()->releases, 1);
	ck_assert(fake_mqtt_ack(0)); /* Jobs */
	dial_assert_under_way(&d);
	ck_assert(fake_mqtt_ack(0)); /* the endpoint-update topic: this is the staging state */
	dial_assert_under_way(&d);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(d.successes, 1);
	ck_assert_uint_eq(d.failures, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(fake_mqtt()->open);
	ck_assert_str_eq(attempt_get_report(d.attempt)->address, RIG_STAGING);
	ck_assert_str_eq(attempt_get_report(d.attempt)->tls, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	ck_assert_uint_eq(attempt_get_report(d.attempt)->tries, 1);
	attempt_stop(d.attempt);
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(d.successes, 1);
	ck_assert_uint_eq(d.failures, 0);
}
END_TEST

static const struct {
	const char *endpoint, *host, *address, *alpn;
	int port;
	bool numeric;
} endpoints[] = {
	{ "192.0.2.7", "192.0.2.7", "192.0.2.7", "", 8883, true },
	{ "192.0.2.7:443", "192.0.2.7", "192.0.2.7", "x-amzn-mqtt-ca", 443, true },
	{ "192.0.2.7:65535", "192.0.2.7", "192.0.2.7", "", 65535, true },
	{ "[2001:db8::1]:1883", "2001:db8::1", "2001:db8::1", "", 1883, true },
	{ "abc.iot.example", "abc.iot.example", "198.51.100.1", "", 8883, false },
	{ "abc.iot.example:443", "abc.iot.example", "198.51.100.1", "x-amzn-mqtt-ca", 443, false },
};

START_TEST(where_it_goes)
{
	dial_start_at(&d, endpoints[_i].endpoint);
	if (!endpoints[_i].numeric) {
		ck_assert(fake_resolve()->asked);
		ck_assert_str_eq(fake_resolve()->host, endpoints[_i].host);
		fake_resolve_found("198.51.100.1\n");
	}
	dial_assert_target(endpoints[_i].address, endpoints[_i].port);
	ck_assert_str_eq(fake_ssl()->host, endpoints[_i].host);
	ck_assert_int_eq(fake_ssl()->config.host_is_address, endpoints[_i].numeric);
	ck_assert_str_eq(fake_ssl()->alpn, endpoints[_i].alpn);
}
END_TEST

/* --- hint 4: TLS --- */

START_TEST(own_identity_unusable)
{
	fake_ssl()->new_result = -EKEYREJECTED;
	dial_start(&d);
	ck_assert_uint_eq(fake_mqtt()->opens, 0);
	dial_assert_failed(&d, HINT_TLS, "Own key or certificate unusable: see the module's log");
}
END_TEST

START_TEST(failure_has_a_name)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_ssl()->heard = true;
	fake_ssl()->failure = "Server certificate expired";
	fake_mqtt_lose(0);
	dial_assert_failed(&d, HINT_TLS, "Server certificate expired");
}
END_TEST

/* Our certificate is refused when the handshake is complete on our side (TLS 1.3), maybe behind a write that failed. */
START_TEST(refused_after_the_handshake)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_ssl()->unread = "Our certificate was refused";
	fake_mqtt_lose(EPIPE);
	dial_assert_failed(&d, HINT_TLS, "Our certificate was refused");
}
END_TEST

START_TEST(closed_during_tls)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_mqtt_lose(0);
	dial_assert_failed(&d, HINT_TLS, "Server closed during TLS: check Endpoint and its port");
}
END_TEST

START_TEST(silent_during_tls)
{
	dial_start(&d);
	fake_timer_pass(3000);
	fake_mqtt_tcp();
	fake_timer_pass(DIAL_STAGE - 1);
	dial_assert_under_way(&d);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_TLS, "Server is silent during TLS: check Endpoint");
}
END_TEST

/* --- hint 5: login --- */

START_TEST(login_refused)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_mqtt_connack(2);
	dial_assert_failed(&d, HINT_LOGIN, "Server refused the client id: check ThingName");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 0);
}
END_TEST

START_TEST(closed_before_login)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_lose(0);
	dial_assert_failed(&d, HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

START_TEST(login_without_answer)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_timer_pass(DIAL_STAGE);
	dial_assert_failed(&d, HINT_LOGIN, "Server does not answer the login");
}
END_TEST

/* --- hint 6: Jobs --- */

static void start_jobs(void)
{
	dial_start(&d);
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_connack(0);
	dial_assert_under_way(&d);
}

START_TEST(jobs_refused)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	dial_assert_failed(&d, HINT_JOBS, "Jobs topics refused: check the policy");
	ck_assert(!fake_mqtt_ack(0));
}
END_TEST

START_TEST(endpoint_topic_refused)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	dial_assert_failed(&d, HINT_JOBS, "Topic expresslink_config refused: check the policy");
}
END_TEST

START_TEST(jobs_request_refused)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	dial_assert_failed(&d, HINT_JOBS, "Jobs topics refused: check the policy");
}
END_TEST

START_TEST(closed_during_jobs)
{
	start_jobs();
	fake_mqtt_lose(0);
	dial_assert_failed(&d, HINT_JOBS, "Closed by the server after login: check the policy");
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	fake_mqtt_lose(ECONNRESET);
	dial_assert_failed(&d, HINT_JOBS, "Closed by the server after login: check the policy");
}
END_TEST

START_TEST(jobs_without_answer)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	fake_timer_pass(DIAL_STAGE - 1);
	dial_assert_under_way(&d);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_JOBS, "Server does not confirm the Jobs topics");
}
END_TEST

START_TEST(jobs_not_sent)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "Jobs topics: %s", strerror(ENOMEM));
	dial_start(&d);
	fake_mqtt_tcp();
	fake_mqtt()->send_result = -ENOMEM;
	fake_mqtt_connack(0);
	dial_assert_failed(&d, HINT_JOBS, text);
}
END_TEST

/* --- deadlines, stopping --- */

/* Each stage has its own time, but the whole is never exceeded. */
START_TEST(the_whole_is_bounded)
{
	dial_start(&d);
	fake_timer_pass(DIAL_STAGE - 1);
	fake_mqtt_tcp();
	fake_timer_pass(DIAL_STAGE - 1);
	fake_ssl()->established = true;
	fake_mqtt_connack(0);
	fake_timer_pass(DIAL_WHOLE - 2 * DIAL_STAGE + 1);
	dial_assert_under_way(&d);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_JOBS, "Server does not confirm the Jobs topics");
}
END_TEST

START_TEST(stopped_in_every_stage)
{
	for (unsigned stage = 0; stage < 6; stage++) {
		ck_assert_int_eq(rig_set(&d.rig, "Endpoint", "some.example"), 0);
		attempt_start(d.attempt, timer_now() + DIAL_WHOLE, true);
		if (stage > 0)
			fake_resolve_found("198.51.100.1\n");
		if (stage == 5)
			fake_ssl_drop();
		if (stage > 1 && stage < 5)
			fake_mqtt_tcp();
		if (stage > 2 && stage < 5)
			fake_mqtt_connack(0);
		if (stage == 4)
			ck_assert(fake_mqtt_ack(0));
		attempt_stop(d.attempt);
		dial_assert_under_way(&d);
		ck_assert(!fake_mqtt()->open);
		ck_assert(!fake_resolve()->asked);
		ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
		ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	}
}
END_TEST

/* The one before leaves no trace. */
START_TEST(started_again)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	dial_start(&d);
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(0));
	dial_assert_under_way(&d);
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(d.successes, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attempt");
	TCase *tc = tcase_create("attempt");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, success);
	tcase_add_loop_test(tc, where_it_goes, 0, ELEMENTS(endpoints));
	tcase_add_test(tc, own_identity_unusable);
	tcase_add_test(tc, failure_has_a_name);
	tcase_add_test(tc, refused_after_the_handshake);
	tcase_add_test(tc, closed_during_tls);
	tcase_add_test(tc, silent_during_tls);
	tcase_add_test(tc, login_refused);
	tcase_add_test(tc, closed_before_login);
	tcase_add_test(tc, login_without_answer);
	tcase_add_test(tc, jobs_refused);
	tcase_add_test(tc, endpoint_topic_refused);
	tcase_add_test(tc, jobs_request_refused);
	tcase_add_test(tc, closed_during_jobs);
	tcase_add_test(tc, jobs_without_answer);
	tcase_add_test(tc, jobs_not_sent);
	tcase_add_test(tc, the_whole_is_bounded);
	tcase_add_test(tc, stopped_in_every_stage);
	tcase_add_test(tc, started_again);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
