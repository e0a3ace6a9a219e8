/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/streams.h"

#include "cloud/payload.h"
#include "cloud/topics.h"
#include "cloud/window.h"
#include "util/base64.h"
#include "util/entropy.h"
#include "util/log.h"
#include "util/num.h"
#include "util/timer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKEN   20
#define MAX_REQUEST 160
#define MAX_REASON  80
#define MAX_BITMAP  (2 + WINDOW_SPAN / 4 + 1)

static_assert((STREAMS_MAX_SIZE + STREAMS_BLOCK - 1) / STREAMS_BLOCK <= WINDOW_FILE, "the largest file");
static_assert(STREAMS_WINDOW == WINDOW_BLOCKS, "what streams.h says");
static_assert(WINDOW_BATCH * STREAMS_BLOCK <= 128 * 1024, "what the service sends for one request");

struct streams {
	struct streams_events events;
	const char *thing_name;
	struct timer timer;

	bool running;
	bool full;           /* the owner has no room */
	bool complained;     /* of bad blocks */
	const char *instead; /* what came since the last good block; NULL: nothing */
	unsigned generation; /* of downloads: whether one is still there after its owner was told something */
	char stream[STREAMS_MAX_ID + 1];
	unsigned file;
	uint64_t size;
	char token[MAX_TOKEN]; /* of this download, and behind it the request's number: see is_ours() */
	struct window window;
	uint64_t give_up; /* when, unless a good block comes */
};

/* --- the end --- */

static void streams_end(struct streams *s)
{
	s->running = false;
	s->generation++;
	timer_disarm(&s->timer);
}

static void streams_fail(struct streams *s, const char *reason)
{
	log_warning("Stream %s: %s", s->stream, reason);
	streams_end(s);
	s->events.on_failed(s->events.userdata, reason);
}

/* --- asking --- */

/* -ENOTCONN, -EACCES; else 0: what does not go out now counts as lost on the way, and goes out with a later request. */
static int streams_subscribe(struct streams *s)
{
	char filter[TOPICS_MAX];
	int r;

	topics_streams(s->thing_name, filter);
	r = s->events.subscribe(s->events.userdata, filter);
	if (r < 0)
		log_debug("Streams: subscription not sent: %s", strerror(-r));
	return r == -ENOTCONN || r == -EACCES ? r : 0;
}

static void streams_topic(const struct streams *s, const char *verb, char ret[TOPICS_MAX])
{
	(void)snprintf(ret, TOPICS_MAX, "$aws/things/%s/streams/%s/%s/json", s->thing_name, s->stream, verb);
}

/* Least significant byte first: block 0 is the lowest bit of the first one. */
static void format_bitmap(uint64_t blocks, char ret[MAX_BITMAP])
{
	int n = snprintf(ret, MAX_BITMAP, "0x");

	for (; blocks; blocks >>= 8)
		n += snprintf(ret + n, MAX_BITMAP - (size_t)n, "%02x", (unsigned)(blocks & 0xff));
}

static void streams_request(struct streams *s, const struct window_request *r)
{
	bool run = (r->blocks & (r->blocks + 1)) == 0;
	char topic[TOPICS_MAX], request[MAX_REQUEST], bitmap[MAX_BITMAP];
	int n, sent;

	n = snprintf(request, sizeof(request), "{\"c\":\"%s%u\",\"f\":%u,\"l\":%d,\"o\":%u,\"n\":%d", s->token,
		     r->number, s->file, STREAMS_BLOCK, r->first, __builtin_popcountll(r->blocks));
	format_bitmap(r->blocks, bitmap);
	n += snprintf(request + n, sizeof(request) - (size_t)n, run ? "}" : ",\"b\":\"%s\"}", bitmap);
	streams_topic(s, "get", topic);
	sent = s->events.publish(s->events.userdata, topic, request, (size_t)n, 0);
	if (sent < 0)
		log_debug("Stream %s: request not sent: %s", s->stream, strerror(-sent)); /* as if lost on the way */
}

