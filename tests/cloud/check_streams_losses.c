/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/streams.c on ways that lose blocks, delay them and fall silent; and with owners that have no room, or that stop
 * and start anew from within. */
#include "cloud/streams.h"

#include "fake/delivery.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>

#define BLOCK STREAMS_BLOCK

static struct delivery d;
static unsigned calls; /* of sometimes_full() */

static void setup(void)
{
	calls = 0;
	delivery_make(&d);
}

static void teardown(void)
{
	delivery_done(&d);
}

/* --- losses --- */

static const unsigned losses[] = { 1, 5, 20, 50 };

START_TEST(lost_blocks)
{
	uint64_t ms;

	d.way.loss = losses[_i];
	d.way.round_trip = 100;
	delivery_start(&d, 300 * BLOCK + 77);
	ms = delivery_run(&d, 3600000);
	delivery_assert_complete(&d);

	/* Most are asked for once more, few twice. */
	ck_assert_uint_le(d.sent, 301 * 100 / (100 - losses[_i]) * 5 / 4 + 20);
	ck_assert_uint_lt(ms, 120000);
}
END_TEST

START_TEST(everything_at_once)
{
	d.way.loss = 10;
	d.way.twice = 20;
	d.way.shuffle = 50;
	d.way.round_trip = 50;
	delivery_start(&d, 500 * BLOCK - 1);
	(void)delivery_run(&d, 3600000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, 500);
}
END_TEST

/* Requests that could not be sent are as good as lost. */
START_TEST(not_sent)
{
	d.way.result = -EBUSY;
	delivery_start(&d, 10 * BLOCK);
	fake_timer_pass(10000);
	ck_assert_uint_eq(d.requests, 0);
	d.way.result = 0;
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
}
END_TEST

/* --- silence --- */

START_TEST(never_starts)
{
	d.way.deaf = true;
	delivery_start(&d, 10 * BLOCK);
	fake_timer_pass(STREAMS_SILENCE_MS / 2);
	streams_go_on(d.streams); /* it was not for want of room */
	fake_timer_pass(STREAMS_SILENCE_MS - STREAMS_SILENCE_MS / 2 - 1);
	ck_assert_uint_eq(d.failures, 0);
	ck_assert_uint_ge(d.requests, 5);
	ck_assert_uint_le(d.requests, 20);
	fake_timer_pass(1);
	delivery_assert_failed(&d, "The stream delivers no data: check that the policy allows streams/*");
}
END_TEST

/* The same blocks again and again are no data. */
START_TEST(never_ends)
{
	d.way.deaf = true;
	delivery_start(&d, 10 * BLOCK);
	fake_timer_pass(30000);
	ck_assert(delivery_deliver(&d, 0));
	for (unsigned i = 0; i < STREAMS_SILENCE_MS / 1000 - 1; i++) {
		fake_timer_pass(1000);
		ck_assert(delivery_deliver(&d, 0));
	}
	ck_assert_uint_eq(d.failures, 0);
	fake_timer_pass(1000);
	delivery_assert_failed(&d, "The stream delivers no data: check that the policy allows streams/*");
	ck_assert_uint_eq(d.blocks, 1);
}
END_TEST

/* The reason is what the operator sees of it. */
START_TEST(never_fits)
{
	d.way.deaf = true;
	delivery_start(&d, 10 * BLOCK);
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json", delivery_format(d.token, "7", "1", "5", d.file, 5)));
	fake_timer_pass(STREAMS_SILENCE_MS);
	delivery_assert_failed(&d, "The stream delivers blocks that do not fit the job's filesize, or are no base64");

	/* A good one came later. */
	d.failures = 0;
	delivery_start(&d, 10 * BLOCK);
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json", delivery_format(d.token, "7", "1", "5", d.file, 5)));
	ck_assert(delivery_deliver(&d, 0));
	fake_timer_pass(STREAMS_SILENCE_MS);
	delivery_assert_failed(&d, "The stream delivers no data: check that the policy allows streams/*");
}
END_TEST

/* --- no room --- */

START_TEST(waits_for_room)
{
	d.way.deaf = true;
	delivery_start(&d, 20 * BLOCK);
	ck_assert(delivery_deliver(&d, 0));
	d.no_room = true;
	ck_assert(delivery_deliver(&d, 1));
	ck_assert(delivery_deliver(&d, 2));
	ck_assert_uint_eq(d.blocks, 1);

	/* For as long as it takes: the cloud is not to blame. */
	d.requests = 0;
	fake_timer_pass(3600000);
	ck_assert_uint_eq(d.requests + d.failures, 0);
	d.no_room = false;
	ck_assert(delivery_deliver(&d, 3)); /* was under way */
	ck_assert_uint_eq(d.blocks, 2);
	ck_assert_uint_eq(d.requests, 0);
	d.way.deaf = false;
	streams_go_on(d.streams);
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, 20);
	ck_assert_uint_le(d.requests, 5); /* nor is the line taken for slow */
}
END_TEST

