/* SPDX-License-Identifier: Apache-2.0 */
#include "at/tty.h"

#include "at/port.h"
#include "at/reply.h"
#include "util/buf.h"
#include "util/log.h"
#include "util/rival.h"
#include "util/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#define READ_SIZE 4096 /* what a tty gives at most */
#define REOPEN_MS 1000
#define SENT_MS   1    /* how often the UART is asked whether it is empty, ... */
#define STUCK_MS  5000 /* ... and how long: the kernel keeps no more than it takes to send for a tenth of that */

struct tty {
	sd_event *event;
	struct tty_events events;
	struct port *port;
	bool shut;
	bool paused;
	bool want_sent;
	uint64_t stuck_at; /* when the UART, which has it all, is given up; 0: it has not */
	int reopen_r;      /* what the last try to open it again has failed with */
	sd_event_source *io;
	uint32_t io_events;
	struct buf out;
	struct timer reopen;
	struct timer sent;
	uint8_t in[READ_SIZE];
};

static void set_events(struct tty *t)
{
	uint32_t events = (t->paused ? 0 : (uint32_t)EPOLLIN) | (buf_used(&t->out) > 0 ? (uint32_t)EPOLLOUT : 0);
	int r;

	if (!t->io || events == t->io_events)
		return;
	r = sd_event_source_set_io_events(t->io, events);
	if (r < 0)
		(void)log_errno(r, "%s", port_path(t->port));
	else
		t->io_events = events;
}

/* What was to be sent is in the kernel's hands, or lost: time to ask when it is gone. */
static void handed_over(struct tty *t)
{
	t->stuck_at = 0;
	if (t->want_sent)
		timer_arm(&t->sent, SENT_MS);
}

static void close_line(struct tty *t)
{
	t->io = sd_event_source_disable_unref(t->io);
	port_close(t->port);
	buf_clear(&t->out);
	handed_over(t);
}

static void name_rivals(const struct tty *t)
{
	char who[256];

	if (port_is_pty(t->port))
		return;
	rival_find("", port_path(t->port), 0, who, sizeof(who));
	if (who[0])
		log_warning("%s is used by %s as well: take that away, or the host gets no sense out of it",
			    port_path(t->port), who);
}

static void line_lost(struct tty *t, const char *why)
{
	log_warning("%s is gone (%s), waiting for its return", port_path(t->port), why);
	close_line(t);
	t->reopen_r = 0;
	timer_arm(&t->reopen, REOPEN_MS);
	t->events.on_gap(t->events.userdata);
}

static void read_some(struct tty *t)
{
	ssize_t n = read(port_fd(t->port), t->in, sizeof(t->in));

	if (n > 0 && !t->shut)
		t->events.on_bytes(t->events.userdata, t->in, (size_t)n);
	else if (n == 0)
		line_lost(t, "hangup");
	else if (n < 0 && errno != EAGAIN && errno != EINTR)
		line_lost(t, strerror(errno));
}

void tty_flush(struct tty *t)
{
	size_t n = buf_used(&t->out);
	ssize_t k;

	if (n == 0)
		return;
	if (port_fd(t->port) < 0) {
		buf_clear(&t->out);
		return;
	}
	k = write(port_fd(t->port), buf_head(&t->out), n);
	if (k > 0)
		buf_consume(&t->out, (size_t)k);
	else if (k < 0 && errno != EAGAIN && errno != EINTR)
		buf_clear(&t->out); /* reading will find out what is wrong */
	if (buf_used(&t->out) == 0)
		handed_over(t);
	set_events(t);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct tty *t = userdata;

	(void)source;
	(void)fd;
	if (revents & EPOLLOUT) {
		tty_flush(t);
		if (buf_used(&t->out) == 0)
			t->events.on_room(t->events.userdata);
	}
	/* A hangup is told by read(), even while reading is paused. */
	if (port_fd(t->port) >= 0 && (revents & (EPOLLIN | EPOLLHUP | EPOLLERR)))
		read_some(t);
	return 0;
}

static int open_line(struct tty *t)
{
	int r;

	r = port_open(t->port);
	if (r < 0)
		return r;
	r = sd_event_add_io(t->event, &t->io, port_fd(t->port), EPOLLIN, on_io, t);
	if (r < 0) {
		close_line(t);
		return r;
	}
	t->io_events = EPOLLIN;
	set_events(t);
	return 0;
}

