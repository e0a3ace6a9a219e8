/* SPDX-License-Identifier: Apache-2.0 */
#include "util/netstat.h"

#include "fake/suite.h"
#include "fake/temp.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define HEAD "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
#define TAIL " 00000000:00000000 00:00000000 00000000     0        0 20157 1 0000000000000000 100 0 0 10 0\n"
#define DEV                                                                                                  \
	"Inter-|   Receive                                                |  Transmit\n"                     \
	" face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo " \
	"colls carrier compressed\n"

static char *dir;
static struct netstat found;

static void setup(void)
{
	dir = temp_dir();
}

static void teardown(void)
{
	temp_remove(dir);
}

/* As the kernel writes it: words of 32 bits in the order of this machine. */
static const char *hex(const char *address)
{
	static char texts[4][33];
	static unsigned next;
	char *text = texts[next++ % 4];
	uint32_t words[4];
	bool v6 = strchr(address, ':') != NULL;

	ck_assert_int_eq(inet_pton(v6 ? AF_INET6 : AF_INET, address, words), 1);
	for (size_t i = 0; i < (v6 ? 4 : 1); i++)
		(void)snprintf(text + 8 * i, 9, "%08X", words[i]);
	return text;
}

static void put(const char *name, const char *local, unsigned port, const char *remote, unsigned remote_port,
		unsigned state)
{
	char *old = temp_read(dir, name, NULL), *all;

	ck_assert_int_gt(asprintf(&all, "%s   0: %s:%04X %s:%04X %02X" TAIL, old ? old : HEAD, hex(local), port,
				  hex(remote), remote_port, state),
			 0);
	temp_text(dir, name, all);
	free(old);
	free(all);
}

static const struct ifaddrs *machine(void)
{
	static struct sockaddr_in loopback = { .sin_family = AF_INET }, eth = { .sin_family = AF_INET };
	static struct sockaddr_in6 eth6 = { .sin6_family = AF_INET6 };
	static char lo[] = "lo", eth0[] = "eth0";
	static struct ifaddrs list[4];

	loopback.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	(void)inet_pton(AF_INET, "192.0.2.5", &eth.sin_addr);
	(void)inet_pton(AF_INET6, "2001:db8::5", &eth6.sin6_addr);
	list[0] = (struct ifaddrs){ .ifa_next = &list[1], .ifa_name = eth0 };
	list[1] = (struct ifaddrs){ &list[2], lo, 0, (void *)&loopback, NULL, { NULL }, NULL };
	list[2] = (struct ifaddrs){ &list[3], eth0, 0, (void *)&eth, NULL, { NULL }, NULL };
	list[3] = (struct ifaddrs){ NULL, eth0, 0, (void *)&eth6, NULL, { NULL }, NULL };
	return list;
}

static void look(void)
{
	memset(&found, 0xa5, sizeof(found));
	netstat_read_from(dir, machine(), &found);
}

static void port_is(const struct netstat_port *p, unsigned port, const char *interface)
{
	ck_assert_uint_eq(p->port, port);
	ck_assert_str_eq(p->interface, interface);
}

START_TEST(nothing)
{
	look();
	ck_assert(!found.tcp.known && !found.udp.known && !found.interfaces.known);
	ck_assert_uint_eq(found.tcp.total + found.udp.total + found.connections.total, 0);
	temp_text(dir, "tcp", HEAD);
	temp_text(dir, "udp", "");
	look();
	ck_assert(found.tcp.known && found.udp.known);
	ck_assert_uint_eq(found.tcp.total + found.udp.total, 0);
}
END_TEST

