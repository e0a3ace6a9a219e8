/* SPDX-License-Identifier: Apache-2.0 */
/* Images that come over the wire (guide 8.13): no job, but the same staging file, rules and record. */
#include "ota/inside.h"

#include "at/error.h"
#include "ota/offer.h"

#include <string.h>

/* What is copied from one to the other fits. */
_Static_assert(DOCUMENT_MAX_TEXT == CONTAINER_MAX_TEXT, "texts");
_Static_assert(DOCUMENT_MAX_SIGNATURE >= CONTAINER_MAX_SIGNATURE, "signatures");
_Static_assert(DOCUMENT_MAX_REASON <= UNPACK_MAX_WHY, "reasons");

static void set_document(struct document *d, const struct container *c)
{
	*d = (struct document){ .type = DOCUMENT_MODULE_IMAGE, .size = c->size, .wire = true };
	d->digest = c->kind == SIGNATURE_RSA ? DOCUMENT_SHA256_RSA : DOCUMENT_SHA256_ECDSA;
	d->signature_n = c->signature_n;
	memcpy(d->signature, c->signature, c->signature_n);
	memcpy(d->version, c->version, sizeof(d->version));
	memcpy(d->manufacturer, c->manufacturer, sizeof(d->manufacturer));
	memcpy(d->model, c->model, sizeof(d->model));
}

static int judge(void *userdata, const struct container *c, char why[UNPACK_MAX_WHY + 1])
{
	struct ota *o = userdata;
	const struct offer_rules rules = offer_rules(o->settings, o->dict, o->epoch);
	struct document document;

	set_document(&document, c);
	if (offer_judge(&document, &rules, why) < 0)
		return AT_ERR_OTA;
	return offer_verify(&document, &rules, c->digest, why) < 0 ? AT_ERR_SIGNATURE : 0;
}

static void take(void *userdata, const struct container *c, struct done done)
{
	struct ota *o = userdata;

	o->job = (struct ota_job){ 0 };
	set_document(&o->job.document, c);
	ota_ask(o, OTA_HAPPEN_WIRE_VERIFIED, done);
}

static void withdraw(void *userdata)
{
	ota_withdraw(userdata);
}

const struct wire_owner otw_owner = { .judge = judge, .take = take, .withdraw = withdraw };

/* --- what the module asks --- */

static void on_send(void *userdata, const void *data, size_t n)
{
	struct ota *o = userdata;

	o->wire_events.send(o->wire_events.userdata, data, n);
}

static void on_taken(void *userdata)
{
	struct ota *o = userdata;

	o->wire_events.taken(o->wire_events.userdata);
}

static void on_ended(void *userdata, int r)
{
	struct ota *o = userdata;

	otw_over(o);
	o->wire_events.ended(o->wire_events.userdata, r);
}

/* What has waited is looked at again. */
void otw_over(struct ota *o)
{
	if (o->state != OTA_IDLE || o->changing) {
		survey_hold(o->survey, "", 0);
		return;
	}
	survey_release(o->survey);
	survey_look(o->survey);
}

int ota_wire_open(struct ota *o, const struct wire_form *form, const struct wire_events *events)
{
	const struct wire_events mine = { .send = on_send, .taken = on_taken, .ended = on_ended, .userdata = o };

	if (o->state != OTA_IDLE || o->changing || wire_active(o->wire))
		return AT_ERR_OTA;
	o->wire_events = *events;
	wire_open(o->wire, form, &mine);
	survey_hold(o->survey, "", 0);
	return 0;
}

void ota_wire_go(struct ota *o)
{
	wire_go(o->wire);
}

size_t ota_wire_bytes(struct ota *o, const void *data, size_t n)
{
	return wire_bytes(o->wire, data, n);
}

void ota_wire_lost(struct ota *o)
{
	wire_lost(o->wire);
}