START_TEST(go_on_for_nothing)
{
	streams_go_on(d.streams);
	d.way.deaf = true;
	delivery_start(&d, 20 * BLOCK);
	d.requests = 0;
	streams_go_on(d.streams);
	ck_assert_uint_eq(d.requests, 0);
	streams_stop(d.streams);
	streams_go_on(d.streams);
	ck_assert_uint_eq(d.requests, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

static void make_room(void)
{
	d.on_any = NULL;
	streams_go_on(d.streams);
}

/* Room that is found while the block is being refused. */
START_TEST(room_from_within)
{
	d.way.deaf = true;
	delivery_start(&d, 20 * BLOCK);
	d.on_any = make_room;
	d.no_room = true;
	ck_assert(delivery_deliver(&d, 0));
	d.no_room = false;
	d.way.deaf = false;
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
}
END_TEST

/* An owner that is slow for good: a block in a hundred finds no room at first. */
static void sometimes_full(void)
{
	d.no_room = ++calls % 100 == 50;
}

START_TEST(slow_owner)
{
	d.way.round_trip = 20;
	d.on_any = sometimes_full;
	delivery_start(&d, 1000 * BLOCK);
	for (unsigned i = 0; i < 10000 && d.completes == 0; i++) {
		if (!delivery_next(&d))
			streams_go_on(d.streams);
	}
	delivery_assert_complete(&d);
	ck_assert_uint_lt(d.sent, 1050);
}
END_TEST

/* --- from within --- */

static void stop(void)
{
	d.on_any = d.on_end = NULL;
	streams_stop(d.streams);
}

static void restart(void)
{
	d.on_any = d.on_end = NULL;
	d.completes = d.failures = 0;
	d.way.deaf = false;
	delivery_start(&d, 3 * BLOCK);
}

START_TEST(stopped_from_within)
{
	d.way.deaf = true;
	delivery_start(&d, 2 * BLOCK);
	d.on_any = stop;
	ck_assert(delivery_deliver(&d, 0));
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(delivery_deliver(&d, 1));
	ck_assert_uint_eq(d.blocks, 1);
	ck_assert_uint_eq(d.completes + d.failures, 0);
}
END_TEST

/* The block of the first download counts for nothing in the second. */
START_TEST(restarted_by_a_block)
{
	d.way.deaf = true;
	delivery_start(&d, 3 * BLOCK);
	d.on_any = restart;
	d.no_room = true;
	ck_assert(delivery_deliver(&d, 0));
	d.no_room = false;
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, 3);
}
END_TEST

START_TEST(restarted_from_within)
{
	d.way.deaf = true;
	delivery_start(&d, 2 * BLOCK);
	if (_i == 0) {
		/* After the end. */
		d.on_end = restart;
		ck_assert(delivery_deliver(&d, 0));
		ck_assert(delivery_deliver(&d, 1));
	} else if (_i == 1) {
		d.on_end = restart;
		ck_assert(delivery_message(&d, DELIVERY_BASE "/rejected/json", "{\"o\":\"Unauthorized\"}"));
	} else {
		d.on_end = restart;
		fake_timer_pass(STREAMS_SILENCE_MS);
	}
	ck_assert_uint_eq(d.completes + d.failures, 0);
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
}
END_TEST

/* --- speed: in time that is ours --- */

/* A window against one block after the other, each of which costs a round trip. */
START_TEST(long_way)
{
	const size_t count = 512;

	d.way.round_trip = 100;
	delivery_start(&d, count * BLOCK);
	ck_assert_uint_le(delivery_run(&d, 3600000), count * 100 / 5);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.sent, count);
}
END_TEST

/* 20 kB/s: nothing is asked for twice because it takes its time, and never much at once. */
START_TEST(slow_line)
{
	d.way.round_trip = 200;
	d.way.block_ms = 1100;
	delivery_start(&d, 60 * BLOCK);
	ck_assert_uint_le(delivery_run(&d, 3600000), 60 * 1100 + 10000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.sent, 60);
}
END_TEST

/* From 11 kB/s to 1.5 kB/s: what is asked for in vain before the line is known for slow is little, and then nothing. */
START_TEST(very_slow_line)
{
	static const uint64_t ms[] = { 2000, 3000, 6000, 10000, 15000 };

	d.way.round_trip = 600;
	d.way.block_ms = ms[_i];
	delivery_start(&d, 60 * BLOCK);
	ck_assert_uint_le(delivery_run(&d, 3600000), 60 * (ms[_i] + d.way.round_trip) + 5 * ms[_i]);
	delivery_assert_complete(&d);
	ck_assert_uint_le(d.sent, 60 + 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("streams_losses");
	TCase *tc = tcase_create("streams_losses");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, lost_blocks, 0, ELEMENTS(losses));
	tcase_add_test(tc, everything_at_once);
	tcase_add_test(tc, not_sent);
	tcase_add_test(tc, never_starts);
	tcase_add_test(tc, never_ends);
	tcase_add_test(tc, never_fits);
	tcase_add_test(tc, waits_for_room);
	tcase_add_test(tc, go_on_for_nothing);
	tcase_add_test(tc, room_from_within);
	tcase_add_test(tc, slow_owner);
	tcase_add_test(tc, stopped_from_within);
	tcase_add_test(tc, restarted_by_a_block);
	tcase_add_loop_test(tc, restarted_from_within, 0, 3);
	tcase_add_test(tc, long_way);
	tcase_add_test(tc, slow_line);
	tcase_add_loop_test(tc, very_slow_line, 0, 5);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
