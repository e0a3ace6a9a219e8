/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/metrics.h"

#include "fake/suite.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HEADER(id) "{\"header\":{\"report_id\":" id ",\"version\":\"1.0\"},"
#define CUSTOM(out, sent, received, reset, reconnect, writes)                                               \
	"\"custom_metrics\":{\"BytesOut\":[{\"number\":" out "}],\"MessagesSent\":[{\"number\":" sent "}]," \
	"\"MessagesReceived\":[{\"number\":" received "}],\"HardResetEvent\":[{\"number\":" reset "}],"     \
	"\"ReconnectEvents\":[{\"number\":" reconnect "}],\"FlashMemoryWrites\":[{\"number\":" writes "}]}}"

static struct netstat network;
static struct metrics_counts counts;

static void setup(void)
{
	memset(&network, 0, sizeof(network));
	memset(&counts, 0, sizeof(counts));
}

static void text_is(uint64_t id, const char *wanted)
{
	char *text = NULL;

	ck_assert_int_eq(metrics_text(id, &network, &counts, METRICS_MAX, &text), 0);
	ck_assert_str_eq(text, wanted);
	free(text);
}

/* Where the kernel tells nothing. */
START_TEST(counts_only)
{
	text_is(1530304554, HEADER("1530304554") CUSTOM("0", "0", "0", "0", "0", "0"));
	counts = (struct metrics_counts){ 9007199254740993, 2, 3, 4, 1, 6, { 0 }, false };
	text_is(9007199254740993, HEADER("9007199254740993") CUSTOM("9007199254740993", "2", "3", "1", "1", "6"));
}
END_TEST

START_TEST(all)
{
	network.tcp = (struct netstat_ports){ true, 7, 2, { { 22, "" }, { 80, "eth0" } } };
	network.udp = (struct netstat_ports){ true, 0, 0, { { 0 } } };
	network.connections = (struct netstat_connections){ 9, 1, { { "[2001:db8::1]:443", { 40000, "wlan0" } } } };
	counts.traffic = (struct netstat_traffic){ 1, 18446744073709551615ULL, 3, 4 };
	counts.has_traffic = true;
	text_is(1, HEADER("1") "\"metrics\":{\"listening_tcp_ports\":{\"ports\":[{\"port\":22},{\"interface\":\"eth0\","
			       "\"port\":80}],\"total\":7},\"listening_udp_ports\":{\"ports\":[],\"total\":0},"
			       "\"network_stats\":{\"bytes_in\":1,\"bytes_out\":18446744073709551615,\"packets_in\":3,"
			       "\"packets_out\":4},\"tcp_connections\":{\"established_connections\":{\"connections\":["
			       "{\"local_interface\":\"wlan0\",\"local_port\":40000,\"remote_addr\":"
			       "\"[2001:db8::1]:443\"}],\"total\":9}}}," CUSTOM("0", "0", "0", "0", "0", "0"));
}
END_TEST

/* The kernel allows such names. */
START_TEST(names_of_interfaces)
{
	network.udp = (struct netstat_ports){ true, 1, 1, { { 1, "\"\\\x01\xff\t\x7f" } } };
	text_is(1, HEADER("1") "\"metrics\":{\"listening_udp_ports\":{\"ports\":[{\"interface\":\"\\\"\\\\????"
			       "\",\"port\":1}],\"total\":1}}," CUSTOM("0", "0", "0", "0", "0", "0"));
}
END_TEST

