/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/haul.h"

#include "fake/streams.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct haul *present;

static struct haul *ours(void *userdata)
{
	ck_assert_ptr_eq(userdata, present);
	return userdata;
}

static void on_complete(void *userdata)
{
	ours(userdata)->complete++;
}

static void on_failed(void *userdata, const char *reason)
{
	struct haul *h = ours(userdata);

	(void)snprintf(h->last, sizeof(h->last), "%s", reason);
	h->failed++;
}

static void on_progress(void *userdata, uint64_t blocks)
{
	ours(userdata)->progress = blocks;
}

static void on_stale(void *userdata)
{
	ours(userdata)->stale++;
}

void haul_make(struct haul *h)
{
	const struct download_events events = { .on_complete = on_complete,
						.on_failed = on_failed,
						.on_progress = on_progress,
						.on_stale = on_stale,
						.userdata = h };

	present = h;
	*h = (struct haul){
		.document = { .stream = "stream-1", .file = 7, .size = 2 * STREAMS_BLOCK + 100 },
		.progress = 99,
	};
	ck_assert_int_ge(sd_event_new(&h->event), 0);
	ck_assert_int_eq(image_new(&h->image, h->event, "/"), 0);
	ck_assert_int_eq(download_new(&h->download, h->event, "thing", "", "/", h->image, &events), 0);
}

void haul_done(struct haul *h)
{
	ck_assert_ptr_null(download_free(h->download));
	ck_assert_ptr_null(download_free(NULL));
	image_free(h->image);
	sd_event_unref(h->event);
}

void haul_start(struct haul *h, const char *tag, bool resume)
{
	download_start(h->download, tag, &h->document, resume);
	download_go(h->download);
}

void haul_put(struct haul *h, unsigned i)
{
	uint64_t offset = (uint64_t)i * STREAMS_BLOCK;
	size_t n = h->document.size - offset < STREAMS_BLOCK ? (size_t)(h->document.size - offset) : STREAMS_BLOCK;

	memset(h->block, (int)i, sizeof(h->block));
	ck_assert(fake_streams_block(offset, h->block, n));
}
