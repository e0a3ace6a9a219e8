/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/attempt.h"

#include "at/error.h"
#include "cloud/topics.h"
#include "fake/mqtt.h"
#include "fake/resolve.h"
#include "fake/rig.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define WHOLE 25000 /* ms for the attempt */
#define STAGE 10000 /* for one stage */

static struct rig rig;
static struct mqtt *mqtt;
static struct attempt *attempt;
static unsigned successes, failures;
static struct fault fault;
static bool usable;    /* the network */
static unsigned looks; /* at the clock */

static void on_success(void *userdata)
{
	ck_assert_ptr_eq(userdata, &rig);
	successes++;
}

static void on_failure(void *userdata, const struct fault *why)
{
	ck_assert_ptr_eq(userdata, &rig);
	failures++;
	fault = *why;

	/* Everything is closed. */
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	ck_assert(!fake_resolve()->asked);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}

static bool network_is_usable(void)
{
	return usable;
}

static void look_at_clock(void *userdata)
{
	ck_assert_ptr_eq(userdata, &rig);
	looks++;
}

static void on_tcp(void *userdata)
{
	(void)userdata;
	attempt_on_tcp(attempt);
}

static void on_connack(void *userdata, int code)
{
	(void)userdata;
	attempt_on_connack(attempt, code);
}

static void on_closed(void *userdata, int error)
{
	(void)userdata;
	attempt_on_closed(attempt, error);
}

