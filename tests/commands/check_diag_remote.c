/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/diag.h"

#include "fake/ping.h"
#include "fake/probe.h"
#include "fake/resolve.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct rig rig;

static void setup(void)
{
	*fake_ping() = (struct fake_ping){ 0 };
	*fake_probe() = (struct fake_probe){ 0 };
	*fake_resolve() = (struct fake_resolve){ 0 };
	rig_make_module(&rig, NULL);
}

static void teardown(void)
{
	rig_done(&rig);
	ck_assert(!fake_ping()->asked && !fake_probe()->asked && !fake_resolve()->asked);
}

#define expect(line, answer) ck_assert_str_eq(rig_ask(&rig, line), answer)
#define hear(answer)         ck_assert_str_eq(rig_hear(&rig), answer)

static void say(const char *line)
{
	rig_say(&rig, line);
	hear("");
}

/* --- PING --- */

static const struct {
	struct ping_result result;
	const char *answer;
} pings[] = {
	{ { .sent = 3, .received = 3, .mean_us = 52 }, "OK 3/3 192.0.2.1 0.05 ms\r\n" },
	{ { .sent = 3, .received = 3, .mean_us = 0 }, "OK 3/3 192.0.2.1 0.00 ms\r\n" },
	{ { .sent = 3, .received = 1, .mean_us = 999999 }, "OK 1/3 192.0.2.1 999.99 ms\r\n" },
	{ { .sent = 3, .received = 2, .mean_us = 1230000, .error = EHOSTUNREACH }, "OK 2/3 192.0.2.1 1230.00 ms\r\n" },
	{ { .sent = 3 }, "OK 0/3 192.0.2.1\r\n" },
	{ { .sent = 3, .error = EHOSTUNREACH }, "OK 0/3 192.0.2.1 No route to host\r\n" },
};

START_TEST(ping_answers)
{
	say("AT+DIAG PING 192.0.2.1");
	fake_ping_end(&pings[_i].result);
	hear(pings[_i].answer);
}
END_TEST

START_TEST(ping_a_name)
{
	say("AT+DIAG PING host.example");
	fake_resolve_found("2001:db8::1\n192.0.2.1\n");
	hear("");
	fake_ping_end(&pings[0].result);
	hear("OK 3/3 2001:db8::1 0.05 ms\r\n");
}
END_TEST

START_TEST(ping_not_allowed)
{
	fake_ping()->start_result = -EPERM;
	expect("AT+DIAG PING 192.0.2.1", "ERR17 MODE NOT AVAILABLE\r\n");
	say("AT+DIAG PING host.example");
	fake_resolve_found("192.0.2.1\n");
	hear("ERR17 MODE NOT AVAILABLE\r\n");
}
END_TEST

/* --- DNS --- */

START_TEST(dns)
{
	say("AT+DIAG DNS host.example");
	fake_timer_pass(12);
	fake_resolve_found("2001:db8::1\n192.0.2.1\nfe80::1%eth0\n");
	hear("OK3 12 ms\r\n2001:db8::1\r\n192.0.2.1\r\nfe80::1%eth0\r\n");
}
END_TEST

START_TEST(no_such_name)
{
	say(_i ? "AT+DIAG DNS host.example" : "AT+DIAG PING host.example");
	fake_resolve_fail(-ENOENT);
	hear("ERR14 3 UNABLE TO CONNECT Name not found: check Endpoint\r\n");
	say(_i ? "AT+DIAG DNS host.example" : "AT+DIAG PING host.example");
	fake_resolve_fail(-ETIME);
	hear("ERR14 3 UNABLE TO CONNECT Name server does not answer: check network\r\n");
}
END_TEST

/* --- TLS --- */

START_TEST(tls_passed)
{
	const struct probe_report report = {
		.passed = true,
		.summary = "TLSv1.3 TLS_AES_256_GCM_SHA384",
		.count = 2,
		.lines = { "DNS host.example 1 address 12 ms", "CERT 0 a\\b\r\n by c" },
	};

	say("AT+DIAG TLS host.example:8884");
	ck_assert_str_eq(fake_probe()->endpoint.host, "host.example");
	ck_assert_uint_eq(fake_probe()->endpoint.port, 8884);
	fake_probe_end(&report);
	hear("OK2 PASSED TLSv1.3 TLS_AES_256_GCM_SHA384\r\nDNS host.example 1 address 12 ms\r\n"
	     "CERT 0 a\\\\b\\D\\A by c\r\n");
}
END_TEST

