/* SPDX-License-Identifier: Apache-2.0 */
#include "util/socket.h"

#include "fake/suite.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* A socket bound to a free port of loopback. */
static int bound(struct sockaddr_in *address)
{
	socklen_t size = sizeof(*address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*address = (struct sockaddr_in){ .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	ck_assert_int_eq(bind(fd, (struct sockaddr *)address, size), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)address, &size), 0);
	return fd;
}

/* What epoll would tell of it: poll() uses the same bits for these. */
static uint32_t events_of(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };

	ck_assert_int_eq(poll(&p, 1, 30000), 1);
	return (uint32_t)p.revents;
}

START_TEST(stands)
{
	struct sockaddr_in address;
	int server = bound(&address), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	ck_assert_int_eq(listen(server, 1), 0);
	ck_assert_int_eq(socket_state(fd, 0), 0);
	(void)connect(fd, (struct sockaddr *)&address, sizeof(address));
	ck_assert_int_eq(socket_state(fd, events_of(fd)), 1);
	(void)close(fd);
	(void)close(server);
}
END_TEST

START_TEST(connects)
{
	struct sockaddr_in address;
	int server = bound(&address), fd = -1;

	ck_assert_int_eq(listen(server, 1), 0);
	ck_assert_int_eq(socket_connect("127.0.0.1", ntohs(address.sin_port), &fd), 0);
	ck_assert_int_eq(fcntl(fd, F_GETFD), FD_CLOEXEC);
	ck_assert_int_eq(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
	ck_assert_int_eq(socket_state(fd, events_of(fd)), 1);
	(void)close(fd);
	(void)close(server);
	fd = -1;
	ck_assert_int_lt(socket_connect("localhost", 1, &fd), 0); /* a name */
	ck_assert_int_lt(socket_connect("", 1, &fd), 0);
	ck_assert_int_lt(socket_connect("fe80::1%no-such-interface", 1, &fd), 0);
	ck_assert_int_eq(fd, -1);
}
END_TEST

/* What fails at once leaves no socket behind. */
START_TEST(does_not_connect)
{
	int before = dup(0), fd = -1, after;

	ck_assert_int_lt(socket_connect("255.255.255.255", 1, &fd), 0); /* broadcast, or no network */
	after = dup(0);
	ck_assert_int_eq(fd, -1);
	ck_assert_int_eq(after, before + 1);
	(void)close(before);
	(void)close(after);
}
END_TEST

START_TEST(refused)
{
	struct sockaddr_in address;
	int server = bound(&address), fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int error;
	socklen_t size = sizeof(error);

	(void)connect(fd, (struct sockaddr *)&address, sizeof(address)); /* nobody listens */
	ck_assert_int_eq(socket_state(fd, events_of(fd)), -ECONNREFUSED);

	/* Somebody has taken the error already. */
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	ck_assert_int_eq(socket_state(fd, EPOLLHUP), -ECONNREFUSED);
	(void)close(fd);
	(void)close(server);
}
END_TEST

START_TEST(tuned)
{
	unsigned timeout_ms = 0;
	socklen_t size = sizeof(timeout_ms);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	socket_tune(fd, 60);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, &size), 0);
	ck_assert_uint_eq(timeout_ms, 60000);
	(void)close(fd);
	socket_tune(-1, 60); /* what the kernel does not let us do is no error */
}
END_TEST

START_TEST(kept)
{
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), value = 0;
	socklen_t size = sizeof(value);

	socket_keep(fd, 60);
	ck_assert_int_eq(getsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, &size), 0);
	ck_assert_int_ne(value, 0);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &value, &size), 0);
	ck_assert_int_eq(value, 60);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &value, &size), 0);
	ck_assert_int_eq(value, 15);
	ck_assert_int_eq(getsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &value, &size), 0);
	ck_assert_int_eq(value, 4);
	(void)close(fd);
	socket_keep(-1, 60);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("socket");
	TCase *tc = tcase_create("socket");

	tcase_add_test(tc, connects);
	tcase_add_test(tc, does_not_connect);
	tcase_add_test(tc, stands);
	tcase_add_test(tc, refused);
	tcase_add_test(tc, tuned);
	tcase_add_test(tc, kept);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
