/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/listener.h"

#include <check.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

void listener_fill(int fd)
{
	struct sockaddr_in address;
	socklen_t size = sizeof(address);
	int first = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	ck_assert_int_ge(first, 0);
	ck_assert_int_eq(listen(fd, 0), 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&address, &size), 0);
	ck_assert_int_eq(connect(first, (struct sockaddr *)&address, size), 0);
	(void)close(first); /* and yet it waits to be accepted */
}

void listener_clear(int fd)
{
	int first = accept(fd, NULL, NULL);

	ck_assert_int_ge(first, 0);
	(void)close(first);
}
