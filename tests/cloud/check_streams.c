/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/streams.h"

#include "cloud/payload.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#define THING  "thing"
#define STREAM "AFR_OTA-6e01bdb2"
#define BASE   "$aws/things/" THING "/streams/" STREAM
#define BLOCK  STREAMS_BLOCK

static sd_event *event;
static struct streams *streams;

/* --- the module's side --- */

static uint8_t *file, *got;
static size_t size;
static unsigned blocks, completes, failures, subscriptions;
static char reason[128];
static bool no_room;
static void (*on_any)(void);
static void (*on_end)(void);

static bool on_block(void *userdata, uint64_t offset, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &blocks);
	ck_assert_uint_eq(offset % BLOCK, 0);
	ck_assert_uint_le(offset + n, size);
	ck_assert_uint_eq(n, size - offset < BLOCK ? size - offset : BLOCK);
	if (on_any)
		on_any();
	if (no_room)
		return false;
	ck_assert_uint_eq(got[offset], 0); /* once only: the file holds no 0 */
	memcpy(got + offset, data, n);
	blocks++;
	return true;
}

static void on_complete(void *userdata)
{
	ck_assert_ptr_eq(userdata, &blocks);
	completes++;
	if (on_end)
		on_end();
}

static void on_failed(void *userdata, const char *why)
{
	ck_assert_ptr_eq(userdata, &blocks);
	failures++;
	(void)snprintf(reason, sizeof(reason), "%s", why);
	if (on_end)
		on_end();
}

static int subscribe_result;

static int subscribe(void *userdata, const char *filter)
{
	ck_assert_ptr_eq(userdata, &blocks);
	ck_assert_str_eq(filter, "$aws/things/" THING "/streams/+/+/json");
	subscriptions++;
	return subscribe_result;
}

/* --- the cloud's side --- */

/* How the way to the module is. */
static struct {
	uint64_t round_trip, block_ms; /* a slow line brings one block after the other */
	unsigned loss, twice, shuffle; /* percent */
	unsigned dice;
	bool deaf;
	int result; /* of publish() */
} way;

#define MAILS 256

struct mail {
	uint64_t due, order;
	unsigned block;
	char token[64];
};

static struct mail mails[MAILS];
static unsigned mail_count, requests, sent;
static uint64_t order, line_free;
static char last_request[256], token[64];

static unsigned dice(void)
{
	way.dice = way.dice * 1103515245 + 12345;
	return way.dice >> 16 & 0x7fff;
}

static bool chance(unsigned percent)
{
	return dice() % 100 < percent;
}

static void post(unsigned block)
{
	uint64_t due = timer_now() + way.round_trip;

	ck_assert_uint_lt(block, (size + BLOCK - 1) / BLOCK);
	sent++;
	if (line_free > due)
		due = line_free;
	line_free = due += way.block_ms;
	if (chance(way.loss))
		return;
	if (chance(way.shuffle))
		due += dice() % 30;
	for (unsigned i = 0; i < 1 + (chance(way.twice) ? 1 : 0); i++) {
		ck_assert_uint_lt(mail_count, MAILS);
		mails[mail_count] = (struct mail){ .due = due + i, .order = order++, .block = block };
		(void)snprintf(mails[mail_count++].token, sizeof(token), "%s", token);
	}
}

