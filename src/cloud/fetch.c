/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/fetch.h"

#include "cloud/url.h"
#include "util/child.h"
#include "util/log.h"
#include "util/num.h"
#include "util/resolve.h"
#include "util/timer.h"
#include "util/utf8.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RESOLVE_MS       15000
#define HELPER_SILENT_MS 30000 /* longer than it waits for the server */
#define RENEW_MS         10000 /* the URL is asked for again */
#define RETRY_FIRST_MS   500   /* each time twice as long, ... */
#define RETRY_DOUBLES    4     /* ... so often */
#define MAX_ADDRESSES    8

struct fetch {
	sd_event *event;
	const char *ca_file;
	struct fetch_events events;
	struct timer timer;
	struct resolve *resolve;
	struct child *child;

	bool running;
	bool renewing;                     /* a fresh URL is waited for */
	bool full;                         /* the owner has no room */
	char url[URL_MAX + 1];             /* of the job */
	char moved_to[URL_MAX + 1];        /* for this attempt; "": url itself */
	unsigned moves, renewals, retries; /* the last two, and skips, without another block */
	unsigned skips;                    /* attempts in which the server began at the beginning */
	uint64_t size, have, skipped;      /* skipped: in this attempt */
	uint64_t patience;                 /* ms */
	uint64_t give_up;                  /* when, unless another block comes */
	char reason[FETCH_MAX_REASON + 1];
};

static void attempt(struct fetch *f);

/* --- the end --- */

static void stop_attempt(struct fetch *f)
{
	f->resolve = resolve_free(f->resolve);
	f->child = child_free(f->child);
	f->full = false;
	timer_disarm(&f->timer);
}

static void fetch_end(struct fetch *f)
{
	stop_attempt(f);
	f->running = false;
	f->renewing = false;
	/* They hold secrets. */
	explicit_bzero(f->url, sizeof(f->url));
	explicit_bzero(f->moved_to, sizeof(f->moved_to));
}

static void fetch_fail(struct fetch *f)
{
	char reason[FETCH_MAX_REASON + 1];

	memcpy(reason, f->reason, sizeof(reason));
	fetch_end(f);
	f->events.on_failed(f->events.userdata, reason);
}

static void set_reason(struct fetch *f, const char *text)
{
	(void)utf8_printable(text, strlen(text), f->reason, sizeof(f->reason));
}

/* --- again --- */

static uint64_t time_left(const struct fetch *f)
{
	uint64_t now = timer_now();

	return f->give_up > now ? f->give_up - now : 0;
}

static void retry(struct fetch *f)
{
	uint64_t delay = RETRY_FIRST_MS, left = time_left(f);

	stop_attempt(f);
	log_info("HTTPS: %s, %" PRIu64 " of %" PRIu64 " bytes are there", f->reason, f->have, f->size);
	if (left == 0) {
		fetch_fail(f);
		return;
	}
	delay <<= f->retries < RETRY_DOUBLES ? f->retries : RETRY_DOUBLES;
	f->retries++;
	timer_arm(&f->timer, delay < left ? delay : left);
}

static void ask_for_url(struct fetch *f)
{
	uint64_t left = time_left(f);

	timer_arm(&f->timer, left < RENEW_MS ? left : RENEW_MS);
	f->events.on_stale(f->events.userdata);
}

static void expired(struct fetch *f)
{
	stop_attempt(f);
	if (!f->events.on_stale || f->renewals == FETCH_MAX_RENEWALS || time_left(f) == 0) {
		fetch_fail(f);
		return;
	}
	log_info("HTTPS: %s, another URL is asked for", f->reason);
	f->renewals++;
	f->renewing = true;
	ask_for_url(f);
}

static void moved(struct fetch *f, const char *url, size_t n)
{
	char host[URL_MAX_HOST + 1];

	stop_attempt(f);
	if (n > URL_MAX || memchr(url, '\0', n))
		n = 0;
	memcpy(f->moved_to, url, n);
	f->moved_to[n] = '\0';
	if (url_host(f->moved_to, host) < 0) {
		set_reason(f, "A redirect to no URL");
		fetch_fail(f);
	} else if (f->moves++ == FETCH_MAX_MOVES) {
		set_reason(f, "Too many redirects");
		fetch_fail(f);
	} else {
		log_debug("HTTPS: redirected to %s", host);
		attempt(f);
	}
}