START_TEST(tls_failed)
{
	struct probe_report report = { .count = 1, .lines = { "TCP 192.0.2.1 8883 no answer 0 ms" } };

	fault_of_tcp(&report.fault, 0);
	say("AT+DIAG TLS 192.0.2.1");
	ck_assert(fake_probe()->endpoint.numeric);
	fake_probe_end(&report);
	hear("OK1 FAILED 3 No answer from the server: check network\r\nTCP 192.0.2.1 8883 no answer 0 ms\r\n");
}
END_TEST

/* Without a parameter: what CONNECT would try. */
START_TEST(tls_of_the_endpoint)
{
	const struct probe_report report = { .passed = true, .summary = "TLSv1.2 X" };

	say(_i ? "AT+DIAG TLS " : "AT+DIAG TLS");
	ck_assert_str_eq(fake_probe()->endpoint.host, RIG_STAGING);
	ck_assert_uint_eq(fake_probe()->endpoint.port, 0);
	fake_probe_end(&report);
	hear("OK PASSED TLSv1.2 X\r\n");
	expect("AT+CONF Endpoint=host.example:443", "OK\r\n");
	say("AT+DIAG TLS");
	ck_assert_str_eq(fake_probe()->endpoint.host, "host.example");
	ck_assert_uint_eq(fake_probe()->endpoint.port, 443);
	fake_probe_end(&report);
	hear("OK PASSED TLSv1.2 X\r\n");
}
END_TEST

START_TEST(tls_of_no_endpoint)
{
	expect("AT+CONF Endpoint=", "OK\r\n");
	expect("AT+DIAG TLS", "OK FAILED 3 No endpoint: set Endpoint\r\n");
	expect("AT+CONF Endpoint=https://host", "OK\r\n");
	expect("AT+DIAG TLS", "OK FAILED 3 Not a host name: check Endpoint\r\n");
	ck_assert_uint_eq(fake_probe()->starts, 0);
}
END_TEST

/* --- all of them --- */

static const char *const words[] = { "PING", "DNS", "TLS" };

static const char *const malformed[] = {
	"%s  host", "%s a b",   "%s host  ",    "%s a\\Ab", "%s a\\Db", "%s a\x01",     "%s h\xc3\xb6st", "%s a/b",
	"%s a;b",   "%s -x",    "%s .",         "%s %%%%",  "%s $(a)",  "%s a\x7f",     "%s a\tb",        "%s 1",
	"%s 0",     "%s 127.1", "%s 1.2.3.256", "%s a..b",  "%s ::g",   "%s fe80::1%%",
};

START_TEST(no_host)
{
	char line[128];

	for (size_t i = 0; i < ELEMENTS(malformed); i++) {
		size_t n;

		(void)snprintf(line, sizeof(line), "AT+DIAG ");
		n = strlen(line);
		/* Each has one %s; what is behind it stays as it is. */
		(void)snprintf(line + n, sizeof(line) - n, "%s%s", words[_i], malformed[i] + 2);
		ck_assert_msg(strcmp(rig_ask(&rig, line), "ERR4 PARAMETER ERROR\r\n") == 0, "%s: %s", line,
			      rig_hear(&rig));
	}
	ck_assert_uint_eq(fake_resolve()->questions + fake_ping()->starts + fake_probe()->starts, 0);
}
END_TEST

/* A NUL is a byte like others, and no end. */
START_TEST(zeros)
{
	char line[64];
	int n = snprintf(line, sizeof(line), "AT+DIAG %s localhost", words[_i]);

	ck_assert_int_gt(n, 0);
	line[n++] = '\0';
	line[n++] = '\n';
	fake_tty_take(fake_tty());
	fake_tty_send(fake_tty(), line, (size_t)n);
	hear("ERR4 PARAMETER ERROR\r\n");
	ck_assert_uint_eq(fake_resolve()->questions + fake_ping()->starts + fake_probe()->starts, 0);
}
END_TEST

START_TEST(longest_name)
{
	char line[400] = "AT+DIAG DNS ";
	size_t n = strlen(line);

	for (size_t i = 0; i < 253; i++)
		line[n + i] = i % 64 == 63 ? '.' : 'a';
	say(line);
	ck_assert_uint_eq(strlen(fake_resolve()->host), 253);
	fake_resolve_fail(-ENOENT);
	hear("ERR14 3 UNABLE TO CONNECT Name not found: check Endpoint\r\n");
	line[n + 253] = 'a';
	expect(line, "ERR4 PARAMETER ERROR\r\n");
	memset(line + n, 'a', 380);
	expect(line, "ERR4 PARAMETER ERROR\r\n");
}
END_TEST