static unsigned hex(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/* Written after the documentation of GetStream, not after streams.c. */
static int publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	int64_t f = -1, l = -1, o = 0, count = -1;
	unsigned found = 0;
	const char *bitmap;
	cJSON *root;

	ck_assert_ptr_eq(userdata, &blocks);
	ck_assert_str_eq(topic, BASE "/get/json");
	ck_assert_int_eq(qos, 0);
	if (way.result < 0)
		return way.result;
	root = payload_parse(payload, n);
	ck_assert_ptr_nonnull(root);
	(void)snprintf(last_request, sizeof(last_request), "%.*s", (int)n, (const char *)payload);
	(void)snprintf(token, sizeof(token), "%s", payload_text(root, "c"));
	ck_assert_uint_le(strlen(payload_text(root, "c")), 64);
	ck_assert(payload_number(root, "f", &f) && payload_number(root, "l", &l));
	ck_assert(payload_number(root, "o", &o) && payload_number(root, "n", &count));
	ck_assert_int_eq(f, 7);
	ck_assert_int_eq(l, BLOCK);
	ck_assert_int_le(count * l, 128 * 1024);
	bitmap = payload_text(root, "b");
	requests++;
	if (!bitmap) {
		ck_assert_int_le(o + count, (int64_t)((size + BLOCK - 1) / BLOCK));
		for (int64_t i = 0; i < count && !way.deaf; i++)
			post((unsigned)(o + i));
	} else {
		ck_assert_int_eq(strncmp(bitmap, "0x", 2), 0);
		ck_assert_uint_eq(strlen(bitmap) % 2, 0);
		for (unsigned i = 0; bitmap[2 + 2 * i]; i++) {
			unsigned byte = hex(bitmap[2 + 2 * i]) << 4 | hex(bitmap[3 + 2 * i]);

			for (unsigned bit = 0; bit < 8; bit++) {
				if (!(byte >> bit & 1))
					continue;
				found++;
				if (!way.deaf)
					post((unsigned)o + 8 * i + bit);
			}
		}
		ck_assert_int_eq(found, count);
	}
	cJSON_Delete(root);
	return 0;
}

static bool message(const char *topic, const char *payload)
{
	return streams_message(streams, topic, payload, strlen(payload));
}

/* A block as it was asked for; a word of NULL leaves the member out. */
static const char *format(const char *c, const char *f, const char *i, const char *l, const void *data, size_t n)
{
	static char text[3 * BLOCK];
	static unsigned char p[2 * BLOCK];

	ck_assert_uint_le(n, BLOCK + 1);
	(void)EVP_EncodeBlock(p, data, (int)n);
	(void)snprintf(text, sizeof(text), "{\"c\":\"%s\",\"f\":%s,\"l\":%s,\"i\":%s,\"p\":\"%s\"}", c, f, l, i, p);
	return text;
}

static const char *block_text(unsigned block, const char *c)
{
	size_t offset = (size_t)block * BLOCK, n = size - offset < BLOCK ? size - offset : BLOCK;
	char i[16], l[16];

	(void)snprintf(i, sizeof(i), "%u", block);
	(void)snprintf(l, sizeof(l), "%zu", n);
	return format(c, "7", i, l, file + offset, n);
}

static bool deliver(unsigned block)
{
	return message(BASE "/data/json", block_text(block, token));
}

static struct mail *first_mail(void)
{
	struct mail *first = NULL;

	for (unsigned i = 0; i < mail_count; i++) {
		struct mail *m = &mails[i];

		if (!first || m->due < first->due || (m->due == first->due && m->order < first->order))
			first = m;
	}
	return first;
}

/* Until the download ends; the time that it took. */
static uint64_t run(uint64_t most)
{
	uint64_t begin = timer_now();

	while (completes + failures == 0 && timer_now() - begin < most) {
		struct mail *m = first_mail();
		uint64_t next = fake_timer_next();
		uint64_t mail = !m ? UINT64_MAX : m->due > timer_now() ? m->due - timer_now() : 0;

		ck_assert(next < UINT64_MAX || m);
		if (!m || next < mail) {
			fake_timer_pass(next);
			continue;
		}
		struct mail now = *m;

		*m = mails[--mail_count];
		fake_timer_pass(mail);
		ck_assert(message(BASE "/data/json", block_text(now.block, now.token)));
	}
	return timer_now() - begin;
}

static void setup(void)
{
	const struct streams_events events = {
		.on_block = on_block,
		.on_complete = on_complete,
		.on_failed = on_failed,
		.publish = publish,
		.subscribe = subscribe,
		.userdata = &blocks,
	};

	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(streams_new(&streams, event, THING, &events), 0);
	way.dice = 4711;
}

