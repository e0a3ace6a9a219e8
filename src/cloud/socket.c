/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/socket.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>

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

void socket_tune(int fd, unsigned seconds)
{
	unsigned timeout_ms = seconds * 1000;
	int on = 1;

	(void)setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &timeout_ms, sizeof(timeout_ms));
	(void)setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}
