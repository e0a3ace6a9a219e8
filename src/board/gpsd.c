/* SPDX-License-Identifier: Apache-2.0 */
#include "board/gpsd.h"

#include "util/buf.h"
#include "util/entropy.h"
#include "util/fd.h"
#include "util/log.h"
#include "util/resolve.h"
#include "util/socket.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#define WATCH       "?WATCH={\"enable\":true,\"json\":true};\n"
#define TURN_BYTES  16384 /* read in one turn of the loop */
#define PRIORITY    20    /* behind the host and the cloud */
#define KEEPALIVE_S 60

enum gpsd_state {
	GPSD_OFF,
	GPSD_WAITING,
	GPSD_RESOLVING,
	GPSD_CONNECTING,
	GPSD_CONNECTED,
};

struct gpsd {
	sd_event *event;
	struct endpoint at;
	char name[ENDPOINT_MAX + 8]; /* for the log */
	enum gpsd_state state;
	struct timer timer; /* the next attempt, or the end of this one */
	unsigned failures;  /* in a row */
	struct resolve *resolve;
	struct addresses to;
	size_t next; /* of them */
	int error;   /* of the first of them that failed */
	int fd;
	sd_event_source *io;
	uint64_t since;      /* of the connection, or of the last one's end */
	int told;            /* why it failed, as the log said last */
	struct buf line;     /* up to its end */
	bool skipping;       /* the rest of a line that is too long */
	uint64_t second;     /* when it began, */
	size_t second_bytes; /* and how much has come since */
	bool have;
	struct fix fix;
	uint64_t fix_at; /* ms, timer_now() */
};

static void hang_up(struct gpsd *g)
{
	g->resolve = resolve_free(g->resolve);
	g->io = sd_event_source_disable_unref(g->io);
	fd_close(&g->fd);
	buf_clear(&g->line);
	g->skipping = false;
}

/* Half of it is random. */
static uint64_t pause_after(unsigned failures)
{
	uint64_t most = failures > 1 ? GPSD_SECOND_MS : GPSD_FIRST_MS;

	for (unsigned i = 2; i < failures && most < GPSD_LAST_MS; i++)
		most *= 2;
	if (most > GPSD_LAST_MS)
		most = GPSD_LAST_MS;
	return most / 2 + entropy_get() % (most / 2 + 1);
}

/* Most gateways have no gpsd: that is not worth a line, nor waking the processor, for each attempt. */
static void fail(struct gpsd *g, int r)
{
	bool lasting = g->state == GPSD_CONNECTED && timer_now() - g->since >= GPSD_LASTING_MS;

	if (g->state == GPSD_CONNECTED)
		log_info("gpsd at %s: lost: %s", g->name, strerror(-r));
	else if (r != g->told)
		log_debug("gpsd at %s: %s", g->name, strerror(-r));
	g->told = r;
	hang_up(g);
	if (lasting)
		g->failures = 0;
	if (g->failures < UINT8_MAX)
		g->failures++;
	g->state = GPSD_WAITING;
	g->since = timer_now();
	timer_arm(&g->timer, pause_after(g->failures));
}

/* --- what it says --- */

static void take_line(struct gpsd *g, const void *line, size_t n)
{
	struct fix f;

	if (!fix_parse(line, n, &f))
		return;

	/* A fix may be told more than once, the more complete the later. */
	if (!g->have || f.time.tv_sec != g->fix.time.tv_sec || f.time.tv_nsec != g->fix.time.tv_nsec)
		g->fix_at = timer_now();
	g->fix = f;
	g->have = true;
}

static void take_bytes(struct gpsd *g, const uint8_t *at, size_t n)
{
	const uint8_t *eol;

	for (; (eol = memchr(at, '\n', n)) != NULL; n -= (size_t)(eol + 1 - at), at = eol + 1) {
		if (!g->skipping && buf_append(&g->line, at, (size_t)(eol - at)) == 0)
			take_line(g, buf_head(&g->line), buf_used(&g->line));
		g->skipping = false;
		buf_clear(&g->line);
	}
	if (!g->skipping && buf_append(&g->line, at, n) < 0) {
		g->skipping = true;
		buf_clear(&g->line);
	}
}

static bool is_flood(struct gpsd *g, size_t n)
{
	uint64_t now = timer_now();

	if (now - g->second >= 1000) {
		g->second = now;
		g->second_bytes = 0;
	}
	g->second_bytes += n;
	return g->second_bytes > GPSD_FLOOD;
}

static void hear(struct gpsd *g)
{
	uint8_t data[4096];

	for (size_t i = 0; i < TURN_BYTES / sizeof(data); i++) {
		ssize_t n = recv(g->fd, data, sizeof(data), MSG_DONTWAIT);

		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return;
		if (n <= 0) {
			fail(g, n < 0 ? -errno : -ECONNRESET);
			return;
		}
		if (is_flood(g, (size_t)n)) {
			fail(g, -EMSGSIZE);
			return;
		}
		take_bytes(g, data, (size_t)n);
		if ((size_t)n < sizeof(data))
			return;
	}
}

/* --- the connection --- */

static void try_next(struct gpsd *g, int r);

