/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/navigator.h"

#include "fake/resolve.h"
#include "fake/timer.h"
#include "util/entropy.h"

#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define WATCH "?WATCH={\"enable\":true,\"json\":true};\n"

uint64_t entropy_get(void)
{
	return 0;
}

void navigator_listen(struct navigator *n)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int on = 1;

	n->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	ck_assert_int_eq(setsockopt(n->listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), 0);
	address.sin_port = htons((uint16_t)strtoul(n->port, NULL, 10));
	ck_assert_int_eq(bind(n->listener, (struct sockaddr *)&address, size), 0);
	ck_assert_int_eq(getsockname(n->listener, (struct sockaddr *)&address, &size), 0);
	(void)snprintf(n->port, sizeof(n->port), "%u", ntohs(address.sin_port));
	ck_assert_int_eq(listen(n->listener, 4), 0);
}

void navigator_refuse(struct navigator *n)
{
	(void)close(n->listener);
	n->listener = -1;
}

void navigator_make(struct navigator *n)
{
	memset(n, 0, sizeof(*n));
	n->fd = -1;
	memset(fake_resolve(), 0, sizeof(*fake_resolve()));
	ck_assert_int_ge(sd_event_new(&n->event), 0);
	navigator_listen(n);
}

void navigator_done(struct navigator *n)
{
	n->gpsd = gpsd_free(n->gpsd);
	if (n->fd >= 0)
		(void)close(n->fd);
	if (n->listener >= 0)
		(void)close(n->listener);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	n->event = sd_event_unref(n->event);
}

void navigator_start(struct navigator *n, const char *host)
{
	char at[64];

	(void)snprintf(at, sizeof(at), "%s:%s", host, n->port);
	ck_assert_int_eq(gpsd_new(&n->gpsd, n->event, at), 0);
	gpsd_start(n->gpsd);
}

void navigator_run_idle(struct navigator *n)
{
	while (sd_event_run(n->event, 0) > 0) {
	}
}

void navigator_accept(struct navigator *n)
{
	char said[sizeof(WATCH)] = "";

	navigator_run_until(n, gpsd_is_connected(n->gpsd));
	n->fd = accept(n->listener, NULL, NULL);
	ck_assert_int_ge(n->fd, 0);
	ck_assert_int_eq(recv(n->fd, said, sizeof(said) - 1, MSG_WAITALL), (ssize_t)strlen(WATCH));
	ck_assert_str_eq(said, WATCH);
}

void navigator_say_bytes(struct navigator *n, const void *data, size_t size)
{
	int left;

	ck_assert_int_eq(send(n->fd, data, size, MSG_NOSIGNAL), (ssize_t)size);
	do {
		ck_assert_int_eq(ioctl(n->fd, SIOCOUTQ, &left), 0);
		navigator_run_idle(n);
	} while (left > 0);
	navigator_run_idle(n);
}

void navigator_say(struct navigator *n, const char *text)
{
	navigator_say_bytes(n, text, strlen(text));
}

struct fix navigator_last(const struct navigator *n, uint64_t *ret_age)
{
	struct fix f;

	ck_assert(gpsd_fix(n->gpsd, &f, ret_age));
	return f;
}

void navigator_pass_until_it_tries(struct navigator *n)
{
	ck_assert_uint_ne(fake_timer_next(), UINT64_MAX);
	fake_timer_pass(fake_timer_next());
	navigator_run_idle(n);
}
