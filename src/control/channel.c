/* SPDX-License-Identifier: Apache-2.0 */
#include "control/channel.h"

#include "util/buf.h"
#include "util/file.h"
#include "util/local.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define DIR_MODE 0755
#define PRIORITY SD_EVENT_PRIORITY_IDLE /* behind the host, the cloud and the pins: who looks on can wait */
#define EAGER    4096 /* what waits is offered to the kernel from here on, not only when the loop comes to it */
#define LOST_MAX 64   /* the record that tells of those that are lost */

struct channel_client {
	struct channel *channel;
	int fd; /* -1: the slot is free */
	sd_event_source *io;
	uint32_t armed;
	struct request_reader in;
	struct buf out;
	bool asked, follows;
	bool closing; /* when all is written */
	bool dead;    /* to be freed by the loop */
	uint64_t lost;
	uint64_t read_at; /* ms: when it took something, or there was nothing to take */
};

struct channel {
	sd_event *event;
	char *dir;
	struct channel_events events;
	struct local local;
	sd_event_source *accept, *reap;
	bool followed;
	struct channel_client *clients[CONTROL_CLIENTS];
};

/* --- the end of a client --- */

static void channel_tell_followed(struct channel *c)
{
	bool followed = false;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		followed = followed || (c->clients[i] && c->clients[i]->follows && !c->clients[i]->dead);
	if (followed == c->followed)
		return;
	c->followed = followed;
	c->events.on_followed(c->events.userdata, followed);
}

/* It may be in use further up. */
static void client_kill(struct channel_client *client)
{
	client->dead = true;
	(void)sd_event_source_set_enabled(client->io, SD_EVENT_OFF);
	(void)sd_event_source_set_enabled(client->channel->reap, SD_EVENT_ONESHOT);
}

static struct channel_client *client_free(struct channel_client *client)
{
	if (!client)
		return NULL;
	sd_event_source_disable_unref(client->io);
	if (client->fd >= 0)
		(void)close(client->fd);
	buf_done(&client->out);
	free(client);
	return NULL;
}

DEFINE_CLEANUP(struct channel_client *, client_free)

static int on_reap(sd_event_source *source, void *userdata)
{
	struct channel *c = userdata;

	(void)source;
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		if (!c->clients[i] || !c->clients[i]->dead)
			continue;
		if (c->clients[i]->asked)
			c->events.on_gone(c->events.userdata, c->clients[i]);
		c->clients[i] = client_free(c->clients[i]);
	}
	channel_tell_followed(c);
	return 0;
}

/* --- to a client --- */

static void client_arm(struct channel_client *client)
{
	uint32_t wanted = (client->closing ? 0 : EPOLLIN) | (buf_used(&client->out) > 0 ? EPOLLOUT : 0);

	if (wanted != client->armed && sd_event_source_set_io_events(client->io, wanted) >= 0)
		client->armed = wanted;
}

static void client_write(struct channel_client *client)
{
	while (buf_used(&client->out) > 0) {
		ssize_t n = send(client->fd, buf_head(&client->out), buf_used(&client->out), MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			client_kill(client);
			return;
		}
		client->read_at = timer_now();
		buf_consume(&client->out, (size_t)n);
	}
	if (client->closing && buf_used(&client->out) == 0) {
		client_kill(client);
		return;
	}
	client_arm(client);
}

/* False: it does not fit, or nobody is there. */
static bool client_say(struct channel_client *client, const char *text, size_t n)
{
	uint8_t *to;

	if (client->dead || client->closing || buf_reserve(&client->out, n + 1, &to) < 0)
		return false;
	if (buf_used(&client->out) == 0)
		client->read_at = timer_now();
	memcpy(to, text, n);
	to[n] = '\n';
	buf_commit(&client->out, n + 1);
	if (buf_used(&client->out) > EAGER)
		client_write(client);
	else
		client_arm(client);
	return true;
}

void channel_answer(struct channel_client *client, const char *text, size_t n)
{
	if (!client_say(client, text, n))
		client_kill(client);
}

void channel_refuse(struct channel_client *client, const char *why)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "{\"error\":\"%s\"}", why);

	if (n < 0 || (size_t)n >= sizeof(text) || !client_say(client, text, (size_t)n)) {
		client_kill(client);
		return;
	}
	client->closing = true;
	client_write(client);
}

void channel_follow(struct channel_client *client)
{
	client->follows = true;
	channel_tell_followed(client->channel);
}

static void client_publish(struct channel_client *client, const char *text, size_t n)
{
	char lost[LOST_MAX];
	int k;

	/* Room for both, so that the gap is told where it is. */
	if (client->lost > 0 && buf_room(&client->out) >= n + 1 + sizeof(lost)) {
		k = snprintf(lost, sizeof(lost), "{\"type\":\"lost\",\"count\":%llu}",
			     (unsigned long long)client->lost);
		if (client_say(client, lost, (size_t)k))
			client->lost = 0;
	}
	if (client->lost == 0 && client_say(client, text, n))
		return;
	client->lost++;
	if (timer_now() - client->read_at > CONTROL_STUCK_MS)
		client_kill(client);
}

