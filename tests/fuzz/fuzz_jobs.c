/* SPDX-License-Identifier: Apache-2.0 */
/* What the Jobs service may say, and when: lines of a topic's rest, a space and the payload, in which '@' is the token
 * of the last question; or of '!' and what the module does. */
#include "fuzz/fuzz.h"

#include "cloud/execution.h"
#include "cloud/jobs.h"
#include "cloud/topics.h"
#include "fake/timer.h"

#include <string.h>

static struct jobs *jobs;
static char token[65];
static unsigned questions, answers;

static void check_execution(const struct jobs_execution *e)
{
	FUZZ_HOLDS(execution_is_id(e->id));
	FUZZ_HOLDS(e->number >= 0 && e->version >= 0);
	FUZZ_HOLDS((unsigned)e->status <= JOBS_GONE);
	FUZZ_HOLDS(!e->document || cJSON_IsObject(e->document));
}

static void on_next(void *userdata, const struct jobs_execution *next)
{
	(void)userdata;
	if (next)
		check_execution(next);
}

static void check_code(const char *code)
{
	FUZZ_HOLDS(strlen(code) <= JOBS_MAX_CODE);
	for (; *code; code++)
		FUZZ_HOLDS(*code > ' ' && *code <= '~');
}

static void on_described(void *userdata, const struct jobs_execution *e, const char *code)
{
	(void)userdata;
	check_execution(e);
	if (code)
		check_code(code);
	answers++;
}

static void on_pending(void *userdata, const struct jobs_execution *all, size_t n)
{
	(void)userdata;
	FUZZ_HOLDS(n <= JOBS_MAX_PENDING);
	for (size_t i = 0; i < n; i++) {
		check_execution(&all[i]);
		FUZZ_HOLDS(!all[i].document);
	}
}

static void on_updated(void *userdata, const char *id, const char *code)
{
	(void)userdata;
	FUZZ_HOLDS(execution_is_id(id));
	if (code)
		check_code(code);
	answers++;
}

static int publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	_cleanup_(cJSON_Deletep) cJSON *root = payload_parse(payload, n);
	const char *text = payload_text(root, "clientToken");

	(void)userdata;
	FUZZ_HOLDS(qos == 0 || qos == 1);
	FUZZ_HOLDS(strlen(topic) < TOPICS_MAX && topic_is_name(topic, strlen(topic)));
	FUZZ_HOLDS(text && strlen(text) < sizeof(token));
	strcpy(token, text);
	return 0;
}

/* Whose answers are counted: descriptions and updates. The same question, asked while it waits, is asked once more. */
static void asked(int r)
{
	if (r == 0)
		questions++;
}

static void act(char what, const char *word)
{
	const struct jobs_update update = {
		.id = what == 'u' ? word : "j-1",
		.status = JOBS_FAILED,
		.key = "reason",
		.value = word,
	};

	switch (what) {
	case 'n':
		FUZZ_HOLDS(jobs_ask_next(jobs) == 0);
		break;
	case 'p':
		FUZZ_HOLDS(jobs_ask_pending(jobs) == 0);
		break;
	case 'd':
		asked(jobs_describe(jobs, word));
		break;
	case 'u':
	case 'v':
		asked(jobs_update(jobs, &update));
		break;
	case 't':
		fake_timer_pass(5000);
		break;
	case 'x':
		jobs_down(jobs);
		questions = answers = 0;
		jobs_up(jobs);
		break;
	default:
		break;
	}
}

/* With the token in its place; malloc()ed, without a terminator. */
static char *expand(const char *payload, size_t n, size_t *ret_n)
{
	size_t most = n * sizeof(token), k = 0;
	char *to = malloc(most ? most : 1);

	FUZZ_HOLDS(to != NULL);
	for (size_t i = 0; i < n; i++) {
		if (payload[i] != '@') {
			to[k++] = payload[i];
			continue;
		}
		memcpy(to + k, token, strlen(token));
		k += strlen(token);
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
		(void)snprintf(topic, sizeof(topic), "%.*s", n > 2 ? (int)n - 2 : 0, n > 2 ? text + 2 : "");
		act(word > 1 ? text[1] : '\0', topic);
		return;
	}
	(void)snprintf(topic, sizeof(topic), "$aws/things/thing/jobs/%.*s", (int)word, text);
	payload = expand(text + word + (space ? 1 : 0), n - word - (space ? 1 : 0), &k);
	FUZZ_HOLDS(jobs_message(jobs, topic, payload, k));
	free(payload);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct jobs_events events = {
		.on_next = on_next,
		.on_described = on_described,
		.on_pending = on_pending,
		.on_updated = on_updated,
		.publish = publish,
	};
	const char *text = (const char *)data, *end = text + n;
	sd_event *event;

	FUZZ_HOLDS(sd_event_default(&event) >= 0);
	FUZZ_HOLDS(jobs_new(&jobs, event, "thing", &events) == 0);
	strcpy(token, JOBS_FIRST_TOKEN);
	questions = answers = 0;
	jobs_up(jobs);
	while (text < end) {
		const char *eol = memchr(text, '\n', (size_t)(end - text));

		line(text, (size_t)((eol ? eol : end) - text));
		text = eol ? eol + 1 : end;
		FUZZ_HOLDS(answers <= questions);
	}

	/* In the end every question has its answer, if only that there is none. */
	for (unsigned i = 0; i < 200; i++)
		fake_timer_pass(5000);
	FUZZ_HOLDS(answers <= questions && (answers > 0) == (questions > 0));
	FUZZ_HOLDS(fake_timer_next() == UINT64_MAX);
	jobs = jobs_free(jobs);
	sd_event_unref(event);
	return 0;
}
