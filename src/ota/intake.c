/* SPDX-License-Identifier: Apache-2.0 */
/* Jobs that come in, and what the cloud says of those that are known. */
#include "ota/inside.h"

#include "ota/offer.h"
#include "util/log.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MAX_REFUSALS (RECORD_MAX_RESULTS / 2) /* that wait to be told */

static void set_job(struct ota_job *job, const struct jobs_execution *execution, const struct document *document)
{
	memcpy(job->id, execution->id, sizeof(job->id));
	job->number = execution->number;
	job->version = execution->version;
	job->started = execution->status == JOBS_IN_PROGRESS;
	job->document = *document;
}

/* REJECTED is for what was never begun. */
static void refuse(struct ota *o, const struct jobs_execution *execution, const char *reason)
{
	struct record_result result = {
		.number = execution->number,
		.status = execution->status == JOBS_QUEUED ? JOBS_REJECTED : JOBS_FAILED,
	};

	memcpy(result.id, execution->id, sizeof(result.id));
	(void)snprintf(result.reason, sizeof(result.reason), "%s", reason);
	ota_end(o, &result);
}

/* Refusals must not drive out the results that the host has asked for. */
static bool may_refuse(struct ota *o)
{
	size_t n;

	(void)report_results(o->report, &n);
	o->look_after_result = n >= MAX_REFUSALS;
	return !o->look_after_result;
}

static int judge(const struct ota *o, const struct jobs_execution *execution, struct document *ret,
		 char reason[DOCUMENT_MAX_REASON + 1])
{
	const struct offer_rules rules = offer_rules(o->settings, o->dict, o->epoch);
	int r;

	if (!execution->document) {
		(void)snprintf(reason, DOCUMENT_MAX_REASON + 1, "No job document that can be read");
		return -EINVAL;
	}
	r = document_parse(execution->document, ret, reason);
	return r < 0 ? r : offer_judge(ret, &rules, reason);
}

static void offer(struct ota *o, const struct jobs_execution *execution, const struct document *document)
{
	bool module = document->type == DOCUMENT_MODULE_IMAGE;

	set_job(&o->job, execution, document);
	log_notice("Job %s offers %s", o->job.id, module ? "a module image" : "a host image");
	ota_happen(o, module ? OTA_HAPPEN_OFFER_MODULE : OTA_HAPPEN_OFFER_HOST);
	survey_hold(o->survey, o->job.id, o->job.number);
}

/* --- certificates --- */

/* Without the host, and beside what is in hand (guide 8.6.1.4, 8.11, 8.12.1.1). */
static bool renew(struct ota *o, const struct jobs_execution *execution, const struct document *document)
{
	const char *busy = renewal_job(o->renewal);

	if (renewal_is(o->renewal, execution, document))
		return true;

	/* Removed and made anew under its old name, a job may bring another one. */
	if (busy && !(strcmp(busy, execution->id) == 0 && renewal_stop(o->renewal))) {
		o->look_after_renewal = true;
		return false;
	}
	if (!may_refuse(o))
		return false;
	log_info("Job %s brings a certificate: %s", execution->id, keys_row(offer_key(document->type))->name);
	renewal_begin(o->renewal, execution, document);
	return true;
}

/* Others that wait are looked at when the cloud knows this result: until then it names this job first. */
void intake_renewed(struct ota *o, const struct record_result *result)
{
	o->look_after_result |= o->look_after_renewal;
	o->look_after_renewal = false;
	ota_end(o, result);
}

void intake_pending(struct ota *o, const struct jobs_execution *all, size_t n)
{
	const char *id = renewal_job(o->renewal);

	/* A longer list may not have all. */
	if (!id || n >= JOBS_MAX_NOTIFIED)
		return;
	for (size_t i = 0; i < n; i++) {
		if (strcmp(all[i].id, id) == 0)
			return;
	}
	if (!renewal_stop(o->renewal))
		return;
	log_notice("Job %s is gone", id);
	if (o->look_after_renewal)
		survey_look(o->survey);
	o->look_after_renewal = false;
}

/* --- all of them --- */

static bool on_job(void *userdata, const struct jobs_execution *execution)
{
	struct ota *o = userdata;
	char reason[DOCUMENT_MAX_REASON + 1];
	struct document document;
	bool told;

	if (report_is_over(o->report, execution->id, execution->number, &told)) {
		/* Or it is a new one of the same name: then it is still there a while later. */
		if (told)
			survey_look_later(o->survey, REPORT_MEMORY_MS);
		return true;
	}
	if (o->changing) {
		o->look_again = true;
		return false;
	}
	if (judge(o, execution, &document, reason) < 0) {
		if (!may_refuse(o))
			return false;
		refuse(o, execution, reason);
	} else if (document_is_certificate(document.type)) {
		return renew(o, execution, &document);
	} else if (wire_active(o->wire)) {
		return true; /* until it has the buffer no more */
	} else if (document.type == DOCUMENT_MODULE_IMAGE && document.force &&
		   (o->state == OTA_IDLE || !o->job.document.force)) {
		set_job(&o->forced, execution, &document);
		log_notice("Job %s brings a module image without asking", execution->id);
		ota_happen(o, OTA_HAPPEN_FORCE);
	} else if (o->state == OTA_IDLE) {
		offer(o, execution, &document);
	}
	return true;
}

static void on_gone(void *userdata)
{
	struct ota *o = userdata;

	log_notice("Job %s is gone", o->job.id);
	ota_happen(o, OTA_HAPPEN_GONE);
}

/* Removed and made anew under its old name, a job may bring something else. */
static void on_seen(void *userdata, const struct jobs_execution *execution)
{
	struct ota *o = userdata;
	char reason[DOCUMENT_MAX_REASON + 1];
	struct document document;

	if (o->changing || o->state == OTA_IDLE)
		return;
	if (execution->document) {
		if (document_parse(execution->document, &document, reason) < 0 ||
		    !offer_is_same(&o->job.document, &document)) {
			on_gone(o);
			return;
		}
		memcpy(o->job.document.url, document.url, sizeof(document.url));
		download_renewed(o->download);
	}
	o->job.started = execution->status == JOBS_IN_PROGRESS;
	if (!o->job.started && o->phase != RECORD_NOTHING)
		report_tell(o->report, execution->version);
}

static void on_result(void *userdata, const struct record_result *result, const char *code)
{
	struct ota *o = userdata;

	if (code) {
		log_warning("Job %s: the cloud refuses its result: %s", result->id, code);
		/* Only the host that asked for it has to know (guide 8.2.7.1, 8.2.8.1). */
		if (result->asked)
			o->events.on_event(o->events.userdata, o->state, code);
	} else {
		log_info("Job %s: the cloud knows its result", result->id);
	}
	ota_results_changed(o);
	if (o->state != OTA_IDLE && !o->look_after_result)
		return;
	o->look_after_result = false;
	survey_look(o->survey);
}

static void on_doubt(void *userdata)
{
	struct ota *o = userdata;

	survey_doubt(o->survey);
}

const struct survey_events intake_survey = { .on_gone = on_gone, .on_seen = on_seen, .on_job = on_job };
const struct report_events intake_report = { .on_result = on_result, .on_doubt = on_doubt };
