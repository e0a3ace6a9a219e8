/* SPDX-License-Identifier: Apache-2.0 */
/* board/ping.c where its socket is not for everybody, and where there is no way. */
#include "board/ping.h"

#include "fake/echo.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct echo echo;

static void setup(void)
{
	echo_make(&echo);
}

static void teardown(void)
{
	echo_done(&echo);
}

/* --- sockets that are not for everybody --- */

START_TEST(raw)
{
	uint8_t packet[128] = { 0x46 }; /* an IP header of 24 bytes */
	size_t n;

	echo.refuse_dgram = EACCES;
	echo_start(&echo, "192.0.2.1");
	ck_assert_int_eq(echo.type, SOCK_RAW);
	for (unsigned i = 0; i < PING_REQUESTS; i++) {
		n = echo_take_request(&echo, i);
		echo_make_reply(&echo);
		memcpy(packet + 24, echo.request, n);
		packet[24 + 5] ^= 1; /* somebody else's identifier */
		echo_deliver(&echo, packet, 24 + n);
		echo_assert_no_request(&echo);
		packet[24 + 5] ^= 1;
		echo_deliver(&echo, packet, 24 + n);
	}
	echo_expect(&echo, 3, 0);
}
END_TEST

START_TEST(raw_ipv6)
{
	echo.refuse_dgram = EACCES;
	echo_start(&echo, "2001:db8::1");
	ck_assert_int_eq(echo.type, SOCK_RAW);
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		echo_answer(&echo, i);
	echo_expect(&echo, 3, 0);
}
END_TEST

START_TEST(raw_with_a_header_that_lies)
{
	const uint8_t headers[] = { 0x4f, 0x40, 0x00, 0xff };

	echo.refuse_dgram = EPERM;
	echo_start(&echo, "192.0.2.1");
	for (size_t i = 0; i < sizeof(headers); i++)
		echo_deliver(&echo, &headers[i], 1);
	echo_deliver(&echo, "", 0);
	(void)echo_take_request(&echo, 0);
}
END_TEST

START_TEST(not_allowed)
{
	echo.refuse_dgram = _i ? EPERM : EACCES;
	echo.refuse_raw = EPERM;
	ck_assert_int_eq(echo_try(&echo, "192.0.2.1"), -EPERM);
	echo.refuse_raw = EACCES;
	ck_assert_int_eq(echo_try(&echo, "192.0.2.1"), -EPERM);
	ck_assert_ptr_null(echo.ping);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(out_of_files)
{
	echo.refuse_dgram = EMFILE;
	ck_assert_int_eq(echo_try(&echo, "192.0.2.1"), -EMFILE);
	ck_assert_int_eq(echo.type, SOCK_DGRAM);
	ck_assert_ptr_null(echo.ping);
}
END_TEST

static const char *const no_addresses[] = { "", "host.example", "192.0.2.256", "::g", "192.0.2.1 ", "fe80::1%no-such" };

START_TEST(no_address)
{
	ck_assert_int_eq(echo_try(&echo, no_addresses[_i]), -EINVAL);
	ck_assert_ptr_null(echo.ping);
	ck_assert_int_eq(echo.network, -1);
}
END_TEST

START_TEST(with_scope)
{
	echo_start(&echo, "fe80::1%lo");
	ck_assert_str_eq(echo.to, "fe80::1");
}
END_TEST

/* --- no way --- */

/* These are answers, too; and they come from the loop. */
START_TEST(no_route)
{
	if (_i)
		echo.refuse_dgram = EAFNOSUPPORT;
	else
		echo.refuse_connect = ENETUNREACH;
	echo_start(&echo, "192.0.2.1");
	echo_expect(&echo, 0, _i ? EAFNOSUPPORT : ENETUNREACH);
	ck_assert_uint_eq(echo.sends, 0);
}
END_TEST

START_TEST(cannot_be_sent)
{
	for (unsigned i = 0; i < 6; i++)
		echo.refuse_send[i] = EPERM;
	echo_start(&echo, "192.0.2.1");
	echo_expect(&echo, 0, EPERM);
	ck_assert_uint_eq(echo.sends, 6);
}
END_TEST

/* The error of the request before. */
START_TEST(sent_at_the_second_try)
{
	echo.refuse_send[1] = EHOSTUNREACH;
	echo_start(&echo, "192.0.2.1");
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		echo_answer(&echo, i);
	echo_expect(&echo, 3, 0);
}
END_TEST

/* "Host unreachable" needs no waiting. */
START_TEST(unreachable)
{
	echo_start(&echo, echo_hosts[_i]);
	for (unsigned i = 0; i < PING_REQUESTS; i++) {
		echo.guilty_n = echo_take_request(&echo, i);
		memcpy(echo.guilty, echo.request, echo.guilty_n);
		echo.queued = EHOSTUNREACH;
		echo_deliver(&echo, "", 1);
	}
	echo_expect(&echo, 0, EHOSTUNREACH);
}
END_TEST

/* That of a request that is no longer waited for, or of somebody else's. */
START_TEST(unreachable_but_not_this)
{
	echo_start(&echo, "192.0.2.1");
	echo.guilty_n = echo_take_request(&echo, 0);
	memcpy(echo.guilty, echo.request, echo.guilty_n);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)echo_take_request(&echo, 1);
	echo.queued = EHOSTUNREACH;
	echo_deliver(&echo, "", 1);
	echo_assert_no_request(&echo);
	echo.guilty[7] = 1;
	echo.guilty[5] ^= 1;
	echo.queued = EHOSTUNREACH;
	echo_deliver(&echo, "", 1);
	echo_assert_no_request(&echo);
	echo.guilty_n = 3;
	echo.queued = ENETUNREACH;
	echo_deliver(&echo, "", 1);
	echo_assert_no_request(&echo);
	fake_timer_pass(2 * PING_TIMEOUT_MS);
	echo_expect(&echo, 0, ENETUNREACH);
}
END_TEST

/* The socket's other end is gone: nothing spins, and it ends in time. */
START_TEST(broken_socket)
{
	echo_start(&echo, "192.0.2.1");
	(void)close(echo.network);
	echo.network = -1;
	for (unsigned i = 0; i < 10; i++)
		(void)sd_event_run(echo.event, 0);
	fake_timer_pass(3 * PING_TIMEOUT_MS);
	ck_assert_uint_eq(echo.calls, 1);
	ck_assert_uint_eq(echo.result.received, 0);
	ck_assert_int_ne(echo.result.error, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ping_refusals");
	TCase *tc = tcase_create("ping");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, raw);
	tcase_add_test(tc, raw_ipv6);
	tcase_add_test(tc, raw_with_a_header_that_lies);
	tcase_add_loop_test(tc, not_allowed, 0, 2);
	tcase_add_test(tc, out_of_files);
	tcase_add_loop_test(tc, no_address, 0, sizeof(no_addresses) / sizeof(no_addresses[0]));
	tcase_add_test(tc, with_scope);
	tcase_add_loop_test(tc, no_route, 0, 2);
	tcase_add_test(tc, cannot_be_sent);
	tcase_add_test(tc, sent_at_the_second_try);
	tcase_add_loop_test(tc, unreachable, 0, ECHO_HOSTS);
	tcase_add_test(tc, unreachable_but_not_this);
	tcase_add_test(tc, broken_socket);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
