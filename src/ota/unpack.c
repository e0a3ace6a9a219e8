/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/unpack.h"

#include "at/error.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define TAG "otw" /* no job has it: those have a slash */

void unpack_init(struct unpack *u, struct image *image, const struct unpack_events *events)
{
	*u = (struct unpack){ .image = image, .events = *events };
}

void unpack_begin(struct unpack *u)
{
	u->stage = UNPACK_HEADER;
	u->waits = false;
	u->header_n = 0;
	u->have = 0;
}

void unpack_leave(struct unpack *u)
{
	u->stage = UNPACK_NOTHING;
	u->number++;
	done_call(&u->done, -ECANCELED);
}

void unpack_stop(struct unpack *u)
{
	bool made = u->stage >= UNPACK_CREATE;

	unpack_leave(u);
	if (made)
		image_discard(u->image);
}

static void fail_disk(struct unpack *u, int r)
{
	char why[UNPACK_MAX_WHY + 1];

	(void)snprintf(why, sizeof(why), "The image cannot be stored: %s", strerror(-r));
	u->events.on_failed(u->events.userdata, AT_ERR_OTA, why);
}

/* --- the staging file --- */

static void on_room(void *userdata)
{
	struct unpack *u = userdata;

	if (u->stage == UNPACK_NOTHING || !u->waits)
		return;
	u->waits = false;
	u->events.on_room(u->events.userdata);
}

static void on_error(void *userdata, int r)
{
	struct unpack *u = userdata;

	if (u->stage >= UNPACK_CREATE)
		fail_disk(u, r);
}

static void on_created(void *who, uint64_t number, int r)
{
	struct unpack *u = who;

	if (number != u->number)
		return;
	if (r < 0) {
		fail_disk(u, r);
		return;
	}
	u->stage = UNPACK_BODY;
	u->waits = true;
	on_room(u);
}

static void on_finished(void *who, uint64_t number, int r)
{
	struct unpack *u = who;

	if (number != u->number)
		return;
	if (r == 0 && memcmp(image_digest(u->image), u->container.digest, DIGEST_SIZE) != 0)
		r = -EBADMSG;
	done_call(&u->done, r);
}

void unpack_finish(struct unpack *u, struct done done)
{
	u->done = done;
	image_finish(u->image, (struct done){ .fn = on_finished, .who = u, .number = u->number });
}

/* --- what comes, in its order --- */

static bool header_complete(struct unpack *u)
{
	char why[UNPACK_MAX_WHY + 1] = "";
	const char *what = "";
	int r = container_parse(u->header, &u->container, &what);

	if (r < 0) {
		u->events.on_failed(u->events.userdata, AT_ERR_OTA, r == -EBADMSG ? what : strerror(-r));
		return false;
	}
	r = u->events.judge(u->events.userdata, &u->container, why);
	if (r) {
		u->events.on_failed(u->events.userdata, r, why);
		return false;
	}
	log_info("An image of %" PRIu64 " bytes comes over the wire, version %s", u->container.size,
		 u->container.version);
	u->stage = UNPACK_CREATE;
	image_on_room(u->image, on_room, u);
	image_on_error(u->image, on_error, u);
	image_create(u->image, TAG, u->container.size,
		     (struct done){ .fn = on_created, .who = u, .number = u->number });
	return u->stage != UNPACK_NOTHING;
}

static size_t take_header(struct unpack *u, const void *data, size_t n)
{
	size_t k = sizeof(u->header) - u->header_n;

	k = n < k ? n : k;
	memcpy(u->header + u->header_n, data, k);
	u->header_n += k;
	return u->header_n < sizeof(u->header) || header_complete(u) ? k : 0;
}

static size_t take_body(struct unpack *u, const void *data, size_t n)
{
	uint64_t rest = u->container.size - u->have;
	size_t k = n < rest ? n : (size_t)rest;

	if (!image_put(u->image, u->have, data, k)) {
		u->waits = true;
		return 0;
	}
	u->have += k;
	if (u->have == u->container.size)
		u->stage = UNPACK_REST;
	return k;
}

size_t unpack_take(struct unpack *u, const void *data, size_t n)
{
	switch (u->stage) {
	case UNPACK_HEADER:
		return take_header(u, data, n);
	case UNPACK_BODY:
		return take_body(u, data, n);
	case UNPACK_REST:
		return n;
	default:
		return 0;
	}
}

bool unpack_busy(const struct unpack *u)
{
	return u->stage == UNPACK_CREATE;
}

bool unpack_complete(const struct unpack *u)
{
	return u->stage == UNPACK_REST;
}