static void setup(void)
{
	const struct mqtt_events events = { .on_tcp = on_tcp, .on_connack = on_connack, .on_closed = on_closed };
	const struct attempt_events ends = {
		.on_success = on_success,
		.on_failure = on_failure,
		.network_is_usable = network_is_usable,
		.look_at_clock = look_at_clock,
		.userdata = &rig,
	};

	usable = true;
	successes = failures = looks = 0;
	fault = (struct fault){ 0 };
	*fake_resolve() = (struct fake_resolve){ 0 };
	fake_ssl_forget();
	rig_make_dict(&rig, "KeepAlive=90\n");
	ck_assert_int_eq(mqtt_new(&mqtt, rig.event, &events), 0);
	ck_assert_int_eq(attempt_new(&attempt, rig.event, rig.settings, rig.dict, rig.epoch, mqtt, &ends), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(attempt_free(attempt));
	ck_assert_ptr_null(attempt_free(NULL));
	ck_assert_uint_eq(fake_ssl()->made, fake_ssl()->freed);
	mqtt_free(mqtt);
	rig_done(&rig);
}

static void start(void)
{
	attempt_start(attempt, timer_now() + WHOLE, false);
}

static void start_at(const char *endpoint)
{
	ck_assert_int_eq(rig_set(&rig, "Endpoint", endpoint), 0);
	start();
}

static void assert_failed(enum fault_hint expected, const char *text)
{
	ck_assert_uint_eq(failures, 1);
	ck_assert_uint_eq(successes, 0);
	ck_assert_int_eq((int)fault.hint, (int)expected);
	ck_assert_str_eq(fault.detail, text);
	failures = 0;
}

static void assert_under_way(void)
{
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(successes, 0);
}

static void assert_target(const char *address, int port)
{
	ck_assert(fake_mqtt()->open);
	ck_assert_str_eq(fake_mqtt()->address, address);
	ck_assert_int_eq(fake_mqtt()->port, port);
}

/* --- it works --- */

START_TEST(success)
{
	start();
	assert_target(RIG_STAGING, 8883);
	ck_assert_str_eq(fake_mqtt()->client_id, RIG_THING);
	ck_assert_uint_eq(fake_mqtt()->keep_alive, 90);
	ck_assert_ptr_nonnull(fake_mqtt()->ssl_ctx);
	ck_assert_str_eq(fake_ssl()->host, RIG_STAGING);
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	fake_mqtt_tcp();
	assert_under_way();
	fake_mqtt_connack(0);
	assert_under_way();
	ck_assert_uint_eq(fake_ssl()->releases, 1);
	ck_assert(fake_mqtt_ack(0)); /* Jobs */
	assert_under_way();
	ck_assert(fake_mqtt_ack(0)); /* the endpoint-update topic: this is the staging state */
	assert_under_way();
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(successes, 1);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(fake_mqtt()->open);
	ck_assert_str_eq(attempt_get_report(attempt)->address, RIG_STAGING);
	ck_assert_str_eq(attempt_get_report(attempt)->tls, "TLSv1.3 TLS_AES_256_GCM_SHA384");
	ck_assert_uint_eq(attempt_get_report(attempt)->tries, 1);
	attempt_stop(attempt);
	ck_assert(!fake_mqtt()->open);
	ck_assert_uint_eq(successes, 1);
	ck_assert_uint_eq(failures, 0);
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
	start_at(endpoints[_i].endpoint);
	if (!endpoints[_i].numeric) {
		ck_assert(fake_resolve()->asked);
		ck_assert_str_eq(fake_resolve()->host, endpoints[_i].host);
		fake_resolve_found("198.51.100.1\n");
	}
	assert_target(endpoints[_i].address, endpoints[_i].port);
	ck_assert_str_eq(fake_ssl()->host, endpoints[_i].host);
	ck_assert_int_eq(fake_ssl()->config.host_is_address, endpoints[_i].numeric);
	ck_assert_str_eq(fake_ssl()->alpn, endpoints[_i].alpn);
}
END_TEST

/* --- hint 3: not reached --- */

START_TEST(no_endpoint)
{
	start_at("");
	assert_failed(HINT_ENDPOINT, "No endpoint: set Endpoint");
}
END_TEST

START_TEST(odd_endpoint)
{
	start_at("not a host");
	assert_failed(HINT_ENDPOINT, "Not a host name: check Endpoint");
	start_at("host:99999");
	assert_failed(HINT_ENDPOINT, "Not a host name: check Endpoint");
}
END_TEST

START_TEST(unknown_name)
{
	start_at("nowhere.example");
	fake_resolve_fail(-ENOENT);
	assert_failed(HINT_ENDPOINT, "Name not found: check Endpoint");
}
END_TEST

START_TEST(name_servers_fail)
{
	static const int results[] = { -EAGAIN, -ETIME, -EIO, -EFBIG };

	for (size_t i = 0; i < ELEMENTS(results); i++) {
		start_at("some.example");
		ck_assert_uint_le(fake_resolve()->timeout_ms, WHOLE);
		fake_resolve_fail(results[i]);
		assert_failed(HINT_ENDPOINT, "Name server does not answer: check network");
	}
}
END_TEST

START_TEST(name_servers_are_silent)
{
	start_at("some.example");
	fake_timer_pass(WHOLE - 1);
	assert_under_way();
	fake_timer_pass(1);
	assert_failed(HINT_ENDPOINT, "Name server does not answer: check network");
}
END_TEST

START_TEST(resolver_does_not_start)
{
	fake_resolve()->start_result = -EMFILE;
	start_at("some.example");
	assert_failed(HINT_ENDPOINT, "Resolver could not be started: see the module's log");
}
END_TEST

START_TEST(refused)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ECONNREFUSED));
	start();
	fake_mqtt_lose(ECONNREFUSED);
	assert_failed(HINT_ENDPOINT, text);
	fake_mqtt()->open_result = -ECONNREFUSED;
	start();
	assert_failed(HINT_ENDPOINT, text);
}
END_TEST

START_TEST(no_answer)
{
	start();
	fake_timer_pass(STAGE - 1);
	assert_under_way();
	fake_timer_pass(1);
	assert_failed(HINT_ENDPOINT, "No answer from the server: check network");
}
END_TEST

START_TEST(every_address_is_tried)
{
	start_at("many.example");
	fake_resolve_found("198.51.100.1\n2001:db8::2\n198.51.100.3\n");
	assert_target("198.51.100.1", 8883);
	fake_mqtt_lose(ECONNREFUSED);
	assert_target("2001:db8::2", 8883);

	/* One that does not answer gets its share of the time, so that the next has some, too. */
	fake_timer_pass(STAGE);
	assert_target("198.51.100.3", 8883);
	ck_assert_uint_eq(fake_mqtt()->opens, 3);
	ck_assert_uint_eq(fake_ssl()->restarts, 3);
	ck_assert_uint_eq(fake_ssl()->made, 1);
	fake_mqtt_succeed();
	ck_assert_uint_eq(successes, 1);
}
END_TEST

