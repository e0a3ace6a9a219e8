/* SPDX-License-Identifier: Apache-2.0 */
/* board/network.c and one line of the files that it reads. */
#include "board/network.h"

#include "fake/suite.h"

struct reading {
	const char *line, *text; /* NULL: nothing to be told */
};

static void expect(network_parse_fn parse, const struct reading *r)
{
	char text[NETWORK_MAX_LINE + 1] = "untouched";

	ck_assert_int_eq(parse(r->line, text), r->text != NULL);
	ck_assert_str_eq(text, r->text ? r->text : "untouched");
}

/* As little-endian machines print them: the columns are numbers of the host. */
#define R(destination, gateway, flags, mask) \
	"eth0\t" destination "\t" gateway "\t" flags "\t0\t0\t100\t" mask "\t0\t0\t0"

static const struct reading routes[] = {
	{ R("00000000", "00000000", "0001", "00000000"), "default eth0" },
	{ R("00000000", "01010101", "0003", "00000000"), "default via 1.1.1.1 eth0" },
	{ R("00000000", "01010101", "0002", "00000000"), NULL }, /* not up */
	{ R("00000000", "01010101", "0203", "00000000"), NULL }, /* unreachable */
	{ R("0002A8C0", "00000000", "0001", "00FFFFFF"), NULL },
	{ R("00000000", "01010101", "0003", "00000080"), NULL }, /* 0.0.0.0/1 */
	{ "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT", NULL },
	{ "\x1b\xff\t00000000\t01010101\t0003\t0\t0\t0\t00000000\t0\t0\t0", "default via 1.1.1.1 ??" },
	{ "a_name_that_is_far_too_long\t00000000\t01010101\t0003\t0\t0\t0\t00000000", NULL },
	{ "eth0\t00000000\t01010101\t0003\t0\t0\t0", NULL },
	{ "eth0", NULL },
	{ "", NULL },
};

START_TEST(route)
{
	expect(network_parse_route, &routes[_i]);
}
END_TEST

#define NONE6 "00000000000000000000000000000000"
#define VIA6  "fe800000000000000000000000000001"

static const struct reading routes6[] = {
	{ NONE6 " 00 " NONE6 " 00 " VIA6 " 00000400 00000001 00000000 00000003     eth0", "default via fe80::1 eth0" },
	{ NONE6 " 00 " NONE6 " 00 " NONE6 " 00000400 00000001 00000000 00000001     tun0", "default tun0" },
	{ NONE6 " 00 " NONE6 " 00 " NONE6 " ffffffff 00000001 00000000 00200200       lo", NULL },
	{ NONE6 " 00 " NONE6 " 00 " VIA6 " 00000400 00000001 00000000 00000203     eth0", NULL },
	{ NONE6 " 40 " NONE6 " 00 " VIA6 " 00000400 00000001 00000000 00000003     eth0", NULL },
	{ VIA6 " 00 " NONE6 " 00 " VIA6 " 00000400 00000001 00000000 00000003     eth0", NULL },
	{ NONE6 " 00 " NONE6 " 00 fe80 00000400 00000001 00000000 00000003     eth0", NULL },
	{ NONE6 " 00 " NONE6 " 00 xe800000000000000000000000000001 00000400 00000001 00000000 00000003 eth0", NULL },
	{ NONE6 " 00 " NONE6 " 00 " VIA6 " 00000400 00000001 00000000 00000003 ", NULL },
	{ NONE6, NULL },
	{ "", NULL },
};

START_TEST(route6)
{
	expect(network_parse_route6, &routes6[_i]);
}
END_TEST

static const struct reading servers[] = {
	{ "nameserver 192.0.2.1\n", "nameserver 192.0.2.1" },
	{ "nameserver\t192.0.2.1 # ours\n", "nameserver 192.0.2.1" },
	{ "nameserver  \t 2001:db8::1\n", "nameserver 2001:db8::1" },
	{ "nameserver fe80::1%eth0\n", "nameserver fe80::1%eth0" },
	{ "nameserver fe80::1%\xff\x1b\n", "nameserver fe80::1%??" },
	{ "nameserver ns.example\n", NULL },
	{ "nameserver 192.0.2.256\n", NULL },
	{ "nameserver\n", NULL },
	{ "nameserver192.0.2.1\n", NULL },
	{ "#nameserver 192.0.2.1\n", NULL },
	{ "search example\n", NULL },
	{ "nameserver 1111111111111111111111111111111111111111111111111111111111111111111111111111111111\n", NULL },
	{ "\n", NULL },
};

START_TEST(server)
{
	expect(network_parse_server, &servers[_i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network_lines");
	TCase *tc = tcase_create("lines");

	tcase_add_loop_test(tc, route, 0, ELEMENTS(routes));
	tcase_add_loop_test(tc, route6, 0, ELEMENTS(routes6));
	tcase_add_loop_test(tc, server, 0, ELEMENTS(servers));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