static void teardown(void)
{
	ck_assert_ptr_null(streams_free(streams));
	ck_assert_ptr_null(streams_free(NULL));
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	sd_event_unref(event);
	free(file);
	free(got);
	file = got = NULL;
	blocks = completes = failures = subscriptions = mail_count = requests = sent = 0;
	order = line_free = 0;
	reason[0] = last_request[0] = token[0] = '\0';
	no_room = false;
	on_any = on_end = NULL;
	subscribe_result = 0;
	memset(&way, 0, sizeof(way));
}

static int start_from(size_t n, size_t have)
{
	const struct streams_target target = { .stream = STREAM, .file = 7, .size = n, .have = have };

	size = n;
	free(file);
	free(got);
	file = malloc(n);
	got = calloc(1, n);
	ck_assert(file && got);
	for (size_t i = 0; i < n; i++)
		file[i] = (uint8_t)(1 + (i * 31 + i / BLOCK) % 255);
	memcpy(got, file, have);
	return streams_start(streams, &target);
}

static void start(size_t n)
{
	ck_assert_int_eq(start_from(n, 0), 0);
}

static void assert_complete(void)
{
	ck_assert_uint_eq(completes, 1);
	ck_assert_uint_eq(failures, 0);
	ck_assert_mem_eq(got, file, size);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}

static void assert_failed(const char *why)
{
	ck_assert_uint_eq(completes, 0);
	ck_assert_uint_eq(failures, 1);
	ck_assert_str_eq(reason, why);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}

/* --- all goes well --- */

static const size_t sizes[] = { 1, 2, 3, BLOCK - 1, BLOCK, BLOCK + 1, 8 * BLOCK, 8 * BLOCK + 1, 300000, 2000000 };

START_TEST(downloads)
{
	start(sizes[_i]);
	(void)run(60000);
	assert_complete();
	ck_assert_uint_eq(blocks, (sizes[_i] + BLOCK - 1) / BLOCK);
	ck_assert_uint_eq(sent, blocks);
	ck_assert_uint_eq(subscriptions, 1);
}
END_TEST

START_TEST(request_of_a_run)
{
	char text[256];

	start(3 * BLOCK);
	(void)snprintf(text, sizeof(text), "{\"c\":\"%s\",\"f\":7,\"l\":%d,\"o\":0,\"n\":3}", token, BLOCK);
	ck_assert_str_eq(last_request, text);
}
END_TEST

/* The example of the documentation: blocks 20, 21, 24, 43 are 0x130080. */
START_TEST(request_with_holes)
{
	char text[256];

	way.deaf = true;
	start(44 * BLOCK);
	for (unsigned i = 0; i < 43; i++) {
		if (i != 20 && i != 21 && i != 24)
			ck_assert(deliver(i));
	}
	requests = 0;
	while (requests == 0)
		fake_timer_pass(fake_timer_next());
	(void)snprintf(text, sizeof(text), "{\"c\":\"%s\",\"f\":7,\"l\":%d,\"o\":20,\"n\":4,\"b\":\"0x130080\"}", token,
		       BLOCK);
	ck_assert_str_eq(last_request, text);
}
END_TEST

START_TEST(resumes)
{
	ck_assert_int_eq(start_from(10 * BLOCK + 5, 6 * BLOCK), 0);
	(void)run(60000);
	assert_complete();
	ck_assert_uint_eq(blocks, 5);
	ck_assert_uint_eq(sent, 5);
}
END_TEST