START_TEST(no_address_answers)
{
	start_at("many.example");
	fake_resolve_found("198.51.100.1\n198.51.100.2\n198.51.100.3\n198.51.100.4\n198.51.100.5\n");
	for (unsigned i = 1; i <= 5; i++) {
		ck_assert_uint_eq(fake_mqtt()->opens, i);
		assert_under_way();
		fake_timer_pass(WHOLE / 5);
	}
	assert_failed(HINT_ENDPOINT, "No answer from the server: check network");
}
END_TEST

/* A share is a second at least: some are then left out. */
START_TEST(little_time_for_many_addresses)
{
	ck_assert_int_eq(rig_set(&rig, "Endpoint", "many.example"), 0);
	attempt_start(attempt, timer_now() + 2500, false);
	fake_resolve_found("198.51.100.1\n198.51.100.2\n198.51.100.3\n198.51.100.4\n198.51.100.5\n");
	fake_timer_pass(2499);
	assert_under_way();
	ck_assert_uint_eq(fake_mqtt()->opens, 3);
	fake_timer_pass(1);
	assert_failed(HINT_ENDPOINT, "No answer from the server: check network");
}
END_TEST

START_TEST(addresses_that_fail_at_once)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ENETUNREACH));
	fake_mqtt()->open_result = -ENETUNREACH;
	start_at("many.example");
	fake_resolve_found("198.51.100.1\n198.51.100.2\n");
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	assert_failed(HINT_ENDPOINT, text);
}
END_TEST

/* --- hint 2: no network --- */

/* What may have failed for want of a network. */
static const int unreachable[] = { ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, EHOSTUNREACH };