/* While the helper runs, or the name is looked up. */
static void watch(struct fetch *f)
{
	if (f->full) {
		timer_arm(&f->timer, FETCH_SILENCE_MS);
	} else if (time_left(f) > 0) {
		timer_arm(&f->timer, time_left(f));
	} else {
		set_reason(f, "The server delivers no data");
		fetch_fail(f);
	}
}

static void on_timer(void *userdata)
{
	struct fetch *f = userdata;

	if (f->child || f->resolve) {
		watch(f);
	} else if (time_left(f) == 0) {
		fetch_fail(f);
	} else if (f->renewing) {
		ask_for_url(f);
	} else {
		f->moves = 0;
		f->moved_to[0] = '\0';
		attempt(f);
	}
}

/* --- what the helper says --- */

static bool take_data(struct fetch *f, const void *data, size_t n)
{
	uint64_t blocks = f->have / FETCH_BLOCK;
	bool taken;

	if (n > f->size - f->have) {
		set_reason(f, "The server sends more than filesize");
		fetch_fail(f);
		return true;
	}
	/* The owner may find room, or stop the download, before it returns. */
	f->full = false;
	taken = f->events.on_data(f->events.userdata, f->have, data, n);
	if (!f->running || !f->child)
		return true;
	f->full = !taken;
	/* Waiting for the disk is not the server's fault. */
	if (taken)
		f->have += n;
	if (!taken || f->have / FETCH_BLOCK > blocks) {
		f->give_up = timer_now() + f->patience;
		f->renewals = f->retries = f->skips = 0;
	}
	return taken;
}

/* It keeps the download going, but not for ever: the next attempt begins at the beginning again. */
static void take_skipped(struct fetch *f, const char *text, size_t n)
{
	uint64_t blocks = f->skipped / FETCH_BLOCK, more;

	if (num_parse(text, n, &more) < 0 || more > f->have - f->skipped)
		return;
	if (f->skipped == 0)
		f->skips++;
	f->skipped += more;
	if (f->skips <= FETCH_MAX_SKIPS && f->skipped / FETCH_BLOCK > blocks)
		f->give_up = timer_now() + f->patience;
}

static void settle(struct fetch *f, char word, const char *text, size_t n)
{
	if (word != FETCH_WHOLE && word != FETCH_MOVED)
		(void)utf8_printable(text, n, f->reason, sizeof(f->reason));
	switch (word) {
	case FETCH_WHOLE:
		if (f->have < f->size) {
			retry(f);
			break;
		}
		fetch_end(f);
		f->events.on_complete(f->events.userdata);
		break;
	case FETCH_MOVED:
		moved(f, text, n);
		break;
	case FETCH_EXPIRED:
		expired(f);
		break;
	case FETCH_BROKEN:
		retry(f);
		break;
	default:
		fetch_fail(f);
	}
}

static bool on_message(void *userdata, const void *data, size_t n)
{
	struct fetch *f = userdata;
	char word = *(const char *)data;
	char text[URL_MAX + 2];

	if (word == FETCH_DATA)
		return take_data(f, (const char *)data + 1, n - 1);
	if (word == FETCH_SKIPPED) {
		take_skipped(f, (const char *)data + 1, n - 1);
		return true;
	}
	/* The bytes go with the helper. */
	n = n - 1 < sizeof(text) ? n - 1 : sizeof(text);
	memcpy(text, (const char *)data + 1, n);
	settle(f, word, text, n);
	return true;
}

static void on_end(void *userdata, int r, _unused_ const void *output, _unused_ size_t n)
{
	struct fetch *f = userdata;

	log_warning("%s ended: %s", FETCH_HELPER, r < 0 ? strerror(-r) : "it has not said why");
	set_reason(f, "The download was broken off");
	retry(f);
}

/* --- an attempt --- */

