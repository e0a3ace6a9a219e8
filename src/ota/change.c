/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/inside.h"

#include "at/error.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define BIT(happening) (1u << (happening))

/* What speaks of the job in hand, and means nothing to the next one. */
#define OF_THE_JOB                                                                         \
	(BIT(OTA_HAPPEN_GONE) | BIT(OTA_HAPPEN_FAILED) | BIT(OTA_HAPPEN_MODULE_VERIFIED) | \
	 BIT(OTA_HAPPEN_HOST_VERIFIED))

/* --- what is kept on the disk --- */

static enum record_phase phase_after(const struct ota *o, const struct ota_transition *t)
{
	switch (t->next) {
	case OTA_BUSY:
		return t->actions & OTA_DO_PREPARE ? RECORD_DOWNLOAD : o->phase;
	case OTA_MODULE_READY:
	case OTA_HOST_READY:
		return RECORD_READY;
	default:
		return RECORD_NOTHING;
	}
}

static void append(struct record *r, const struct record_result *result)
{
	if (r->results_n == RECORD_MAX_RESULTS) {
		r->results_n--;
		memmove(&r->results[0], &r->results[1], r->results_n * sizeof(r->results[0]));
	}
	r->results[r->results_n++] = *result;
}

static void fill_record(struct ota *o, enum record_phase phase, const struct ota_job *job)
{
	const struct record_result *results;
	struct record *r = &o->record;

	*r = (struct record){ .phase = phase };
	results = report_results(o->report, &r->results_n);
	memcpy(r->results, results, r->results_n * sizeof(*results));
	if (phase == RECORD_NOTHING)
		return;
	memcpy(r->id, job->id, sizeof(r->id));
	r->number = job->number;
	r->document = job->document;
	if (phase == RECORD_READY)
		memcpy(r->digest, o->digest, sizeof(r->digest));
}

/* The cloud tells us again what is not on the disk. */
static void on_kept(void *who, uint64_t number, int r)
{
	struct ota *o = who;

	(void)number;
	if (r == 0)
		return;
	(void)log_errno(r, "What is known of updates was not written");
	o->dirty = true;
}

void ota_results_changed(struct ota *o)
{
	o->dirty = o->changing;
	if (o->changing)
		return;
	fill_record(o, o->phase, &o->job);
	keeper_save(o->keeper, &o->record, (struct done){ .fn = on_kept, .who = o });
}

/* What came over the wire has no id, and nobody waits for its result. */
static void end(struct ota *o, const struct record_result *result)
{
	o->last = *result;
	o->has_last = true;
	o->last_at = time(NULL);
	if (o->watcher)
		o->watcher(o->watcher_userdata, result);
	if (*result->id)
		report_add(o->report, result);
}

void ota_end(struct ota *o, const struct record_result *result)
{
	log_write(result->status == JOBS_SUCCEEDED ? LOG_NOTICE : LOG_WARNING, "Job %s: %s", result->id,
		  result->reason);
	end(o, result);
	ota_results_changed(o);
}

/* --- what is done --- */

static void drop(struct ota *o)
{
	download_stop(o->download);
	image_discard(o->image);
	report_end(o->report);
	survey_release(o->survey);
	o->later &= ~OF_THE_JOB;
}

static void prepare(struct ota *o)
{
	char tag[DOWNLOAD_MAX_TAG];

	if (o->change.happening == OTA_HAPPEN_FORCE) {
		o->job = o->forced;
		survey_hold(o->survey, o->job.id, o->job.number);
	}
	ota_tag(o, tag);
	report_begin(o->report, o->job.id, o->job.number, download_blocks(&o->job.document));
	report_tell(o->report, o->job.version);
	download_start(o->download, tag, &o->job.document, false);
	if (o->up)
		download_go(o->download);
}

static void act(struct ota *o, unsigned actions)
{
	if (o->change.ends)
		end(o, &o->change.result);
	if (actions & OTA_DO_DROP)
		drop(o);
	if (actions & OTA_DO_PREPARE)
		prepare(o);
	if ((actions & OTA_DO_FETCH) && o->up)
		download_go(o->download);
	if (actions & OTA_DO_REWIND)
		o->position = 0;
	if (o->change.happening == OTA_HAPPEN_HOST_VERIFIED)
		image_publish(o->image);
	if (actions & OTA_DO_EVENT)
		o->events.on_event(o->events.userdata, o->state, NULL);

	/* The cloud names the next job by itself when it has taken a result. */
	if ((actions & OTA_DO_DROP) && o->state == OTA_IDLE && !o->change.told)
		survey_look(o->survey);
}

static void commit(struct ota *o)
{
	const struct ota_transition t = o->change.transition;

	if (t.next != o->state)
		log_info("Update: %s: %s -> %s", ota_happening_name(o->change.happening), ota_state_name(o->state),
			 ota_state_name(t.next));
	o->state = t.next;
	o->phase = o->change.phase;
	act(o, t.actions);
}

/* --- from happenings to changes --- */

static const char *reason_of(const struct ota *o, enum ota_happening happening)
{
	switch (happening) {
	case OTA_HAPPEN_CLOSE:
		return "Taken by the host";
	case OTA_HAPPEN_FLUSH:
		return o->phase == RECORD_NOTHING ? "Rejected by the host" : "Flushed by the host";
	case OTA_HAPPEN_FORCE:
		return "Overridden by a forced module update";
	default:
		return o->reason;
	}
}

