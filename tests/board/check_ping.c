/* SPDX-License-Identifier: Apache-2.0 */
#include "board/ping.h"

#include "fake/suite.h"
#include "fake/timer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The linker puts these in the place of the system's: the ICMP socket is one end of a pair, whose other end is the
 * network. */
int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n);
int __wrap_getsockname(int fd, struct sockaddr *ret, socklen_t *n);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
int __real_socket(int family, int type, int protocol);
ssize_t __real_send(int fd, const void *data, size_t n, int flags);

#define ID 0xbeef

static struct {
	int network; /* the other end; -1: no socket was made */
	int family, type, protocol;
	char to[64];
	int refuse_dgram, refuse_raw, refuse_connect; /* errno, or 0 */
	int refuse_send[8];
	unsigned sends;
	int queued; /* errno in the queue of errors, 0: it is empty */
	uint8_t guilty[32];
	size_t guilty_n;
	unsigned looks; /* into the queue */
} world;

int __wrap_socket(int family, int type, int protocol)
{
	int error = (type & 0xf) == SOCK_DGRAM ? world.refuse_dgram : world.refuse_raw;
	int pair[2];

	ck_assert_int_eq(type & ~0xf, SOCK_CLOEXEC | SOCK_NONBLOCK);
	world.family = family;
	world.type = type & 0xf;
	world.protocol = protocol;
	if (error) {
		errno = error;
		return -1;
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	world.network = pair[1];
	return pair[0];
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	const void *address = to->sa_family == AF_INET
				    ? (const void *)&((const struct sockaddr_in *)(const void *)to)->sin_addr
				    : (const void *)&((const struct sockaddr_in6 *)(const void *)to)->sin6_addr;

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_gt(n, 0);
	ck_assert_ptr_nonnull(inet_ntop(to->sa_family, address, world.to, sizeof(world.to)));
	errno = world.refuse_connect;
	return world.refuse_connect ? -1 : 0;
}

int __wrap_getsockname(int fd, struct sockaddr *ret, socklen_t *n)
{
	ck_assert_int_ge(fd, 0);
	if (world.family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(ID) };

		memcpy(ret, &in, *n = sizeof(in));
	} else {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(ID) };

		memcpy(ret, &in6, *n = sizeof(in6));
	}
	return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
	int error = world.sends < 8 ? world.refuse_send[world.sends] : 0;

	ck_assert_int_eq(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	world.sends++;
	if (error) {
		errno = error;
		return -1;
	}
	return __real_send(fd, data, n, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sock_extended_err e = { .ee_errno = (uint32_t)world.queued, .ee_origin = SO_EE_ORIGIN_ICMP };
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flags, MSG_ERRQUEUE | MSG_DONTWAIT);
	world.looks++;
	if (!world.queued) {
		errno = EAGAIN;
		return -1;
	}
	world.queued = 0;
	c->cmsg_level = world.family == AF_INET ? SOL_IP : SOL_IPV6;
	c->cmsg_type = world.family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
	c->cmsg_len = CMSG_LEN(sizeof(e));
	memcpy(CMSG_DATA(c), &e, sizeof(e));
	msg->msg_controllen = CMSG_SPACE(sizeof(e));
	ck_assert_uint_ge(msg->msg_iov[0].iov_len, world.guilty_n);
	memcpy(msg->msg_iov[0].iov_base, world.guilty, world.guilty_n);
	return (ssize_t)world.guilty_n;
}

/* Its name in the C library where a time_t of 64 bits is not the machine's own. */
ssize_t __wrap___recvmsg64(int fd, struct msghdr *msg, int flags) __attribute__((alias("__wrap_recvmsg")));

/* --- the one who asks --- */

static sd_event *event;
static struct ping *ping;
static unsigned calls;
static bool free_within;
static struct ping_result result;

static void on_ping(void *userdata, const struct ping_result *r)
{
	ck_assert_ptr_eq(userdata, &calls);
	calls++;
	result = *r;
	if (free_within)
		ping = ping_free(ping);
}

static void setup(void)
{
	memset(&world, 0, sizeof(world));
	world.network = -1;
	calls = 0;
	free_within = false;
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	ping = ping_free(ping);
	ck_assert_ptr_null(ping);
	if (world.network >= 0)
		(void)close(world.network);
	sd_event_unref(event);
}

