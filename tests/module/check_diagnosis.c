/* SPDX-License-Identifier: Apache-2.0 */
#include "module/diagnosis.h"

#include "at/error.h"
#include "fake/network.h"
#include "fake/ping.h"
#include "fake/probe.h"
#include "fake/resolve.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static struct rig rig;
static struct diagnosis *diagnosis;
static const struct diagnosis_result *result;
static unsigned calls;
static int told;

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &calls);
	ck_assert_uint_eq(number, 7);
	calls++;
	told = r;
}

static const struct done done = { .fn = on_done, .who = &calls, .number = 7 };

static void setup(void)
{
	calls = 0;
	*fake_ping() = (struct fake_ping){ 0 };
	*fake_probe() = (struct fake_probe){ 0 };
	*fake_resolve() = (struct fake_resolve){ 0 };
	rig_make_module(&rig, NULL);
	ck_assert_int_eq(diagnosis_new(&diagnosis, rig.event, rig.settings, rig.dict, rig.module->epoch), 0);
	result = diagnosis_result(diagnosis);
}

static void teardown(void)
{
	ck_assert_ptr_null(diagnosis_free(diagnosis));
	ck_assert(!fake_ping()->asked && !fake_probe()->asked && !fake_resolve()->asked);
	rig_done(&rig);
}

static void expect(int r)
{
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq(told, r);
	ck_assert(!fake_ping()->asked && !fake_probe()->asked && !fake_resolve()->asked);
}

static const struct ping_result pong = { .sent = 3, .received = 2, .mean_us = 1234 };

START_TEST(ping_an_address)
{
	ck_assert_int_eq(diagnosis_ping(diagnosis, _i ? "2001:db8::1" : "192.0.2.1", done), 0);
	ck_assert_uint_eq(fake_resolve()->questions, 0);
	ck_assert_str_eq(fake_ping()->address, _i ? "2001:db8::1" : "192.0.2.1");
	ck_assert_uint_eq(calls, 0);
	fake_ping_end(&pong);
	expect(0);
	ck_assert_uint_eq(result->addresses.count, 1);
	ck_assert_str_eq(result->addresses.text[0], _i ? "2001:db8::1" : "192.0.2.1");
	ck_assert_uint_eq(result->ping.sent, 3);
	ck_assert_uint_eq(result->ping.received, 2);
	ck_assert_uint_eq(result->ping.mean_us, 1234);
}
END_TEST

START_TEST(ping_a_name)
{
	ck_assert_int_eq(diagnosis_ping(diagnosis, "host.example", done), 0);
	ck_assert_str_eq(fake_resolve()->host, "host.example");
	ck_assert_uint_le(fake_resolve()->timeout_ms + 3 * 1000, 10000);
	ck_assert(!fake_ping()->asked);
	fake_resolve_found("2001:db8::1\n192.0.2.1\n");
	ck_assert_uint_eq(calls, 0);
	ck_assert(!fake_resolve()->asked);
	ck_assert_str_eq(fake_ping()->address, "2001:db8::1");
	fake_ping_end(&pong);
	expect(0);
	ck_assert_str_eq(result->addresses.text[0], "2001:db8::1");
}
END_TEST

static const struct {
	int r;
	const char *detail;
} names[] = {
	{ -ENOENT, "Name not found: check Endpoint" },
	{ -ETIME, "Name server does not answer: check network" },
	{ -EAGAIN, "Name server does not answer: check network" },
};

START_TEST(no_such_name)
{
	if (_i % 2)
		ck_assert_int_eq(diagnosis_ping(diagnosis, "host.example", done), 0);
	else
		ck_assert_int_eq(diagnosis_dns(diagnosis, "host.example", done), 0);
	fake_resolve_fail(names[_i / 2].r);
	expect(AT_ERR_CONNECT);
	ck_assert_int_eq((int)result->fault.hint, HINT_ENDPOINT);
	ck_assert_str_eq(result->fault.detail, names[_i / 2].detail);
}
END_TEST

