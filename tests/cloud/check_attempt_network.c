/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/attempt.c up to a server that answers: name servers, the network, the addresses of a name. */
#include "cloud/attempt.h"

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
static bool usable; /* the network */

static bool network_is_usable(void)
{
	return usable;
}

static void setup(void)
{
	usable = true;
	dial_make(&d, network_is_usable);
}

static void teardown(void)
{
	dial_done(&d);
}

/* --- hint 3: not reached --- */

START_TEST(no_endpoint)
{
	dial_start_at(&d, "");
	dial_assert_failed(&d, HINT_ENDPOINT, "No endpoint: set Endpoint");
}
END_TEST

START_TEST(odd_endpoint)
{
	dial_start_at(&d, "not a host");
	dial_assert_failed(&d, HINT_ENDPOINT, "Not a host name: check Endpoint");
	dial_start_at(&d, "host:99999");
	dial_assert_failed(&d, HINT_ENDPOINT, "Not a host name: check Endpoint");
}
END_TEST

START_TEST(unknown_name)
{
	dial_start_at(&d, "nowhere.example");
	fake_resolve_fail(-ENOENT);
	dial_assert_failed(&d, HINT_ENDPOINT, "Name not found: check Endpoint");
}
END_TEST

START_TEST(name_servers_fail)
{
	static const int results[] = { -EAGAIN, -ETIME, -EIO, -EFBIG };

	for (size_t i = 0; i < ELEMENTS(results); i++) {
		dial_start_at(&d, "some.example");
		ck_assert_uint_le(fake_resolve()->timeout_ms, DIAL_WHOLE);
		fake_resolve_fail(results[i]);
		dial_assert_failed(&d, HINT_ENDPOINT, "Name server does not answer: check network");
	}
}
END_TEST

START_TEST(name_servers_are_silent)
{
	dial_start_at(&d, "some.example");
	fake_timer_pass(DIAL_WHOLE - 1);
	dial_assert_under_way(&d);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_ENDPOINT, "Name server does not answer: check network");
}
END_TEST

START_TEST(resolver_does_not_start)
{
	fake_resolve()->start_result = -EMFILE;
	dial_start_at(&d, "some.example");
	dial_assert_failed(&d, HINT_ENDPOINT, "Resolver could not be started: see the module's log");
}
END_TEST

START_TEST(refused)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ECONNREFUSED));
	dial_start(&d);
	fake_mqtt_lose(ECONNREFUSED);
	dial_assert_failed(&d, HINT_ENDPOINT, text);
	fake_mqtt()->open_result = -ECONNREFUSED;
	dial_start(&d);
	dial_assert_failed(&d, HINT_ENDPOINT, text);
}
END_TEST

START_TEST(no_answer)
{
	dial_start(&d);
	fake_timer_pass(DIAL_STAGE - 1);
	dial_assert_under_way(&d);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_ENDPOINT, "No answer from the server: check network");
}
END_TEST

START_TEST(every_address_is_tried)
{
	dial_start_at(&d, "many.example");
	fake_resolve_found("198.51.100.1\n2001:db8::2\n198.51.100.3\n");
	dial_assert_target("198.51.100.1", 8883);
	fake_mqtt_lose(ECONNREFUSED);
	dial_assert_target("2001:db8::2", 8883);

	/* One that does not answer gets its share of the time, so that the next has some, too. */
	fake_timer_pass(DIAL_STAGE);
	dial_assert_target("198.51.100.3", 8883);
	ck_assert_uint_eq(fake_mqtt()->opens, 3);
	ck_assert_uint_eq(fake_ssl()->restarts, 3);
	ck_assert_uint_eq(fake_ssl()->made, 1);
	fake_mqtt_succeed();
	ck_assert_uint_eq(d.successes, 1);
}
END_TEST

START_TEST(no_address_answers)
{
	dial_start_at(&d, "many.example");
	fake_resolve_found("198.51.100.1\n198.51.100.2\n198.51.100.3\n198.51.100.4\n198.51.100.5\n");
	for (unsigned i = 1; i <= 5; i++) {
		ck_assert_uint_eq(fake_mqtt()->opens, i);
		dial_assert_under_way(&d);
		fake_timer_pass(DIAL_WHOLE / 5);
	}
	dial_assert_failed(&d, HINT_ENDPOINT, "No answer from the server: check network");
}
END_TEST

/* A share is a second at least: some are then left out. */
START_TEST(little_time_for_many_addresses)
{
	ck_assert_int_eq(rig_set(&d.rig, "Endpoint", "many.example"), 0);
	attempt_start(d.attempt, timer_now() + 2500, false);
	fake_resolve_found("198.51.100.1\n198.51.100.2\n198.51.100.3\n198.51.100.4\n198.51.100.5\n");
	fake_timer_pass(2499);
	dial_assert_under_way(&d);
	ck_assert_uint_eq(fake_mqtt()->opens, 3);
	fake_timer_pass(1);
	dial_assert_failed(&d, HINT_ENDPOINT, "No answer from the server: check network");
}
END_TEST

START_TEST(addresses_that_fail_at_once)
{
	char text[128];

	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ENETUNREACH));
	fake_mqtt()->open_result = -ENETUNREACH;
	dial_start_at(&d, "many.example");
	fake_resolve_found("198.51.100.1\n198.51.100.2\n");
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
	dial_assert_failed(&d, HINT_ENDPOINT, text);
}
END_TEST

