/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/delivery.h"

#include "cloud/payload.h"
#include "fake/timer.h"

#include <check.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK STREAMS_BLOCK

static struct delivery *present;

static struct delivery *ours(void *userdata)
{
	ck_assert_ptr_eq(userdata, present);
	return userdata;
}

/* --- the module's side --- */

static bool on_block(void *userdata, uint64_t offset, const void *data, size_t n)
{
	struct delivery *d = ours(userdata);

	ck_assert_uint_eq(offset % BLOCK, 0);
	ck_assert_uint_le(offset + n, d->size);
	ck_assert_uint_eq(n, d->size - offset < BLOCK ? d->size - offset : BLOCK);
	if (d->on_any)
		d->on_any();
	if (d->no_room)
		return false;
	ck_assert_uint_eq(d->got[offset], 0); /* once only: the file holds no 0 */
	memcpy(d->got + offset, data, n);
	d->blocks++;
	return true;
}

static void on_complete(void *userdata)
{
	struct delivery *d = ours(userdata);

	d->completes++;
	if (d->on_end)
		d->on_end();
}

static void on_failed(void *userdata, const char *why)
{
	struct delivery *d = ours(userdata);

	d->failures++;
	(void)snprintf(d->reason, sizeof(d->reason), "%s", why);
	if (d->on_end)
		d->on_end();
}

static int subscribe(void *userdata, const char *filter)
{
	struct delivery *d = ours(userdata);

	ck_assert_str_eq(filter, "$aws/things/" DELIVERY_THING "/streams/+/+/json");
	d->subscriptions++;
	return d->subscribe_result;
}

/* --- the cloud's side --- */

static unsigned dice(struct delivery *d)
{
	d->way.dice = d->way.dice * 1103515245 + 12345;
	return d->way.dice >> 16 & 0x7fff;
}

static bool chance(struct delivery *d, unsigned percent)
{
	return dice(d) % 100 < percent;
}

static void post(struct delivery *d, unsigned block)
{
	uint64_t due = timer_now() + d->way.round_trip;

	ck_assert_uint_lt(block, (d->size + BLOCK - 1) / BLOCK);
	d->sent++;
	if (d->line_free > due)
		due = d->line_free;
	d->line_free = due += d->way.block_ms;
	if (chance(d, d->way.loss))
		return;
	if (chance(d, d->way.shuffle))
		due += dice(d) % 30;
	for (unsigned i = 0; i < 1 + (chance(d, d->way.twice) ? 1 : 0); i++) {
		struct delivery_mail *m = &d->mails[d->mail_count];

		ck_assert_uint_lt(d->mail_count, DELIVERY_MAILS);
		*m = (struct delivery_mail){ .due = due + i, .order = d->order++, .block = block };
		(void)snprintf(m->token, sizeof(m->token), "%s", d->token);
		d->mail_count++;
	}
}

static unsigned hex(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* The blocks from o on that have a bit; how many. */
static unsigned post_bitmap(struct delivery *d, unsigned o, const char *bitmap)
{
	unsigned found = 0;

	ck_assert_int_eq(strncmp(bitmap, "0x", 2), 0);
	ck_assert_uint_eq(strlen(bitmap) % 2, 0);
	for (unsigned i = 0; bitmap[2 + 2 * i]; i++) {
		unsigned byte = hex(bitmap[2 + 2 * i]) << 4 | hex(bitmap[3 + 2 * i]);

		for (unsigned bit = 0; bit < 8; bit++) {
			if (!(byte >> bit & 1))
				continue;
			found++;
			if (!d->way.deaf)
				post(d, o + 8 * i + bit);
		}
	}
	return found;
}

/* Written after the documentation of GetStream, not after streams.c. */
static int publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	int64_t f = -1, l = -1, o = 0, count = -1;
	struct delivery *d = ours(userdata);
	const char *bitmap;
	cJSON *root;

	ck_assert_str_eq(topic, DELIVERY_BASE "/get/json");
	ck_assert_int_eq(qos, 0);
	if (d->way.result < 0)
		return d->way.result;
	root = payload_parse(payload, n);
	ck_assert_ptr_nonnull(root);
	(void)snprintf(d->last_request, sizeof(d->last_request), "%.*s", (int)n, (const char *)payload);
	(void)snprintf(d->token, sizeof(d->token), "%s", payload_text(root, "c"));
	ck_assert_uint_le(strlen(payload_text(root, "c")), 64);
	ck_assert(payload_number(root, "f", &f) && payload_number(root, "l", &l));
	ck_assert(payload_number(root, "o", &o) && payload_number(root, "n", &count));
	ck_assert_int_eq(f, 7);
	ck_assert_int_eq(l, BLOCK);
	ck_assert_int_le(count * l, 128 * 1024);
	bitmap = payload_text(root, "b");
	d->requests++;
	if (!bitmap) {
		ck_assert_int_le(o + count, (int64_t)((d->size + BLOCK - 1) / BLOCK));
		for (int64_t i = 0; i < count && !d->way.deaf; i++)
			post(d, (unsigned)(o + i));
	} else {
		ck_assert_int_eq(post_bitmap(d, (unsigned)o, bitmap), count);
	}
	cJSON_Delete(root);
	return 0;
}