static void streams_pump(struct streams *s)
{
	unsigned generation = s->generation;
	uint64_t now = timer_now(), due;
	struct window_request request;

	while (!s->full && window_ask(&s->window, now, &request)) {
		streams_request(s, &request);
		if (s->generation != generation)
			return;
	}
	due = window_due(&s->window);
	if (due > s->give_up)
		due = s->give_up;
	if (s->full)
		timer_disarm(&s->timer);
	else
		timer_arm(&s->timer, due > now ? due - now : 0);
}

/* Asks for more, or says that there is no more. */
static void streams_advance(struct streams *s)
{
	if (!window_complete(&s->window)) {
		streams_pump(s);
		return;
	}
	streams_end(s);
	s->events.on_complete(s->events.userdata);
}

/* A policy without iot:Receive keeps the blocks away, and nobody says so. */
static void streams_give_up(struct streams *s)
{
	char reason[MAX_REASON];

	(void)snprintf(reason, sizeof(reason), "The stream delivers %s",
		       s->instead ? s->instead : "no data: check that the policy allows streams/*");
	streams_fail(s, reason);
}

static void on_timer(void *userdata)
{
	struct streams *s = userdata;
	uint64_t now = timer_now();

	if (now >= s->give_up) {
		streams_give_up(s);
		return;
	}
	if (now >= window_due(&s->window)) {
		window_lost(&s->window, now);
		(void)streams_subscribe(s);
	}
	streams_advance(s);
}

/* --- what the service says --- */

static void streams_complain(struct streams *s, const char *what)
{
	if (!s->complained)
		log_warning("Stream %s: %s", s->stream, what);
	s->complained = true;
	s->instead = what;
}

/* Bytes of a block; all but the last are whole. */
static size_t block_size(const struct streams *s, uint64_t block)
{
	uint64_t rest = s->size - block * STREAMS_BLOCK;

	return rest < STREAMS_BLOCK ? (size_t)rest : STREAMS_BLOCK;
}

/* An answer to a request of this download: blocks of another one may be of another size. ret_number: of the request, 0
 * when it does not say. */
static bool is_ours(const struct streams *s, const cJSON *root, bool may_lack, unsigned *ret_number)
{
	const char *token = payload_token(root);
	size_t n = strlen(s->token);
	uint64_t number = 0;

	if (token && (strncmp(token, s->token, n) != 0 || num_parse(token + n, strlen(token + n), &number) < 0))
		return false;
	*ret_number = number <= s->window.asked ? (unsigned)number : 0;
	return token || may_lack;
}

/* False: the answer to another question, a block that is there already, or one that is not as it has to be. */
static bool read_block(struct streams *s, const cJSON *root, unsigned *ret_block, unsigned *ret_number,
		       uint8_t ret[STREAMS_BLOCK], size_t *ret_n)
{
	const char *text = payload_text(root, "p");
	int64_t file = -1, block = -1, length = -1;
	size_t n;

	if (!is_ours(s, root, false, ret_number))
		return false;
	(void)payload_number(root, "f", &file);
	(void)payload_number(root, "i", &block);
	(void)payload_number(root, "l", &length);
	if (file != s->file || block < 0 || (uint64_t)block >= s->window.count || !text) {
		streams_complain(s, "blocks that were not asked for");
		return false;
	}
	if (!window_wants(&s->window, (unsigned)block))
		return false;
	if (base64_decode(text, strlen(text), ret, STREAMS_BLOCK, &n) < 0 || n != block_size(s, (uint64_t)block) ||
	    length != (int64_t)n) {
		streams_complain(s, "blocks that do not fit the job's filesize, or are no base64");
		return false;
	}
	*ret_block = (unsigned)block;
	*ret_n = n;
	return true;
}

