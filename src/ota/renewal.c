/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/renewal.h"

#include "at/error.h"
#include "cloud/fetch.h"
#include "cloud/streams.h"
#include "ota/offer.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum renewal_stage {
	RENEWAL_NOTHING,
	RENEWAL_FETCHING,
	RENEWAL_WRITING, /* the dictionary has it */
};

struct renewal {
	const struct settings *settings;
	struct dict *dict;
	const struct epoch *epoch;
	struct renewal_events events;
	struct streams *streams;
	struct fetch *fetch;
	enum renewal_stage stage;
	char id[JOBS_MAX_ID + 1];
	int64_t number;
	struct document document;
	unsigned char *data; /* document.size bytes */
};

static const char *key_name(const struct renewal *r)
{
	return keys_row(offer_key(r->document.type))->name;
}

/* --- the end --- */

static void forget(struct renewal *r)
{
	r->stage = RENEWAL_NOTHING;
	free(r->data);
	r->data = NULL;
}

static void _printf_(3, 4) end(struct renewal *r, enum jobs_status status, const char *format, ...)
{
	struct record_result result = { .number = r->number, .status = status };
	va_list ap;

	memcpy(result.id, r->id, sizeof(result.id));
	va_start(ap, format);
	(void)vsnprintf(result.reason, sizeof(result.reason), format, ap);
	va_end(ap);
	forget(r);
	r->events.on_result(r->events.userdata, &result);
}

/* --- the certificate has come --- */

static void on_written(void *who, uint64_t number, int result)
{
	struct renewal *r = who;

	(void)number;
	if (result == 0)
		end(r, JOBS_SUCCEEDED, "Accepted as %s", key_name(r));
	else
		end(r, JOBS_FAILED, "%s could not be written to the disk", key_name(r));
}

/* Why the dictionary does not take it (guide 8.6.1.3, 8.11). */
static void refused(struct renewal *r, int result)
{
	size_t present;

	if (result < 0) {
		end(r, JOBS_FAILED, "%s was not changed: %s", key_name(r), strerror(-result));
		return;
	}
	(void)dict_get(r->dict, offer_key(r->document.type), &present);
	if (result != AT_ERR_SIGNATURE)
		end(r, JOBS_FAILED, "The certificate is longer than %s may be", key_name(r));
	else if (r->document.type == DOCUMENT_ROOT_CERTIFICATE)
		end(r, JOBS_FAILED, "Invalid signature: by neither the root itself nor one of the present RootCA");
	else if (present > 0)
		end(r, JOBS_FAILED, "Invalid signature: not by the key of the present %s", key_name(r));
	else
		end(r, JOBS_FAILED, "Invalid signature: not by the certificate's own key");
}

static void take(struct renewal *r)
{
	const struct offer_rules rules = offer_rules(r->settings, r->dict, r->epoch);
	const char *name = key_name(r);
	char reason[DOCUMENT_MAX_REASON + 1];
	_cleanup_(freep) char *pem = NULL;
	size_t n = (size_t)r->document.size;
	int result;

	if (offer_read_certificate(&r->document, &rules, r->data, n, &pem, &n, reason) < 0) {
		end(r, JOBS_FAILED, "%s", reason);
		return;
	}
	r->stage = RENEWAL_WRITING;
	result = dict_set(r->dict, name, strlen(name), pem, n, (struct done){ .fn = on_written, .who = r });
	if (result)
		refused(r, result);
}

/* --- from the cloud --- */

static bool on_block(void *userdata, uint64_t offset, const void *data, size_t n)
{
	struct renewal *r = userdata;

	if (n <= r->document.size && offset <= r->document.size - n)
		memcpy(r->data + offset, data, n);
	return true;
}

static void on_complete(void *userdata)
{
	take(userdata);
}

static void on_failed(void *userdata, const char *reason)
{
	end(userdata, JOBS_FAILED, "%s", reason);
}

static int ask_stream(struct renewal *r)
{
	const struct document *d = &r->document;

	return streams_start(r->streams, &(struct streams_target){
						 .stream = d->stream,
						 .file = d->file,
						 .size = d->size,
						 .patience = *d->url ? STREAMS_SILENCE_MS - FETCH_FALLBACK_MS : 0,
					 });
}

static int ask_url(struct renewal *r)
{
	const struct document *d = &r->document;

	return fetch_start(r->fetch, &(struct fetch_target){
					     .url = d->url,
					     .size = d->size,
					     .patience = *d->stream ? FETCH_FALLBACK_MS : 0,
				     });
}

static void asked(struct renewal *r, int result)
{
	if (result == -ENOTCONN)
		forget(r);
	else if (result < 0)
		end(r, JOBS_FAILED, "The certificate cannot be asked for: %s", strerror(-result));
}

static void on_url_failed(void *userdata, const char *reason)
{
	struct renewal *r = userdata;

	if (*r->document.stream)
		asked(r, ask_stream(r));
	else
		on_failed(r, reason);
}

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	struct renewal *r = userdata;

	return r->events.publish(r->events.userdata, topic, payload, n, qos);
}

static int on_subscribe(void *userdata, const char *filter)
{
	struct renewal *r = userdata;

	return r->events.subscribe(r->events.userdata, filter);
}

/* --- for the owner --- */

const char *renewal_job(const struct renewal *r)
{
	return r->stage == RENEWAL_NOTHING ? NULL : r->id;
}

bool renewal_is(const struct renewal *r, const struct jobs_execution *execution, const struct document *document)
{
	return r->stage != RENEWAL_NOTHING && strcmp(r->id, execution->id) == 0 && r->number == execution->number &&
	       offer_is_same(&r->document, document);
}

void renewal_begin(struct renewal *r, const struct jobs_execution *execution, const struct document *document)
{
	int result = -ENOMEM;

	memcpy(r->id, execution->id, sizeof(r->id));
	r->number = execution->number;
	r->document = *document;
	r->stage = RENEWAL_FETCHING;
	r->data = malloc((size_t)document->size); /* at most OFFER_MAX_CERTIFICATE */
	if (r->data)
		result = *document->url ? ask_url(r) : ask_stream(r);
	asked(r, result);
}

bool renewal_stop(struct renewal *r)
{
	if (r->stage != RENEWAL_FETCHING)
		return false;
	streams_stop(r->streams);
	fetch_stop(r->fetch);
	forget(r);
	return true;
}

bool renewal_message(struct renewal *r, const char *topic, const void *payload, size_t n)
{
	return streams_message(r->streams, topic, payload, n);
}

int renewal_new(struct renewal **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const struct renewal_events *events)
{
	_cleanup_(renewal_freep) struct renewal *r = NULL;
	struct streams_events stream = {
		.on_block = on_block,
		.on_complete = on_complete,
		.on_failed = on_failed,
		.publish = on_publish,
		.subscribe = on_subscribe,
	};
	struct fetch_events url = { .on_data = on_block, .on_complete = on_complete, .on_failed = on_url_failed };
	int result;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->settings = settings;
	r->dict = dict;
	r->epoch = epoch;
	r->events = *events;
	stream.userdata = url.userdata = r;
	result = streams_new(&r->streams, event, settings->thing_name, &stream);
	if (result == 0)
		result = fetch_new(&r->fetch, event, settings->ota_ca_file, &url);
	if (result < 0)
		return result;
	*ret = TAKE_PTR(r);
	return 0;
}

struct renewal *renewal_free(struct renewal *r)
{
	if (!r)
		return NULL;
	r->fetch = fetch_free(r->fetch);
	r->streams = streams_free(r->streams);
	free(r->data);
	free(r);
	return NULL;
}
