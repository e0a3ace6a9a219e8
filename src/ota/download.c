/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/download.h"

#include "ota/staging.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

enum download_stage {
	DOWNLOAD_NOTHING,
	DOWNLOAD_OPENING, /* the staging file is made, or read again */
	DOWNLOAD_WAITING, /* for download_go() */
	DOWNLOAD_FETCHING,
	DOWNLOAD_FINISHING, /* all is there; it goes to the disk */
};

struct download {
	struct image *image;
	struct streams *streams;
	struct fetch *fetch;
	struct download_events events;
	char *dir;
	bool going;
	bool no_https; /* it was tried in vain */
	enum download_stage stage;
	uint64_t number; /* of the download; completions of another one are dropped */
	char tag[DOWNLOAD_MAX_TAG];
	const struct document *document;
	uint64_t blocks; /* taken */
};

static void on_room(void *userdata);
static void on_error(void *userdata, int r);

uint64_t download_blocks(const struct document *document)
{
	return (document->size + STREAMS_BLOCK - 1) / STREAMS_BLOCK;
}

static void fail(struct download *d, const char *reason)
{
	download_stop(d);
	d->events.on_failed(d->events.userdata, reason);
}

/* What an image may take of the disk. */
static uint64_t room(const struct download *d)
{
	struct statvfs disk;
	uint64_t available;

	if (statvfs(d->dir, &disk) < 0)
		return 0;
	available = (uint64_t)disk.f_bavail * disk.f_frsize;
	return available > STAGING_RESERVE ? available - STAGING_RESERVE : 0;
}

/* On the disk: full, or broken. */
static void fail_disk(struct download *d, int r)
{
	char reason[DOCUMENT_MAX_REASON + 1];

	if (r == -ENOSPC)
		(void)snprintf(reason, sizeof(reason), "Not enough space: %" PRIu64 " bytes needed, %" PRIu64 " free",
			       d->document->size, room(d));
	else
		(void)snprintf(reason, sizeof(reason), "The image cannot be stored: %s", strerror(-r));
	fail(d, reason);
}

static void on_finished(void *who, uint64_t number, int r)
{
	struct download *d = who;

	if (number != d->number || d->stage != DOWNLOAD_FINISHING)
		return;
	if (r < 0) {
		fail_disk(d, r);
		return;
	}
	d->stage = DOWNLOAD_NOTHING;
	d->events.on_complete(d->events.userdata);
}

static void finish(struct download *d)
{
	d->stage = DOWNLOAD_FINISHING;
	image_finish(d->image, (struct done){ .fn = on_finished, .who = d, .number = d->number });
}

static bool has_stream(const struct document *document)
{
	return *document->stream && document->size <= STREAMS_MAX_SIZE;
}

static int fetch_stream(struct download *d, uint64_t have)
{
	const struct streams_target target = {
		.stream = d->document->stream,
		.file = d->document->file,
		.size = d->document->size,
		.have = have - have % STREAMS_BLOCK,
		.patience = d->no_https ? STREAMS_SILENCE_MS - FETCH_FALLBACK_MS : 0,
	};

	return streams_start(d->streams, &target);
}

static int fetch_url(struct download *d, uint64_t have)
{
	const struct fetch_target target = {
		.url = d->document->url,
		.size = d->document->size,
		.have = have,
		.patience = has_stream(d->document) ? FETCH_FALLBACK_MS : 0,
	};

	return fetch_start(d->fetch, &target);
}

static void fetch(struct download *d)
{
	bool https = *d->document->url && !d->no_https;
	uint64_t have = image_have(d->image);
	int r;

	d->blocks = have == d->document->size ? download_blocks(d->document) : have / STREAMS_BLOCK;
	d->events.on_progress(d->events.userdata, d->blocks);
	if (have == d->document->size) {
		finish(d);
		return;
	}
	d->stage = DOWNLOAD_WAITING;
	if (!d->going)
		return;
	r = https ? fetch_url(d, have) : fetch_stream(d, have);
	if (r == 0)
		d->stage = DOWNLOAD_FETCHING;
	else if (r == -EACCES)
		fail(d, "The cloud ends the connection when it is asked for streams: check the policy");
	else if (r != -ENOTCONN)
		fail(d, https ? "The URL cannot be used" : "The stream cannot be asked for");
}

static void on_created(void *who, uint64_t number, int r)
{
	struct download *d = who;

	if (number != d->number || d->stage != DOWNLOAD_OPENING)
		return;
	if (r < 0)
		fail_disk(d, r);
	else
		fetch(d);
}

static void create(struct download *d)
{
	image_create(d->image, d->tag, d->document->size,
		     (struct done){ .fn = on_created, .who = d, .number = d->number });
}