START_TEST(listening)
{
	put("tcp", "0.0.0.0", 22, "0.0.0.0", 0, 10);
	put("tcp", "127.0.0.1", 631, "0.0.0.0", 0, 10);
	put("tcp", "127.0.0.53", 53, "0.0.0.0", 0, 10);
	put("tcp", "192.0.2.5", 80, "0.0.0.0", 0, 10);
	put("tcp", "192.0.2.5", 80, "0.0.0.0", 0, 10);
	put("tcp", "192.0.2.5", 81, "198.51.100.1", 4000, 6);
	put("tcp6", "::", 22, "::", 0, 10);
	put("tcp6", "2001:db8::5", 80, "::", 0, 10);
	put("tcp6", "::ffff:192.0.2.5", 8080, "::", 0, 10);
	put("tcp6", "2001:db8::6", 81, "::", 0, 10);
	look();
	ck_assert_uint_eq(found.tcp.total, 6);
	ck_assert_uint_eq(found.tcp.count, 6);
	port_is(&found.tcp.all[0], 22, "");
	port_is(&found.tcp.all[1], 631, "lo");
	port_is(&found.tcp.all[2], 53, "lo");
	port_is(&found.tcp.all[3], 80, "eth0");
	port_is(&found.tcp.all[4], 8080, "eth0");
	port_is(&found.tcp.all[5], 81, "");
	ck_assert_uint_eq(found.connections.total, 0);
}
END_TEST

START_TEST(udp)
{
	put("udp", "0.0.0.0", 68, "0.0.0.0", 0, 7);
	put("udp", "192.0.2.5", 40000, "198.51.100.1", 53, 1);
	put("udp6", "2001:db8::5", 546, "::", 0, 7);
	put("udp6", "::", 0, "::", 0, 7);
	look();
	ck_assert_uint_eq(found.udp.total, 2);
	port_is(&found.udp.all[0], 68, "");
	port_is(&found.udp.all[1], 546, "eth0");
	ck_assert_uint_eq(found.connections.total, 0);
}
END_TEST

START_TEST(connections)
{
	put("tcp", "192.0.2.5", 40000, "198.51.100.7", 8883, 1);
	put("tcp6", "2001:db8::5", 40001, "2001:db8::9", 443, 1);
	put("tcp6", "::ffff:192.0.2.5", 80, "::ffff:203.0.113.4", 65535, 1);
	put("tcp", "192.0.2.5", 40002, "198.51.100.7", 8883, 2);
	look();
	ck_assert_uint_eq(found.connections.total, 3);
	ck_assert_uint_eq(found.connections.count, 3);
	ck_assert_str_eq(found.connections.all[0].remote, "198.51.100.7:8883");
	port_is(&found.connections.all[0].local, 40000, "eth0");
	ck_assert_str_eq(found.connections.all[1].remote, "[2001:db8::9]:443");
	port_is(&found.connections.all[1].local, 40001, "eth0");
	ck_assert_str_eq(found.connections.all[2].remote, "203.0.113.4:65535");
	port_is(&found.connections.all[2].local, 80, "eth0");
}
END_TEST

/* What is cut is counted. */
START_TEST(many)
{
	char text[200];
	FILE *tcp = fopen(temp_path(dir, "tcp"), "w");

	ck_assert_ptr_nonnull(tcp);
	for (unsigned i = 1; i <= 1000; i++) {
		(void)snprintf(text, sizeof(text), "%4u: 00000000:%04X 00000000:0000 0A" TAIL, i, i);
		(void)fputs(text, tcp);
		(void)snprintf(text, sizeof(text), "%4u: 050200C0:%04X 050200C0:0001 01" TAIL, i, i);
		(void)fputs(text, tcp);
	}
	(void)fclose(tcp);
	look();
	ck_assert_uint_eq(found.tcp.count, NETSTAT_MAX_PORTS);
	ck_assert_uint_eq(found.tcp.total, 1000);
	ck_assert_uint_eq(found.connections.count, NETSTAT_MAX_CONNECTIONS);
	ck_assert_uint_eq(found.connections.total, 1000);
}
END_TEST

static const char *const bad[] = {
	"",
	"\n",
	"   0:",
	"   0: 0100007F",
	"   0: 0100007F:0016 00000000:0000",
	"   0: 0100007:0016 00000000:0000 0A",
	"   0: 0100007F00:0016 00000000:0000 0A",
	"   0: 0000000000000000FFFF00000500A8C0FF:0016 00000000:0000 0A",
	"   0: xyz:0016 00000000:0000 0A",
	"   x: 00000000:0016 00000000:0000 0A",
	"   0: 00000000:0016 00000000:0000 XX",
};

