/* SPDX-License-Identifier: Apache-2.0 */
#include "board/ping.h"

#include "fake/echo.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

static struct echo echo;

static void setup(void)
{
	echo_make(&echo);
}

static void teardown(void)
{
	echo_done(&echo);
}

START_TEST(all_answered)
{
	echo_start(&echo, echo_hosts[_i]);
	ck_assert_str_eq(echo.to, echo_hosts[_i]);
	ck_assert_int_eq(echo.family, _i ? AF_INET6 : AF_INET);
	ck_assert_int_eq(echo.type, SOCK_DGRAM);
	ck_assert_int_eq(echo.protocol, _i ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		echo_answer(&echo, i);
	echo_expect(&echo, 3, 0);
	ck_assert_uint_lt(echo.result.mean_us, 60000000);
}
END_TEST

START_TEST(nobody_there)
{
	echo_start(&echo, echo_hosts[_i]);
	for (unsigned i = 0; i < PING_REQUESTS; i++) {
		(void)echo_take_request(&echo, i);
		ck_assert_uint_eq(echo.calls, 0);
		fake_timer_pass(PING_TIMEOUT_MS - 1);
		ck_assert_uint_eq(echo.calls, 0);
		fake_timer_pass(1);
	}
	echo_expect(&echo, 0, 0);
	ck_assert_uint_eq(echo.result.mean_us, 0);
}
END_TEST

START_TEST(one_lost)
{
	echo_start(&echo, echo_hosts[_i]);
	echo_answer(&echo, 0);
	(void)echo_take_request(&echo, 1);
	fake_timer_pass(PING_TIMEOUT_MS);
	echo_answer(&echo, 2);
	echo_expect(&echo, 2, 0);
}
END_TEST

/* A slow link: an answer is counted as long as there is time. */
START_TEST(late)
{
	uint8_t first[64];
	size_t n;

	echo_start(&echo, echo_hosts[_i]);
	n = echo_take_request(&echo, 0);
	echo_make_reply(&echo);
	memcpy(first, echo.request, n);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)echo_take_request(&echo, 1);
	echo_deliver(&echo, first, n);
	echo_assert_no_request(&echo);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)echo_take_request(&echo, 2);
	fake_timer_pass(PING_TIMEOUT_MS);
	echo_expect(&echo, 1, 0);
}
END_TEST

/* What is no reply to a request of ours: each differs in one thing. */
static const struct {
	size_t at;
} wrong[] = { { 0 }, { 1 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 }, { 20 }, { 31 } };

START_TEST(not_ours)
{
	size_t n;

	echo_start(&echo, "192.0.2.1");
	n = echo_take_request(&echo, 0);
	ck_assert_uint_eq(n, 32);
	echo_make_reply(&echo);
	echo.request[wrong[_i].at] ^= 1;
	echo_deliver(&echo, echo.request, n);
	echo_assert_no_request(&echo);
	echo.request[wrong[_i].at] ^= 1;
	echo_deliver(&echo, echo.request, n);
	(void)echo_take_request(&echo, 1);
}
END_TEST

START_TEST(wrong_length)
{
	uint8_t longer[600] = { 0 };
	size_t n;

	echo_start(&echo, "192.0.2.1");
	n = echo_take_request(&echo, 0);
	echo_make_reply(&echo);
	memcpy(longer, echo.request, n);
	echo_deliver(&echo, longer, 0);
	echo_deliver(&echo, longer, 1);
	echo_deliver(&echo, longer, 7);
	echo_deliver(&echo, longer, n - 1);
	echo_deliver(&echo, longer, n + 1);
	echo_deliver(&echo, longer, sizeof(longer));
	echo_assert_no_request(&echo);
}
END_TEST

START_TEST(answered_twice)
{
	size_t n;

	echo_start(&echo, "192.0.2.1");
	n = echo_take_request(&echo, 0);
	echo_make_reply(&echo);
	echo_deliver(&echo, echo.request, n);
	echo_deliver(&echo, echo.request, n);
	echo_deliver(&echo, echo.request, n);
	(void)echo_take_request(&echo, 1);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)echo_take_request(&echo, 2);
	fake_timer_pass(PING_TIMEOUT_MS);
	echo_expect(&echo, 1, 0);
}
END_TEST

/* Not sent yet. */
START_TEST(answered_in_advance)
{
	size_t n;

	echo_start(&echo, "192.0.2.1");
	n = echo_take_request(&echo, 0);
	echo_make_reply(&echo);
	echo.request[7] = 1;
	echo_deliver(&echo, echo.request, n);
	echo.request[7] = 3;
	echo_deliver(&echo, echo.request, n);
	echo.request[6] = 0xff;
	echo_deliver(&echo, echo.request, n);
	echo_assert_no_request(&echo);
	fake_timer_pass(3 * PING_TIMEOUT_MS);
	echo_expect(&echo, 0, 0);
}
END_TEST

START_TEST(flood)
{
	size_t n;

	echo_start(&echo, "192.0.2.1");
	n = echo_take_request(&echo, 0);
	echo_make_reply(&echo);
	echo.request[4] ^= 1;
	for (unsigned i = 0; i < 200; i++)
		echo_deliver(&echo, echo.request, n);
	echo.request[4] ^= 1;
	echo_deliver(&echo, echo.request, n);
	(void)echo_take_request(&echo, 1);
}
END_TEST

/* --- life --- */

START_TEST(stopped)
{
	echo_start(&echo, "192.0.2.1");
	echo.ping = ping_free(echo.ping);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(100000);
	echo_turn(&echo);
	ck_assert_uint_eq(echo.calls, 0);
}
END_TEST

START_TEST(freed_by_its_own_end)
{
	echo.free_within = true;
	echo_start(&echo, "192.0.2.1");
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		echo_answer(&echo, i);
	echo_expect(&echo, 3, 0);
	ck_assert_ptr_null(echo.ping);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ping");
	TCase *tc = tcase_create("ping");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, all_answered, 0, ECHO_HOSTS);
	tcase_add_loop_test(tc, nobody_there, 0, ECHO_HOSTS);
	tcase_add_loop_test(tc, one_lost, 0, ECHO_HOSTS);
	tcase_add_loop_test(tc, late, 0, ECHO_HOSTS);
	tcase_add_loop_test(tc, not_ours, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, wrong_length);
	tcase_add_test(tc, answered_twice);
	tcase_add_test(tc, answered_in_advance);
	tcase_add_test(tc, flood);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, freed_by_its_own_end);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
