#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What DIAG asks of others (guide 7.3): is a host there, what is the address of a name, does TLS work. One question at
 * a time, and each has its end. */

#include "board/ping.h"
#include "cloud/fault.h"
#include "cloud/probe.h"
#include "config/dict.h"
#include "config/endpoint.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "util/done.h"
#include "util/macro.h"
#include "util/resolve.h"

#include <stdint.h>
#include <systemd/sd-event.h>

#define DIAGNOSIS_NAME_MS 6000 /* one name server that is dead, and another one that is not */
#define DIAGNOSIS_TLS_MS  24000

struct diagnosis_result {
	struct fault fault; /* of the name, with AT_ERR_CONNECT */
	struct addresses addresses;
	uint64_t name_ms;
	struct ping_result ping; /* of addresses.text[0] */
	struct probe_report tls;
};

struct diagnosis;

int diagnosis_new(struct diagnosis **ret, sd_event *event, const struct settings *settings, const struct dict *dict,
		  const struct epoch *epoch) _must_check_;
struct diagnosis *diagnosis_free(struct diagnosis *d);
DEFINE_CLEANUP(struct diagnosis *, diagnosis_free)

/* done gets 0 when there is a result, whatever that says; AT_ERR_CONNECT, and there is a fault, when no address was
 * found for the name; AT_ERR_MODE when echo requests are not allowed; -errno. Returns 0; or one of these at once,
 * without done. A question that is still open is dropped. */
int diagnosis_ping(struct diagnosis *d, const char *host, struct done done) _must_check_;
int diagnosis_dns(struct diagnosis *d, const char *name, struct done done) _must_check_;
int diagnosis_tls(struct diagnosis *d, const struct endpoint *endpoint, struct done done) _must_check_;

/* A fault that the network may be to blame for becomes that of the network if there is none, as in CONNECT. */
void diagnosis_correct(struct fault *fault);

/* Drops the question; done is not called. */
void diagnosis_stop(struct diagnosis *d);

/* Valid after done, until the next question. */
const struct diagnosis_result *diagnosis_result(const struct diagnosis *d);