static void turn(void)
{
	while (sd_event_run(event, 0) > 0)
		;
}

static void start(const char *address)
{
	ck_assert_int_eq(ping_start(&ping, event, address, on_ping, &calls), 0);
	ck_assert_uint_eq(calls, 0);
	fake_timer_pass(0);
}

static void expect(unsigned received, int error)
{
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(result.sent, PING_REQUESTS);
	ck_assert_uint_eq(result.received, received);
	ck_assert_int_eq(result.error, error);
	fake_timer_pass(100000);
	turn();
	ck_assert_uint_eq(calls, 1);
}

/* --- the network --- */

static uint8_t request[64]; /* the last one */

static unsigned sum(const uint8_t *data, size_t n)
{
	uint32_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += i % 2 ? data[i] : (unsigned)data[i] << 8;
	return ((all & 0xffff) + (all >> 16)) & 0xffff;
}

/* The request that has left, which is a good one. */
static size_t take_request(unsigned sequence)
{
	ssize_t n = recv(world.network, request, sizeof(request), MSG_DONTWAIT);

	ck_assert_int_gt(n, 8);
	ck_assert_int_eq(request[0], world.family == AF_INET ? 8 : 128);
	ck_assert_int_eq(request[1], 0);
	ck_assert_uint_eq(sum(request, (size_t)n), 0xffff);
	ck_assert_uint_eq(request[6] * 256U + request[7], sequence);
	if (world.type == SOCK_DGRAM)
		ck_assert_uint_eq(request[4] * 256U + request[5], ID);
	ck_assert_int_eq(recv(world.network, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
	return (size_t)n;
}

static void deliver(const void *data, size_t n)
{
	ck_assert_int_eq(__real_send(world.network, data, n, 0), (ssize_t)n);
	turn();
	fake_timer_pass(0);
}

static void make_reply(void)
{
	request[0] = world.family == AF_INET ? 0 : 129;
}

static void answer(unsigned sequence)
{
	size_t n = take_request(sequence);

	make_reply();
	deliver(request, n);
}

static const char *const hosts[] = { "192.0.2.1", "2001:db8::1" };

START_TEST(all_answered)
{
	start(hosts[_i]);
	ck_assert_str_eq(world.to, hosts[_i]);
	ck_assert_int_eq(world.family, _i ? AF_INET6 : AF_INET);
	ck_assert_int_eq(world.type, SOCK_DGRAM);
	ck_assert_int_eq(world.protocol, _i ? IPPROTO_ICMPV6 : IPPROTO_ICMP);
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		answer(i);
	expect(3, 0);
	ck_assert_uint_lt(result.mean_us, 60000000);
}
END_TEST

START_TEST(nobody_there)
{
	start(hosts[_i]);
	for (unsigned i = 0; i < PING_REQUESTS; i++) {
		(void)take_request(i);
		ck_assert_uint_eq(calls, 0);
		fake_timer_pass(PING_TIMEOUT_MS - 1);
		ck_assert_uint_eq(calls, 0);
		fake_timer_pass(1);
	}
	expect(0, 0);
	ck_assert_uint_eq(result.mean_us, 0);
}
END_TEST

START_TEST(one_lost)
{
	start(hosts[_i]);
	answer(0);
	(void)take_request(1);
	fake_timer_pass(PING_TIMEOUT_MS);
	answer(2);
	expect(2, 0);
}
END_TEST

/* A slow link: an answer is counted as long as there is time. */
START_TEST(late)
{
	uint8_t first[64];
	size_t n;

	start(hosts[_i]);
	n = take_request(0);
	make_reply();
	memcpy(first, request, n);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)take_request(1);
	deliver(first, n);
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)take_request(2);
	fake_timer_pass(PING_TIMEOUT_MS);
	expect(1, 0);
}
END_TEST

/* What is no reply to a request of ours: each differs in one thing. */
static const struct {
	size_t at;
} wrong[] = { { 0 }, { 1 }, { 4 }, { 5 }, { 6 }, { 7 }, { 8 }, { 20 }, { 31 } };

