/* SPDX-License-Identifier: Apache-2.0 */
#include "board/network.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define UP      (IFF_UP | IFF_RUNNING)
#define ENTRIES 400

/* --- what is told --- */

static char told[16384]; /* the lines, each with an EOL */
static size_t told_lines;
static size_t refuse_at; /* 0: never */

static int on_line(void *userdata, const char *line, size_t n)
{
	ck_assert_ptr_eq(userdata, &told);
	ck_assert_uint_eq(strlen(line), n);
	ck_assert_uint_le(n, NETWORK_MAX_LINE);
	for (size_t i = 0; i < n; i++)
		ck_assert(line[i] >= 0x20 && line[i] <= 0x7e);
	if (++told_lines == refuse_at)
		return -ENOBUFS;
	ck_assert_uint_lt(strlen(told) + n + 1, sizeof(told));
	(void)sprintf(told + strlen(told), "%s\n", line);
	return 0;
}

/* --- readings --- */

static struct ifaddrs entries[ENTRIES];
static union {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_ll ll;
} addresses[ENTRIES], masks[ENTRIES];
static char names[ENTRIES][IFNAMSIZ + 1];
static size_t count;

static void setup(void)
{
	told[0] = '\0';
	told_lines = refuse_at = count = 0;
}

static struct ifaddrs *add(const char *name, unsigned flags)
{
	struct ifaddrs *a = &entries[count];

	ck_assert_uint_lt(count, ENTRIES);
	(void)snprintf(names[count], sizeof(names[0]), "%s", name);
	*a = (struct ifaddrs){ .ifa_name = names[count], .ifa_flags = flags };
	if (count > 0)
		entries[count - 1].ifa_next = a;
	count++;
	return a;
}

static void add_link(const char *name, unsigned flags)
{
	struct ifaddrs *a = add(name, flags);

	addresses[count - 1].ll = (struct sockaddr_ll){ .sll_family = AF_PACKET };
	a->ifa_addr = &addresses[count - 1].sa;
}

static void add_address(const char *name, unsigned flags, const char *address, const char *mask)
{
	struct ifaddrs *a = add(name, flags);
	size_t i = count - 1;

	a->ifa_addr = &addresses[i].sa;
	if (mask)
		a->ifa_netmask = &masks[i].sa;
	if (strchr(address, ':')) {
		addresses[i].in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6 };
		ck_assert_int_eq(inet_pton(AF_INET6, address, &addresses[i].in6.sin6_addr), 1);
		ck_assert(!mask || inet_pton(AF_INET6, mask, &masks[i].in6.sin6_addr) == 1);
	} else {
		addresses[i].in = (struct sockaddr_in){ .sin_family = AF_INET };
		ck_assert_int_eq(inet_pton(AF_INET, address, &addresses[i].in.sin_addr), 1);
		ck_assert(!mask || inet_pton(AF_INET, mask, &masks[i].in.sin_addr) == 1);
		memset(masks[i].in.sin_zero, 0xff, sizeof(masks[i].in.sin_zero)); /* no part of it */
	}
}

static int tell(void)
{
	return network_interfaces(count > 0 ? entries : NULL, on_line, &told);
}