/* --- hint 2: no network --- */

/* What may have failed for want of a network. */
static const int unreachable[] = { ENETUNREACH, ENETDOWN, EADDRNOTAVAIL, EHOSTUNREACH };

START_TEST(no_network)
{
	usable = false;
	dial_start(&d);
	fake_mqtt_lose(unreachable[_i]);
	dial_assert_failed(&d, HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

START_TEST(no_network_for_the_name)
{
	usable = false;
	dial_start_at(&d, "some.example");
	fake_resolve_fail(-EAGAIN);
	dial_assert_failed(&d, HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

/* A cable that was pulled: the address stays, and nothing comes. */
START_TEST(no_network_and_no_answer)
{
	usable = false;
	dial_start_at(&d, "some.example");
	if (_i == 0)
		fake_resolve_fail(-ETIME);
	else
		fake_timer_pass(DIAL_WHOLE);
	dial_assert_failed(&d, HINT_NETWORK, "No network: no interface is up and has an address");
	dial_start_at(&d, "192.0.2.9");
	fake_timer_pass(DIAL_STAGE);
	dial_assert_failed(&d, HINT_NETWORK, "No network: no interface is up and has an address");
}
END_TEST

/* Somebody did answer. */
START_TEST(network_is_not_to_blame)
{
	char text[128];

	usable = false;
	dial_start_at(&d, "some.example");
	fake_resolve_fail(-ENOENT);
	dial_assert_failed(&d, HINT_ENDPOINT, "Name not found: check Endpoint");
	dial_start_at(&d, "192.0.2.9");
	fake_mqtt_lose(ECONNREFUSED);
	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ECONNREFUSED));
	dial_assert_failed(&d, HINT_ENDPOINT, text);
	usable = true;
	dial_start(&d);
	fake_mqtt_lose(ENETUNREACH);
	(void)snprintf(text, sizeof(text), "%s: check Endpoint and network", strerror(ENETUNREACH));
	dial_assert_failed(&d, HINT_ENDPOINT, text);
}
END_TEST

/* --- several addresses --- */

/* Whatever an address fails by before it is asked to log us in, or while it does not answer, the next one is tried. */
START_TEST(next_address_after_any_failure)
{
	dial_start_two(&d);
	switch (_i) {
	case 0:
		fake_mqtt_lose(ECONNREFUSED);
		break;
	case 1:
		fake_timer_pass(DIAL_STAGE);
		break;
	case 2: /* silent in TLS */
		fake_mqtt_tcp();
		fake_timer_pass(DIAL_STAGE);
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
		fake_timer_pass(DIAL_STAGE);
		break;
	}
	dial_assert_under_way(&d);
	dial_assert_target("198.51.100.2", 8883);
	fake_mqtt_succeed();
	ck_assert_uint_eq(d.successes, 1);
	ck_assert_str_eq(attempt_get_report(d.attempt)->address, "198.51.100.2");
	ck_assert_uint_eq(attempt_get_report(d.attempt)->tries, 2);
}
END_TEST

/* Of several failures the one that came farthest is told, in whatever order. */
START_TEST(farthest_failure_is_told)
{
	dial_start_two(&d);
	if (_i == 0)
		fake_mqtt_lose(ECONNREFUSED);
	fake_mqtt_tcp();
	fake_ssl()->failure = "Server certificate expired";
	fake_mqtt_lose(0);
	if (_i == 1)
		fake_mqtt_lose(ECONNREFUSED);
	dial_assert_failed(&d, HINT_TLS, "Server certificate expired");
}
END_TEST

/* A refusal is an answer, and closing is one: no other address is asked. */
START_TEST(refusal_is_final)
{
	dial_start_two(&d);
	fake_mqtt_tcp();
	fake_ssl()->established = true;
	fake_mqtt_connack(5);
	dial_assert_failed(&d, HINT_LOGIN, "Login refused: check registration and policy");
	ck_assert_uint_eq(fake_mqtt()->opens, 1);
	dial_start_two(&d);
	fake_ssl_drop();
	dial_assert_failed(&d, HINT_LOGIN, "Closed before login: check registration and policy");
	ck_assert_uint_eq(fake_mqtt()->opens, 2);
}
END_TEST

/* A silent one does not use up the time of the next one, in TLS either. */
START_TEST(share_holds_up_to_the_login)
{
	ck_assert_int_eq(rig_set(&d.rig, "Endpoint", "two.example"), 0);
	attempt_start(d.attempt, timer_now() + 8000, false);
	fake_resolve_found("198.51.100.1\n198.51.100.2\n");
	fake_timer_pass(3000);
	fake_mqtt_tcp();
	fake_timer_pass(999);
	dial_assert_target("198.51.100.1", 8883);
	fake_timer_pass(1);
	dial_assert_target("198.51.100.2", 8883);
	fake_timer_pass(4000);
	dial_assert_failed(&d, HINT_TLS, "Server is silent during TLS: check Endpoint");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("attempt_network");
	TCase *tc = tcase_create("attempt_network");

	tcase_add_checked_fixture(tc, setup, teardown);
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
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
