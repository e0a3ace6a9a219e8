/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/streams.h"

#include "cloud/payload.h"
#include "fake/delivery.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BLOCK STREAMS_BLOCK

static struct delivery d;

static void setup(void)
{
	delivery_make(&d);
}

static void teardown(void)
{
	delivery_done(&d);
}

/* --- all goes well --- */

static const size_t sizes[] = { 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 8 * BLOCK, 8 * BLOCK + 1, 300000, 2000000 };

START_TEST(downloads)
{
	delivery_start(&d, sizes[_i]);
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, (sizes[_i] + BLOCK - 1) / BLOCK);
	ck_assert_uint_eq(d.sent, d.blocks);
	ck_assert_uint_eq(d.subscriptions, 1);
}
END_TEST

START_TEST(request_of_a_run)
{
	char text[256];

	delivery_start(&d, 3 * BLOCK);
	(void)snprintf(text, sizeof(text), "{\"c\":\"%s\",\"f\":7,\"l\":%d,\"o\":0,\"n\":3}", d.token, BLOCK);
	ck_assert_str_eq(d.last_request, text);
}
END_TEST

/* The example of the documentation: blocks 20, 21, 24, 43 are 0x130080. */
START_TEST(request_with_holes)
{
	char text[256];

	d.way.deaf = true;
	delivery_start(&d, 44 * BLOCK);
	for (unsigned i = 0; i < 43; i++) {
		if (i != 20 && i != 21 && i != 24)
			ck_assert(delivery_deliver(&d, i));
	}
	d.requests = 0;
	while (d.requests == 0)
		fake_timer_pass(fake_timer_next());
	(void)snprintf(text, sizeof(text), "{\"c\":\"%s\",\"f\":7,\"l\":%d,\"o\":20,\"n\":4,\"b\":\"0x130080\"}",
		       d.token, BLOCK);
	ck_assert_str_eq(d.last_request, text);
}
END_TEST

START_TEST(resumes)
{
	ck_assert_int_eq(delivery_start_from(&d, 10 * BLOCK + 5, 6 * BLOCK), 0);
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, 5);
	ck_assert_uint_eq(d.sent, 5);
}
END_TEST

/* Told from the loop, not from within the call. */
START_TEST(all_there)
{
	ck_assert_int_eq(delivery_start_from(&d, 10 * BLOCK + 5, 10 * BLOCK + 5), 0);
	ck_assert_uint_eq(d.completes, 0);
	ck_assert_uint_eq(d.requests, 0);
	fake_timer_pass(0);
	delivery_assert_complete(&d);
}
END_TEST