void channel_publish(struct channel *c, const char *text, size_t n)
{
	for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
		struct channel_client *client = c->clients[i];

		if (client && client->follows && !client->closing && !client->dead)
			client_publish(client, text, n);
	}
}

/* --- from a client --- */

static void client_read(struct channel_client *client)
{
	char bytes[CONTROL_REQUEST];
	ssize_t n = recv(client->fd, bytes, sizeof(bytes), 0);
	size_t used = 0;

	if (n < 0 && errno == EAGAIN)
		return;
	if (n < 0) {
		client_kill(client);
		return;
	}
	if (n == 0) {
		/* It may have closed its side only, and still reads. */
		client->closing = true;
		client_write(client);
		return;
	}
	while (used < (size_t)n && !client->closing && !client->dead) {
		struct channel *c = client->channel;
		enum request request;

		used += request_feed(&client->in, bytes + used, (size_t)n - used, &request);
		if (request == REQUEST_NONE)
			continue;
		if (request == REQUEST_BAD) {
			channel_refuse(client, "no such request");
			continue;
		}
		client->asked = true;
		c->events.on_request(c->events.userdata, client, request);
	}
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct channel_client *client = userdata;

	(void)source;
	(void)fd;
	if ((revents & EPOLLOUT) && !client->dead)
		client_write(client);
	if ((revents & EPOLLIN) && !client->dead && !client->closing)
		client_read(client);
	else if ((revents & (EPOLLHUP | EPOLLERR)) && !client->dead)
		client_kill(client);
	return 0;
}

static void refuse(int fd, const char *why)
{
	char text[160];
	int n = snprintf(text, sizeof(text), "{\"error\":\"%s\"}\n", why);

	if (n > 0)
		(void)send(fd, text, (size_t)n, MSG_NOSIGNAL);
}

static int client_new(struct channel *c, int fd, struct channel_client **ret)
{
	_cleanup_(client_freep) struct channel_client *client = NULL;
	int r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	client->fd = -1;
	client->channel = c;
	client->armed = EPOLLIN;
	buf_init(&client->out, CONTROL_ANSWER);
	r = sd_event_add_io(c->event, &client->io, fd, EPOLLIN, on_io, client);
	if (r >= 0)
		r = sd_event_source_set_priority(client->io, PRIORITY);
	if (r < 0)
		return r;
	client->fd = fd;
	*ret = TAKE_PTR(client);
	return 0;
}

/* CONTROL_CLIENTS: there is none. */
static size_t channel_slot(struct channel *c)
{
	for (unsigned round = 0; round < 2; round++) {
		for (size_t i = 0; i < CONTROL_CLIENTS; i++) {
			if (!c->clients[i])
				return i;
		}
		/* Who has got his last word and doesn't read it makes room. */
		for (size_t i = 0; i < CONTROL_CLIENTS; i++)
			c->clients[i]->dead = c->clients[i]->dead || c->clients[i]->closing;
		(void)on_reap(NULL, c);
	}
	return CONTROL_CLIENTS;
}

static int on_accept(sd_event_source *source, int listening, uint32_t revents, void *userdata)
{
	struct channel *c = userdata;
	size_t i;
	int fd;

	(void)source;
	(void)revents;
	fd = accept4(listening, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd < 0)
		return 0;
	i = channel_slot(c);
	if (!local_trusts(&c->local, fd))
		refuse(fd, "only root, the module's own user and members of the socket's group may ask");
	else if (i == CONTROL_CLIENTS)
		refuse(fd, "too many others are asking");
	else if (client_new(c, fd, &c->clients[i]) == 0)
		return 0;
	(void)close(fd);
	return 0;
}

/* --- life --- */

int channel_new(struct channel **ret, sd_event *event, const char *dir, const struct channel_events *events)
{
	_cleanup_(channel_freep) struct channel *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->local.fd = -1;
	c->event = sd_event_ref(event);
	c->events = *events;
	c->dir = strdup(dir);
	if (!c->dir)
		return -ENOMEM;
	r = sd_event_add_defer(event, &c->reap, on_reap, c);
	if (r >= 0)
		r = sd_event_source_set_enabled(c->reap, SD_EVENT_OFF);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

int channel_start(struct channel *c)
{
	int r = file_make_dir(c->dir, DIR_MODE);

	if (r == 0)
		r = local_listen(&c->local, c->dir, CONTROL_SOCKET, CONTROL_MODE);
	if (r < 0)
		return r;
	r = sd_event_add_io(c->event, &c->accept, c->local.fd, EPOLLIN, on_accept, c);
	if (r >= 0)
		r = sd_event_source_set_priority(c->accept, PRIORITY);
	return r < 0 ? r : 0;
}

struct channel *channel_free(struct channel *c)
{
	if (!c)
		return NULL;
	sd_event_source_disable_unref(c->accept);
	sd_event_source_disable_unref(c->reap);
	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		client_free(c->clients[i]);
	if (c->dir)
		local_close(&c->local, c->dir, CONTROL_SOCKET);
	free(c->dir);
	sd_event_unref(c->event);
	free(c);
	return NULL;
}

unsigned channel_clients(const struct channel *c)
{
	unsigned n = 0;

	for (size_t i = 0; i < CONTROL_CLIENTS; i++)
		n += c->clients[i] != NULL;
	return n;
}
