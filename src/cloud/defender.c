/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/defender.h"

#include "cloud/payload.h"
#include "cloud/topics.h"
#include "config/epoch.h"
#include "util/file.h"
#include "util/log.h"
#include "util/timer.h"
#include "util/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFENDER_FILE "defender" /* in the state folder: the number of the last report in decimal digits */
#define TOPIC_REPORT  "$aws/things/%s/defender/metrics/json"
#define MILLI         1000ULL

enum phase {
	PHASE_IDLE,
	PHASE_SUBSCRIBING,
	PHASE_READING,
	PHASE_WAITING, /* for the answer */
};

/* What the thread has to itself while it is busy. */
struct reading {
	uint64_t number; /* see struct defender */
	const char *dir;
	uint64_t id;
	struct metrics_counts base, counts;   /* what was delivered; as of now */
	struct netstat_interfaces interfaces; /* as of the last reading */
	struct netstat_traffic traffic;       /* since the first one */
	char *text;                           /* the report */
	int kept;                             /* 0: the file has the id; -errno */
};

struct defender {
	struct defender_events events;
	const char *thing_name;
	char *dir;
	struct timer timer;
	struct worker *worker;
	struct reading reading;

	/* All in ms of timer_now(). */
	uint64_t tick;  /* the next report by the interval, which goes on without a connection */
	uint64_t least; /* no report before, for the service's sake; 0: there was none yet */
	uint64_t pause; /* nor before this one, for the policy's sake */
	uint64_t sent;  /* what is under way, or the last step of it */

	bool up;
	bool wanted;     /* a report, as soon as it is allowed */
	unsigned losses; /* see DEFENDER_LOSSES */
	enum phase phase;
	bool acknowledged;            /* the report under way, by the broker */
	uint64_t number;              /* of the report under way: what belongs to another one comes too late */
	struct metrics_counts base;   /* what was delivered */
	struct metrics_counts counts; /* ... when the answer is that the last report was accepted */
	uint64_t last;                /* id of the last report */
	uint64_t writes;
	struct defender_info info;
};

/* --- what became of a report --- */

static bool is_fresh(const struct defender *d)
{
	return timer_now() - d->sent < DEFENDER_ANSWER_MS;
}

/* What the broker has not acknowledged may have gone into a line that was dead. */
static enum defender_outcome without_answer(const struct defender *d)
{
	return d->acknowledged && !is_fresh(d) ? DEFENDER_UNANSWERED : DEFENDER_LOST;
}

static void defender_ended(struct defender *d, enum defender_outcome outcome)
{
	if (d->phase == PHASE_WAITING) {
		d->info.outcome = outcome;
		if (outcome == DEFENDER_ACCEPTED || outcome == DEFENDER_UNANSWERED)
			d->base = d->counts;
		if (outcome != DEFENDER_LOST)
			d->losses = 0;
	}
	d->phase = PHASE_IDLE;
	d->number++;
}

/* Without this, a host whose module may not report would lose each of its connections soon after CONNECT. */
static void defender_lost(struct defender *d)
{
	if (++d->losses < DEFENDER_LOSSES)
		return;
	log_error("Device Defender: with a report the connection was lost, %u times in a row: check that the policy "
		  "allows defender/metrics/*. The next try is in %d hours, or after a reset",
		  d->losses, DEFENDER_PAUSE_S / 3600);
	d->pause = timer_now() + DEFENDER_PAUSE_S * MILLI;
}

/* --- making one --- */

/* What may take long: a machine with many sockets, a slow disk. */
static int read_job(void *arg)
{
	struct reading *r = arg;
	_cleanup_(freep) struct netstat *network = malloc(sizeof(*network));
	struct netstat_traffic more = { 0 };
	struct metrics_counts since;
	char text[sizeof("18446744073709551615\n")];

	(void)snprintf(text, sizeof(text), "%llu\n", (unsigned long long)r->id);
	r->kept = file_replace(r->dir, DEFENDER_FILE, NULL, text, strlen(text), 0600);
	if (!network)
		return -ENOMEM;
	netstat_read(network);
	r->counts.has_traffic = r->interfaces.known && network->interfaces.known;
	if (r->counts.has_traffic)
		netstat_between(&r->interfaces, &network->interfaces, &more);
	r->interfaces = network->interfaces;
	r->traffic.bytes_in += more.bytes_in;
	r->traffic.bytes_out += more.bytes_out;
	r->traffic.packets_in += more.packets_in;
	r->traffic.packets_out += more.packets_out;
	r->counts.traffic = r->traffic;
	metrics_between(&r->base, &r->counts, &since);
	return metrics_text(r->id, network, &since, METRICS_MAX, &r->text);
}

static void defender_advance(void *userdata);