START_TEST(nobody_named)
{
	expect("AT+DIAG PING", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG PING ", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG DNS", "ERR4 PARAMETER ERROR\r\n");
	expect("AT+DIAG DNS ", "ERR4 PARAMETER ERROR\r\n");
}
END_TEST

START_TEST(any_letter_case)
{
	say("at+diag Ping 192.0.2.1");
	fake_ping_end(&pings[4].result);
	hear("OK 0/3 192.0.2.1\r\n");
	say("at+diag dns fe80::1%eth0");
	ck_assert_str_eq(fake_resolve()->host, "fe80::1%eth0");
	fake_resolve_found("fe80::1%eth0\n");
	hear("OK1 0 ms\r\nfe80::1%eth0\r\n");
	say("at+diag Tls Host.example ");
	ck_assert_str_eq(fake_probe()->endpoint.host, "Host.example");
	fake_probe_end(&(struct probe_report){ .passed = true, .summary = "X" });
	hear("OK PASSED X\r\n");
}
END_TEST

/* Something here is out of order. */
START_TEST(breaks)
{
	static const char resolver[] =
		"ERR14 3 UNABLE TO CONNECT Resolver could not be started: see the module's log\r\n";
	static const char lacks[] = "ERR14 3 UNABLE TO CONNECT Module lacks resources: see its log\r\n";

	fake_resolve()->start_result = -EAGAIN;
	expect("AT+DIAG DNS host.example", resolver);
	expect("AT+DIAG PING host.example", resolver);
	fake_ping()->start_result = -EMFILE;
	expect("AT+DIAG PING 192.0.2.1", lacks);
	fake_resolve()->start_result = 0;
	say("AT+DIAG PING host.example");
	fake_resolve_found("192.0.2.1\n");
	hear(lacks);
	fake_probe()->start_result = -ENOMEM;
	expect("AT+DIAG TLS host.example", lacks);
}
END_TEST

/* Other commands wait their turn. */
START_TEST(one_after_the_other)
{
	say("AT+DIAG PING 192.0.2.1");
	say("AT+DIAG DNS host.example");
	say("AT");
	ck_assert(!fake_resolve()->asked);
	fake_ping_end(&pings[4].result);
	hear("OK 0/3 192.0.2.1\r\n");
	ck_assert(fake_resolve()->asked);
	fake_resolve_found("192.0.2.1\n");
	hear("OK 0/3 192.0.2.1\r\nOK1 0 ms\r\n192.0.2.1\r\nOK\r\n");
}
END_TEST

/* RST in the middle: no answer, and the next one is right. */
START_TEST(held_in_reset)
{
	const char *const lines[] = { "AT+DIAG PING 192.0.2.1", "AT+DIAG DNS host.example",
				      "AT+DIAG TLS host.example" };

	say(lines[_i]);
	module_happen(rig.module, HAPPEN_RST_LOW);
	ck_assert(!fake_ping()->asked && !fake_probe()->asked && !fake_resolve()->asked);
	module_happen(rig.module, HAPPEN_RST_HIGH);
	fake_timer_pass(60000);
	hear("");
	say("AT+DIAG PING 192.0.2.2");
	fake_ping_end(&pings[4].result);
	hear("OK 0/3 192.0.2.2\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diag_remote");
	TCase *tc = tcase_create("diag_remote");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, ping_answers, 0, ELEMENTS(pings));
	tcase_add_test(tc, ping_a_name);
	tcase_add_test(tc, ping_not_allowed);
	tcase_add_test(tc, dns);
	tcase_add_loop_test(tc, no_such_name, 0, 2);
	tcase_add_test(tc, tls_passed);
	tcase_add_test(tc, tls_failed);
	tcase_add_loop_test(tc, tls_of_the_endpoint, 0, 2);
	tcase_add_test(tc, tls_of_no_endpoint);
	tcase_add_loop_test(tc, no_host, 0, ELEMENTS(words));
	tcase_add_loop_test(tc, zeros, 0, ELEMENTS(words));
	tcase_add_test(tc, longest_name);
	tcase_add_test(tc, nobody_named);
	tcase_add_test(tc, any_letter_case);
	tcase_add_test(tc, breaks);
	tcase_add_test(tc, one_after_the_other);
	tcase_add_loop_test(tc, held_in_reset, 0, 3);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