static void run_helper(struct fetch *f, const char *addresses)
{
	const char *url = *f->moved_to ? f->moved_to : f->url;
	char request[FETCH_MAX_REQUEST];
	int n, r = -EMSGSIZE;

	f->skipped = 0;
	n = snprintf(request, sizeof(request), "%s\n%s\n%s\n%" PRIu64 "\n%" PRIu64 "\n", url, addresses, f->ca_file,
		     f->have, f->size);
	if (n > 0 && (size_t)n < sizeof(request))
		r = child_listen(&f->child, f->event, FETCH_HELPER, request, (size_t)n, FETCH_MAX_MESSAGE,
				 HELPER_SILENT_MS, on_message, on_end, f);
	explicit_bzero(request, sizeof(request));
	if (r < 0) {
		(void)log_errno(r, "%s cannot be started", FETCH_HELPER);
		set_reason(f, "The download cannot be started");
		retry(f);
		return;
	}
	watch(f);
}

static void on_resolved(void *userdata, int r, const struct addresses *found)
{
	struct fetch *f = userdata;
	char text[MAX_ADDRESSES * RESOLVE_MAX_TEXT + 1] = "";
	size_t n = 0;

	if (r < 0) {
		set_reason(f, "The server's name is not found");
		retry(f);
		return;
	}
	for (size_t i = 0; i < found->count && i < MAX_ADDRESSES; i++) {
		if (!strchr(found->text[i], '%'))
			n += (size_t)snprintf(text + n, sizeof(text) - n, "%s%s", n > 0 ? "," : "", found->text[i]);
	}
	f->resolve = resolve_free(f->resolve);
	run_helper(f, text);
}

static void attempt(struct fetch *f)
{
	char host[URL_MAX_HOST + 1];
	int r = url_host(*f->moved_to ? f->moved_to : f->url, host);

	if (r == 0 && resolve_is_address(host)) {
		run_helper(f, "");
		return;
	}
	if (r == 0)
		r = resolve_start(&f->resolve, f->event, host, RESOLVE_MS, on_resolved, f);
	if (r < 0) {
		(void)log_errno(r, "The server's name cannot be looked up");
		set_reason(f, "The server's name is not found");
		retry(f);
		return;
	}
	watch(f);
}

/* --- for the owner --- */

static int set_url(struct fetch *f, const char *url)
{
	char host[URL_MAX_HOST + 1];
	int r = url_host(url, host);

	if (r == 0)
		memcpy(f->url, url, strlen(url) + 1);
	f->moved_to[0] = '\0';
	f->moves = 0;
	return r;
}

int fetch_start(struct fetch *f, const struct fetch_target *target)
{
	int r;

	fetch_stop(f);
	if (target->have >= target->size)
		return -EINVAL;
	r = set_url(f, target->url);
	if (r < 0)
		return r;
	f->size = target->size;
	f->have = target->have;
	f->renewals = f->retries = f->skips = 0;
	f->full = false;
	f->patience = target->patience ? target->patience : FETCH_SILENCE_MS;
	f->give_up = timer_now() + f->patience;
	f->running = true;
	timer_arm(&f->timer, 0);
	return 0;
}

void fetch_stop(struct fetch *f)
{
	if (f->running)
		fetch_end(f);
}

void fetch_go_on(struct fetch *f)
{
	if (!f->running || !f->child || !f->full)
		return;
	f->give_up = timer_now() + f->patience;
	child_go_on(f->child);
}

void fetch_renew(struct fetch *f, const char *url)
{
	if (!f->running || !f->renewing || set_url(f, url) < 0)
		return;
	f->renewing = false;
	timer_arm(&f->timer, 0);
}

int fetch_new(struct fetch **ret, sd_event *event, const char *ca_file, const struct fetch_events *events)
{
	_cleanup_(fetch_freep) struct fetch *f = calloc(1, sizeof(*f));
	int r;

	if (!f)
		return -ENOMEM;
	f->event = event;
	f->ca_file = ca_file;
	f->events = *events;
	r = timer_init(&f->timer, event, on_timer, f);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(f);
	return 0;
}

struct fetch *fetch_free(struct fetch *f)
{
	if (!f)
		return NULL;
	fetch_stop(f);
	timer_done(&f->timer);
	free(f);
	return NULL;
}
