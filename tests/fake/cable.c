/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/cable.h"

#include "fake/frame.h"
#include "fake/image.h"
#include "fake/packed.h"
#include "fake/timer.h"
#include "ota/xmodem.h"
#include "util/log.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct cable *present;

static struct cable *ours(void *userdata)
{
	ck_assert_ptr_eq(userdata, present);
	return userdata;
}

#define note(c, ...) (void)snprintf((c)->told + strlen((c)->told), sizeof((c)->told) - strlen((c)->told), __VA_ARGS__)

static void on_send(void *userdata, const void *data, size_t n)
{
	struct cable *c = ours(userdata);

	for (size_t i = 0; i < n; i++)
		note(c, "%02x ", ((const uint8_t *)data)[i]);
}

static void on_taken(void *userdata)
{
	struct cable *c = ours(userdata);

	note(c, "OK ");
}

static void on_ended(void *userdata, int r)
{
	struct cable *c = ours(userdata);

	note(c, "=%d ", r);
}

static int judge(void *userdata, const struct container *container, char why[UNPACK_MAX_WHY + 1])
{
	struct cable *c = ours(userdata);

	ck_assert_uint_eq(container->size, CABLE_SIZE);
	strcpy(why, "why");
	return c->verdict;
}

static void take(void *userdata, const struct container *container, struct done done)
{
	struct cable *c = ours(userdata);

	ck_assert_str_eq(container->version, "v2");
	c->take_done = done;
}

static void withdraw(void *userdata)
{
	struct cable *c = ours(userdata);

	c->withdrawn = true;
	done_call(&c->take_done, -ECANCELED);
}

void cable_make(struct cable *c)
{
	const struct wire_owner owner = { .judge = judge, .take = take, .withdraw = withdraw, .userdata = c };
	const struct packed packed = { .version = "v2", .payload = c->payload, .n = CABLE_SIZE };

	present = c;
	*c = (struct cable){ .file_n = CONTAINER_HEADER + CABLE_SIZE, .number = 1 };
	log_set_level(LOG_EMERG);
	for (size_t i = 0; i < CABLE_SIZE; i++)
		c->payload[i] = (uint8_t)(i * 13);
	packed_make(&packed, c->file);
	memset(c->file + c->file_n, 0x1a, 1024);
	ck_assert_int_ge(sd_event_new(&c->event), 0);
	ck_assert_int_eq(image_new(&c->image, c->event, "/none"), 0);
	memcpy(fake_image()->digest, c->file + 24, IMAGE_DIGEST);
	fake_image()->at_once = true;
	ck_assert_int_eq(wire_new(&c->wire, c->event, c->image, &owner), 0);
}

void cable_done(struct cable *c)
{
	ck_assert_ptr_null(wire_free(c->wire));
	image_free(c->image);
	sd_event_unref(c->event);
}

void cable_begin(struct cable *c, uint64_t size, uint32_t block)
{
	const struct wire_form form = { .size = size, .block = block };
	const struct wire_events events = { .send = on_send, .taken = on_taken, .ended = on_ended, .userdata = c };

	ck_assert(!wire_active(c->wire));
	wire_open(c->wire, &form, &events);
	ck_assert(wire_active(c->wire));
	wire_go(c->wire);
}

void cable_assert_told(struct cable *c, const char *text)
{
	ck_assert_str_eq(c->told, text);
	c->told[0] = '\0';
}

void cable_bytes(struct cable *c, const void *data, size_t n)
{
	ck_assert_uint_eq(wire_bytes(c->wire, data, n), n);
}

void cable_block(struct cable *c)
{
	uint8_t frame[FRAME_MAX];

	cable_bytes(c, frame, frame_make(frame, c->number, c->file + (c->number - 1) * (size_t)1024, 1024));
	c->number++;
}

void cable_eot(struct cable *c)
{
	cable_bytes(c, "\x04", 1);
	fake_timer_pass(XMODEM_EOT_MS);
}

void cable_by_xmodem(struct cable *c)
{
	cable_begin(c, 0, 0);
	for (unsigned i = 0; i < 4; i++)
		cable_block(c);
	cable_eot(c);
	cable_eot(c);
	cable_assert_told(c, "43 06 06 06 06 15 06 ");
}