/* Told from the loop, not from within the call. */
START_TEST(all_there)
{
	ck_assert_int_eq(start_from(10 * BLOCK + 5, 10 * BLOCK + 5), 0);
	ck_assert_uint_eq(completes, 0);
	ck_assert_uint_eq(requests, 0);
	fake_timer_pass(0);
	assert_complete();
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

	ck_assert_int_eq(streams_start(streams, &targets[_i]), -EINVAL);
	ck_assert_uint_eq(requests + subscriptions, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST
#define BAD_TARGETS 11

/* A new download ends the old one, even if it doesn't come about. */
START_TEST(bad_target_meanwhile)
{
	way.deaf = true;
	start(BLOCK);
	ck_assert_int_eq(start_from(BLOCK, 1), -EINVAL);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(deliver(0));
	ck_assert_uint_eq(blocks + completes + failures, 0);
}
END_TEST

START_TEST(last_file)
{
	static const struct streams_target target = { .stream = STREAM, .size = 1, .file = 255 };

	way.result = -EBUSY; /* the cloud of this test knows another file only */
	ck_assert_int_eq(streams_start(streams, &target), 0);
}
END_TEST

START_TEST(largest)
{
	ck_assert_int_eq(start_from(STREAMS_MAX_SIZE, STREAMS_MAX_SIZE - BLOCK), 0);
	(void)run(60000);
	assert_complete();
	ck_assert_uint_eq(blocks, 1);
}
END_TEST

START_TEST(not_subscribed)
{
	subscribe_result = _i ? -EACCES : -ENOTCONN;
	ck_assert_int_eq(start_from(BLOCK, 0), subscribe_result);
	ck_assert_uint_eq(requests, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

/* Too much is under way just now, or the connection is about to break: that is no fault of the stream. */
START_TEST(subscribed_later)
{
	subscribe_result = _i ? -EBUSY : -ECONNRESET;
	way.deaf = true;
	ck_assert_int_eq(start_from(BLOCK, 0), 0);
	ck_assert_uint_eq(subscriptions, 1);
	fake_timer_pass(fake_timer_next());
	ck_assert_uint_eq(subscriptions, 2);
	subscribe_result = 0;
	way.deaf = false;
	(void)run(60000);
	assert_complete();
	ck_assert_uint_eq(subscriptions, 3);
}
END_TEST

/* --- what the service may send --- */

START_TEST(whose_topics)
{
	way.deaf = true;
	start(BLOCK);
	ck_assert(!message("$aws/things/other/streams/" STREAM "/data/json", block_text(0, token)));
	ck_assert(!message("$aws/things/thing2/streams/" STREAM "/data/json", block_text(0, token)));
	ck_assert(!message("$aws/things/thing/jobs/notify", "{}"));
	ck_assert(!message("$aws/things/thing/streams", "{}"));
	ck_assert(!message("data", "{}"));
	ck_assert(!message("", "{}"));
	ck_assert(message("$aws/things/thing/streams/other/data/json", block_text(0, token)));
	ck_assert(message("$aws/things/thing/streams/other/rejected/json", "{\"o\":\"ResourceNotFound\"}"));
	ck_assert(message("$aws/things/thing/streams/", "{}"));
	ck_assert(message(BASE "/description/json", block_text(0, token)));
	ck_assert(message(BASE "/get/json", block_text(0, token)));
	ck_assert(message(BASE "/data/cbor", block_text(0, token)));
	ck_assert(message(BASE "/data/json/", block_text(0, token)));
	ck_assert_uint_eq(blocks + completes + failures, 0);
	ck_assert(deliver(0));
	assert_complete();
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

	way.deaf = true;
	start(BLOCK + 5);
	memcpy(file + BLOCK, "hello", 5);
	ck_assert(deliver(0));
	for (size_t i = 0; i <= ELEMENTS(texts); i++) {
		const char *text = i < ELEMENTS(texts) ? texts[i] : good, *at = strchr(text, '@');
		char payload[256];

		if (at)
			(void)snprintf(payload, sizeof(payload), "%.*s%s%s", (int)(at - text), text, token, at + 1);
		else
			(void)snprintf(payload, sizeof(payload), "%s", text);
		ck_assert_uint_eq(blocks, 1);
		ck_assert_uint_eq(completes, 0);
		ck_assert(message(BASE "/data/json", payload));
	}
	assert_complete();
}
END_TEST

/* One byte more than a block may have. */
START_TEST(long_block)
{
	static uint8_t data[BLOCK + 1];
	static char large[PAYLOAD_MAX + 1];

	way.deaf = true;
	start(2 * BLOCK);
	ck_assert(message(BASE "/data/json", format(token, "7", "0", "16385", data, BLOCK + 1)));
	ck_assert(message(BASE "/data/json", format(token, "7", "0", "16384", data, BLOCK + 1)));
	memset(large, ' ', sizeof(large));
	ck_assert(streams_message(streams, BASE "/data/json", large, sizeof(large)));
	ck_assert_uint_eq(blocks, 0);
}
END_TEST

/* Of an earlier download of the same file. */
START_TEST(stale_blocks)
{
	char old[64];

	way.deaf = true;
	start(2 * BLOCK);
	(void)snprintf(old, sizeof(old), "%s", token);
	start(2 * BLOCK);
	ck_assert_str_ne(old, token);
	ck_assert(message(BASE "/data/json", block_text(0, old)));
	ck_assert_uint_eq(blocks, 0);
	ck_assert(deliver(0));
	ck_assert(deliver(0));
	ck_assert_uint_eq(blocks, 1);
	streams_stop(streams);
	ck_assert(deliver(1));
	ck_assert_uint_eq(blocks, 1);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(any_order)
{
	way.deaf = true;
	start(12 * BLOCK + 1);
	for (unsigned i = 13; i-- > 0;) {
		ck_assert_uint_eq(completes, 0);
		ck_assert(deliver(i));
		if (i > 0)
			ck_assert(deliver(i));
	}
	assert_complete();
	ck_assert_uint_eq(blocks, 13);
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

	way.deaf = true;
	start(BLOCK);
	while ((at = strchr(text, '@')) != NULL) {
		(void)snprintf(payload + strlen(payload), sizeof(payload) - strlen(payload), "%.*s%s", (int)(at - text),
			       text, token);
		text = at + 1;
	}
	(void)snprintf(payload + strlen(payload), sizeof(payload) - strlen(payload), "%s", text);
	ck_assert(message(BASE "/rejected/json", payload));
	if (refusals[_i].reason) {
		assert_failed(refusals[_i].reason);
		ck_assert(message(BASE "/rejected/json", payload));
		ck_assert_uint_eq(failures, 1);
		return;
	}
	ck_assert_uint_eq(failures, 0);
	way.deaf = false;
	(void)run(10000);
	assert_complete();
}
END_TEST

/* --- losses --- */

static const unsigned losses[] = { 1, 5, 20, 50 };

START_TEST(lost_blocks)
{
	uint64_t ms;

	way.loss = losses[_i];
	way.round_trip = 100;
	start(300 * BLOCK + 77);
	ms = run(3600000);
	assert_complete();

	/* Most are asked for once more, few twice. */
	ck_assert_uint_le(sent, 301 * 100 / (100 - losses[_i]) * 5 / 4 + 20);
	ck_assert_uint_lt(ms, 120000);
}
END_TEST

START_TEST(everything_at_once)
{
	way.loss = 10;
	way.twice = 20;
	way.shuffle = 50;
	way.round_trip = 50;
	start(500 * BLOCK - 1);
	(void)run(3600000);
	assert_complete();
	ck_assert_uint_eq(blocks, 500);
}
END_TEST

/* Requests that could not be sent are as good as lost. */
START_TEST(not_sent)
{
	way.result = -EBUSY;
	start(10 * BLOCK);
	fake_timer_pass(10000);
	ck_assert_uint_eq(requests, 0);
	way.result = 0;
	(void)run(60000);
	assert_complete();
}
END_TEST

/* --- silence --- */

START_TEST(never_starts)
{
	way.deaf = true;
	start(10 * BLOCK);
	fake_timer_pass(STREAMS_SILENCE_MS / 2);
	streams_go_on(streams); /* it was not for want of room */
	fake_timer_pass(STREAMS_SILENCE_MS - STREAMS_SILENCE_MS / 2 - 1);
	ck_assert_uint_eq(failures, 0);
	ck_assert_uint_ge(requests, 5);
	ck_assert_uint_le(requests, 20);
	fake_timer_pass(1);
	assert_failed("The stream delivers no data: check that the policy allows streams/*");
}
END_TEST

/* The same blocks again and again are no data. */
START_TEST(never_ends)
{
	way.deaf = true;
	start(10 * BLOCK);
	fake_timer_pass(30000);
	ck_assert(deliver(0));
	for (unsigned i = 0; i < STREAMS_SILENCE_MS / 1000 - 1; i++) {
		fake_timer_pass(1000);
		ck_assert(deliver(0));
	}
	ck_assert_uint_eq(failures, 0);
	fake_timer_pass(1000);
	assert_failed("The stream delivers no data: check that the policy allows streams/*");
	ck_assert_uint_eq(blocks, 1);
}
END_TEST

/* The reason is what the operator sees of it. */
START_TEST(never_fits)
{
	way.deaf = true;
	start(10 * BLOCK);
	ck_assert(message(BASE "/data/json", format(token, "7", "1", "5", file, 5)));
	fake_timer_pass(STREAMS_SILENCE_MS);
	assert_failed("The stream delivers blocks that do not fit the job's filesize, or are no base64");

	/* A good one came later. */
	failures = 0;
	start(10 * BLOCK);
	ck_assert(message(BASE "/data/json", format(token, "7", "1", "5", file, 5)));
	ck_assert(deliver(0));
	fake_timer_pass(STREAMS_SILENCE_MS);
	assert_failed("The stream delivers no data: check that the policy allows streams/*");
}
END_TEST

/* --- no room --- */

START_TEST(waits_for_room)
{
	way.deaf = true;
	start(20 * BLOCK);
	ck_assert(deliver(0));
	no_room = true;
	ck_assert(deliver(1));
	ck_assert(deliver(2));
	ck_assert_uint_eq(blocks, 1);

	/* For as long as it takes: the cloud is not to blame. */
	requests = 0;
	fake_timer_pass(3600000);
	ck_assert_uint_eq(requests + failures, 0);
	no_room = false;
	ck_assert(deliver(3)); /* was under way */
	ck_assert_uint_eq(blocks, 2);
	ck_assert_uint_eq(requests, 0);
	way.deaf = false;
	streams_go_on(streams);
	(void)run(60000);
	assert_complete();
	ck_assert_uint_eq(blocks, 20);
	ck_assert_uint_le(requests, 5); /* nor is the line taken for slow */
}
END_TEST

START_TEST(go_on_for_nothing)
{
	streams_go_on(streams);
	way.deaf = true;
	start(20 * BLOCK);
	requests = 0;
	streams_go_on(streams);
	ck_assert_uint_eq(requests, 0);
	streams_stop(streams);
	streams_go_on(streams);
	ck_assert_uint_eq(requests, 0);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

static void make_room(void)
{
	on_any = NULL;
	streams_go_on(streams);
}

/* Room that is found while the block is being refused. */
START_TEST(room_from_within)
{
	way.deaf = true;
	start(20 * BLOCK);
	on_any = make_room;
	no_room = true;
	ck_assert(deliver(0));
	no_room = false;
	way.deaf = false;
	(void)run(60000);
	assert_complete();
}
END_TEST

/* An owner that is slow for good: a block in a hundred finds no room at first. */
static unsigned calls;

static void sometimes_full(void)
{
	no_room = ++calls % 100 == 50;
}

START_TEST(slow_owner)
{
	way.round_trip = 20;
	on_any = sometimes_full;
	start(1000 * BLOCK);
	for (unsigned i = 0; i < 10000 && completes == 0; i++) {
		struct mail *m = first_mail();

		if (m) {
			struct mail now = *m;

			*m = mails[--mail_count];
			if (now.due > timer_now())
				fake_timer_pass(now.due - timer_now());
			ck_assert(message(BASE "/data/json", block_text(now.block, now.token)));
		} else {
			streams_go_on(streams);
		}
	}
	assert_complete();
	ck_assert_uint_lt(sent, 1050);
}
END_TEST

/* --- from within --- */

static void stop(void)
{
	on_any = on_end = NULL;
	streams_stop(streams);
}

static void restart(void)
{
	on_any = on_end = NULL;
	completes = failures = 0;
	way.deaf = false;
	start(3 * BLOCK);
}

START_TEST(stopped_from_within)
{
	way.deaf = true;
	start(2 * BLOCK);
	on_any = stop;
	ck_assert(deliver(0));
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert(deliver(1));
	ck_assert_uint_eq(blocks, 1);
	ck_assert_uint_eq(completes + failures, 0);
}
END_TEST

/* The block of the first download counts for nothing in the second. */
START_TEST(restarted_by_a_block)
{
	way.deaf = true;
	start(3 * BLOCK);
	on_any = restart;
	no_room = true;
	ck_assert(deliver(0));
	no_room = false;
	(void)run(60000);
	assert_complete();
	ck_assert_uint_eq(blocks, 3);
}
END_TEST

START_TEST(restarted_from_within)
{
	way.deaf = true;
	start(2 * BLOCK);
	if (_i == 0) {
		/* After the end. */
		on_end = restart;
		ck_assert(deliver(0));
		ck_assert(deliver(1));
	} else if (_i == 1) {
		on_end = restart;
		ck_assert(message(BASE "/rejected/json", "{\"o\":\"Unauthorized\"}"));
	} else {
		on_end = restart;
		fake_timer_pass(STREAMS_SILENCE_MS);
	}
	ck_assert_uint_eq(completes + failures, 0);
	(void)run(60000);
	assert_complete();
}
END_TEST

/* --- speed: in time that is ours --- */

/* A window against one block after the other, each of which costs a round trip. */
START_TEST(long_way)
{
	const size_t count = 512;

	way.round_trip = 100;
	start(count * BLOCK);
	ck_assert_uint_le(run(3600000), count * 100 / 5);
	assert_complete();
	ck_assert_uint_eq(sent, count);
}
END_TEST

/* 20 kB/s: nothing is asked for twice because it takes its time, and never much at once. */
START_TEST(slow_line)
{
	way.round_trip = 200;
	way.block_ms = 1100;
	start(60 * BLOCK);
	ck_assert_uint_le(run(3600000), 60 * 1100 + 10000);
	assert_complete();
	ck_assert_uint_eq(sent, 60);
}
END_TEST

/* From 11 kB/s to 1.5 kB/s: what is asked for in vain before the line is known for slow is little, and then nothing. */
START_TEST(very_slow_line)
{
	static const uint64_t ms[] = { 2000, 3000, 6000, 10000, 15000 };

	way.round_trip = 600;
	way.block_ms = ms[_i];
	start(60 * BLOCK);
	ck_assert_uint_le(run(3600000), 60 * (ms[_i] + way.round_trip) + 5 * ms[_i]);
	assert_complete();
	ck_assert_uint_le(sent, 60 + 3);
}
END_TEST

static void add_tests(TCase *tc)
{
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
	tcase_add_loop_test(tc, lost_blocks, 0, ELEMENTS(losses));
	tcase_add_test(tc, everything_at_once);
	tcase_add_test(tc, not_sent);
}

int main(void)
{
	Suite *suite = suite_create("streams");
	TCase *tc = tcase_create("streams");

	tcase_add_checked_fixture(tc, setup, teardown);
	add_tests(tc);
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
