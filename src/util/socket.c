/* SPDX-License-Identifier: Apache-2.0 */
#include "util/socket.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

/* Numbers only: nothing here waits for a name server. */
int socket_connect(const char *address, uint16_t port, int *ret_fd)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV, .ai_socktype = SOCK_STREAM };
	struct addrinfo *found;
	char service[8];
	int fd, r = 0;

	(void)snprintf(service, sizeof(service), "%u", port);
	if (getaddrinfo(address, service, &hints, &found) != 0)
		return -EADDRNOTAVAIL;
	fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0 || (connect(fd, found->ai_addr, found->ai_addrlen) < 0 && errno != EINPROGRESS))
		r = -errno;
	freeaddrinfo(found);
	if (r == 0)
		*ret_fd = fd;
	else if (fd >= 0)
		(void)close(fd);
	return r;
}

int socket_state(int fd, uint32_t revents)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof(peer);
	int error = 0;

	if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
		return 1;
	if (!(revents & (EPOLLERR | EPOLLHUP)))
		return 0;
	size = sizeof(error);
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);

	/* The library's own attempt to write may have taken the error already; then it was a refusal. */
	return error ? -error : -ECONNREFUSED;
}

void socket_keep(int fd, unsigned seconds)
{
	int on = 1, idle = (int)seconds, between = (int)seconds / 4, count = 4;

	(void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &between, sizeof(between));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
}

void socket_tune(int fd, unsigned seconds)
{
	unsigned timeout_ms = seconds * 1000;
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}
