#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates by job (guide 8.6.1.4, 8.11, 8.12.1.1): one at a time is fetched into memory, judged, and given to the
 * dictionary, which verifies it against the present one. The host is not asked, and the image in hand not touched.
 * Nothing of it is kept over a loss of the connection or a restart: the job comes again, and a certificate that is in
 * use already is accepted once more. */

#include "cloud/jobs.h"
#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "ota/document.h"
#include "ota/record.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct renewal_events {
	/* The certificate is in use and durable, or was refused: what the cloud is to be told. */
	void (*on_result)(void *userdata, const struct record_result *result);

	int (*publish)(void *userdata, const char *topic, const void *payload, size_t n, int qos);
	int (*subscribe)(void *userdata, const char *filter);
	void *userdata;
};

struct renewal;

/* All of these live as long as the object. */
int renewal_new(struct renewal **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const struct renewal_events *events) _must_check_;
struct renewal *renewal_free(struct renewal *r);
DEFINE_CLEANUP(struct renewal *, renewal_free)

/* The job that is under way; NULL: none. */
const char *renewal_job(const struct renewal *r);

/* Is it this one, with this document? */
bool renewal_is(const struct renewal *r, const struct jobs_execution *execution, const struct document *document);

/* Begins, while none is under way, and the connection is up. Copies. The document was judged. */
void renewal_begin(struct renewal *r, const struct jobs_execution *execution, const struct document *document);

/* The job is gone, or the connection. What is being written still comes true, and has a result: false. */
bool renewal_stop(struct renewal *r);

/* A message of the cloud. False: not for streams. */
bool renewal_message(struct renewal *r, const char *topic, const void *payload, size_t n);
