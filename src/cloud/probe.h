#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Tries the way to an endpoint, name, TCP, TLS, and reports every step. Nobody logs in: the module may be connected
 * under its client id at the same moment. */

#include "cloud/fault.h"
#include "config/dict.h"
#include "config/endpoint.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "util/macro.h"
#include "util/resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define PROBE_MAX_LINES 24
#define PROBE_MAX_LINE  120

struct probe_report {
	bool passed;
	struct fault fault;             /* when not passed: of the address that came farthest, as CONNECT says it */
	char summary[64];               /* when passed: TLSv1.3 TLS_AES_256_GCM_SHA384 */
	char address[RESOLVE_MAX_TEXT]; /* the last that was tried; "": none */
	size_t count;
	char lines[PROBE_MAX_LINES][PROBE_MAX_LINE + 1];
};

/* Everything is closed. May call probe_free(). */
typedef void (*probe_fn)(void *userdata, const struct probe_report *report);

struct probe;

/* Calls fn once, from the loop, within timeout_ms. endpoint is copied, the others outlive the probe. */
int probe_start(struct probe **ret, sd_event *event, const struct settings *settings, const struct dict *dict,
		const struct epoch *epoch, const struct endpoint *endpoint, uint64_t timeout_ms, probe_fn fn,
		void *userdata) _must_check_;

/* Stops it without calling fn. */
struct probe *probe_free(struct probe *p);
DEFINE_CLEANUP(struct probe *, probe_free)
