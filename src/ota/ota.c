/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/ota.h"

#include "at/error.h"
#include "ota/inside.h"
#include "ota/offer.h"
#include "util/log.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAME_UNKNOWN "unknown"

void ota_tag(const struct ota *o, char ret[DOWNLOAD_MAX_TAG])
{
	(void)snprintf(ret, DOWNLOAD_MAX_TAG, "%s/%" PRId64, o->job.id, o->job.number);
}

/* --- the image --- */

static void complete(struct ota *o)
{
	bool module = o->job.document.type == DOCUMENT_MODULE_IMAGE;

	ota_happen(o, module ? OTA_HAPPEN_MODULE_VERIFIED : OTA_HAPPEN_HOST_VERIFIED);
}

static void on_complete(void *userdata)
{
	struct ota *o = userdata;
	const struct offer_rules rules = offer_rules(o->settings, o->dict, o->epoch);
	char reason[DOCUMENT_MAX_REASON + 1];

	if (offer_verify(&o->job.document, &rules, image_digest(o->image), reason) < 0)
		ota_fail(o, reason);
	else
		complete(o);
}

static void on_failed(void *userdata, const char *reason)
{
	ota_fail(userdata, reason);
}

static void on_progress(void *userdata, uint64_t blocks)
{
	struct ota *o = userdata;

	report_progress(o->report, blocks);
}

/* The cloud makes a fresh URL whenever it gives the document. */
static void on_stale(void *userdata)
{
	struct ota *o = userdata;

	survey_doubt(o->survey);
}

/* After a restart the image of a finished download was read again. */
static void on_proven(void *who, uint64_t number, int r)
{
	struct ota *o = who;

	(void)number;
	if (r == 0)
		complete(o);
	else if (r != -ECANCELED)
		ota_fail(o, "The image on the disk is damaged");
}

/* --- the connection --- */

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	struct ota *o = userdata;

	return o->events.publish(o->events.userdata, topic, payload, n, qos);
}

static int on_subscribe(void *userdata, const char *filter)
{
	struct ota *o = userdata;

	return o->events.subscribe(o->events.userdata, filter);
}

static void on_next(void *userdata, const struct jobs_execution *next)
{
	struct ota *o = userdata;

	if (!next)
		intake_pending(o, NULL, 0);
	survey_next(o->survey, next);
}

static void on_described(void *userdata, const struct jobs_execution *execution, const char *code)
{
	struct ota *o = userdata;

	survey_described(o->survey, execution, code);
}

static void on_pending(void *userdata, const struct jobs_execution *all, size_t n)
{
	struct ota *o = userdata;

	intake_pending(o, all, n);
	survey_pending(o->survey, all, n);
}

static void on_updated(void *userdata, const char *id, const char *code)
{
	struct ota *o = userdata;

	report_updated(o->report, id, code);
}

static void on_renewed(void *userdata, const struct record_result *result)
{
	intake_renewed(userdata, result);
}

bool ota_message(struct ota *o, const char *topic, const void *payload, size_t n)
{
	if (jobs_message(o->jobs, topic, payload, n))
		return true;

	/* Two streams may be under way; each knows its own. */
	(void)renewal_message(o->renewal, topic, payload, n);
	return download_message(o->download, topic, payload, n);
}

void ota_connected(struct ota *o)
{
	o->up = true;
	jobs_up(o->jobs);
	report_up(o->report);
	survey_up(o->survey);
	ota_happen(o, OTA_HAPPEN_CONNECTED);
}

void ota_disconnected(struct ota *o)
{
	o->up = false;
	jobs_down(o->jobs);
	report_down(o->report);
	survey_down(o->survey);
	(void)renewal_stop(o->renewal);
	download_pause(o->download);
	ota_happen(o, OTA_HAPPEN_DISCONNECTED);
}

void ota_reset(struct ota *o)
{
	o->position = 0;
	if (wire_active(o->wire)) {
		wire_stop(o->wire);
		otw_over(o);
	}
	ota_happen(o, OTA_HAPPEN_RESET);
}

void ota_startup(struct ota *o)
{
	ota_happen(o, OTA_HAPPEN_STARTUP);
}

/* --- commands --- */

enum ota_state ota_state(const struct ota *o)
{
	return o->state;
}

const char *ota_detail(struct ota *o)
{
	const struct document *d = &o->job.document;
	const char *text = o->state == OTA_HOST_OFFERED ? d->text : d->version;

	switch (o->state) {
	case OTA_MODULE_OFFERED:
	case OTA_HOST_OFFERED:
	case OTA_MODULE_READY:
		return *text ? text : NAME_UNKNOWN;
	case OTA_HOST_READY:
		(void)snprintf(o->size, sizeof(o->size), "%" PRIu64, image_size(o->image));
		return o->size;
	default:
		return "";
	}
}

void ota_accept(struct ota *o, struct done done)
{
	ota_ask(o, OTA_HAPPEN_ACCEPT, done);
}

void ota_close(struct ota *o, struct done done)
{
	ota_ask(o, OTA_HAPPEN_CLOSE, done);
}

void ota_flush(struct ota *o, struct done done)
{
	ota_ask(o, OTA_HAPPEN_FLUSH, done);
}

static void on_read(void *who, uint64_t number, int r)
{
	struct ota *o = who;
	struct done done = o->read_done;

	if (number != o->read_number)
		return;
	o->read_done = (struct done){ 0 };
	if (r == -EBADMSG)
		ota_fail(o, "The image on the disk has changed");
	done_call(&done, r == -EBADMSG || r == -ECANCELED ? AT_ERR_NO_IMAGE : r);
}

