/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/jobs.h"

#include "cloud/execution.h"
#include "cloud/payload.h"
#include "cloud/topics.h"
#include "util/entropy.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_TOKEN   40
#define MAX_REQUEST 1024
#define NEXT        "$next"

#define SILENCES   3    /* so often is asked before silence counts as the answer */
#define BUSY_MS    2000 /* the first pause when the service is busy: each is twice the last, or up to half more */
#define BUSY_TRIES 4

enum kind {
	KIND_NEXT,
	KIND_PENDING,
	KIND_DESCRIBE,
	KIND_UPDATE,
	KIND_COUNT,
};

/* Under way until it has its answer. */
struct question {
	bool open;
	bool again;               /* was asked meanwhile */
	bool paused;              /* is to be sent again */
	unsigned silences, busy;  /* so often */
	uint64_t due;             /* when something has to be done about it */
	char id[JOBS_MAX_ID + 1]; /* KIND_DESCRIBE, KIND_UPDATE */
	enum jobs_status status;  /* KIND_UPDATE */
	char token[MAX_TOKEN];
	char request[MAX_REQUEST];
};

struct jobs {
	struct jobs_events events;
	const char *thing_name;
	struct timer timer; /* the earliest due */
	struct question questions[KIND_COUNT];
	uint64_t me, serial; /* make tokens that are nobody else's */
	bool up;
};

/* --- asking --- */

static void jobs_arm(struct jobs *j)
{
	uint64_t now = timer_now(), due = UINT64_MAX;

	for (size_t i = 0; i < KIND_COUNT; i++) {
		if (j->questions[i].open && j->questions[i].due < due)
			due = j->questions[i].due;
	}
	if (due == UINT64_MAX)
		timer_disarm(&j->timer);
	else
		timer_arm(&j->timer, due > now ? due - now : 0);
}

static void jobs_topic(const struct jobs *j, enum kind kind, const char *id, char ret[TOPICS_MAX])
{
	static const char *const verbs[] = {
		[KIND_NEXT] = "/get",
		[KIND_PENDING] = "get",
		[KIND_DESCRIBE] = "/get",
		[KIND_UPDATE] = "/update",
	};

	(void)snprintf(ret, TOPICS_MAX, "$aws/things/%s/jobs/%s%s", j->thing_name, kind == KIND_NEXT ? NEXT : id,
		       verbs[kind]);
}

static void jobs_token(struct jobs *j, char ret[MAX_TOKEN])
{
	(void)snprintf(ret, MAX_TOKEN, "%016llx-%llu", (unsigned long long)j->me, (unsigned long long)++j->serial);
}

static void jobs_request(struct question *q)
{
	(void)snprintf(q->request, sizeof(q->request), "{\"clientToken\":\"%s\"}", q->token);
}

static int jobs_send(struct jobs *j, enum kind kind)
{
	struct question *q = &j->questions[kind];
	char topic[TOPICS_MAX];

	jobs_topic(j, kind, q->id, topic);
	q->paused = false;
	q->due = timer_now() + JOBS_ANSWER_MS;
	return j->events.publish(j->events.userdata, topic, q->request, strlen(q->request), 1);
}

static int jobs_open(struct jobs *j, enum kind kind, const struct question *question)
{
	struct question *q = &j->questions[kind];
	int r;

	*q = *question;
	r = jobs_send(j, kind);
	q->open = r >= 0;
	jobs_arm(j);
	return r;
}

static int jobs_ask(struct jobs *j, enum kind kind, const char *id)
{
	struct question question = { .again = false }, *q = &j->questions[kind];

	if (!j->up)
		return -ENOTCONN;
	if (q->open) {
		if (strcmp(q->id, id) != 0)
			return -EBUSY;
		q->again = true;
		return 0;
	}
	(void)snprintf(question.id, sizeof(question.id), "%s", id);
	jobs_token(j, question.token);
	jobs_request(&question);
	return jobs_open(j, kind, &question);
}

int jobs_ask_next(struct jobs *j)
{
	return jobs_ask(j, KIND_NEXT, "");
}

int jobs_ask_pending(struct jobs *j)
{
	return jobs_ask(j, KIND_PENDING, "");
}

int jobs_describe(struct jobs *j, const char *id)
{
	return execution_is_id(id) ? jobs_ask(j, KIND_DESCRIBE, id) : -EINVAL;
}

/* --- reporting --- */