START_TEST(ping_not_allowed)
{
	fake_ping()->start_result = -EPERM;
	ck_assert_int_eq(diagnosis_ping(diagnosis, "192.0.2.1", done), AT_ERR_MODE);
	ck_assert_uint_eq(calls, 0);
	ck_assert_int_eq(diagnosis_ping(diagnosis, "host.example", done), 0);
	fake_resolve_found("192.0.2.1\n");
	expect(AT_ERR_MODE);
}
END_TEST

START_TEST(ping_breaks)
{
	fake_ping()->start_result = -EMFILE;
	ck_assert_int_eq(diagnosis_ping(diagnosis, "192.0.2.1", done), -EMFILE);
	ck_assert_int_eq(diagnosis_ping(diagnosis, "host.example", done), 0);
	fake_resolve_found("192.0.2.1\n");
	expect(-EMFILE);
}
END_TEST

START_TEST(dns)
{
	ck_assert_int_eq(diagnosis_dns(diagnosis, "host.example", done), 0);
	ck_assert_str_eq(fake_resolve()->host, "host.example");
	fake_timer_pass(12);
	fake_resolve_found("2001:db8::1\n192.0.2.1\n");
	expect(0);
	ck_assert_uint_eq(fake_ping()->starts, 0);
	ck_assert_uint_eq(result->name_ms, 12);
	ck_assert_uint_eq(result->addresses.count, 2);
	ck_assert_str_eq(result->addresses.text[1], "192.0.2.1");
}
END_TEST

START_TEST(resolver_breaks)
{
	fake_resolve()->start_result = -EAGAIN;
	ck_assert_int_eq(diagnosis_dns(diagnosis, "host.example", done), AT_ERR_CONNECT);
	ck_assert_int_eq(diagnosis_ping(diagnosis, "host.example", done), AT_ERR_CONNECT);
	ck_assert_int_eq((int)result->fault.hint, HINT_ENDPOINT);
	ck_assert_str_eq(result->fault.detail, "Resolver could not be started: see the module's log");
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(fake_ping()->starts, 0);
}
END_TEST

static const struct endpoint endpoint = { .host = "host.example", .port = 8884 };

START_TEST(tls)
{
	const struct probe_report report = {
		.passed = true, .summary = "TLSv1.3 X", .count = 2, .lines = { "DNS", "TCP" }
	};

	ck_assert_int_eq(diagnosis_tls(diagnosis, &endpoint, done), 0);
	ck_assert_str_eq(fake_probe()->endpoint.host, "host.example");
	ck_assert_uint_eq(fake_probe()->endpoint.port, 8884);
	ck_assert_uint_lt(fake_probe()->timeout_ms, 25000);
	ck_assert_uint_eq(calls, 0);
	fake_probe_end(&report);
	expect(0);
	ck_assert(result->tls.passed);
	ck_assert_str_eq(result->tls.summary, "TLSv1.3 X");
	ck_assert_uint_eq(result->tls.count, 2);
	ck_assert_str_eq(result->tls.lines[1], "TCP");
}
END_TEST

/* What is written to stderr comes to us. Returns the end to read from. */
static int take_stderr(void)
{
	int ends[2];

	ck_assert_int_eq(pipe2(ends, O_CLOEXEC | O_NONBLOCK), 0);
	ck_assert_int_eq(dup2(ends[1], STDERR_FILENO), STDERR_FILENO);
	ck_assert_int_eq(close(ends[1]), 0);
	return ends[0];
}