START_TEST(bad_lines)
{
	temp_text(dir, "tcp", bad[_i]);
	temp_text(dir, "dev", bad[_i]);
	look();
	ck_assert_uint_eq(found.tcp.total, 0);
	ck_assert_uint_eq(found.connections.total, 0);
	ck_assert_uint_eq(found.interfaces.count, 0);
}
END_TEST

START_TEST(traffic)
{
	struct netstat_interfaces before;
	struct netstat_traffic t;

	temp_text(dir, "dev",
		  DEV "    lo:    9999       9    0    0    0     0          0         0     9999       9 "
		      "0 0 0 0 0 0\n"
		      "  eth0:1000 10 1 2 3 4 5 6 2000 20 0 0 0 0 0 0\n"
		      " wwan0: 18446744073709551000 5 0 0 0 0 0 0 7 1 0 0 0 0 0 0\n");
	look();
	ck_assert(found.interfaces.known);
	ck_assert_uint_eq(found.interfaces.count, 2);
	ck_assert_str_eq(found.interfaces.all[0].name, "eth0");
	ck_assert_uint_eq(found.interfaces.all[0].traffic.bytes_in, 1000);
	ck_assert_uint_eq(found.interfaces.all[0].traffic.packets_in, 10);
	ck_assert_uint_eq(found.interfaces.all[0].traffic.bytes_out, 2000);
	ck_assert_uint_eq(found.interfaces.all[0].traffic.packets_out, 20);
	before = found.interfaces;

	/* One has gone, one begins again, one is new. */
	temp_text(dir, "dev",
		  DEV "  eth0:1005 11 0 0 0 0 0 0 2006 23 0 0 0 0 0 0\n"
		      " wlan0: 100 1 0 0 0 0 0 0 200 2 0 0 0 0 0 0\n");
	look();
	netstat_between(&before, &found.interfaces, &t);
	ck_assert_uint_eq(t.bytes_in, 105);
	ck_assert_uint_eq(t.packets_in, 2);
	ck_assert_uint_eq(t.bytes_out, 206);
	ck_assert_uint_eq(t.packets_out, 5);
	temp_text(dir, "dev", DEV "  eth0: 3 1 0 0 0 0 0 0 2010 1 0 0 0 0 0 0\n");
	look();
	netstat_between(&before, &found.interfaces, &t);
	ck_assert_uint_eq(t.bytes_in, 3);
	ck_assert_uint_eq(t.bytes_out, 10);
	ck_assert_uint_eq(t.packets_out, 1);
}
END_TEST

/* The real kernel, and a socket of this test's own. */
START_TEST(this_machine)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr_in b = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof(a);
	struct sockaddr *any = (struct sockaddr *)&a;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bool seen = false;
	unsigned port;

	if (fd < 0 || bind(fd, any, n) < 0) {
		if (fd >= 0)
			(void)close(fd);
		fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		any = (struct sockaddr *)&b;
		n = sizeof(b);
		ck_assert_int_eq(bind(fd, any, n), 0);
	}
	ck_assert_int_eq(listen(fd, 1), 0);
	ck_assert_int_eq(getsockname(fd, any, &n), 0);
	port = ntohs(any == (struct sockaddr *)&a ? a.sin6_port : b.sin_port);
	netstat_read(&found);
	ck_assert(found.tcp.known && found.udp.known && found.interfaces.known);
	for (size_t i = 0; i < found.tcp.count; i++)
		seen |= found.tcp.all[i].port == port && strcmp(found.tcp.all[i].interface, "lo") == 0;
	ck_assert(seen || found.tcp.total > NETSTAT_MAX_PORTS);
	(void)close(fd);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("netstat");
	TCase *tc = tcase_create("netstat");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, nothing);
	tcase_add_test(tc, listening);
	tcase_add_test(tc, udp);
	tcase_add_test(tc, connections);
	tcase_add_test(tc, many);
	tcase_add_loop_test(tc, bad_lines, 0, (int)(sizeof(bad) / sizeof(bad[0])));
	tcase_add_test(tc, traffic);
	tcase_add_test(tc, this_machine);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
