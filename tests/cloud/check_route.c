/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/route.h"

#include "fake/suite.h"
#include "fake/timer.h"

#include <string.h>

static struct route route;

static void start(uint64_t ms, const char *lines)
{
	struct addresses found;

	resolve_parse(lines, strlen(lines), &found);
	route_start(&route, timer_now() + ms);
	ck_assert(!route_goes_on(&route));
	route_found(&route, &found);
}

/* The next one, which has so long for a stage. */
static void assert_next(const char *address, uint64_t stage_ms)
{
	ck_assert(route_goes_on(&route));
	ck_assert_str_eq(route_next(&route), address);
	ck_assert_uint_eq(route_stage_left(&route), stage_ms);
}

START_TEST(in_order)
{
	start(9000, "198.51.100.1\n2001:db8::2\n198.51.100.3\n");
	assert_next("198.51.100.1", 3000);

	/* Who was quick leaves more to the others. */
	fake_timer_pass(1000);
	ck_assert_uint_eq(route_stage_left(&route), 2000);
	assert_next("2001:db8::2", 4000);
	fake_timer_pass(4000);
	ck_assert_uint_eq(route_stage_left(&route), 0);
	assert_next("198.51.100.3", 4000);
	ck_assert_uint_eq(route_left(&route), 4000);
	ck_assert(!route_goes_on(&route));
	route_again(&route);
	assert_next("198.51.100.1", 1333);
}
END_TEST

START_TEST(a_stage_is_bounded)
{
	start(100000, "198.51.100.1\n");
	assert_next("198.51.100.1", ROUTE_STAGE_MS);
	fake_timer_pass(95000);
	ck_assert_uint_eq(route_stage_left(&route), 5000);
}
END_TEST

/* At least a second; the last ones are left out. */
START_TEST(more_addresses_than_time)
{
	start(1500, "198.51.100.1\n198.51.100.2\n198.51.100.3\n198.51.100.4\n");
	assert_next("198.51.100.1", 1000);
	fake_timer_pass(1000);
	assert_next("198.51.100.2", 500);
	fake_timer_pass(500);
	ck_assert_uint_eq(route_left(&route), 0);
	ck_assert(!route_goes_on(&route));
	fake_timer_pass(500);
	ck_assert_uint_eq(route_left(&route), 0);
}
END_TEST

START_TEST(address_instead_of_name)
{
	static const char *const texts[] = { "192.0.2.7:443", "[2001:db8::1]:1883" };
	struct endpoint endpoint;

	ck_assert_int_eq(endpoint_parse(texts[_i], strlen(texts[_i]), &endpoint), 0);
	route_start(&route, timer_now() + 5000);
	route_direct(&route, &endpoint);
	assert_next(_i ? "2001:db8::1" : "192.0.2.7", 5000);
	ck_assert(!route_goes_on(&route));
}
END_TEST

static void failed_by(enum fault_hint hint, const char *detail, bool off_net)
{
	struct fault fault;

	fault_set(&fault, hint, "%s", detail);
	fault.off_net = off_net;
	route_fail(&route, &fault);
}

START_TEST(what_tells_most)
{
	start(9000, "198.51.100.1\n");
	ck_assert(!route.failed);
	failed_by(HINT_ENDPOINT, "unreachable", true);
	ck_assert(route.failed);
	ck_assert_str_eq(route.fault.detail, "unreachable");
	failed_by(HINT_ENDPOINT, "refused", false);
	ck_assert_str_eq(route.fault.detail, "refused");
	failed_by(HINT_ENDPOINT, "unreachable", true);
	failed_by(HINT_ENDPOINT, "refused again", false);
	ck_assert_str_eq(route.fault.detail, "refused");
	failed_by(HINT_TLS, "expired", false);
	failed_by(HINT_ENDPOINT, "refused", false);
	ck_assert_str_eq(route.fault.detail, "expired");

	/* A new round forgets. */
	route_again(&route);
	ck_assert(!route.failed);
	failed_by(HINT_ENDPOINT, "refused", false);
	ck_assert_str_eq(route.fault.detail, "refused");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("route");
	TCase *tc = tcase_create("route");

	tcase_add_test(tc, in_order);
	tcase_add_test(tc, a_stage_is_bounded);
	tcase_add_test(tc, more_addresses_than_time);
	tcase_add_loop_test(tc, address_instead_of_name, 0, 2);
	tcase_add_test(tc, what_tells_most);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