int jobs_update(struct jobs *j, const struct jobs_update *update)
{
	struct question question = { .again = false };
	char topic[TOPICS_MAX];
	int r;

	if (!j->up)
		return -ENOTCONN;
	if (j->questions[KIND_UPDATE].open)
		return -EBUSY;
	jobs_token(j, question.token);
	r = execution_report(update, question.token, question.request, sizeof(question.request));
	if (r < 0)
		return r;
	(void)snprintf(question.id, sizeof(question.id), "%s", update->id);
	question.status = update->status;
	if (!update->progress)
		return jobs_open(j, KIND_UPDATE, &question);
	jobs_topic(j, KIND_UPDATE, question.id, topic);
	return j->events.publish(j->events.userdata, topic, question.request, strlen(question.request), 0);
}

/* --- what the service says --- */

static void tell_next(struct jobs *j, const cJSON *root)
{
	struct jobs_execution next;
	int r = execution_parse(root, j->thing_name, &next);

	if (r == 0 || r == -ENOENT)
		j->events.on_next(j->events.userdata, r == 0 ? &next : NULL);
	else
		log_warning("Jobs: the next job execution cannot be read");
}

/* waiting, active: lists of summaries. */
static void tell_pending(struct jobs *j, const cJSON *in, const char *active, const char *waiting)
{
	struct execution_list list = { .n = 0 };

	execution_list(cJSON_GetObjectItemCaseSensitive(in, active), JOBS_IN_PROGRESS, &list);
	execution_list(cJSON_GetObjectItemCaseSensitive(in, waiting), JOBS_QUEUED, &list);
	j->events.on_pending(j->events.userdata, list.all, list.n);
}

static void tell_described(struct jobs *j, const char *id, const cJSON *root, const char *code)
{
	struct jobs_execution execution;

	if (!code && (execution_parse(root, j->thing_name, &execution) < 0 || strcmp(execution.id, id) != 0))
		code = "";
	if (code) {
		execution = (struct jobs_execution){ .status = JOBS_GONE };
		(void)snprintf(execution.id, sizeof(execution.id), "%s", id);
	}
	j->events.on_described(j->events.userdata, &execution, code);
}

/* root: the answer, or code: why there is none. */
static void jobs_settle(struct jobs *j, enum kind kind, const cJSON *root, const char *code)
{
	struct question *q = &j->questions[kind];
	const struct question settled = *q;

	q->open = false;
	jobs_arm(j);
	if (code)
		log_debug("Jobs: question %d about \"%s\": %s", (int)kind, settled.id, *code ? code : "no answer");
	switch (kind) {
	case KIND_NEXT:
		if (!code)
			tell_next(j, root);
		break;
	case KIND_PENDING:
		if (!code)
			tell_pending(j, root, "inProgressJobs", "queuedJobs");
		break;
	case KIND_DESCRIBE:
		tell_described(j, settled.id, root, code);
		break;
	case KIND_UPDATE:
		j->events.on_updated(j->events.userdata, settled.id, code);
		break;
	case KIND_COUNT:
		break;
	}
	if (!settled.again || !j->up || q->open || jobs_ask(j, kind, settled.id) == 0)
		return;
	/* Whoever asked for it counts on it: as if lost on the way. */
	q->open = true;
	jobs_arm(j);
}

/* False: it is to be settled. Whoever describes or reports a job asks again; what waits, nobody would ask again. */
static bool jobs_pause(struct jobs *j, enum kind kind)
{
	struct question *q = &j->questions[kind];
	uint64_t pause = (uint64_t)BUSY_MS << q->busy;

	if (q->busy < BUSY_TRIES)
		q->busy++;
	else if (kind == KIND_DESCRIBE || kind == KIND_UPDATE)
		return false;
	q->paused = true;
	q->due = timer_now() + pause + entropy_get() % (pause / 2);
	jobs_arm(j);
	return true;
}

static void jobs_answer(struct jobs *j, enum kind kind, const char *id, const cJSON *root, const char *verdict)
{
	bool rejected = strcmp(verdict, "rejected") == 0;
	struct question *q = &j->questions[kind];
	char code[PAYLOAD_MAX_CODE + 1];

	if (!q->open || strcmp(q->id, id) != 0 || !payload_answers(root, q->token, rejected))
		return;
	if (!rejected) {
		if (strcmp(verdict, "accepted") == 0)
			jobs_settle(j, kind, root, NULL);
		return;
	}
	payload_code(root, code);
	if (payload_is_busy(code) && jobs_pause(j, kind))
		return;

	/* An update that had been heard, but its answer got lost. */
	if (kind == KIND_UPDATE && execution_is_now(root, q->status))
		jobs_settle(j, kind, root, NULL);
	else
		jobs_settle(j, kind, NULL, code);
}