/* As CONNECT says it, and the log says the same. */
START_TEST(no_network)
{
	struct probe_report report = { .count = 1, .lines = { "DNS" } };
	char text[1024];
	int log;

	fake_network_unplug();
	fault_of_name(&report.fault, _i ? -ENOENT : -EAGAIN);
	ck_assert_int_eq(diagnosis_tls(diagnosis, &endpoint, done), 0);
	log = take_stderr();
	fake_probe_end(&report);
	expect(0);
	ck_assert_int_eq((int)result->tls.fault.hint, _i ? HINT_ENDPOINT : HINT_NETWORK);
	ck_assert_uint_eq(result->tls.count, 1);
	text[read(log, text, sizeof(text) - 1)] = '\0';
	ck_assert_str_eq(text, _i ? "DIAG TLS failed: Name not found: check Endpoint\n"
				  : "DIAG TLS failed: No network: no interface is up and has an address\n");
	ck_assert_int_eq(close(log), 0);
}
END_TEST

START_TEST(no_name_without_a_network)
{
	fake_network_unplug();
	if (_i % 2)
		ck_assert_int_eq(diagnosis_ping(diagnosis, "host.example", done), 0);
	else
		ck_assert_int_eq(diagnosis_dns(diagnosis, "host.example", done), 0);
	fake_resolve_fail(_i / 2 ? -ENOENT : -EAGAIN);
	expect(AT_ERR_CONNECT);
	ck_assert_int_eq((int)result->fault.hint, _i / 2 ? HINT_ENDPOINT : HINT_NETWORK);
	ck_assert_str_eq(result->fault.detail, _i / 2 ? "Name not found: check Endpoint"
						      : "No network: no interface is up and has an address");
}
END_TEST

START_TEST(tls_breaks)
{
	fake_probe()->start_result = -ENOMEM;
	ck_assert_int_eq(diagnosis_tls(diagnosis, &endpoint, done), -ENOMEM);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

/* At each of its steps. */
START_TEST(stopped)
{
	ck_assert_int_eq(diagnosis_ping(diagnosis, "192.0.2.1", done), 0);
	diagnosis_stop(diagnosis);
	ck_assert(!fake_ping()->asked);
	ck_assert_int_eq(diagnosis_dns(diagnosis, "host.example", done), 0);
	diagnosis_stop(diagnosis);
	ck_assert(!fake_resolve()->asked);
	ck_assert_int_eq(diagnosis_tls(diagnosis, &endpoint, done), 0);
	diagnosis_stop(diagnosis);
	ck_assert(!fake_probe()->asked);
	diagnosis_stop(diagnosis);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

/* The next question ends the one before, and knows nothing of its result. */
START_TEST(one_at_a_time)
{
	const struct done other = { .fn = on_done, .who = NULL, .number = 1 };

	ck_assert_int_eq(diagnosis_tls(diagnosis, &endpoint, other), 0);
	ck_assert_int_eq(diagnosis_ping(diagnosis, "192.0.2.1", other), 0);
	ck_assert(!fake_probe()->asked);
	ck_assert_int_eq(diagnosis_dns(diagnosis, "host.example", done), 0);
	ck_assert(!fake_ping()->asked);
	ck_assert_uint_eq(result->addresses.count, 0);
	fake_resolve_found("192.0.2.1\n");
	expect(0);
}
END_TEST

START_TEST(freed_in_the_middle)
{
	ck_assert_int_eq(diagnosis_ping(diagnosis, "192.0.2.1", done), 0);
	diagnosis = diagnosis_free(diagnosis);
	ck_assert(!fake_ping()->asked);
	ck_assert_uint_eq(calls, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diagnosis");
	TCase *tc = tcase_create("diagnosis");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, ping_an_address, 0, 2);
	tcase_add_test(tc, ping_a_name);
	tcase_add_loop_test(tc, no_such_name, 0, 2 * ELEMENTS(names));
	tcase_add_test(tc, ping_not_allowed);
	tcase_add_test(tc, ping_breaks);
	tcase_add_test(tc, dns);
	tcase_add_test(tc, resolver_breaks);
	tcase_add_test(tc, tls);
	tcase_add_loop_test(tc, no_network, 0, 2);
	tcase_add_loop_test(tc, no_name_without_a_network, 0, 4);
	tcase_add_test(tc, tls_breaks);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, one_at_a_time);
	tcase_add_test(tc, freed_in_the_middle);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