/* Nothing went out: the report is still due. */
static void defender_failed(struct defender *d, int r)
{
	log_warning("Device Defender: no report for now: %s", strerror(-r));
	defender_ended(d, DEFENDER_NONE);
	d->wanted = d->up;
	defender_advance(d);
}

static void on_published(void *who, uint64_t number, int r)
{
	struct defender *d = who;

	d->acknowledged |= number == d->number && r >= 0;
}

static void defender_publish(struct defender *d, const char *text)
{
	const struct done published = { on_published, d, d->number };
	char topic[TOPICS_MAX];
	int r;

	(void)snprintf(topic, sizeof(topic), TOPIC_REPORT, d->thing_name);
	r = d->events.publish(d->events.userdata, topic, text, strlen(text), published);
	if (r < 0) {
		defender_failed(d, r);
		return;
	}
	d->phase = PHASE_WAITING;
	d->sent = timer_now();
	d->counts = d->reading.counts;
	d->info.reports++;
	d->info.outcome = DEFENDER_WAITING;
	d->info.id = d->last;
	d->info.code[0] = d->info.message[0] = '\0';
}

static void on_read(void *arg, int r)
{
	struct reading *reading = arg;
	struct defender *d = container_of(reading, struct defender, reading);
	_cleanup_(freep) char *text = TAKE_PTR(reading->text);

	if (reading->kept < 0)
		(void)log_errno(reading->kept, "%s/" DEFENDER_FILE, d->dir);
	else
		d->writes++;
	if (reading->number != d->number)
		return;
	if (r < 0)
		defender_failed(d, r);
	else
		defender_publish(d, text);
}

static void defender_read(struct defender *d)
{
	struct reading *reading = &d->reading;
	int64_t now;
	int r;

	if (worker_busy(d->worker)) {
		defender_failed(d, -EBUSY);
		return;
	}
	d->phase = PHASE_READING;
	d->events.sample(d->events.userdata, &reading->counts, &now);
	d->info.at = now;
	d->last = now > 0 && (uint64_t)now > d->last ? (uint64_t)now : d->last + 1;
	reading->id = d->last;
	reading->number = d->number;
	reading->base = d->base;
	r = worker_run(d->worker, read_job, on_read, reading);
	if (r < 0)
		defender_failed(d, r);
}

/* A report goes out without a subscription, too; nothing is heard of it then. */
static void on_subscribed(void *who, uint64_t number, int r)
{
	struct defender *d = who;

	if (number == d->number && d->phase == PHASE_SUBSCRIBING && r >= 0)
		defender_read(d);
}

static void defender_begin(struct defender *d)
{
	char filter[TOPICS_MAX];
	int r;

	defender_ended(d, without_answer(d));
	d->acknowledged = false;
	d->wanted = false;
	d->sent = timer_now();
	d->least = d->sent + DEFENDER_LEAST_S * MILLI;
	d->phase = PHASE_SUBSCRIBING;
	topics_defender(d->thing_name, filter);
	r = d->events.subscribe(d->events.userdata, filter, (struct done){ on_subscribed, d, d->number });
	if (r < 0)
		defender_failed(d, r);
}

/* --- when --- */

static uint64_t defender_period(const struct defender *d)
{
	unsigned seconds = d->info.interval;

	return (seconds < DEFENDER_LEAST_S ? DEFENDER_LEAST_S : seconds) * MILLI;
}

/* No report before. */
static uint64_t defender_gate(const struct defender *d)
{
	return d->least > d->pause ? d->least : d->pause;
}

static void defender_advance(void *userdata)
{
	struct defender *d = userdata;
	uint64_t now = timer_now(), period = defender_period(d), due;

	if (d->info.interval == 0) {
		timer_disarm(&d->timer);
		return;
	}
	if (now >= d->tick) {
		d->tick += period * (1 + (now - d->tick) / period);
		d->wanted = d->up;
	}
	if (d->wanted && now >= defender_gate(d))
		defender_begin(d);
	/* One that could not begin is wanted still, at another time. */
	due = d->wanted && defender_gate(d) < d->tick ? defender_gate(d) : d->tick;
	timer_arm(&d->timer, due - now);
}

void defender_set_interval(struct defender *d, unsigned seconds)
{
	bool on = d->info.interval > 0;
	uint64_t now = timer_now();

	if (seconds == d->info.interval)
		return;
	d->info.interval = seconds;
	d->losses = 0;
	d->pause = 0;
	if (!on || d->least == 0)
		d->tick = now + defender_period(d);
	else
		d->tick = d->least + defender_period(d) - DEFENDER_LEAST_S * MILLI;
	if (d->tick < now)
		d->tick = now;
	if (!on)
		d->wanted = d->up;
	if (seconds == 0 && d->phase != PHASE_WAITING)
		defender_ended(d, DEFENDER_NONE);
	defender_advance(d);
}

