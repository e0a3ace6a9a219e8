/* SPDX-License-Identifier: Apache-2.0 */
#include "config/endpoint.h"

#include "fake/suite.h"

#include <errno.h>
#include <string.h>

#define TEN "abcdefghi."
#define L63 "abcdefghijklmnopqrstuvwxyzabcdefghijklmnopqrstuvwxyz-0123456789"

static const struct {
	const char *text, *host;
	unsigned port;
	bool numeric;
} good[] = {
	{ "a", "a", 0, false },
	{ "localhost", "localhost", 0, false },
	{ "a1b2c3-ats.iot.eu-west-1.amazonaws.com", "a1b2c3-ats.iot.eu-west-1.amazonaws.com", 0, false },
	{ "a1b2c3-ats.iot.eu-west-1.amazonaws.com:443", "a1b2c3-ats.iot.eu-west-1.amazonaws.com", 443, false },
	{ "Broker_1.Example:1", "Broker_1.Example", 1, false },
	{ "1and1.com", "1and1.com", 0, false },
	{ "a.x1", "a.x1", 0, false },
	{ "a.1x", "a.1x", 0, false },
	{ "127.0.0.1", "127.0.0.1", 0, true },
	{ "127.0.0.1:65535", "127.0.0.1", 65535, true },
	{ "127.0.0.1:08883", "127.0.0.1", 8883, true },
	{ "[::1]", "::1", 0, true },
	{ "[fe80::1]:8883", "fe80::1", 8883, true },
	{ L63, L63, 0, false },
	{ TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "abcdefghx", NULL, 0, false }, /* one byte too long */
};

START_TEST(understands)
{
	const char *text = good[_i].text;
	struct endpoint e;

	if (!good[_i].host) {
		ck_assert_int_eq(endpoint_parse(text, ENDPOINT_MAX, &e), 0);
		ck_assert_int_eq(endpoint_parse(text, ENDPOINT_MAX + 1, &e), -EINVAL);
		return;
	}
	ck_assert_int_eq(endpoint_parse(text, strlen(text), &e), 0);
	ck_assert_str_eq(e.host, good[_i].host);
	ck_assert_uint_eq(e.port, good[_i].port);
	ck_assert_int_eq(e.numeric, good[_i].numeric);
}
END_TEST

static const char *const bad[] = {
	"",      ":",   ":8883",     "a:",       "a:0",     "a:65536",   "a:1x",        "a:-1", "a: 1",      "a:123456",
	"a:1:2", ".",   "a.",        ".a",       "a..b",    "-a",        "a-",          "a.-b", "a b",       " a",
	"a ",    "a/b", "https://a", "\xc3\xa9", "a\n",     "256.0.0.1", "1.2.3",       "1",    "1.2.3.4.5", "[]",
	"[::1",  "::1", "[::1]8883", "[::1]:",   "[::1]:0", "[::g]",     "[127.0.0.1]", "[a]",  "a]",        L63 "x",
	"a,b",   "*.a",
};

START_TEST(refuses)
{
	struct endpoint e = { .port = 7 };

	ck_assert_int_eq(endpoint_parse(bad[_i], strlen(bad[_i]), &e), -EINVAL);
	ck_assert_uint_eq(e.port, 7);
}
END_TEST

START_TEST(takes_the_bytes_of_names)
{
	for (unsigned c = 0; c < 256; c++) {
		bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '-' ||
			  c == '_' || c == '.';
		char name[3] = { 'x', (char)c, 'x' };
		struct endpoint e;

		ck_assert_int_eq(endpoint_parse(name, 3, &e), ok ? 0 : -EINVAL);
	}
}
END_TEST

START_TEST(refuses_nul)
{
	struct endpoint e;

	ck_assert_int_eq(endpoint_parse("a\0b", 3, &e), -EINVAL);
	ck_assert_int_eq(endpoint_parse("a\0", 2, &e), -EINVAL);
	ck_assert_int_eq(endpoint_parse("a:1\0", 4, &e), -EINVAL);
}
END_TEST

static const char *const hosts[] = {
	"a",
	"localhost",
	"Broker_1.Example",
	"1and1.com",
	"127.0.0.1",
	"::1",
	"2001:db8::1",
	"fe80::1%eth0",
	"fe80::1%eth0.100",
	"2001:0db8:0000:0000:0000:0000:0000:0001",
	"::ffff:192.0.2.1",
	L63 "." L63 "." L63 "." L63,
};

START_TEST(knows_hosts)
{
	ck_assert(endpoint_is_host(hosts[_i]));
}
END_TEST

/* Every bad Endpoint, and what would be a good one with a port or in brackets. */
static const char *const no_hosts[] = {
	"a:1",
	"127.0.0.1:1",
	"[::1]",
	"127.1",
	"0",
	"::g",
	"fe80::1%",
	"fe80::1%-x",
	"fe80::1%a/b",
	"%",
	"a%eth0",
	":::",
	"2001:0db8:0000:0000:0000:0000:0000:0001:0000:0000:0000",
};

START_TEST(knows_no_hosts)
{
	size_t i = (size_t)_i;

	if (i < ELEMENTS(no_hosts))
		ck_assert(!endpoint_is_host(no_hosts[i]));
	else if (strcmp(bad[i - ELEMENTS(no_hosts)], "::1") != 0)
		ck_assert(!endpoint_is_host(bad[i - ELEMENTS(no_hosts)]));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("endpoint");
	TCase *c = tcase_create("endpoint");

	tcase_add_loop_test(c, understands, 0, ELEMENTS(good));
	tcase_add_loop_test(c, refuses, 0, ELEMENTS(bad));
	tcase_add_test(c, takes_the_bytes_of_names);
	tcase_add_test(c, refuses_nul);
	tcase_add_loop_test(c, knows_hosts, 0, ELEMENTS(hosts));
	tcase_add_loop_test(c, knows_no_hosts, 0, ELEMENTS(no_hosts) + ELEMENTS(bad));
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
