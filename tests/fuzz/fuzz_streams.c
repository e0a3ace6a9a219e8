/* SPDX-License-Identifier: Apache-2.0 */
/* What a stream may deliver, and when: lines of a topic's rest, a space and the payload, in which '@' is the token of
 * the download and '%' stands for the base64 of a whole block; or of '!' and what the module does. */
#include "fuzz/fuzz.h"

#include "cloud/payload.h"
#include "cloud/streams.h"
#include "cloud/topics.h"
#include "fake/timer.h"

#include <string.h>

#define BLOCKS 12
#define SIZE   ((BLOCKS - 1) * STREAMS_BLOCK + 5)

static struct streams *streams;
static char token[65], whole[STREAMS_BLOCK / 3 * 4 + 5];
static bool taken[BLOCKS], running;
static bool full, refused; /* there is no room, and it was said so */

static bool on_block(void *userdata, uint64_t offset, const void *data, size_t n)
{
	size_t block = (size_t)(offset / STREAMS_BLOCK);
	unsigned sum = 0;

	(void)userdata;
	FUZZ_HOLDS(running);
	FUZZ_HOLDS(offset % STREAMS_BLOCK == 0 && block < BLOCKS && !taken[block]);
	FUZZ_HOLDS(n == (block < BLOCKS - 1 ? STREAMS_BLOCK : 5));
	for (size_t i = 0; i < n; i++)
		sum += ((const uint8_t *)data)[i];
	FUZZ_HOLDS(sum <= n * UINT8_MAX);
	taken[block] = !full;
	refused = refused || full;
	return !full;
}

static void on_complete(void *userdata)
{
	(void)userdata;
	FUZZ_HOLDS(running);
	for (size_t i = 0; i < BLOCKS; i++)
		FUZZ_HOLDS(taken[i]);
	running = false;
}

static void on_failed(void *userdata, const char *reason)
{
	(void)userdata;
	FUZZ_HOLDS(running);
	FUZZ_HOLDS(reason[0] && strlen(reason) < 100);
	running = false;
}

static int subscribe(void *userdata, const char *filter)
{
	(void)userdata;
	FUZZ_HOLDS(topic_is_filter(filter, strlen(filter)));
	return 0;
}

static int publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	_cleanup_(cJSON_Deletep) cJSON *root = payload_parse(payload, n);
	const char *text = payload_text(root, "c");
	int64_t first, count;

	(void)userdata;
	FUZZ_HOLDS(running && !refused && qos == 0);
	FUZZ_HOLDS(topic_is_name(topic, strlen(topic)));
	FUZZ_HOLDS(text && strlen(text) < sizeof(token));
	FUZZ_HOLDS(payload_number(root, "o", &first) && payload_number(root, "n", &count));
	FUZZ_HOLDS(count >= 1 && count <= 8 && first + count <= BLOCKS);
	FUZZ_HOLDS(!taken[first]);
	strcpy(token, text);
	return 0;
}

static void begin(unsigned have)
{
	const struct streams_target target = {
		.stream = "s-1",
		.size = SIZE,
		.file = 1,
		.have = (uint64_t)have * STREAMS_BLOCK,
	};

	for (size_t i = 0; i < BLOCKS; i++)
		taken[i] = i < have;
	running = true;
	full = refused = false;
	FUZZ_HOLDS(streams_start(streams, &target) == 0);
}

static void act(char what, char how)
{
	switch (what) {
	case 's':
		begin((uint8_t)how % (BLOCKS - 1));
		break;
	case 'x':
		running = false;
		streams_stop(streams);
		break;
	case 'f':
		full = true;
		break;
	case 'g':
		full = refused = false;
		streams_go_on(streams);
		break;
	case 't':
		fake_timer_pass(2000);
		break;
	default:
		break;
	}
}

/* Malloc()ed, without a terminator. */
static char *expand(const char *payload, size_t n, size_t *ret_n)
{
	size_t most = n + 1, k = 0;
	char *to;

	for (size_t i = 0; i < n; i++)
		most += payload[i] == '@' ? strlen(token) : payload[i] == '%' ? strlen(whole) : 0;
	to = malloc(most);
	FUZZ_HOLDS(to != NULL);
	for (size_t i = 0; i < n; i++) {
		const char *text = payload[i] == '@' ? token : whole;

		if (payload[i] == '@' || payload[i] == '%') {
			memcpy(to + k, text, strlen(text));
			k += strlen(text);
		} else {
			to[k++] = payload[i];
		}
	}
	*ret_n = k;
	return realloc(to, k ? k : 1);
}

static void line(const char *text, size_t n)
{
	const char *space = memchr(text, ' ', n);
	size_t word = space ? (size_t)(space - text) : n, k;
	char topic[300], *payload;

	if (word > 0 && text[0] == '!') {
		act(word > 1 ? text[1] : '\0', word > 2 ? text[2] : '\0');
		return;
	}
	(void)snprintf(topic, sizeof(topic), "$aws/things/thing/streams/%.*s", (int)word, text);
	payload = expand(text + word + (space ? 1 : 0), n - word - (space ? 1 : 0), &k);
	FUZZ_HOLDS(streams_message(streams, topic, payload, k));
	free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct streams_events events = {
		.on_block = on_block,
		.on_complete = on_complete,
		.on_failed = on_failed,
		.publish = publish,
		.subscribe = subscribe,
	};
	const char *text = (const char *)data, *end = text + n;
	unsigned lines = 0;
	sd_event *event;

	memset(whole, 'A', sizeof(whole));
	strcpy(whole + STREAMS_BLOCK / 3 * 4, "AA==");
	FUZZ_HOLDS(sd_event_default(&event) >= 0);
	FUZZ_HOLDS(streams_new(&streams, event, "thing", &events) == 0);
	begin(0);
	while (text < end && lines++ < 100) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		line(text, (size_t)((eol ? eol : end) - text));
		text = eol ? eol + 1 : end;
	}

	/* Whatever came, it ends within a minute of silence. */
	act('g', '\0');
	for (unsigned i = 0; i < 30; i++)
		fake_timer_pass(2000);
	FUZZ_HOLDS(!running);
	FUZZ_HOLDS(fake_timer_next() == UINT64_MAX);
	streams = streams_free(streams);
	sd_event_unref(event);
	return 0;
}