START_TEST(not_ours)
{
	size_t n;

	start("192.0.2.1");
	n = take_request(0);
	ck_assert_uint_eq(n, 32);
	make_reply();
	request[wrong[_i].at] ^= 1;
	deliver(request, n);
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
	request[wrong[_i].at] ^= 1;
	deliver(request, n);
	(void)take_request(1);
}
END_TEST

START_TEST(wrong_length)
{
	uint8_t longer[600] = { 0 };
	size_t n;

	start("192.0.2.1");
	n = take_request(0);
	make_reply();
	memcpy(longer, request, n);
	deliver(longer, 0);
	deliver(longer, 1);
	deliver(longer, 7);
	deliver(longer, n - 1);
	deliver(longer, n + 1);
	deliver(longer, sizeof(longer));
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
}
END_TEST

START_TEST(answered_twice)
{
	size_t n;

	start("192.0.2.1");
	n = take_request(0);
	make_reply();
	deliver(request, n);
	deliver(request, n);
	deliver(request, n);
	(void)take_request(1);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)take_request(2);
	fake_timer_pass(PING_TIMEOUT_MS);
	expect(1, 0);
}
END_TEST

/* Not sent yet. */
START_TEST(answered_in_advance)
{
	size_t n;

	start("192.0.2.1");
	n = take_request(0);
	make_reply();
	request[7] = 1;
	deliver(request, n);
	request[7] = 3;
	deliver(request, n);
	request[6] = 0xff;
	deliver(request, n);
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
	fake_timer_pass(3 * PING_TIMEOUT_MS);
	expect(0, 0);
}
END_TEST

START_TEST(flood)
{
	size_t n;

	start("192.0.2.1");
	n = take_request(0);
	make_reply();
	request[4] ^= 1;
	for (unsigned i = 0; i < 200; i++)
		deliver(request, n);
	request[4] ^= 1;
	deliver(request, n);
	(void)take_request(1);
}
END_TEST

/* --- sockets that are not for everybody --- */

START_TEST(raw)
{
	uint8_t packet[128] = { 0x46 }; /* an IP header of 24 bytes */
	size_t n;

	world.refuse_dgram = EACCES;
	start("192.0.2.1");
	ck_assert_int_eq(world.type, SOCK_RAW);
	for (unsigned i = 0; i < PING_REQUESTS; i++) {
		n = take_request(i);
		make_reply();
		memcpy(packet + 24, request, n);
		packet[24 + 5] ^= 1; /* somebody else's identifier */
		deliver(packet, 24 + n);
		ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
		packet[24 + 5] ^= 1;
		deliver(packet, 24 + n);
	}
	expect(3, 0);
}
END_TEST

START_TEST(raw_ipv6)
{
	world.refuse_dgram = EACCES;
	start("2001:db8::1");
	ck_assert_int_eq(world.type, SOCK_RAW);
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		answer(i);
	expect(3, 0);
}
END_TEST

START_TEST(raw_with_a_header_that_lies)
{
	const uint8_t headers[] = { 0x4f, 0x40, 0x00, 0xff };

	world.refuse_dgram = EPERM;
	start("192.0.2.1");
	for (size_t i = 0; i < sizeof(headers); i++)
		deliver(&headers[i], 1);
	deliver("", 0);
	(void)take_request(0);
}
END_TEST