static void set_result(const struct ota *o, struct ota_change *c)
{
	struct record_result *result = &c->result;

	if (c->transition.actions & OTA_DO_SUCCEED)
		result->status = JOBS_SUCCEEDED;
	else if ((c->transition.actions & OTA_DO_REJECT) && !o->job.started)
		result->status = JOBS_REJECTED;
	else if (c->transition.actions & (OTA_DO_FAIL | OTA_DO_REJECT))
		result->status = JOBS_FAILED;
	else
		return;
	c->ends = true;
	c->told = !o->job.document.wire;
	memcpy(result->id, o->job.id, sizeof(result->id));
	result->number = o->job.number;
	result->asked = c->happening == OTA_HAPPEN_CLOSE || c->happening == OTA_HAPPEN_FLUSH;
	(void)snprintf(result->reason, sizeof(result->reason), "%s", reason_of(o, c->happening));
}

static void settle(struct ota *o);

static void on_saved(void *who, uint64_t number, int r)
{
	struct ota *o = who;
	struct done done = o->change.done;

	(void)number;
	if (r < 0)
		(void)log_errno(r, "Update: %s was not written", ota_happening_name(o->change.happening));
	if (o->change.withdrawn) {
		o->dirty = true; /* the disk has it */
		r = -ECANCELED;
	}

	/* What a command asked for is not done then; the rest has happened all the same. */
	if (r == 0 || !done.fn)
		commit(o);
	o->changing = false;
	settle(o);
	done_call(&done, r);
}

static void begin(struct ota *o, enum ota_happening happening, struct done done)
{
	struct ota_change *c = &o->change;
	struct ota_transition t;

	if (!ota_next(o->state, happening, &t)) {
		done_call(&done, happening == OTA_HAPPEN_ACCEPT ? AT_ERR_OTA : 0);
		return;
	}

	/* What the actions make happen waits until they are done. */
	o->changing = true;
	*c = (struct ota_change){ .transition = t, .happening = happening, .done = done };
	c->phase = phase_after(o, &t);
	set_result(o, c);
	if (c->phase == o->phase && !c->told && !(t.actions & OTA_DO_PREPARE)) {
		commit(o);
		o->changing = false;
		done_call(&done, 0);
		return;
	}
	if (c->phase == RECORD_READY && o->phase != RECORD_READY)
		memcpy(o->digest, image_digest(o->image), sizeof(o->digest));
	fill_record(o, c->phase, happening == OTA_HAPPEN_FORCE ? &o->forced : &o->job);
	if (c->told)
		append(&o->record, &c->result);
	keeper_save(o->keeper, &o->record, (struct done){ .fn = on_saved, .who = o });
}

/* In this order: the connection first, for what it says may be needed by the rest; STARTUP last, for its event is to
 * tell the state that is reached. */
static bool take_later(struct ota *o, enum ota_happening *ret)
{
	static const enum ota_happening order[] = {
		OTA_HAPPEN_RESET,           OTA_HAPPEN_DISCONNECTED,  OTA_HAPPEN_CONNECTED,    OTA_HAPPEN_GONE,
		OTA_HAPPEN_FAILED,          OTA_HAPPEN_FORCE,         OTA_HAPPEN_OFFER_MODULE, OTA_HAPPEN_OFFER_HOST,
		OTA_HAPPEN_MODULE_VERIFIED, OTA_HAPPEN_HOST_VERIFIED, OTA_HAPPEN_STARTUP,
	};

	for (size_t i = 0; i < ELEMENTS(order); i++) {
		if (o->later & BIT(order[i])) {
			o->later &= ~BIT(order[i]);
			*ret = order[i];
			return true;
		}
	}
	return false;
}

static void settle(struct ota *o)
{
	enum ota_happening next;

	while (!o->changing) {
		if (take_later(o, &next)) {
			begin(o, next, (struct done){ 0 });
		} else if (o->asked_done.fn) {
			struct done done = o->asked_done;

			o->asked_done = (struct done){ 0 };
			begin(o, o->asked, done);
		} else {
			break;
		}
	}
	if (o->changing)
		return;
	if (o->dirty)
		ota_results_changed(o);
	if (o->look_again) {
		o->look_again = false;
		survey_look(o->survey);
	}
}

void ota_happen(struct ota *o, enum ota_happening happening)
{
	o->later |= BIT(happening);
	settle(o);
}

void ota_fail(struct ota *o, const char *reason)
{
	(void)snprintf(o->reason, sizeof(o->reason), "%s", reason);
	if (o->job.document.wire)
		log_warning("The image that came over the wire: %s", reason);
	else
		log_warning("Job %s: %s", o->job.id, reason);
	ota_happen(o, OTA_HAPPEN_FAILED);
}

void ota_ask(struct ota *o, enum ota_happening happening, struct done done)
{
	/* One that is still there was given up by its command. */
	done_call(&o->asked_done, -ECANCELED);
	o->asked = happening;
	o->asked_done = done;
	settle(o);
}

void ota_withdraw(struct ota *o)
{
	if (o->asked_done.fn)
		done_call(&o->asked_done, -ECANCELED);
	else if (o->changing)
		o->change.withdrawn = true;
}