/* All that there can be, with names that JSON makes twice as long. */
static void fill(void)
{
	memset(&counts, 0xff, sizeof(counts) - sizeof(uint64_t));
	counts.has_traffic = true;
	network.tcp.known = network.udp.known = true;
	network.tcp.total = network.udp.total = network.connections.total = UINT64_MAX;
	network.tcp.count = network.udp.count = NETSTAT_MAX_PORTS;
	network.connections.count = NETSTAT_MAX_CONNECTIONS;
	for (size_t i = 0; i < NETSTAT_MAX_PORTS; i++) {
		network.tcp.all[i] = (struct netstat_port){ 65535, "\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"" };
		network.udp.all[i] = network.connections.all[i].local = network.tcp.all[i];
		memset(network.connections.all[i].remote, 'f', NETSTAT_ADDRESS - 1);
	}
}

static size_t length(size_t max)
{
	_cleanup_(freep) char *text = NULL;

	ck_assert_int_eq(metrics_text(UINT64_MAX, &network, &counts, max, &text), 0);
	ck_assert_uint_le(strlen(text), max);
	return strlen(text);
}

START_TEST(longest)
{
	fill();
	ck_assert_uint_gt(length(METRICS_MAX), METRICS_MAX / 2);
}
END_TEST

static const cJSON *in(const cJSON *json, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(json, name);
}

/* The lists go, what they are about stays. */
START_TEST(too_long)
{
	const cJSON *metrics, *established;
	char *text = NULL;
	size_t whole, least;
	cJSON *json;

	fill();
	network.tcp.total = network.udp.total = network.connections.total = 4711;
	whole = length(METRICS_MAX);
	ck_assert_uint_eq(length(whole), whole);
	least = length(whole - 1);
	ck_assert_uint_lt(least, 2048);
	ck_assert_uint_eq(length(least), least);
	ck_assert_int_eq(metrics_text(1, &network, &counts, least - 100, &text), -EMSGSIZE);
	ck_assert_ptr_null(text);

	ck_assert_int_eq(metrics_text(1, &network, &counts, least, &text), 0);
	json = cJSON_Parse(text);
	metrics = in(json, "metrics");
	established = in(in(metrics, "tcp_connections"), "established_connections");
	ck_assert_double_eq(in(in(metrics, "listening_tcp_ports"), "total")->valuedouble, 4711);
	ck_assert_double_eq(in(in(metrics, "listening_udp_ports"), "total")->valuedouble, 4711);
	ck_assert_double_eq(in(established, "total")->valuedouble, 4711);
	ck_assert_ptr_null(in(in(metrics, "listening_tcp_ports"), "ports"));
	ck_assert_ptr_null(in(in(metrics, "listening_udp_ports"), "ports"));
	ck_assert_ptr_null(in(established, "connections"));
	ck_assert_ptr_nonnull(in(metrics, "network_stats"));
	ck_assert_ptr_nonnull(in(in(json, "custom_metrics"), "FlashMemoryWrites"));
	cJSON_Delete(json);
	free(text);
}
END_TEST

START_TEST(between)
{
	const struct metrics_counts before = { 1, 2, 3, 4, 5, 6, { 7, 8, 9, 10 }, false };
	const struct metrics_counts after = { 101, 202, 303, 404, 505, 606, { 707, 808, 909, 1010 }, true };

	metrics_between(&before, &after, &counts);
	ck_assert_uint_eq(counts.bytes_out, 100);
	ck_assert_uint_eq(counts.sent, 200);
	ck_assert_uint_eq(counts.received, 300);
	ck_assert_uint_eq(counts.hard_resets, 400);
	ck_assert_uint_eq(counts.reconnects, 500);
	ck_assert_uint_eq(counts.writes, 600);
	ck_assert_uint_eq(counts.traffic.bytes_in, 700);
	ck_assert_uint_eq(counts.traffic.bytes_out, 800);
	ck_assert_uint_eq(counts.traffic.packets_in, 900);
	ck_assert_uint_eq(counts.traffic.packets_out, 1000);
	ck_assert(counts.has_traffic);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("metrics");
	TCase *tc = tcase_create("metrics");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, counts_only);
	tcase_add_test(tc, all);
	tcase_add_test(tc, names_of_interfaces);
	tcase_add_test(tc, longest);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, between);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