static void connected(struct gpsd *g)
{
	ssize_t n = send(g->fd, WATCH, strlen(WATCH), MSG_DONTWAIT | MSG_NOSIGNAL);

	if (n != (ssize_t)strlen(WATCH) || sd_event_source_set_io_events(g->io, EPOLLIN) < 0) {
		try_next(g, n < 0 ? -errno : -EIO);
		return;
	}
	timer_disarm(&g->timer);
	socket_keep(g->fd, KEEPALIVE_S);
	g->state = GPSD_CONNECTED;
	g->since = g->second = timer_now();
	g->second_bytes = 0;
	g->told = 0;
	log_info("gpsd at %s: connected", g->name);
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct gpsd *g = userdata;
	int r;

	(void)source;
	if (g->state == GPSD_CONNECTED) {
		hear(g);
		return 0;
	}
	r = socket_state(fd, revents);
	if (r < 0)
		try_next(g, r);
	else if (r > 0)
		connected(g);
	return 0;
}

static int open_next(struct gpsd *g)
{
	int r = socket_connect(g->to.text[g->next++], g->at.port, &g->fd);

	if (r == 0)
		r = sd_event_add_io(g->event, &g->io, g->fd, EPOLLIN | EPOLLOUT, on_io, g);
	if (r >= 0)
		r = sd_event_source_set_priority(g->io, PRIORITY);
	return r;
}

/* r: what became of the address before. */
static void try_next(struct gpsd *g, int r)
{
	g->state = GPSD_CONNECTING;
	for (;;) {
		if (r < 0 && g->error == 0)
			g->error = r;
		if (g->next == g->to.count)
			break;
		hang_up(g);
		r = open_next(g);
		if (r >= 0) {
			timer_arm(&g->timer, GPSD_CONNECT_MS);
			return;
		}
	}
	fail(g, g->error);
}

static void on_found(void *userdata, int r, const struct addresses *found)
{
	struct gpsd *g = userdata;

	g->resolve = resolve_free(g->resolve);
	if (r < 0) {
		fail(g, r);
		return;
	}
	g->to = *found;
	try_next(g, 0);
}

/* These two stand for localhost in every resolver; gpsd listens to one or both of them. */
static const struct addresses loopback = { .count = 2, .text = { "127.0.0.1", "::1" } };

static void begin(struct gpsd *g)
{
	int r;

	timer_disarm(&g->timer);
	g->next = 0;
	g->error = 0;
	if (strcmp(g->at.host, "localhost") == 0) {
		g->to = loopback;
	} else if (g->at.numeric) {
		g->to.count = 1;
		(void)snprintf(g->to.text[0], RESOLVE_MAX_TEXT, "%.*s", RESOLVE_MAX_TEXT - 1, g->at.host);
	} else {
		g->state = GPSD_RESOLVING;
		r = resolve_start(&g->resolve, g->event, g->at.host, GPSD_NAME_MS, on_found, g);
		if (r < 0)
			fail(g, r);
		return;
	}
	try_next(g, 0);
}

static void on_timer(void *userdata)
{
	struct gpsd *g = userdata;

	if (g->state == GPSD_CONNECTING)
		try_next(g, -ETIMEDOUT);
	else
		begin(g);
}

void gpsd_start(struct gpsd *g)
{
	if (g->at.port)
		begin(g);
}

void gpsd_ask(struct gpsd *g)
{
	if (g->state == GPSD_WAITING && timer_now() - g->since >= GPSD_ASK_MS)
		begin(g);
}

/* --- what is known --- */

bool gpsd_is_connected(const struct gpsd *g)
{
	return g->state == GPSD_CONNECTED;
}

bool gpsd_fix(const struct gpsd *g, struct fix *ret, uint64_t *ret_age)
{
	if (!g->have)
		return false;
	*ret = g->fix;
	if (ret_age)
		*ret_age = timer_now() - g->fix_at;
	return true;
}

bool gpsd_time(const struct gpsd *g, struct timespec *ret)
{
	uint64_t age, ns;
	struct fix f;

	if (!gpsd_fix(g, &f, &age) || age > GPSD_FRESH_MS)
		return false;
	ns = (uint64_t)f.time.tv_nsec + age * 1000000;
	ret->tv_sec = f.time.tv_sec + (time_t)(ns / 1000000000);
	ret->tv_nsec = (long)(ns % 1000000000);
	return true;
}

/* --- life --- */

int gpsd_new(struct gpsd **ret, sd_event *event, const char *at)
{
	_cleanup_(gpsd_freep) struct gpsd *g = NULL;
	int r = 0;

	g = calloc(1, sizeof(*g));
	if (!g)
		return -ENOMEM;
	g->fd = -1;
	g->event = sd_event_ref(event);
	buf_init(&g->line, FIX_MAX_LINE);
	(void)snprintf(g->name, sizeof(g->name), "%s", at);
	if (*at)
		r = endpoint_parse(at, strlen(at), &g->at);
	if (r == 0)
		r = timer_init(&g->timer, event, on_timer, g);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(g);
	return 0;
}

struct gpsd *gpsd_free(struct gpsd *g)
{
	if (!g)
		return NULL;
	hang_up(g);
	buf_done(&g->line);
	timer_done(&g->timer);
	sd_event_unref(g->event);
	free(g);
	return NULL;
}
