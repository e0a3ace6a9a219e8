/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/pull.h"

#include "fake/child.h"
#include "fake/resolve.h"
#include "fake/timer.h"

#include <check.h>
#include <stdio.h>

static bool on_data(void *userdata, uint64_t offset, const void *data, size_t n)
{
	struct pull *h = userdata;

	ck_assert_ptr_eq(h, h->self);
	ck_assert_uint_eq(offset, h->have);
	ck_assert_ptr_nonnull(data);
	if (h->stop_within) {
		fetch_stop(h->fetch);
		return false;
	}
	if (!h->full)
		h->have += n;
	return !h->full;
}

static void on_complete(void *userdata)
{
	struct pull *h = userdata;

	h->complete++;
}

static void on_stale(void *userdata)
{
	struct pull *h = userdata;

	h->stale++;
	if (h->renew_within)
		fetch_renew(h->fetch, "https://bucket.example/key?X-Amz-Signature=fresh");
}

static void on_failed(void *userdata, const char *reason)
{
	struct pull *h = userdata;

	(void)snprintf(h->last, sizeof(h->last), "%s", reason);
	h->failed++;
}

void pull_make(struct pull *h)
{
	const struct fetch_events events = { .on_data = on_data,
					     .on_complete = on_complete,
					     .on_stale = on_stale,
					     .on_failed = on_failed,
					     .userdata = h };

	*fake_child() = (struct fake_child){ 0 };
	*fake_resolve() = (struct fake_resolve){ 0 };
	*h = (struct pull){ .self = h };
	ck_assert_int_ge(sd_event_new(&h->event), 0);
	ck_assert_int_eq(fetch_new(&h->fetch, h->event, "/roots.pem", &events), 0);
}

void pull_done(struct pull *h)
{
	ck_assert_ptr_null(fetch_free(h->fetch));
	ck_assert_ptr_null(fetch_free(NULL));
	ck_assert(!fake_child()->running && !fake_resolve()->asked);
	sd_event_unref(h->event);
}

int pull_start(struct pull *h, const char *url, uint64_t from)
{
	h->have = from;
	return fetch_start(h->fetch, &(struct fetch_target){ .url = url, .size = PULL_SIZE, .have = from });
}

void pull_begin(struct pull *h, uint64_t from)
{
	ck_assert_int_eq(pull_start(h, PULL_URL, from), 0);
	fake_timer_pass(0);
	fake_resolve_found("192.0.2.1\n2001:db8::1\nfe80::1%lo\n");
	ck_assert(fake_child()->running);
}

void pull_again(void)
{
	ck_assert(!fake_child()->running);
	fake_timer_pass(fake_timer_next());
	if (fake_resolve()->asked)
		fake_resolve_found("192.0.2.1\n");
}

void pull_say(char word, const char *text)
{
	char message[512];

	fake_child_say(message, (size_t)snprintf(message, sizeof(message), "%c%s", word, text));
}

void pull_deliver(size_t n)
{
	static const char message[FETCH_MAX_MESSAGE] = "D";

	while (n > 0) {
		size_t k = n < FETCH_MAX_MESSAGE - 1 ? n : FETCH_MAX_MESSAGE - 1;

		fake_child_say(message, 1 + k);
		n -= k;
	}
}
