/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/desk.h"

#include "fake/temp.h"
#include "util/local.h"

#include <check.h>
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

static void on_request(void *userdata, struct channel_client *client, enum request request)
{
	struct desk *d = userdata;

	ck_assert_ptr_eq(d, d->self);
	d->last = client;
	ck_assert_uint_lt(d->request_count, ELEMENTS(d->requests));
	d->requests[d->request_count++] = request;
	if (d->then)
		d->then(client);
}

static void on_gone(void *userdata, struct channel_client *client)
{
	struct desk *d = userdata;

	ck_assert_ptr_eq(d, d->self);
	d->gone++;
	if (client == d->last)
		d->last = NULL;
}

static void on_followed(void *userdata, bool now)
{
	struct desk *d = userdata;

	ck_assert_ptr_eq(d, d->self);
	ck_assert(now != d->followed);
	d->followed = now;
}

void desk_make(struct desk *d)
{
	memset(d, 0, sizeof(*d));
	d->self = d;
	d->events = (struct channel_events){ on_request, on_gone, on_followed, d };
	d->dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&d->event), 0);
	ck_assert_int_eq(channel_new(&d->channel, d->event, d->dir, &d->events), 0);
	ck_assert_int_eq(channel_start(d->channel), 0);
}

void desk_done(struct desk *d)
{
	ck_assert_ptr_null(channel_free(d->channel));
	sd_event_unref(d->event);
	temp_remove(d->dir);
}

void desk_idle(struct desk *d)
{
	int r;

	while ((r = sd_event_run(d->event, 0)) > 0)
		;
	ck_assert_int_eq(r, 0);
}

int desk_connect(struct desk *d)
{
	int fd = -1;

	ck_assert_int_eq(local_connect(d->dir, CONTROL_SOCKET, &fd), 0);
	desk_idle(d);
	return fd;
}

void desk_say(struct desk *d, int fd, const char *text)
{
	ck_assert_int_eq(send(fd, text, strlen(text), MSG_NOSIGNAL), (ssize_t)strlen(text));
	desk_idle(d);
}

const char *desk_hear(struct desk *d, int fd, bool *ret_end)
{
	ssize_t n;
	size_t used = 0;

	do {
		desk_idle(d);
		n = recv(fd, d->heard + used, sizeof(d->heard) - 1 - used, MSG_DONTWAIT);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	*ret_end = n == 0 || errno == ECONNRESET;
	d->heard[used] = '\0';
	return d->heard;
}

void desk_expect(struct desk *d, int fd, const char *wanted, bool wanted_end)
{
	bool end;
	const char *got = desk_hear(d, fd, &end);

	ck_assert_str_eq(got, wanted);
	ck_assert(end == wanted_end);
}
