/* SPDX-License-Identifier: Apache-2.0 */
#include "util/resolve.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* The helper that runs here is tests/util/resolve_helper.c. */
#define LONG 60000

static sd_event *event;
static struct resolve *resolve;
static unsigned calls;
static int result;
static struct addresses found;
static bool free_within;

static void on_found(void *userdata, int r, const struct addresses *addresses)
{
	ck_assert_ptr_eq(userdata, &calls);
	calls++;
	result = r;
	found = *addresses;
	if (free_within)
		resolve = resolve_free(resolve);
}

static void setup(void)
{
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	resolve = resolve_free(resolve);
	ck_assert_ptr_null(resolve);
	sd_event_unref(event);
	calls = 0;
}

static void ask(const char *host, uint64_t timeout_ms)
{
	ck_assert_int_eq(resolve_start(&resolve, event, host, timeout_ms, on_found, &calls), 0);
	ck_assert_uint_eq(calls, 0);
	while (calls == 0)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_uint_eq(calls, 1);
}

START_TEST(addresses)
{
	ask("some.example", LONG);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(found.count, 3);
	ck_assert_str_eq(found.text[0], "192.0.2.1");
	ck_assert_str_eq(found.text[1], "2001:db8::1");
	ck_assert_str_eq(found.text[2], "fe80::1%lo");
}
END_TEST

static const struct {
	const char *host;
	int r;
} failures[] = {
	{ "unknown", -ENOENT }, { "unavailable", -EAGAIN }, { "crash", -EAGAIN },
	{ "nothing", -ENOENT }, { "garbage", -ENOENT },     { "flood", -EFBIG },
};

START_TEST(fails)
{
	ask(failures[_i].host, LONG);
	ck_assert_int_eq(result, failures[_i].r);
	ck_assert_uint_eq(found.count, 0);
}
END_TEST

START_TEST(hangs)
{
	ask("hang", 20);
	ck_assert_int_eq(result, -ETIME);
}
END_TEST

START_TEST(stopped)
{
	ck_assert_int_eq(resolve_start(&resolve, event, "hang", LONG, on_found, &calls), 0);
	resolve = resolve_free(resolve);
	while (sd_event_run(event, 0) > 0)
		;
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(freed_by_its_own_end)
{
	free_within = true;
	ask("some.example", LONG);
	ck_assert_int_eq(result, 0);
	ck_assert_ptr_null(resolve);
}
END_TEST

static const struct {
	const char *text;
	bool address;
} hosts[] = {
	{ "192.0.2.1", true },   { "2001:db8::1", true },  { "::", true },           { "localhost", false },
	{ "192.0.2", false },    { "[::1]", false },       { "192.0.2.1:1", false }, { "", false },
	{ "0x7f.0.0.1", false }, { "192.0.2.256", false }, { "fe80::1%lo", false },
};

START_TEST(is_address)
{
	ck_assert_int_eq(resolve_is_address(hosts[_i].text), hosts[_i].address);
}
END_TEST

static void parse(const char *text)
{
	memset(&found, 0xff, sizeof(found));
	resolve_parse(text, strlen(text), &found);
}

START_TEST(parses)
{
	parse("");
	ck_assert_uint_eq(found.count, 0);
	parse("192.0.2.1");
	ck_assert_uint_eq(found.count, 1);
	parse("\n\n192.0.2.1\nx\n::1\n\n");
	ck_assert_uint_eq(found.count, 2);
	ck_assert_str_eq(found.text[0], "192.0.2.1");
	ck_assert_str_eq(found.text[1], "::1");
}
END_TEST

START_TEST(parses_many)
{
	char text[1024] = "";

	for (unsigned i = 0; i < 20; i++)
		(void)snprintf(text + strlen(text), sizeof(text) - strlen(text), "192.0.2.%u\n", i);
	parse(text);
	ck_assert_uint_eq(found.count, RESOLVE_MAX_ADDRESSES);
	ck_assert_str_eq(found.text[15], "192.0.2.15");
}
END_TEST

/* The bytes have no end of their own, and lines may be of any length. */
START_TEST(parses_any_bytes)
{
	char *text = malloc(300);

	ck_assert_ptr_nonnull(text);
	memset(text, '1', 300);
	resolve_parse(text, 300, &found);
	ck_assert_uint_eq(found.count, 0);
	memcpy(text + 290, "\n192.0.2.1", 10);
	resolve_parse(text, 300, &found);
	ck_assert_uint_eq(found.count, 1);
	memset(text, 0, 300);
	resolve_parse(text, 300, &found);
	ck_assert_uint_eq(found.count, 0);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tc = tcase_create("resolve");

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, addresses);
	tcase_add_loop_test(tc, fails, 0, ELEMENTS(failures));
	tcase_add_test(tc, hangs);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, freed_by_its_own_end);
	tcase_add_loop_test(tc, is_address, 0, ELEMENTS(hosts));
	tcase_add_test(tc, parses);
	tcase_add_test(tc, parses_many);
	tcase_add_test(tc, parses_any_bytes);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