static void streams_data(struct streams *s, const cJSON *root)
{
	unsigned generation = s->generation, block, number;
	bool full = s->full, taken;
	uint8_t data[STREAMS_BLOCK];
	size_t n;

	if (!read_block(s, root, &block, &number, data, &n))
		return;

	/* The owner may find room, or stop the download, before it returns. */
	s->full = true;
	taken = s->events.on_block(s->events.userdata, (uint64_t)block * STREAMS_BLOCK, data, n);
	if (s->generation != generation)
		return;
	if (taken && s->full)
		s->full = full;
	s->give_up = timer_now() + STREAMS_SILENCE_MS;
	s->instead = NULL;
	if (full)
		window_resume(&s->window, timer_now()); /* the waiting was ours */
	window_came(&s->window, block, number, taken, timer_now());
	streams_advance(s);
}

static void streams_rejected(struct streams *s, const cJSON *root)
{
	char code[PAYLOAD_MAX_CODE + 1];
	unsigned number;

	if (!is_ours(s, root, true, &number))
		return;
	payload_code(root, code);

	/* One that is busy is asked again, as if it had said nothing. */
	if (!payload_is_busy(code))
		streams_fail(s, code);
	else
		log_info("Stream %s: %s", s->stream, code);
}

bool streams_message(struct streams *s, const char *topic, const void *payload, size_t n)
{
	_cleanup_(cJSON_Deletep) cJSON *root = NULL;
	char data[TOPICS_MAX], rejected[TOPICS_MAX], own[TOPICS_MAX];
	int length;

	length = snprintf(own, sizeof(own), "$aws/things/%s/streams/", s->thing_name);
	if (strncmp(topic, own, (size_t)length) != 0)
		return false;
	streams_topic(s, "data", data);
	streams_topic(s, "rejected", rejected);
	if (!s->running || (strcmp(topic, data) != 0 && strcmp(topic, rejected) != 0))
		return true;
	root = payload_parse(payload, n);
	if (!root)
		streams_complain(s, "messages that cannot be read");
	else if (strcmp(topic, data) == 0)
		streams_data(s, root);
	else
		streams_rejected(s, root);
	return true;
}

/* --- for the owner --- */

static bool is_sound(const struct streams_target *t)
{
	size_t n = strspn(t->stream, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_");

	return n > 0 && n <= STREAMS_MAX_ID && t->stream[n] == '\0' && t->file <= UINT8_MAX && t->size > 0 &&
	       t->size <= STREAMS_MAX_SIZE &&
	       (t->have == t->size || (t->have < t->size && t->have % STREAMS_BLOCK == 0));
}

int streams_start(struct streams *s, const struct streams_target *target)
{
	unsigned count, have;
	int r;

	streams_stop(s);
	if (!is_sound(target))
		return -EINVAL;
	r = streams_subscribe(s);
	if (r < 0)
		return r;
	(void)snprintf(s->stream, sizeof(s->stream), "%s", target->stream);
	(void)snprintf(s->token, sizeof(s->token), "%016llx-", (unsigned long long)entropy_get());
	s->file = target->file;
	s->size = target->size;
	s->full = s->complained = false;
	s->instead = NULL;
	s->give_up = timer_now() + (target->patience ? target->patience : STREAMS_SILENCE_MS);
	count = (unsigned)((target->size + STREAMS_BLOCK - 1) / STREAMS_BLOCK);
	have = (unsigned)((target->have + STREAMS_BLOCK - 1) / STREAMS_BLOCK);
	window_init(&s->window, count, have, timer_now());
	s->running = true;
	if (window_complete(&s->window))
		timer_arm(&s->timer, 0);
	else
		streams_pump(s);
	return 0;
}

void streams_stop(struct streams *s)
{
	if (s->running)
		streams_end(s);
}

void streams_go_on(struct streams *s)
{
	if (!s->running || !s->full)
		return;
	s->full = false;
	s->give_up = timer_now() + STREAMS_SILENCE_MS;
	window_resume(&s->window, timer_now());
	streams_pump(s);
}

int streams_new(struct streams **ret, sd_event *event, const char *thing_name, const struct streams_events *events)
{
	_cleanup_(streams_freep) struct streams *s = NULL;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->thing_name = thing_name;
	s->events = *events;
	r = timer_init(&s->timer, event, on_timer, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct streams *streams_free(struct streams *s)
{
	if (!s)
		return NULL;
	timer_done(&s->timer);
	free(s);
	return NULL;
}