START_TEST(bad_targets)
{
	static const struct streams_target targets[] = {
		{ .stream = "", .size = 1 },
		{ .stream = "a/b", .size = 1 },
		{ .stream = "+", .size = 1 },
		{ .stream =
			  "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890"
			  "12345678901234567890123456789012345678",
		  .size = 1 },
		{ .stream = "s", .size = 0 },
		{ .stream = "s", .size = STREAMS_MAX_SIZE + 1 },
		{ .stream = "s", .size = UINT64_MAX },
		{ .stream = "s", .size = 1, .file = 256 },
		{ .stream = "s", .size = 2 * BLOCK, .have = 1 },
		{ .stream = "s", .size = 2 * BLOCK, .have = 3 * BLOCK },
		{ .stream = "s", .size = 2 * BLOCK, .have = 2 * BLOCK + 1 },
	};

	ck_assert_int_eq(streams_start(d.streams, &targets[_i]), -EINVAL);
	ck_assert_uint_eq(d.requests + d.subscriptions, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST
#define BAD_TARGETS 11

/* A new download ends the old one, even if it doesn't come about. */
START_TEST(bad_target_meanwhile)
{
	d.way.deaf = true;
	delivery_start(&d, BLOCK);
	ck_assert_int_eq(delivery_start_from(&d, BLOCK, 1), -EINVAL);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(delivery_deliver(&d, 0));
	ck_assert_uint_eq(d.blocks + d.completes + d.failures, 0);
}
END_TEST

START_TEST(last_file)
{
	static const struct streams_target target = { .stream = DELIVERY_STREAM, .size = 1, .file = 255 };

	d.way.result = -EBUSY; /* the cloud of this test knows another file only */
	ck_assert_int_eq(streams_start(d.streams, &target), 0);
}
END_TEST

START_TEST(largest)
{
	ck_assert_int_eq(delivery_start_from(&d, STREAMS_MAX_SIZE, STREAMS_MAX_SIZE - BLOCK), 0);
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, 1);
}
END_TEST

START_TEST(not_subscribed)
{
	d.subscribe_result = _i ? -EACCES : -ENOTCONN;
	ck_assert_int_eq(delivery_start_from(&d, BLOCK, 0), d.subscribe_result);
	ck_assert_uint_eq(d.requests, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* Too much is under way just now, or the connection is about to break: that is no fault of the stream. */
START_TEST(subscribed_later)
{
	d.subscribe_result = _i ? -EBUSY : -ECONNRESET;
	d.way.deaf = true;
	ck_assert_int_eq(delivery_start_from(&d, BLOCK, 0), 0);
	ck_assert_uint_eq(d.subscriptions, 1);
	fake_timer_pass(fake_timer_next());
	ck_assert_uint_eq(d.subscriptions, 2);
	d.subscribe_result = 0;
	d.way.deaf = false;
	(void)delivery_run(&d, 60000);
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.subscriptions, 3);
}
END_TEST

/* --- what the service may send --- */

START_TEST(whose_topics)
{
	d.way.deaf = true;
	delivery_start(&d, BLOCK);
	ck_assert(!delivery_message(&d, "$aws/things/other/streams/" DELIVERY_STREAM "/data/json",
				    delivery_block_text(&d, 0, d.token)));
	ck_assert(!delivery_message(&d, "$aws/things/thing2/streams/" DELIVERY_STREAM "/data/json",
				    delivery_block_text(&d, 0, d.token)));
	ck_assert(!delivery_message(&d, "$aws/things/thing/jobs/notify", "{}"));
	ck_assert(!delivery_message(&d, "$aws/things/thing/streams", "{}"));
	ck_assert(!delivery_message(&d, "data", "{}"));
	ck_assert(!delivery_message(&d, "", "{}"));
	ck_assert(
		delivery_message(&d, "$aws/things/thing/streams/other/data/json", delivery_block_text(&d, 0, d.token)));
	ck_assert(
		delivery_message(&d, "$aws/things/thing/streams/other/rejected/json", "{\"o\":\"ResourceNotFound\"}"));
	ck_assert(delivery_message(&d, "$aws/things/thing/streams/", "{}"));
	ck_assert(delivery_message(&d, DELIVERY_BASE "/description/json", delivery_block_text(&d, 0, d.token)));
	ck_assert(delivery_message(&d, DELIVERY_BASE "/get/json", delivery_block_text(&d, 0, d.token)));
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/cbor", delivery_block_text(&d, 0, d.token)));
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json/", delivery_block_text(&d, 0, d.token)));
	ck_assert_uint_eq(d.blocks + d.completes + d.failures, 0);
	ck_assert(delivery_deliver(&d, 0));
	delivery_assert_complete(&d);
}
END_TEST

/* None of these is block 1 of the file: a text to be put in the place of the payload. */
START_TEST(bad_blocks)
{
	static const char *const texts[] = {
		"",
		"{",
		"[]",
		"null",
		"{}",
		"{\"c\":\"@\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":null}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":12345}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":[\"aGVsbG8=\"]}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8\"}",  /* no padding */
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG9=\"}", /* bits behind the end */
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVs bG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\\u0000\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbA==\"}",     /* shorter */
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8h\"}",     /* longer */
		"{\"c\":\"@\",\"f\":7,\"l\":16384,\"i\":1,\"p\":\"aGVsbG8=\"}", /* l is that of this block */
		"{\"c\":\"@\",\"f\":7,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":null,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":8,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}", /* another file */
		"{\"c\":\"@\",\"f\":263,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":null,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":2,\"p\":\"aGVsbG8=\"}", /* behind the end */
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":0,\"p\":\"aGVsbG8=\"}", /* the first one, too short */
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":-1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1.5,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":4294967297,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":\"18446744073709551617\",\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1e300,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"p\":\"aGVsbG8=\"}",
		"{\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}", /* somebody else's */
		"{\"c\":null,\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"x@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"rdy\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"}",
		"{\"c\":\"@\",\"f\":7,\"l\":5,\"i\":1,\"p\":\"aGVsbG8=\"} x",
	};
	static const char good[] = "{\"c\":\"@\",\"f\":\"7\",\"l\":\"5\",\"i\":\"1\",\"p\":\"aGVsbG8=\",\"x\":[null]}";

	d.way.deaf = true;
	delivery_start(&d, BLOCK + 5);
	memcpy(d.file + BLOCK, "hello", 5);
	ck_assert(delivery_deliver(&d, 0));
	for (size_t i = 0; i <= ELEMENTS(texts); i++) {
		const char *text = i < ELEMENTS(texts) ? texts[i] : good, *at = strchr(text, '@');
		char payload[256];

		if (at)
			(void)snprintf(payload, sizeof(payload), "%.*s%s%s", (int)(at - text), text, d.token, at + 1);
		else
			(void)snprintf(payload, sizeof(payload), "%s", text);
		ck_assert_uint_eq(d.blocks, 1);
		ck_assert_uint_eq(d.completes, 0);
		ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json", payload));
	}
	delivery_assert_complete(&d);
}
END_TEST

/* One byte more than a block may have. */
START_TEST(long_block)
{
	static uint8_t data[BLOCK + 1];
	static char large[PAYLOAD_MAX + 1];

	d.way.deaf = true;
	delivery_start(&d, 2 * BLOCK);
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json",
				   delivery_format(d.token, "7", "0", "16385", data, BLOCK + 1)));
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json",
				   delivery_format(d.token, "7", "0", "16384", data, BLOCK + 1)));
	memset(large, ' ', sizeof(large));
	ck_assert(streams_message(d.streams, DELIVERY_BASE "/data/json", large, sizeof(large)));
	ck_assert_uint_eq(d.blocks, 0);
}
END_TEST