START_TEST(no_interfaces)
{
	ck_assert_int_eq(tell(), 0);
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(interfaces)
{
	add_link("lo", UP | IFF_LOOPBACK);
	add_link("eth0", UP);
	add_link("eth1", IFF_UP);
	add_link("wlan0", 0);
	add("tun0", UP); /* no hardware address */
	add_address("lo", UP | IFF_LOOPBACK, "127.0.0.1", "255.0.0.0");
	add_address("eth0", UP, "192.0.2.5", "255.255.255.0");
	add_address("eth0", UP, "192.0.2.6", "255.255.255.255");
	add_address("tun0", UP, "198.51.100.1", NULL);
	add_address("lo", UP | IFF_LOOPBACK, "::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	add_address("eth0", UP, "fe80::1", "ffff:ffff:ffff:ffff::");
	ck_assert_int_eq(tell(), 0);
	ck_assert_str_eq(told, "lo up 127.0.0.1/8 ::1/128\n"
			       "eth0 up 192.0.2.5/24 192.0.2.6/32 fe80::1/64\n"
			       "eth1 no-carrier\n"
			       "wlan0 down\n"
			       "tun0 up 198.51.100.1\n");
}
END_TEST

/* Interfaces may have names that are no ASCII. */
START_TEST(hostile_name)
{
	add_link("\x1b[2J\x07\xff", UP);
	add_address("\x1b[2J\x07\xff", UP, "192.0.2.5", "255.255.255.0");
	ck_assert_int_eq(tell(), 0);
	ck_assert_str_eq(told, "?[2J?? up 192.0.2.5/24\n");
}
END_TEST

/* The addresses that do not fit a line are on the next. */
START_TEST(many_addresses)
{
	char address[64];
	const char *at;
	unsigned i;

	add_link("eth0", UP);
	for (i = 0; i < 20; i++) {
		(void)snprintf(address, sizeof(address), "2001:db8:1111:2222:3333:4444:5555:66%02x", i);
		add_address("eth0", UP, address, "ffff:ffff:ffff:ffff::");
	}
	ck_assert_int_eq(tell(), 0);
	ck_assert_uint_eq(told_lines, 10);
	for (i = 0, at = told; i < 20; i++) {
		(void)snprintf(address, sizeof(address), " 2001:db8:1111:2222:3333:4444:5555:66%02x/64", i);
		at = strstr(at, address);
		ck_assert_ptr_nonnull(at);
	}
	for (at = told, i = 0; i < 10; i++, at = strchr(at, '\n') + 1)
		ck_assert_int_eq(strncmp(at, "eth0 up 2001:", 13), 0);
}
END_TEST

/* To the last byte. */
START_TEST(full_line)
{
	add_link("eth0", UP);
	add_address("eth0", UP, "2001:db8:1111:2222:3333:4444:5555:6601", "ffff:ffff:ffff:ffff::");
	add_address("eth0", UP, "2001:db8:1111:2222:3333:4444:5555:6602", "ffff:ffff:ffff:ffff::");
	add_address("eth0", UP, "2001:db8:1111:2222:3333::", /* with its 29 or 30 bytes: 120 or 121 */
		    _i ? "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" : "ffff:ffff:ffff:ffff::");
	ck_assert_int_eq(tell(), 0);
	ck_assert_uint_eq(told_lines, _i ? 2 : 1);
}
END_TEST

START_TEST(many_interfaces)
{
	char name[16];

	for (unsigned i = 0; i < 100; i++) {
		(void)snprintf(name, sizeof(name), "veth%u", i);
		add_link(name, UP);
	}
	ck_assert_int_eq(tell(), 0);
	ck_assert_uint_eq(told_lines, NETWORK_MAX_INTERFACES + 1);
	ck_assert_ptr_nonnull(strstr(told, "\nveth47 up\n...\n"));
}
END_TEST

START_TEST(many_lines_of_one)
{
	char address[64];

	add_link("eth0", UP);
	for (unsigned i = 0; i < 300; i++) {
		(void)snprintf(address, sizeof(address), "2001:db8:1111:2222:3333:4444:5555:6%03x", i);
		add_address("eth0", UP, address, "ffff:ffff:ffff:ffff::");
	}
	add_link("eth1", UP);
	ck_assert_int_eq(tell(), 0);
	ck_assert_uint_eq(told_lines, NETWORK_MAX_INTERFACES + 1);
	ck_assert_str_eq(told + strlen(told) - 4, "...\n");
}
END_TEST

START_TEST(as_many_as_fit)
{
	char name[16];

	for (unsigned i = 0; i < NETWORK_MAX_INTERFACES; i++) {
		(void)snprintf(name, sizeof(name), "veth%u", i);
		add_link(name, UP);
	}
	ck_assert_int_eq(tell(), 0);
	ck_assert_uint_eq(told_lines, NETWORK_MAX_INTERFACES);
	ck_assert_ptr_null(strstr(told, "..."));
}
END_TEST

START_TEST(listener_has_enough)
{
	add_link("eth0", UP);
	add_link("eth1", UP);
	add_link("eth2", UP);
	refuse_at = 2;
	ck_assert_int_eq(tell(), -ENOBUFS);
	ck_assert_str_eq(told, "eth0 up\n");
}
END_TEST

/* --- is there a network? --- */

static const struct {
	const char *name;
	unsigned flags;
	const char *address;
	bool usable;
} readings[] = {
	{ "eth0", UP, "192.0.2.5", true },
	{ "eth0", UP, "2001:db8::5", true },
	{ "eth0", UP, "fd00::5", true },
	{ "eth0", UP, "fe80::5", false },
	{ "eth0", UP, "0.0.0.0", false },
	{ "eth0", UP, "::", false },
	{ "eth0", IFF_UP, "192.0.2.5", false },
	{ "eth0", IFF_RUNNING, "192.0.2.5", false },
	{ "eth0", 0, "192.0.2.5", false },
	{ "lo", UP | IFF_LOOPBACK, "127.0.0.1", false },
	{ "lo", UP | IFF_LOOPBACK, "192.0.2.5", false },
};

START_TEST(usable)
{
	add_link("lo", UP | IFF_LOOPBACK);
	add_link(readings[_i].name, readings[_i].flags);
	add("ppp0", UP);
	add_address(readings[_i].name, readings[_i].flags, readings[_i].address, NULL);
	ck_assert_int_eq(network_list_usable(entries), readings[_i].usable);
}
END_TEST

START_TEST(one_good_address)
{
	add_link("eth0", UP);
	add_address("eth0", UP, "fe80::5", NULL);
	ck_assert(!network_list_usable(entries));
	add_address("eth0", UP, "192.0.2.5", NULL);
	ck_assert(network_list_usable(entries));
	ck_assert(!network_list_usable(NULL));
}
END_TEST

/* --- files --- */

static char *dir;

static void make_folder(void)
{
	dir = temp_dir();
}

static void remove_folder(void)
{
	temp_remove(dir);
}

static int read_servers(size_t max)
{
	return network_file(temp_path(dir, "resolv.conf"), max, network_parse_server, on_line, &told);
}

static void write_file(const void *data, size_t n)
{
	temp_write(dir, "resolv.conf", data, n, 0600);
}

START_TEST(file)
{
	const char text[] = "# by hand\nsearch example\nnameserver 192.0.2.1\r\nnameserver 192.0.2.2\n\nnameserver ::1";

	write_file(text, strlen(text));
	ck_assert_int_eq(read_servers(8), 0);
	ck_assert_str_eq(told, "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver ::1\n");
}
END_TEST

START_TEST(file_with_too_many)
{
	const char text[] = "nameserver 192.0.2.1\nnameserver 192.0.2.2\nnameserver 192.0.2.3\nnameserver 192.0.2.4\n";

	write_file(text, strlen(text));
	ck_assert_int_eq(read_servers(2), 0);
	ck_assert_str_eq(told, "nameserver 192.0.2.1\nnameserver 192.0.2.2\n...\n");
}
END_TEST

/* What follows in a line that is too long is no line of its own. */
START_TEST(file_with_a_long_line)
{
	static char text[4096];

	memset(text, ' ', sizeof(text));
	memcpy(text, "#", 1);
	for (size_t at = 511; at < 4000; at += 511) /* the buffer's size is no secret */
		memcpy(text + at, "nameserver 192.0.2.9", 20);
	memcpy(text + 4000, "\nnameserver 192.0.2.1\n", 22);
	write_file(text, sizeof(text));
	ck_assert_int_eq(read_servers(8), 0);
	ck_assert_str_eq(told, "nameserver 192.0.2.1\n");
}
END_TEST

START_TEST(file_of_zeros)
{
	size_t n = (size_t)16 * 1024 * 1024;
	char *zeros = calloc(1, n);

	ck_assert_ptr_nonnull(zeros);
	write_file(zeros, n);
	free(zeros);
	ck_assert_int_eq(read_servers(8), 0);
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(no_file)
{
	ck_assert_int_eq(read_servers(8), 0);
	ck_assert_int_eq(mkfifo(temp_path(dir, "resolv.conf"), 0600), 0);
	ck_assert_int_eq(read_servers(8), 0);
	ck_assert_str_eq(told, "");
}
END_TEST

START_TEST(file_and_a_listener_that_has_enough)
{
	const char text[] = "nameserver 192.0.2.1\nnameserver 192.0.2.2\n";

	write_file(text, strlen(text));
	refuse_at = 1;
	ck_assert_int_eq(read_servers(8), -ENOBUFS);
	ck_assert_uint_eq(told_lines, 1);
}
END_TEST

/* This machine's: there is at least loopback, in its own line. */
START_TEST(real)
{
	ck_assert_int_eq(network_describe(on_line, &told), 0);
	ck_assert(strncmp(told, "lo ", 3) == 0 || strstr(told, "\nlo "));
	(void)network_usable();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("network");
	TCase *tc = tcase_create("network");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, no_interfaces);
	tcase_add_test(tc, interfaces);
	tcase_add_test(tc, hostile_name);
	tcase_add_test(tc, many_addresses);
	tcase_add_loop_test(tc, full_line, 0, 2);
	tcase_add_test(tc, many_interfaces);
	tcase_add_test(tc, many_lines_of_one);
	tcase_add_test(tc, as_many_as_fit);
	tcase_add_test(tc, listener_has_enough);
	tcase_add_loop_test(tc, usable, 0, sizeof(readings) / sizeof(readings[0]));
	tcase_add_test(tc, one_good_address);
	tcase_add_test(tc, real);
	suite_add_tcase(suite, tc);

	tc = tcase_create("files");
	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_checked_fixture(tc, make_folder, remove_folder);
	tcase_add_test(tc, file);
	tcase_add_test(tc, file_with_too_many);
	tcase_add_test(tc, file_with_a_long_line);
	tcase_add_test(tc, file_of_zeros);
	tcase_add_test(tc, no_file);
	tcase_add_test(tc, file_and_a_listener_that_has_enough);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