void ota_read(struct ota *o, size_t n, struct done done)
{
	done_call(&o->read_done, -ECANCELED);
	if (o->state != OTA_HOST_READY) {
		done_call(&done, AT_ERR_NO_IMAGE);
		return;
	}
	o->read_done = done;
	image_read(o->image, o->position, n < OTA_MAX_READ ? n : OTA_MAX_READ,
		   (struct done){ .fn = on_read, .who = o, .number = ++o->read_number });
}

const void *ota_take(struct ota *o, size_t *ret_n)
{
	const void *data = image_data(o->image, ret_n);

	o->position += *ret_n;
	return data;
}

int ota_seek(struct ota *o, uint64_t address)
{
	if (o->state != OTA_HOST_READY)
		return AT_ERR_NO_IMAGE;
	if (address > image_size(o->image))
		return AT_ERR_ADDRESS;
	o->position = address;
	return 0;
}

void ota_get_info(const struct ota *o, struct ota_info *ret)
{
	bool held = o->state != OTA_IDLE;

	*ret = (struct ota_info){ .state = o->state };
	(void)report_results(o->report, &ret->results);
	ret->last = o->has_last ? &o->last : NULL;
	ret->last_at = o->last_at;
	if (!held)
		return;
	ret->job = o->job.document.wire ? NULL : o->job.id;
	ret->number = o->job.number;
	ret->size = o->job.document.size;
	ret->position = o->position;
	if (o->state == OTA_BUSY)
		ret->have = image_have(o->image);
	else if (o->state >= OTA_MODULE_READY)
		ret->have = ret->size;
}

void ota_watch(struct ota *o, void (*fn)(void *userdata, const struct record_result *result), void *userdata)
{
	o->watcher = fn;
	o->watcher_userdata = userdata;
}

/* --- life --- */

int ota_start(struct ota *o)
{
	const struct record *record = &o->record;
	char tag[DOWNLOAD_MAX_TAG];

	keeper_load(o->keeper, &o->record);
	for (size_t i = 0; i < record->results_n; i++)
		report_add(o->report, &record->results[i]);
	if (record->results_n > 0) {
		o->last = record->results[record->results_n - 1];
		o->has_last = true;
	}
	o->phase = record->phase;
	if (record->phase == RECORD_NOTHING) {
		download_clean(o->download);
		return 0;
	}
	memcpy(o->job.id, record->id, sizeof(o->job.id));
	o->job.number = record->number;
	o->job.started = true;
	o->job.document = record->document;
	memcpy(o->digest, record->digest, sizeof(o->digest));
	o->state = OTA_BUSY;
	survey_hold(o->survey, o->job.id, o->job.number);
	if (!record->document.wire) {
		log_info("Job %s is taken up again", o->job.id);
		report_begin(o->report, o->job.id, o->job.number, download_blocks(&o->job.document));
	}
	ota_tag(o, tag);
	if (record->phase == RECORD_DOWNLOAD)
		download_start(o->download, tag, &o->job.document, true);
	else
		image_verify(o->image, record->document.size, record->digest,
			     (struct done){ .fn = on_proven, .who = o });
	return 0;
}

int ota_new(struct ota **ret, sd_event *event, const struct settings *settings, struct dict *dict,
	    const struct epoch *epoch, const char *state_dir, const struct ota_events *events)
{
	struct download_events download = {
		.on_complete = on_complete,
		.on_failed = on_failed,
		.on_progress = on_progress,
		.on_stale = on_stale,
		.publish = on_publish,
		.subscribe = on_subscribe,
	};
	struct jobs_events jobs = {
		.on_next = on_next,
		.on_described = on_described,
		.on_pending = on_pending,
		.on_updated = on_updated,
		.publish = on_publish,
	};
	struct renewal_events renewal = {
		.on_result = on_renewed,
		.publish = on_publish,
		.subscribe = on_subscribe,
	};
	struct survey_events survey = intake_survey;
	struct wire_owner wire = otw_owner;
	struct report_events report = intake_report;
	_cleanup_(ota_freep) struct ota *o = NULL;
	int r;

	o = calloc(1, sizeof(*o));
	if (!o)
		return -ENOMEM;
	o->settings = settings;
	o->dict = dict;
	o->epoch = epoch;
	o->events = *events;
	download.userdata = jobs.userdata = renewal.userdata = survey.userdata = report.userdata = wire.userdata = o;
	r = jobs_new(&o->jobs, event, settings->thing_name, &jobs);
	if (r == 0)
		r = image_new(&o->image, event, state_dir);
	if (r == 0)
		r = keeper_new(&o->keeper, event, state_dir);
	if (r == 0)
		r = download_new(&o->download, event, settings->thing_name, settings->ota_ca_file, state_dir, o->image,
				 &download);
	if (r == 0)
		r = report_new(&o->report, event, o->jobs, &report);
	if (r == 0)
		r = survey_new(&o->survey, event, o->jobs, &survey);
	if (r == 0)
		r = renewal_new(&o->renewal, event, settings, dict, epoch, &renewal);
	if (r == 0)
		r = wire_new(&o->wire, event, o->image, &wire);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(o);
	return 0;
}

struct ota *ota_free(struct ota *o)
{
	if (!o)
		return NULL;
	if (o->wire)
		wire_stop(o->wire);
	o->wire = wire_free(o->wire);
	o->renewal = renewal_free(o->renewal);
	o->survey = survey_free(o->survey);
	o->report = report_free(o->report);
	o->download = download_free(o->download);
	o->keeper = keeper_free(o->keeper);
	o->image = image_free(o->image);
	o->jobs = jobs_free(o->jobs);
	free(o);
	return NULL;
}