START_TEST(no_network)
{
	usable = false;
	start();
	fake_mqtt_lose(unreachable[_i]);
	assert_failed(HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

START_TEST(no_network_for_the_name)
{
	usable = false;
	start_at("some.example");
	fake_resolve_fail(-EAGAIN);
	assert_failed(HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

/* A cable that was pulled: the address stays, and nothing comes. */
START_TEST(no_network_and_no_answer)
{
	usable = false;
	start_at("some.example");
	if (_i == 0)
		fake_resolve_fail(-ETIME);
	else
		fake_timer_pass(WHOLE);
	assert_failed(HINT_NETWORK, "No network: no interface is up and has an address");
	start_at("192.0.2.9");
	fake_timer_pass(STAGE);
	assert_failed(HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

/* Somebody did answer. */
START_TEST(network_is_not_to_blame)
{
	char text[128];

	usable = false;
	start_at("some.example");
	fake_resolve_fail(-ENOENT);
	assert_failed(HINT_ENDPOINT, "Name not found: check Endpoint");
	start_at("192.0.2.9");
	fake_mqtt_lose(ECONNREFUSED);
	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ECONNREFUSED));
	assert_failed(HINT_ENDPOINT, text);
	usable = true;
	start();
	fake_mqtt_lose(ENETUNREACH);
	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ENETUNREACH));
	assert_failed(HINT_ENDPOINT, text);
}
END_TEST

/* --- several addresses --- */

static void drop(void)
{
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_lose(0);
}

static void start_two(void)
{
	start_at("two.example");
	fake_resolve_found("198.51.100.1\n198.51.100.2\n");
	assert_target("198.51.100.1", 8883);
}

/* Whatever an address fails by before it is asked to log us in, or while it does not answer, the next one is tried. */
START_TEST(next_address_after_any_failure)
{
	start_two();
	switch (_i) {
	case 0:
		fake_mqtt_lose(ECONNREFUSED);
		break;
	case 1:
		fake_timer_pass(STAGE);
		break;
	case 2: /* silent in TLS */
		fake_mqtt_tcp();
		fake_timer_pass(STAGE);
		break;
	case 3: /* closed in TLS */
		fake_mqtt_tcp();
		fake_mqtt_lose(0);
		break;
	case 4: /* not trusted */
		fake_mqtt_tcp();
		fake_ssl()->failure = "Server certificate not trusted: check RootCA";
		fake_mqtt_lose(0);
		break;
	default: /* no answer to the login */
		fake_mqtt_tcp();
		fake_ssl()->established = true;
		fake_timer_pass(STAGE);
		break;
	}
	assert_under_way();
	assert_target("198.51.100.2", 8883);
	fake_mqtt_succeed();
	ck_assert_uint_eq(successes, 1);
	ck_assert_str_eq(attempt_get_report(attempt)->address, "198.51.100.2");
	ck_assert_uint_eq(attempt_get_report(attempt)->tries, 2);
}
END_TEST

/* Of several failures the one that came farthest is told, in whatever order. */
START_TEST(farthest_failure_is_told)
{
	start_two();
	if (_i == 0)
		fake_mqtt_lose(ECONNREFUSED);
	fake_mqtt_tcp();
	fake_ssl()->failure = "Server certificate expired";
	fake_mqtt_lose(0);
	if (_i == 1)
		fake_mqtt_lose(ECONNREFUSED);
	assert_failed(HINT_TLS, "Server certificate expired");
}
END_TEST

/* A refusal is an answer, and closing is one: no other address is asked. */
START_TEST(refusal_is_final)
{
	start_two();
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_mqtt_connack(5);
	assert_failed(HINT_LOGIN, "Login refused: check registration and policy");
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	start_two();
	drop();
	assert_failed(HINT_LOGIN, "Closed before login: check registration and policy");
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
}
END_TEST

/* A silent one does not use up the time of the next one, in TLS either. */
START_TEST(share_holds_up_to_the_login)
{
	ck_assert_int_eq(rig_set(&rig, "Endpoint", "two.example"), 0);
	attempt_start(attempt, timer_now() + 8000, false);
	fake_resolve_found("198.51.100.1\n198.51.100.2\n");
	fake_timer_pass(3000);
	fake_mqtt_tcp();
	fake_timer_pass(999);
	assert_target("198.51.100.1", 8883);
	fake_timer_pass(1);
	assert_target("198.51.100.2", 8883);
	fake_timer_pass(4000);
	assert_failed(HINT_TLS, "Server is silent during TLS: check Endpoint");
}
END_TEST

/* --- a cloud that registers the module just in time --- */

START_TEST(first_drop_is_tried_again)
{
	attempt_start(attempt, timer_now() + WHOLE, true);
	drop();
	assert_under_way();
	ck_assert(!fake_mqtt()->open);
	fake_timer_pass(1999);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	ck_assert_uint_eq(successes, 1);
}
END_TEST

START_TEST(drops_have_an_end)
{
	attempt_start(attempt, timer_now() + WHOLE, true);
	for (unsigned i = 0; i < 3; i++) {
		drop();
		assert_under_way();
		fake_timer_pass(2000U << i);
		ck_assert_uint_eq(fake_mqtt()->opens, i + 2);
	}
	drop();
	assert_failed(HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

/* The whole is not exceeded for it. */
START_TEST(drop_without_time)
{
	attempt_start(attempt, timer_now() + 3999, true);
	drop();
	assert_failed(HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

START_TEST(drop_of_a_known_module)
{
	start();
	drop();
	assert_failed(HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

START_TEST(other_failures_are_not_tried_again)
{
	attempt_start(attempt, timer_now() + WHOLE, true);
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_mqtt_connack(5);
	assert_failed(HINT_LOGIN, "Login refused: check registration and policy");
	attempt_start(attempt, timer_now() + WHOLE, true);
	fake_mqtt_tcp();
	fake_mqtt_lose(0);
	assert_failed(HINT_TLS, "Server closed during TLS: check Endpoint and its port");
}
END_TEST

/* --- a clock that is not set --- */

/* As if that had been the time when the clock was last right. */
static void know_a_time(time_t when)
{
	char text[32];

	(void)snprintf(text, sizeof(text), "%lld\n", (long long)when);
	temp_text(rig.dir, "clock", text);
	epoch_start(rig.epoch);
}

static void fail_by_the_clock(void)
{
	fake_mqtt_tcp();
	fake_ssl()->failure = "Clock not set: check time synchronisation";
	fake_ssl()->clock_behind = true;
	fake_mqtt_lose(0);
}

START_TEST(waits_for_the_clock)
{
	know_a_time(time(NULL) + 1000000);
	start();
	fail_by_the_clock();
	assert_under_way();
	fake_timer_pass(WHOLE / 2);
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	assert_under_way();

	/* Now somebody sets it. */
	ck_assert_uint_gt(looks, 2);
	ck_assert_uint_eq(fake_ssl()->made, 1);
	epoch_note(rig.epoch, time(NULL));
	fake_timer_pass(1000);
	ck_assert_uint_eq(fake_ssl()->made, 2);
	ck_assert(fake_ssl()->config.clock_is_sure);
	assert_target(RIG_STAGING, 8883);
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	fake_mqtt_succeed();
	ck_assert_uint_eq(successes, 1);
}
END_TEST

START_TEST(clock_is_never_set)
{
	know_a_time(time(NULL) + 1000000);
	start();
	fail_by_the_clock();
	fake_timer_pass(WHOLE - 1);
	assert_under_way();
	fake_timer_pass(1);
	assert_failed(HINT_TLS, "Clock not set: check time synchronisation");
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
}
END_TEST

/* An address that came farther without the clock is what counts. */
START_TEST(clock_is_not_to_blame)
{
	know_a_time(time(NULL) + 1000000);
	start_two();
	fail_by_the_clock();
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_lose(0);
	assert_failed(HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

/* --- hint 4: TLS --- */

START_TEST(own_identity_unusable)
{
	fake_ssl()->new_result = -EKEYREJECTED;
	start();
	ck_assert_uint_eq(fake_mqtt()->opens, 0);
	assert_failed(HINT_TLS, "Own key or certificate unusable: see the module's log");
}
END_TEST

START_TEST(failure_has_a_name)
{
	start();
	fake_mqtt_tcp();
	fake_ssl()->heard = true;
	fake_ssl()->failure = "Server certificate expired";
	fake_mqtt_lose(0);
	assert_failed(HINT_TLS, "Server certificate expired");
}
END_TEST

/* Our certificate is refused when the handshake is complete on our side (TLS 1.3), maybe behind a write that failed. */
START_TEST(refused_after_the_handshake)
{
	start();
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_ssl()->unread = "Our certificate was refused";
	fake_mqtt_lose(EPIPE);
	assert_failed(HINT_TLS, "Our certificate was refused");
}
END_TEST

START_TEST(closed_during_tls)
{
	start();
	fake_mqtt_tcp();
	fake_mqtt_lose(0);
	assert_failed(HINT_TLS, "Server closed during TLS: check Endpoint and its port");
}
END_TEST

START_TEST(silent_during_tls)
{
	start();
	fake_timer_pass(3000);
	fake_mqtt_tcp();
	fake_timer_pass(STAGE - 1);
	assert_under_way();
	fake_timer_pass(1);
	assert_failed(HINT_TLS, "Server is silent during TLS: check Endpoint");
}
END_TEST

/* --- hint 5: login --- */

START_TEST(login_refused)
{
	start();
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_mqtt_connack(2);
	assert_failed(HINT_LOGIN, "Server refused the client id: check ThingName");
	ck_assert_uint_eq(fake_mqtt()->packet_count, 0);
}
END_TEST

START_TEST(closed_before_login)
{
	start();
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_lose(0);
	assert_failed(HINT_LOGIN, "Closed before login: check registration and policy");
}
END_TEST

START_TEST(login_without_answer)
{
	start();
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_timer_pass(STAGE);
	assert_failed(HINT_LOGIN, "Server does not answer the login");
}
END_TEST

/* --- hint 6: Jobs --- */

static void start_jobs(void)
{
	start();
	fake_mqtt_tcp();
	fake_ssl()->heard = fake_ssl()->established = true;
	fake_mqtt_connack(0);
	assert_under_way();
}

START_TEST(jobs_refused)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	assert_failed(HINT_JOBS, "Jobs topics refused: check the policy");
	ck_assert(!fake_mqtt_ack(0));
}
END_TEST

START_TEST(endpoint_topic_refused)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	assert_failed(HINT_JOBS, "Topic expresslink_config refused: check the policy");
}
END_TEST

START_TEST(jobs_request_refused)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(AT_ERR_PARAMETER));
	assert_failed(HINT_JOBS, "Jobs topics refused: check the policy");
}
END_TEST

START_TEST(closed_during_jobs)
{
	start_jobs();
	fake_mqtt_lose(0);
	assert_failed(HINT_JOBS, "Closed by the server after login: check the policy");
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	fake_mqtt_lose(ECONNRESET);
	assert_failed(HINT_JOBS, "Closed by the server after login: check the policy");
}
END_TEST

START_TEST(jobs_without_answer)
{
	start_jobs();
	ck_assert(fake_mqtt_ack(0));
	fake_timer_pass(STAGE - 1);
	assert_under_way();
	fake_timer_pass(1);
	assert_failed(HINT_JOBS, "Server does not confirm the Jobs topics");
}
END_TEST

START_TEST(jobs_not_sent)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "Jobs topics: %s", strerror(ENOMEM));
	start();
	fake_mqtt_tcp();
	fake_mqtt()->send_result = -ENOMEM;
	fake_mqtt_connack(0);
	assert_failed(HINT_JOBS, text);
}
END_TEST

/* --- deadlines, stopping --- */

/* Each stage has its own time, but the whole is never exceeded. */
START_TEST(the_whole_is_bounded)
{
	start();
	fake_timer_pass(STAGE - 1);
	fake_mqtt_tcp();
	fake_timer_pass(STAGE - 1);
	fake_ssl()->established = true;
	fake_mqtt_connack(0);
	fake_timer_pass(WHOLE - 2 * STAGE + 1);
	assert_under_way();
	fake_timer_pass(1);
	assert_failed(HINT_JOBS, "Server does not confirm the Jobs topics");
}
END_TEST

START_TEST(stopped_in_every_stage)
{
	for (unsigned stage = 0; stage < 6; stage++) {
		ck_assert_int_eq(rig_set(&rig, "Endpoint", "some.example"), 0);
		attempt_start(attempt, timer_now() + WHOLE, true);
		if (stage > 0)
			fake_resolve_found("198.51.100.1\n");
		if (stage == 5)
			drop();
		if (stage > 1 && stage < 5)
			fake_mqtt_tcp();
		if (stage > 2 && stage < 5)
			fake_mqtt_connack(0);
		if (stage == 4)
			ck_assert(fake_mqtt_ack(0));
		attempt_stop(attempt);
		assert_under_way();
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
	start();
	fake_mqtt_tcp();
	fake_mqtt_connack(0);
	ck_assert(fake_mqtt_ack(0));
	ck_assert(fake_mqtt_ack(0));
	assert_under_way();
	ck_assert(fake_mqtt_ack(0));
	ck_assert_uint_eq(successes, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attempt");
	TCase *tc = tcase_create("attempt");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, success);
	tcase_add_loop_test(tc, where_it_goes, 0, ELEMENTS(endpoints));
	tcase_add_test(tc, no_endpoint);
	tcase_add_test(tc, odd_endpoint);
	tcase_add_test(tc, unknown_name);
	tcase_add_test(tc, name_servers_fail);
	tcase_add_test(tc, name_servers_are_silent);
	tcase_add_test(tc, resolver_does_not_start);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, no_answer);
	tcase_add_test(tc, every_address_is_tried);
	tcase_add_test(tc, no_address_answers);
	tcase_add_test(tc, little_time_for_many_addresses);
	tcase_add_test(tc, addresses_that_fail_at_once);
	tcase_add_loop_test(tc, no_network, 0, ELEMENTS(unreachable));
	tcase_add_test(tc, no_network_for_the_name);
	tcase_add_loop_test(tc, no_network_and_no_answer, 0, 2);
	tcase_add_test(tc, network_is_not_to_blame);
	tcase_add_loop_test(tc, next_address_after_any_failure, 0, 6);
	tcase_add_loop_test(tc, farthest_failure_is_told, 0, 2);
	tcase_add_test(tc, refusal_is_final);
	tcase_add_test(tc, share_holds_up_to_the_login);
	tcase_add_test(tc, first_drop_is_tried_again);
	tcase_add_test(tc, drops_have_an_end);
	tcase_add_test(tc, drop_without_time);
	tcase_add_test(tc, drop_of_a_known_module);
	tcase_add_test(tc, other_failures_are_not_tried_again);
	tcase_add_test(tc, waits_for_the_clock);
	tcase_add_test(tc, clock_is_never_set);
	tcase_add_test(tc, clock_is_not_to_blame);
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