static void on_timer(void *userdata)
{
	struct jobs *j = userdata;
	uint64_t now = timer_now();

	for (enum kind kind = 0; kind < KIND_COUNT; kind++) {
		struct question *q = &j->questions[kind];

		if (!q->open || q->due > now)
			continue;

		/* An update that was heard may be refused when repeated. What cannot be sent counts as unheard. */
		if (q->paused || (kind != KIND_UPDATE && ++q->silences < SILENCES))
			(void)jobs_send(j, kind);
		else
			jobs_settle(j, kind, NULL, "");
	}
	jobs_arm(j);
}

/* --- the connection --- */

/* The name of a job before the rest of a topic; false: the topic has another rest. */
static bool topic_id(const char *topic, const char *rest, char ret[JOBS_MAX_ID + 1], const char **ret_verdict)
{
	const char *slash = strchr(topic, '/');
	size_t n = slash ? (size_t)(slash - topic) : 0;

	if (!slash || n > JOBS_MAX_ID || strncmp(slash, rest, strlen(rest)) != 0)
		return false;
	memcpy(ret, topic, n);
	ret[n] = '\0';
	*ret_verdict = slash + strlen(rest);
	return true;
}

static void jobs_dispatch(struct jobs *j, const char *topic, const cJSON *root)
{
	const cJSON *lists = cJSON_GetObjectItemCaseSensitive(root, "jobs");
	char id[JOBS_MAX_ID + 1];
	const char *verdict;

	if (strcmp(topic, "notify-next") == 0)
		tell_next(j, root);
	else if (strcmp(topic, "notify") == 0 && cJSON_IsObject(lists))
		tell_pending(j, lists, "IN_PROGRESS", "QUEUED");
	else if (strncmp(topic, "get/", 4) == 0)
		jobs_answer(j, KIND_PENDING, "", root, topic + 4);
	else if (topic_id(topic, "/update/", id, &verdict))
		jobs_answer(j, KIND_UPDATE, id, root, verdict);
	else if (topic_id(topic, "/get/", id, &verdict) && strcmp(id, NEXT) == 0)
		jobs_answer(j, KIND_NEXT, "", root, verdict);
	else if (topic_id(topic, "/get/", id, &verdict))
		jobs_answer(j, KIND_DESCRIBE, id, root, verdict);
}

bool jobs_message(struct jobs *j, const char *topic, const void *payload, size_t n)
{
	_cleanup_(cJSON_Deletep) cJSON *root = NULL;
	char own[TOPICS_MAX];
	int length;

	length = snprintf(own, sizeof(own), "$aws/things/%s/jobs/", j->thing_name);
	if (strncmp(topic, own, (size_t)length) != 0)
		return false;
	if (!j->up)
		return true;
	/* What an operator wrote must not hide that there is a job. */
	root = payload_parse_without(payload, n, "\"jobDocument\"");
	if (root)
		jobs_dispatch(j, topic + length, root);
	else
		log_warning("Jobs: a message of %zu bytes cannot be read", n);
	return true;
}

void jobs_up(struct jobs *j)
{
	struct question *q = &j->questions[KIND_NEXT];

	jobs_down(j);
	j->up = true;
	*q = (struct question){ .open = true, .due = timer_now() + JOBS_ANSWER_MS, .token = JOBS_FIRST_TOKEN };
	jobs_request(q);
	jobs_arm(j);
}

void jobs_down(struct jobs *j)
{
	j->up = false;
	for (size_t i = 0; i < KIND_COUNT; i++)
		j->questions[i].open = j->questions[i].again = false;
	timer_disarm(&j->timer);
}

int jobs_new(struct jobs **ret, sd_event *event, const char *thing_name, const struct jobs_events *events)
{
	_cleanup_(jobs_freep) struct jobs *j = NULL;
	int r;

	j = calloc(1, sizeof(*j));
	if (!j)
		return -ENOMEM;
	j->thing_name = thing_name;
	j->events = *events;
	j->me = entropy_get();
	r = timer_init(&j->timer, event, on_timer, j);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(j);
	return 0;
}

struct jobs *jobs_free(struct jobs *j)
{
	if (!j)
		return NULL;
	timer_done(&j->timer);
	free(j);
	return NULL;
}
