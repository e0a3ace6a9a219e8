/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/survey.h"

#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct survey_name {
	char id[JOBS_MAX_ID + 1]; /* "": none */
	int64_t number;
};

struct survey {
	struct jobs *jobs;
	struct survey_events events;
	bool up;
	bool held; /* by the job in hand, or by something that is none */
	struct survey_name hand;
	bool doubt;  /* the job in hand is to be asked for */
	bool asking; /* jobs_describe() is under way */
	struct timer retry;

	/* Jobs behind it that are to be asked for, and those that may wait. */
	size_t wanted_n, left_n;
	struct survey_name wanted[JOBS_MAX_PENDING];
	struct survey_name left[JOBS_MAX_PENDING];
};

static bool is_same(const struct survey_name *name, const char *id, int64_t number)
{
	return strcmp(name->id, id) == 0 && (name->number == number || name->number == 0 || number == 0);
}

static bool has(const struct survey_name *names, size_t n, const char *id, int64_t number)
{
	for (size_t i = 0; i < n; i++) {
		if (is_same(&names[i], id, number))
			return true;
	}
	return false;
}

static void name_set(struct survey_name *name, const char *id, int64_t number)
{
	memccpy(name->id, id, '\0', sizeof(name->id));
	name->id[sizeof(name->id) - 1] = '\0';
	name->number = number;
}

/* A list that is full loses its oldest: such a job is looked at once more. */
static void add(struct survey_name *names, size_t *n, const char *id, int64_t number)
{
	if (*n == JOBS_MAX_PENDING) {
		(*n)--;
		memmove(&names[0], &names[1], *n * sizeof(names[0]));
	}
	name_set(&names[(*n)++], id, number);
}

static bool is_open(const struct jobs_execution *execution)
{
	return execution->status == JOBS_QUEUED || execution->status == JOBS_IN_PROGRESS;
}

/* The service's last word on a job, or one that will not be better for being asked again? */
static bool is_final(const char *code)
{
	return strcmp(code, "ResourceNotFound") == 0 || strcmp(code, "TerminalStateReached") == 0;
}

static void ask(struct survey *s)
{
	struct survey_name name = s->hand;
	int r;

	if (!s->up || s->asking)
		return;
	if (s->doubt && *s->hand.id) {
		s->doubt = false;
	} else if (s->wanted_n > 0) {
		name = s->wanted[0];
		s->wanted_n--;
		memmove(&s->wanted[0], &s->wanted[1], s->wanted_n * sizeof(s->wanted[0]));
	} else {
		return;
	}
	r = jobs_describe(s->jobs, name.id);
	s->asking = r == 0;
	if (r < 0) {
		log_debug("Job %s was not asked for: %s", name.id, strerror(-r));
		timer_arm(&s->retry, SURVEY_RETRY_MS);
	}
}

void survey_doubt(struct survey *s)
{
	if (!s->up)
		return;
	s->doubt = true;
	ask(s);
}

void survey_look(struct survey *s)
{
	int r;

	if (!s->up)
		return;
	r = s->held ? jobs_ask_pending(s->jobs) : jobs_ask_next(s->jobs);
	if (r < 0) {
		log_debug("Jobs were not asked for: %s", strerror(-r));
		timer_arm(&s->retry, SURVEY_RETRY_MS);
	}
}

void survey_look_later(struct survey *s, uint64_t ms)
{
	if (s->up)
		timer_arm(&s->retry, ms);
}

static void on_retry(void *userdata)
{
	struct survey *s = userdata;

	if (*s->hand.id)
		survey_doubt(s);
	survey_look(s);
}

static void look_at(struct survey *s, const struct jobs_execution *execution)
{
	if (has(s->left, s->left_n, execution->id, execution->number))
		return;

	/* It is put down first: on_job() may take it in hand, which empties the list. */
	add(s->left, &s->left_n, execution->id, execution->number);
	if (!s->events.on_job(s->events.userdata, execution))
		s->left_n = 0;
}

void survey_next(struct survey *s, const struct jobs_execution *next)
{
	bool ours = *s->hand.id;

	if (next && ours && is_same(&s->hand, next->id, next->number)) {
		s->events.on_seen(s->events.userdata, next);
		return;
	}

	/* Ours comes first as long as it is in progress. */
	if (ours)
		survey_doubt(s);
	else if (!s->held)
		s->left_n = 0;
	if (next)
		look_at(s, next);
}

void survey_pending(struct survey *s, const struct jobs_execution *all, size_t n)
{
	bool found = false;

	if (!s->held) {
		if (n > 0)
			survey_look(s);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		const struct jobs_execution *e = &all[i];

		if (is_same(&s->hand, e->id, e->number))
			found = true;
		else if (!has(s->left, s->left_n, e->id, e->number) && !has(s->wanted, s->wanted_n, e->id, e->number))
			add(s->wanted, &s->wanted_n, e->id, e->number);
	}
	if (!found && n < JOBS_MAX_PENDING)
		s->doubt = true;
	ask(s);
}

static void described_ours(struct survey *s, const struct jobs_execution *execution, const char *code)
{
	if (code && !is_final(code)) {
		log_debug("Job %s: %s", execution->id, *code ? code : "no answer");
		timer_arm(&s->retry, SURVEY_RETRY_MS);
	} else if (!code && is_open(execution) && is_same(&s->hand, execution->id, execution->number)) {
		s->events.on_seen(s->events.userdata, execution);
	} else {
		s->events.on_gone(s->events.userdata);
	}
}

void survey_described(struct survey *s, const struct jobs_execution *execution, const char *code)
{
	s->asking = false;
	if (strcmp(s->hand.id, execution->id) == 0)
		described_ours(s, execution, code);
	else if (!code && is_open(execution))
		look_at(s, execution);
	ask(s);
}

void survey_up(struct survey *s)
{
	s->up = true;
	if (s->held)
		survey_look(s);
}

static void forget(struct survey *s)
{
	s->doubt = false;
	s->wanted_n = 0;
	s->left_n = 0;
}

void survey_down(struct survey *s)
{
	s->up = false;
	s->asking = false;
	forget(s);
	timer_disarm(&s->retry);
}

void survey_hold(struct survey *s, const char *id, int64_t number)
{
	forget(s);
	name_set(&s->hand, id, number);
	s->held = true;

	/* What else is there? An announcement speaks of the first one only. */
	survey_look(s);
}

void survey_release(struct survey *s)
{
	forget(s);
	s->hand = (struct survey_name){ 0 };
	s->held = false;
}

int survey_new(struct survey **ret, sd_event *event, struct jobs *jobs, const struct survey_events *events)
{
	_cleanup_(survey_freep) struct survey *s = NULL;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->jobs = jobs;
	s->events = *events;
	r = timer_init(&s->retry, event, on_retry, s);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct survey *survey_free(struct survey *s)
{
	if (!s)
		return NULL;
	timer_done(&s->retry);
	free(s);
	return NULL;
}
