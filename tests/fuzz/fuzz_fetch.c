/* SPDX-License-Identifier: Apache-2.0 */
/* What the helper of a download may say, and when: a letter for a message and its text up to the end of the line, or
 * '!' and what the module does. In data '%' stands for a whole block. */
#include "fuzz/fuzz.h"

#include "cloud/fetch.h"
#include "fake/child.h"
#include "fake/timer.h"
#include "util/resolve.h"

#include <arpa/inet.h>
#include <string.h>

#define SIZE (5 * FETCH_BLOCK + 3)

static sd_event *event;
static struct fetch *fetch;
static uint64_t have;
static bool running, full;

/* In place of util/resolve.c. */
static struct resolve {
	resolve_fn fn; /* NULL: nothing is asked for */
	void *userdata;
} question;

int resolve_start(struct resolve **ret, sd_event *e, const char *host, uint64_t timeout_ms, resolve_fn fn,
		  void *userdata)
{
	FUZZ_HOLDS(e == event && *host && timeout_ms > 0 && !question.fn);
	question = (struct resolve){ fn, userdata };
	*ret = &question;
	return 0;
}

struct resolve *resolve_free(struct resolve *r)
{
	if (r)
		r->fn = NULL;
	return NULL;
}

bool resolve_is_address(const char *host)
{
	struct in6_addr address;

	return inet_pton(AF_INET, host, &address) == 1 || inet_pton(AF_INET6, host, &address) == 1;
}

static void answer(void)
{
	const struct addresses found = { .count = 1, .text = { "192.0.2.1" } };

	if (question.fn)
		question.fn(question.userdata, 0, &found);
}

static bool on_data(void *userdata, uint64_t offset, const void *data, size_t n)
{
	unsigned sum = 0;

	(void)userdata;
	FUZZ_HOLDS(running && offset == have && n <= SIZE - have);
	for (size_t i = 0; i < n; i++)
		sum += ((const uint8_t *)data)[i];
	FUZZ_HOLDS(sum <= n * UINT8_MAX);
	if (!full)
		have += n;
	return !full;
}

static void on_complete(void *userdata)
{
	(void)userdata;
	FUZZ_HOLDS(running && have == SIZE);
	running = false;
}

static void on_stale(void *userdata)
{
	(void)userdata;
	FUZZ_HOLDS(running && !fake_child()->running);
}

static void on_failed(void *userdata, const char *reason)
{
	(void)userdata;
	FUZZ_HOLDS(running && strlen(reason) <= FETCH_MAX_REASON);
	for (const char *c = reason; *c; c++)
		FUZZ_HOLDS((unsigned char)*c >= ' ' && *c != 0x7f);
	running = false;
}

static void begin(void)
{
	have = 0;
	running = fetch_start(fetch, &(struct fetch_target){ .url = "https://h.example/k?s", .size = SIZE }) == 0;
	FUZZ_HOLDS(running);
}

static void act(char what)
{
	switch (what) {
	case 'b':
		begin();
		break;
	case 's':
		fetch_stop(fetch);
		running = false;
		break;
	case 'f':
		full = !full;
		break;
	case 'g':
		fetch_go_on(fetch);
		break;
	case 'n':
		fetch_renew(fetch, "https://h.example/k?fresh");
		break;
	case 'r':
		answer();
		break;
	case 'e':
		fake_child_end(0);
		break;
	default:
		fake_timer_pass(what == 't' ? 60000 : 1000);
	}
	FUZZ_HOLDS(running || (!fake_child()->running && !question.fn));
}

static void say(const uint8_t *line, size_t n)
{
	static char message[FETCH_MAX_MESSAGE];
	size_t used = 1;

	message[0] = (char)line[0];
	for (size_t i = 1; i < n; i++) {
		size_t k = line[0] == FETCH_DATA && line[i] == '%' ? FETCH_BLOCK : 1;

		if (k > sizeof(message) - used)
			break;
		memset(message + used, line[i], k);
		used += k;
	}
	fake_child_say(message, used);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct fetch_events events = {
		.on_data = on_data, .on_complete = on_complete, .on_stale = on_stale, .on_failed = on_failed
	};

	if (sd_event_new(&event) < 0 || fetch_new(&fetch, event, "", &events) < 0)
		return 0;
	full = false;
	begin();
	act('m');
	act('r');
	while (n > 0) {
		const uint8_t *end = memchr(data, '\n', n);
		size_t line = end ? (size_t)(end - data) : n;

		if (line > 1 && data[0] == '!')
			act((char)data[1]);
		else if (line > 0)
			say(data, line);
		line += end != NULL;
		data += line;
		n -= line;
	}
	fetch = fetch_free(fetch);
	FUZZ_HOLDS(!fake_child()->running && !question.fn);
	event = sd_event_unref(event);
	return 0;
}