START_TEST(not_allowed)
{
	world.refuse_dgram = _i ? EPERM : EACCES;
	world.refuse_raw = EPERM;
	ck_assert_int_eq(ping_start(&ping, event, "192.0.2.1", on_ping, &calls), -EPERM);
	world.refuse_raw = EACCES;
	ck_assert_int_eq(ping_start(&ping, event, "192.0.2.1", on_ping, &calls), -EPERM);
	ck_assert_ptr_null(ping);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(out_of_files)
{
	world.refuse_dgram = EMFILE;
	ck_assert_int_eq(ping_start(&ping, event, "192.0.2.1", on_ping, &calls), -EMFILE);
	ck_assert_int_eq(world.type, SOCK_DGRAM);
	ck_assert_ptr_null(ping);
}
END_TEST

static const char *const no_addresses[] = { "", "host.example", "192.0.2.256", "::g", "192.0.2.1 ", "fe80::1%no-such" };

START_TEST(no_address)
{
	ck_assert_int_eq(ping_start(&ping, event, no_addresses[_i], on_ping, &calls), -EINVAL);
	ck_assert_ptr_null(ping);
	ck_assert_int_eq(world.network, -1);
}
END_TEST

START_TEST(with_scope)
{
	start("fe80::1%lo");
	ck_assert_str_eq(world.to, "fe80::1");
}
END_TEST

/* --- no way --- */

/* These are answers, too; and they come from the loop. */
START_TEST(no_route)
{
	if (_i)
		world.refuse_dgram = EAFNOSUPPORT;
	else
		world.refuse_connect = ENETUNREACH;
	start("192.0.2.1");
	expect(0, _i ? EAFNOSUPPORT : ENETUNREACH);
	ck_assert_uint_eq(world.sends, 0);
}
END_TEST

START_TEST(cannot_be_sent)
{
	for (unsigned i = 0; i < 6; i++)
		world.refuse_send[i] = EPERM;
	start("192.0.2.1");
	expect(0, EPERM);
	ck_assert_uint_eq(world.sends, 6);
}
END_TEST

/* The error of the request before. */
START_TEST(sent_at_the_second_try)
{
	world.refuse_send[1] = EHOSTUNREACH;
	start("192.0.2.1");
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		answer(i);
	expect(3, 0);
}
END_TEST

/* "Host unreachable" needs no waiting. */
START_TEST(unreachable)
{
	start(hosts[_i]);
	for (unsigned i = 0; i < PING_REQUESTS; i++) {
		world.guilty_n = take_request(i);
		memcpy(world.guilty, request, world.guilty_n);
		world.queued = EHOSTUNREACH;
		deliver("", 1);
	}
	expect(0, EHOSTUNREACH);
}
END_TEST

/* That of a request that is no longer waited for, or of somebody else's. */
START_TEST(unreachable_but_not_this)
{
	start("192.0.2.1");
	world.guilty_n = take_request(0);
	memcpy(world.guilty, request, world.guilty_n);
	fake_timer_pass(PING_TIMEOUT_MS);
	(void)take_request(1);
	world.queued = EHOSTUNREACH;
	deliver("", 1);
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
	world.guilty[7] = 1;
	world.guilty[5] ^= 1;
	world.queued = EHOSTUNREACH;
	deliver("", 1);
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
	world.guilty_n = 3;
	world.queued = ENETUNREACH;
	deliver("", 1);
	ck_assert_int_eq(recv(world.network, request, sizeof(request), MSG_DONTWAIT), -1);
	fake_timer_pass(2 * PING_TIMEOUT_MS);
	expect(0, ENETUNREACH);
}
END_TEST

/* The socket's other end is gone: nothing spins, and it ends in time. */
START_TEST(broken_socket)
{
	start("192.0.2.1");
	(void)close(world.network);
	world.network = -1;
	for (unsigned i = 0; i < 10; i++)
		(void)sd_event_run(event, 0);
	fake_timer_pass(3 * PING_TIMEOUT_MS);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(result.received, 0);
	ck_assert_int_ne(result.error, 0);
}
END_TEST

/* --- life --- */

START_TEST(stopped)
{
	start("192.0.2.1");
	ping = ping_free(ping);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(100000);
	turn();
	ck_assert_uint_eq(calls, 0);
}
END_TEST

START_TEST(freed_by_its_own_end)
{
	free_within = true;
	start("192.0.2.1");
	for (unsigned i = 0; i < PING_REQUESTS; i++)
		answer(i);
	expect(3, 0);
	ck_assert_ptr_null(ping);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ping");
	TCase *tc = tcase_create("ping");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, all_answered, 0, 2);
	tcase_add_loop_test(tc, nobody_there, 0, 2);
	tcase_add_loop_test(tc, one_lost, 0, 2);
	tcase_add_loop_test(tc, late, 0, 2);
	tcase_add_loop_test(tc, not_ours, 0, sizeof(wrong) / sizeof(wrong[0]));
	tcase_add_test(tc, wrong_length);
	tcase_add_test(tc, answered_twice);
	tcase_add_test(tc, answered_in_advance);
	tcase_add_test(tc, flood);
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
	tcase_add_loop_test(tc, unreachable, 0, 2);
	tcase_add_test(tc, unreachable_but_not_this);
	tcase_add_test(tc, broken_socket);
	tcase_add_test(tc, stopped);
	tcase_add_test(tc, freed_by_its_own_end);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