/* Of an earlier download of the same file. */
START_TEST(stale_blocks)
{
	char old[64];

	d.way.deaf = true;
	delivery_start(&d, 2 * BLOCK);
	(void)snprintf(old, sizeof(old), "%s", d.token);
	delivery_start(&d, 2 * BLOCK);
	ck_assert_str_ne(old, d.token);
	ck_assert(delivery_message(&d, DELIVERY_BASE "/data/json", delivery_block_text(&d, 0, old)));
	ck_assert_uint_eq(d.blocks, 0);
	ck_assert(delivery_deliver(&d, 0));
	ck_assert(delivery_deliver(&d, 0));
	ck_assert_uint_eq(d.blocks, 1);
	streams_stop(d.streams);
	ck_assert(delivery_deliver(&d, 1));
	ck_assert_uint_eq(d.blocks, 1);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(any_order)
{
	d.way.deaf = true;
	delivery_start(&d, 12 * BLOCK + 1);
	for (unsigned i = 13; i-- > 0;) {
		ck_assert_uint_eq(d.completes, 0);
		ck_assert(delivery_deliver(&d, i));
		if (i > 0)
			ck_assert(delivery_deliver(&d, i));
	}
	delivery_assert_complete(&d);
	ck_assert_uint_eq(d.blocks, 13);
}
END_TEST

/* --- refusals --- */

static const struct {
	const char *text, *reason; /* NULL: goes on */
} refusals[] = {
	{ "{\"o\":\"ResourceNotFound\",\"m\":\"no such stream\",\"c\":\"@\"}", "ResourceNotFound" },
	{ "{\"code\":\"VersionMismatch\",\"message\":\"m\",\"clientToken\":\"@\"}", "VersionMismatch" },
	{ "{\"clientToken\":\"@\",\"c\":\"@\",\"code\":\"Unauthorized\",\"o\":\"Unauthorized\"}", "Unauthorized" },
	{ "{\"o\":\"InvalidRequest\"}", "InvalidRequest" },
	{ "{\"c\":\"@\"}", "Rejected" },
	{ "{\"o\":\"ResourceNotFound\",\"c\":\"rdy\"}", NULL },
	{ "{\"o\":\"InternalError\",\"c\":\"@\"}", NULL },
	{ "{\"o\":\"ThrottlingException\",\"c\":\"@\"}", NULL },
	{ "{\"o\":\"RequestThrottled\"}", NULL },
	{ "{\"o\":\"ResourceNotFound\"", NULL },
	{ "", NULL },
};

START_TEST(rejected)
{
	const char *text = refusals[_i].text, *at;
	char payload[256] = "";

	d.way.deaf = true;
	delivery_start(&d, BLOCK);
	while ((at = strchr(text, '@')) != NULL) {
		(void)snprintf(payload + strlen(payload), sizeof(payload) - strlen(payload), "%.*s%s", (int)(at - text),
			       text, d.token);
		text = at + 1;
	}
	(void)snprintf(payload + strlen(payload), sizeof(payload) - strlen(payload), "%s", text);
	ck_assert(delivery_message(&d, DELIVERY_BASE "/rejected/json", payload));
	if (refusals[_i].reason) {
		delivery_assert_failed(&d, refusals[_i].reason);
		ck_assert(delivery_message(&d, DELIVERY_BASE "/rejected/json", payload));
		ck_assert_uint_eq(d.failures, 1);
		return;
	}
	ck_assert_uint_eq(d.failures, 0);
	d.way.deaf = false;
	(void)delivery_run(&d, 10000);
	delivery_assert_complete(&d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("streams");
	TCase *tc = tcase_create("streams");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, downloads, 0, ELEMENTS(sizes));
	tcase_add_test(tc, request_of_a_run);
	tcase_add_test(tc, request_with_holes);
	tcase_add_test(tc, resumes);
	tcase_add_test(tc, all_there);
	tcase_add_loop_test(tc, bad_targets, 0, BAD_TARGETS);
	tcase_add_test(tc, bad_target_meanwhile);
	tcase_add_test(tc, last_file);
	tcase_add_test(tc, largest);
	tcase_add_loop_test(tc, not_subscribed, 0, 2);
	tcase_add_loop_test(tc, subscribed_later, 0, 2);
	tcase_add_test(tc, whose_topics);
	tcase_add_test(tc, bad_blocks);
	tcase_add_test(tc, long_block);
	tcase_add_test(tc, stale_blocks);
	tcase_add_test(tc, any_order);
	tcase_add_loop_test(tc, rejected, 0, ELEMENTS(refusals));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