bool delivery_message(struct delivery *d, const char *topic, const char *payload)
{
	return streams_message(d->streams, topic, payload, strlen(payload));
}

const char *delivery_format(const char *c, const char *f, const char *i, const char *l, const void *data, size_t n)
{
	static char text[3 * BLOCK];
	static unsigned char p[2 * BLOCK];

	ck_assert_uint_le(n, BLOCK + 1);
	(void)EVP_EncodeBlock(p, data, (int)n);
	(void)snprintf(text, sizeof(text), "{\"c\":\"%s\",\"f\":%s,\"l\":%s,\"i\":%s,\"p\":\"%s\"}", c, f, l, i, p);
	return text;
}

const char *delivery_block_text(const struct delivery *d, unsigned block, const char *token)
{
	size_t offset = (size_t)block * BLOCK, n = d->size - offset < BLOCK ? d->size - offset : BLOCK;
	char i[16], l[16];

	(void)snprintf(i, sizeof(i), "%u", block);
	(void)snprintf(l, sizeof(l), "%zu", n);
	return delivery_format(token, "7", i, l, d->file + offset, n);
}

bool delivery_deliver(struct delivery *d, unsigned block)
{
	return delivery_message(d, DELIVERY_BASE "/data/json", delivery_block_text(d, block, d->token));
}

static struct delivery_mail *first_mail(struct delivery *d)
{
	struct delivery_mail *first = NULL;

	for (unsigned i = 0; i < d->mail_count; i++) {
		struct delivery_mail *m = &d->mails[i];

		if (!first || m->due < first->due || (m->due == first->due && m->order < first->order))
			first = m;
	}
	return first;
}

static uint64_t wait_for(const struct delivery_mail *m)
{
	return m->due > timer_now() ? m->due - timer_now() : 0;
}

bool delivery_next(struct delivery *d)
{
	struct delivery_mail *m = first_mail(d), now;

	if (!m)
		return false;
	now = *m;
	*m = d->mails[--d->mail_count];
	fake_timer_pass(wait_for(&now));
	ck_assert(delivery_message(d, DELIVERY_BASE "/data/json", delivery_block_text(d, now.block, now.token)));
	return true;
}

uint64_t delivery_run(struct delivery *d, uint64_t most)
{
	uint64_t begin = timer_now();

	while (d->completes + d->failures == 0 && timer_now() - begin < most) {
		const struct delivery_mail *m = first_mail(d);
		uint64_t next = fake_timer_next();

		ck_assert(next < UINT64_MAX || m);
		if (!m || next < wait_for(m))
			fake_timer_pass(next);
		else
			ck_assert(delivery_next(d));
	}
	return timer_now() - begin;
}

void delivery_make(struct delivery *d)
{
	const struct streams_events events = {
		.on_block = on_block,
		.on_complete = on_complete,
		.on_failed = on_failed,
		.publish = publish,
		.subscribe = subscribe,
		.userdata = d,
	};

	memset(d, 0, sizeof(*d));
	ck_assert_int_ge(sd_event_new(&d->event), 0);
	ck_assert_int_eq(streams_new(&d->streams, d->event, DELIVERY_THING, &events), 0);
	d->way.dice = 4711;
	present = d;
}

void delivery_done(struct delivery *d)
{
	ck_assert_ptr_null(streams_free(d->streams));
	ck_assert_ptr_null(streams_free(NULL));
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	sd_event_unref(d->event);
	free(d->file);
	free(d->got);
}

int delivery_start_from(struct delivery *d, size_t n, size_t have)
{
	const struct streams_target target = { .stream = DELIVERY_STREAM, .file = 7, .size = n, .have = have };

	d->size = n;
	free(d->file);
	free(d->got);
	d->file = malloc(n);
	d->got = calloc(1, n);
	ck_assert(d->file && d->got);
	for (size_t i = 0; i < n; i++)
		d->file[i] = (uint8_t)(1 + (i * 31 + i / BLOCK) % 255);
	memcpy(d->got, d->file, have);
	return streams_start(d->streams, &target);
}

void delivery_start(struct delivery *d, size_t n)
{
	ck_assert_int_eq(delivery_start_from(d, n, 0), 0);
}

void delivery_assert_complete(const struct delivery *d)
{
	ck_assert_uint_eq(d->completes, 1);
	ck_assert_uint_eq(d->failures, 0);
	ck_assert_mem_eq(d->got, d->file, d->size);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}

void delivery_assert_failed(const struct delivery *d, const char *why)
{
	ck_assert_uint_eq(d->completes, 0);
	ck_assert_uint_eq(d->failures, 1);
	ck_assert_str_eq(d->reason, why);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