static void on_resumed(void *who, uint64_t number, int r)
{
	struct download *d = who;

	if (number != d->number || d->stage != DOWNLOAD_OPENING)
		return;
	if (r < 0) {
		log_notice("The download begins anew: what was there cannot be used");
		create(d);
		return;
	}
	log_info("The download goes on: %" PRIu64 " of %" PRIu64 " bytes are there", image_have(d->image),
		 d->document->size);
	fetch(d);
}

void download_start(struct download *d, const char *tag, const struct document *document, bool resume)
{
	download_stop(d);
	image_on_room(d->image, on_room, d);
	image_on_error(d->image, on_error, d);
	d->stage = DOWNLOAD_OPENING;
	d->document = document;
	(void)snprintf(d->tag, sizeof(d->tag), "%s", tag);
	if (resume)
		image_resume(d->image, d->tag, document->size,
			     (struct done){ .fn = on_resumed, .who = d, .number = d->number });
	else
		create(d);
}

void download_clean(struct download *d)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/" STAGING_FILE, d->dir);

	if (n > 0 && (size_t)n < sizeof(path) && access(path, F_OK) == 0)
		image_discard(d->image);
}

void download_stop(struct download *d)
{
	d->number++;
	d->going = false;
	d->no_https = false;
	d->stage = DOWNLOAD_NOTHING;
	streams_stop(d->streams);
	fetch_stop(d->fetch);
}

void download_go(struct download *d)
{
	d->going = true;
	if (d->stage == DOWNLOAD_WAITING)
		fetch(d);
}

void download_pause(struct download *d)
{
	d->going = false;
	streams_stop(d->streams);
	fetch_stop(d->fetch);
	if (d->stage == DOWNLOAD_FETCHING)
		d->stage = DOWNLOAD_WAITING;
}

void download_renewed(struct download *d)
{
	if (d->stage == DOWNLOAD_FETCHING)
		fetch_renew(d->fetch, d->document->url);
}

bool download_message(struct download *d, const char *topic, const void *payload, size_t n)
{
	return streams_message(d->streams, topic, payload, n);
}

/* --- what the sources and the staging file tell --- */

static bool on_block(void *userdata, uint64_t offset, const void *data, size_t n)
{
	struct download *d = userdata;

	if (!image_put(d->image, offset, data, n))
		return false;
	d->blocks++;
	d->events.on_progress(d->events.userdata, d->blocks);
	return true;
}

static void on_stream_complete(void *userdata)
{
	finish(userdata);
}

static void on_stream_failed(void *userdata, const char *reason)
{
	fail(userdata, reason);
}

static bool on_data(void *userdata, uint64_t offset, const void *data, size_t n)
{
	struct download *d = userdata;
	uint64_t end = offset + n;

	if (!image_put(d->image, offset, data, n))
		return false;
	d->blocks = end == d->document->size ? download_blocks(d->document) : end / STREAMS_BLOCK;
	d->events.on_progress(d->events.userdata, d->blocks);
	return true;
}

static void on_stale(void *userdata)
{
	struct download *d = userdata;

	d->events.on_stale(d->events.userdata);
}

static void on_fetch_failed(void *userdata, const char *reason)
{
	struct download *d = userdata;

	if (!has_stream(d->document)) {
		fail(d, reason);
		return;
	}
	log_notice("HTTPS: %s. The stream is tried", reason);
	d->no_https = true;
	fetch(d);
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	struct download *d = userdata;

	return d->events.publish(d->events.userdata, topic, payload, n, qos);
}

static int on_subscribe(void *userdata, const char *filter)
{
	struct download *d = userdata;

	return d->events.subscribe(d->events.userdata, filter);
}

static void on_room(void *userdata)
{
	struct download *d = userdata;

	streams_go_on(d->streams);
	fetch_go_on(d->fetch);
}

static void on_error(void *userdata, int r)
{
	struct download *d = userdata;

	if (d->stage != DOWNLOAD_NOTHING)
		fail_disk(d, r);
}

int download_new(struct download **ret, sd_event *event, const char *thing_name, const char *ca_file, const char *dir,
		 struct image *image, const struct download_events *events)
{
	_cleanup_(download_freep) struct download *d = NULL;
	struct streams_events stream = {
		.on_block = on_block,
		.on_complete = on_stream_complete,
		.on_failed = on_stream_failed,
		.publish = on_publish,
		.subscribe = on_subscribe,
	};
	struct fetch_events url = {
		.on_data = on_data,
		.on_complete = on_stream_complete,
		.on_stale = on_stale,
		.on_failed = on_fetch_failed,
	};
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->image = image;
	d->events = *events;
	d->dir = strdup(dir);
	if (!d->dir)
		return -ENOMEM;
	stream.userdata = url.userdata = d;
	r = streams_new(&d->streams, event, thing_name, &stream);
	if (r == 0)
		r = fetch_new(&d->fetch, event, ca_file, &url);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct download *download_free(struct download *d)
{
	if (!d)
		return NULL;
	d->fetch = fetch_free(d->fetch);
	d->streams = streams_free(d->streams);
	free(d->dir);
	free(d);
	return NULL;
}