void defender_up(struct defender *d)
{
	d->up = true;
	d->wanted = true;
	defender_advance(d);
}

void defender_down(struct defender *d, bool lost)
{
	d->up = false;
	d->wanted = false;
	if (d->phase != PHASE_IDLE && !d->acknowledged && is_fresh(d) && lost)
		defender_lost(d);
	defender_ended(d, without_answer(d));
	defender_advance(d);
}

void defender_reset(struct defender *d)
{
	d->losses = 0;
	d->pause = 0;
}

/* --- answers --- */

static void printable(const char *text, char *ret, size_t size)
{
	if (text)
		(void)log_printable(text, strlen(text), ret, size);
	else
		ret[0] = '\0';
}

static void defender_rejected(struct defender *d, const cJSON *root)
{
	const cJSON *details = cJSON_GetObjectItemCaseSensitive(root, "statusDetails");

	printable(payload_text(details, "ErrorCode"), d->info.code, sizeof(d->info.code));
	printable(payload_text(details, "ErrorMessage"), d->info.message, sizeof(d->info.message));
	log_warning("Device Defender rejects report %llu: %s: %s", (unsigned long long)d->last,
		    d->info.code[0] ? d->info.code : "no code", d->info.message[0] ? d->info.message : "no reason");
	defender_ended(d, DEFENDER_REJECTED);
}

void defender_message(struct defender *d, const char *topic, const void *payload, size_t n)
{
	_cleanup_(cJSON_Deletep) cJSON *root = NULL;
	const char *verdict = strrchr(topic, '/');
	int64_t id = -1;

	if (!verdict || d->phase != PHASE_WAITING || !topics_is_defender(d->thing_name, topic))
		return;
	root = payload_parse(payload, n);
	if (!root) {
		log_debug("Device Defender: an answer that cannot be read");
		return;
	}

	/* One that was rejected because it could not be read has no id. */
	if (strcmp(verdict, "/rejected") == 0 && (!payload_number(root, "reportId", &id) || (uint64_t)id == d->last))
		defender_rejected(d, root);
	else if (strcmp(verdict, "/accepted") == 0 && payload_number(root, "reportId", &id) && (uint64_t)id == d->last)
		defender_ended(d, DEFENDER_ACCEPTED);
}

/* --- for the owner --- */

void defender_get_info(const struct defender *d, struct defender_info *ret)
{
	*ret = d->info;
}

const char *defender_outcome_name(enum defender_outcome outcome)
{
	static const char *const names[] = {
		[DEFENDER_NONE] = "none",
		[DEFENDER_WAITING] = "waiting",
		[DEFENDER_ACCEPTED] = "accepted",
		[DEFENDER_REJECTED] = "rejected",
		[DEFENDER_UNANSWERED] = "unanswered",
		[DEFENDER_LOST] = "lost",
	};

	return names[outcome];
}

uint64_t defender_writes(const struct defender *d)
{
	return d->writes;
}

int defender_new(struct defender **ret, sd_event *event, const char *thing_name, const char *state_dir,
		 const struct defender_events *events)
{
	_cleanup_(defender_freep) struct defender *d = NULL;
	int r;

	d = calloc(1, sizeof(*d));
	if (!d)
		return -ENOMEM;
	d->thing_name = thing_name;
	d->events = *events;
	d->dir = strdup(state_dir);
	if (!d->dir)
		return -ENOMEM;
	d->reading.dir = d->dir;
	r = timer_init(&d->timer, event, defender_advance, d);
	if (r == 0)
		r = worker_new(&d->worker, event);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct defender *defender_free(struct defender *d)
{
	if (!d)
		return NULL;
	d->worker = worker_free(d->worker);
	timer_done(&d->timer);
	free(d->reading.text);
	free(d->dir);
	free(d);
	return NULL;
}

/* The service's minimum goes on: the last report's number is its time. A clock that says less tells nothing. */
static uint64_t least_after_restart(const struct defender *d)
{
	struct metrics_counts counts;
	int64_t now;
	uint64_t gone;

	d->events.sample(d->events.userdata, &counts, &now);
	gone = now > 0 && (uint64_t)now > d->last ? (uint64_t)now - d->last : 0;
	return gone < DEFENDER_LEAST_S ? timer_now() + (DEFENDER_LEAST_S - gone) * MILLI : 0;
}

void defender_start(struct defender *d)
{
	uint64_t kept = 0;
	int r = file_read_number(d->dir, DEFENDER_FILE, &kept);

	if (r == -ENOENT)
		return;
	if (r < 0) {
		(void)log_errno(r, "%s/" DEFENDER_FILE, d->dir);
	} else if (kept >= EPOCH_END) {
		log_warning("%s/" DEFENDER_FILE ": not the number of a report", d->dir);
	} else {
		d->last = kept;
		d->least = least_after_restart(d);
	}
}