/* An adapter that is plugged in has the rights of its rules a moment later: only what lasts is told, once. */
static void on_reopen(void *userdata)
{
	struct tty *t = userdata;
	int r, last = t->reopen_r;

	r = open_line(t);
	if (r == 0) {
		log_notice("%s is back", port_path(t->port));
		name_rivals(t);
		return;
	}
	timer_arm(&t->reopen, REOPEN_MS);
	if (last > 0)
		return;
	t->reopen_r = r;
	if (r == last && r != -ENOENT) {
		log_warning("%s can't be opened again: %s", port_path(t->port), strerror(-r));
		t->reopen_r = -r; /* told */
	}
}

/* An adapter may hang, and a module must not for that. */
static bool is_stuck(struct tty *t)
{
	uint64_t now = timer_now();

	if (t->stuck_at == 0)
		t->stuck_at = now + STUCK_MS;
	if (now < t->stuck_at)
		return false;
	log_warning("%s does not send: what it still has is not waited for", port_path(t->port));
	return true;
}

static void on_poll_sent(void *userdata)
{
	struct tty *t = userdata;

	/* What the kernel does not take is written as soon as it does, and then it is time to ask. */
	if (!t->want_sent || buf_used(&t->out) > 0)
		return;
	if (port_fd(t->port) >= 0 && !port_sent(t->port) && !is_stuck(t)) {
		timer_arm(&t->sent, SENT_MS);
		return;
	}
	t->want_sent = false;
	t->events.on_sent(t->events.userdata);
}

void tty_when_sent(struct tty *t)
{
	t->want_sent = true;
	handed_over(t);
}

struct buf *tty_out(struct tty *t)
{
	return &t->out;
}

bool tty_busy(const struct tty *t)
{
	return buf_used(&t->out) > TTY_BUSY;
}

void tty_discard(struct tty *t)
{
	buf_clear(&t->out);
	port_discard(t->port);
	t->want_sent = false;
	timer_disarm(&t->sent);
	set_events(t);
}

void tty_pause(struct tty *t, bool paused)
{
	if (t->paused == paused)
		return;
	t->paused = paused;
	set_events(t);
}

void tty_shut(struct tty *t)
{
	t->shut = true;

	/* What the kernel has of the answer is left alone: on a pty the host may not have read it yet. */
	buf_clear(&t->out);
	if (port_is_pty(t->port))
		return;
	close_line(t);
	timer_disarm(&t->reopen);
}

void tty_open(struct tty *t)
{
	int r;

	if (!t->shut)
		return;
	t->shut = false;
	if (port_is_pty(t->port)) {
		port_discard_input(t->port);
		return;
	}
	r = open_line(t);
	if (r < 0)
		line_lost(t, strerror(-r));
}

/*
 * Life.
 */

int tty_new(struct tty **ret, sd_event *event, const char *device, const char *runtime_dir,
	    const struct tty_events *events)
{
	_cleanup_(tty_freep) struct tty *t = NULL;
	int r;

	t = calloc(1, sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->event = sd_event_ref(event);
	t->events = *events;
	buf_init(&t->out, TTY_BUSY + 2 * REPLY_MAX + 64);
	r = port_new(&t->port, device, runtime_dir);
	if (r < 0)
		return r;
	r = timer_init(&t->reopen, event, on_reopen, t);
	if (r < 0)
		return r;
	r = timer_init(&t->sent, event, on_poll_sent, t);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(t);
	return 0;
}

struct tty *tty_free(struct tty *t)
{
	if (!t)
		return NULL;
	sd_event_source_disable_unref(t->io);
	port_free(t->port);
	timer_done(&t->sent);
	timer_done(&t->reopen);
	buf_done(&t->out);
	sd_event_unref(t->event);
	free(t);
	return NULL;
}

int tty_start(struct tty *t)
{
	const char *path = port_path(t->port), *slave;
	char who[256];
	int r;

	r = open_line(t);
	if (r == 0) {
		slave = port_slave(t->port);
		log_info("Serving %s%s%s", path, slave[0] ? " -> " : "", slave);
		name_rivals(t);
	} else if (r == -EBUSY) {
		who[0] = '\0';
		if (!port_is_pty(t->port)) /* its host is none */
			rival_find("", path, 0, who, sizeof(who));
		log_error("%s is in use by %s", path, who[0] ? who : "another program");
	} else if (r == -EEXIST) {
		log_error("%s exists and is no symlink: not replaced by a pty", path);
	} else {
		(void)log_errno(r, "Can't open %s", path);
	}
	return r;
}
