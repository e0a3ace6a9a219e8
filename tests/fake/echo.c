/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/echo.h"

#include "fake/timer.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <linux/errqueue.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* The linker puts these in the place of the system's. */
int __wrap_socket(int family, int type, int protocol);
int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n);
int __wrap_getsockname(int fd, struct sockaddr *ret, socklen_t *n);
ssize_t __wrap_send(int fd, const void *data, size_t n, int flags);
ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags);
ssize_t __real_send(int fd, const void *data, size_t n, int flags);

const char *const echo_hosts[ECHO_HOSTS] = { "192.0.2.1", "2001:db8::1" };

static struct echo *present;

int __wrap_socket(int family, int type, int protocol)
{
	int error = (type & 0xf) == SOCK_DGRAM ? present->refuse_dgram : present->refuse_raw;
	int pair[2];

	ck_assert_int_eq(type & ~0xf, SOCK_CLOEXEC | SOCK_NONBLOCK);
	present->family = family;
	present->type = type & 0xf;
	present->protocol = protocol;
	if (error) {
		errno = error;
		return -1;
	}
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, pair), 0);
	present->network = pair[1];
	return pair[0];
}

int __wrap_connect(int fd, const struct sockaddr *to, socklen_t n)
{
	const void *address = to->sa_family == AF_INET
				    ? (const void *)&((const struct sockaddr_in *)(const void *)to)->sin_addr
				    : (const void *)&((const struct sockaddr_in6 *)(const void *)to)->sin6_addr;

	ck_assert_int_ge(fd, 0);
	ck_assert_uint_gt(n, 0);
	ck_assert_ptr_nonnull(inet_ntop(to->sa_family, address, present->to, sizeof(present->to)));
	errno = present->refuse_connect;
	return present->refuse_connect ? -1 : 0;
}

int __wrap_getsockname(int fd, struct sockaddr *ret, socklen_t *n)
{
	ck_assert_int_ge(fd, 0);
	if (present->family == AF_INET) {
		struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(ECHO_ID) };

		memcpy(ret, &in, *n = sizeof(in));
	} else {
		struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(ECHO_ID) };

		memcpy(ret, &in6, *n = sizeof(in6));
	}
	return 0;
}

ssize_t __wrap_send(int fd, const void *data, size_t n, int flags)
{
	int error = present->sends < 8 ? present->refuse_send[present->sends] : 0;

	ck_assert_int_eq(flags, MSG_DONTWAIT | MSG_NOSIGNAL);
	present->sends++;
	if (error) {
		errno = error;
		return -1;
	}
	return __real_send(fd, data, n, flags);
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *msg, int flags)
{
	struct sock_extended_err e = { .ee_errno = (uint32_t)present->queued, .ee_origin = SO_EE_ORIGIN_ICMP };
	struct cmsghdr *c = CMSG_FIRSTHDR(msg);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(flags, MSG_ERRQUEUE | MSG_DONTWAIT);
	if (!present->queued) {
		errno = EAGAIN;
		return -1;
	}
	present->queued = 0;
	c->cmsg_level = present->family == AF_INET ? SOL_IP : SOL_IPV6;
	c->cmsg_type = present->family == AF_INET ? IP_RECVERR : IPV6_RECVERR;
	c->cmsg_len = CMSG_LEN(sizeof(e));
	memcpy(CMSG_DATA(c), &e, sizeof(e));
	msg->msg_controllen = CMSG_SPACE(sizeof(e));
	ck_assert_uint_ge(msg->msg_iov[0].iov_len, present->guilty_n);
	memcpy(msg->msg_iov[0].iov_base, present->guilty, present->guilty_n);
	return (ssize_t)present->guilty_n;
}

/* Its name in the C library where a time_t of 64 bits is not the machine's own. */
ssize_t __wrap___recvmsg64(int fd, struct msghdr *msg, int flags) __attribute__((alias("__wrap_recvmsg")));

static void on_ping(void *userdata, const struct ping_result *r)
{
	struct echo *e = userdata;

	ck_assert_ptr_eq(e, e->self);
	e->calls++;
	e->result = *r;
	if (e->free_within)
		e->ping = ping_free(e->ping);
}

void echo_make(struct echo *e)
{
	memset(e, 0, sizeof(*e));
	present = e;
	e->self = e;
	e->network = -1;
	ck_assert_int_ge(sd_event_new(&e->event), 0);
}

void echo_done(struct echo *e)
{
	e->ping = ping_free(e->ping);
	ck_assert_ptr_null(e->ping);
	if (e->network >= 0)
		(void)close(e->network);
	sd_event_unref(e->event);
}

void echo_turn(struct echo *e)
{
	while (sd_event_run(e->event, 0) > 0)
		;
}

int echo_try(struct echo *e, const char *address)
{
	return ping_start(&e->ping, e->event, address, on_ping, e);
}

void echo_start(struct echo *e, const char *address)
{
	ck_assert_int_eq(echo_try(e, address), 0);
	ck_assert_uint_eq(e->calls, 0);
	fake_timer_pass(0);
}

void echo_expect(struct echo *e, unsigned received, int error)
{
	ck_assert_uint_eq(e->calls, 1);
	ck_assert_uint_eq(e->result.sent, PING_REQUESTS);
	ck_assert_uint_eq(e->result.received, received);
	ck_assert_int_eq(e->result.error, error);
	fake_timer_pass(100000);
	echo_turn(e);
	ck_assert_uint_eq(e->calls, 1);
}

static unsigned sum(const uint8_t *data, size_t n)
{
	uint32_t all = 0;

	for (size_t i = 0; i < n; i++)
		all += i % 2 ? data[i] : (unsigned)data[i] << 8;
	return ((all & 0xffff) + (all >> 16)) & 0xffff;
}

size_t echo_take_request(struct echo *e, unsigned sequence)
{
	ssize_t n = recv(e->network, e->request, sizeof(e->request), MSG_DONTWAIT);

	ck_assert_int_gt(n, 8);
	ck_assert_int_eq(e->request[0], e->family == AF_INET ? 8 : 128);
	ck_assert_int_eq(e->request[1], 0);
	ck_assert_uint_eq(sum(e->request, (size_t)n), 0xffff);
	ck_assert_uint_eq(e->request[6] * 256U + e->request[7], sequence);
	if (e->type == SOCK_DGRAM)
		ck_assert_uint_eq(e->request[4] * 256U + e->request[5], ECHO_ID);
	echo_assert_no_request(e);
	return (size_t)n;
}

void echo_assert_no_request(struct echo *e)
{
	ck_assert_int_eq(recv(e->network, &(char){ 0 }, 1, MSG_DONTWAIT), -1);
}

void echo_deliver(struct echo *e, const void *data, size_t n)
{
	ck_assert_int_eq(__real_send(e->network, data, n, 0), (ssize_t)n);
	echo_turn(e);
	fake_timer_pass(0);
}

void echo_make_reply(struct echo *e)
{
	e->request[0] = e->family == AF_INET ? 0 : 129;
}

void echo_answer(struct echo *e, unsigned sequence)
{
	size_t n = echo_take_request(e, sequence);

	echo_make_reply(e);
	echo_deliver(e, e->request, n);
}
