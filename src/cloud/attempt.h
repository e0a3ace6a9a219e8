#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt to connect (guide 3.7.2.2): name, TCP, TLS, login, Jobs. The stage in which it ends decides the hint. */

#include "cloud/fault.h"
#include "cloud/mqtt.h"
#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "util/macro.h"
#include "util/resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct attempt_events {
	void (*on_success)(void *userdata);
	void (*on_failure)(void *userdata, const struct fault *fault); /* everything is closed */

	/* Is there an interface that could reach the outside? */
	bool (*network_is_usable)(void);

	/* The clock is to be looked at: does somebody synchronise it? Told to the epoch, now or soon. */
	void (*look_at_clock)(void *userdata);
	void *userdata;
};

/* What an attempt has done so far; the times are those of the last address, in ms, and 0 for what was not reached. */
struct attempt_report {
	char address[RESOLVE_MAX_TEXT]; /* "": none */
	unsigned tries;                 /* addresses, each time */
	bool retried;                   /* after a drop, as long as that made sense */
	char tls[64];                   /* protocol and cipher */
	uint64_t name_ms, tcp_ms, tls_ms, jobs_ms;
};

struct attempt;

/* mqtt: the connection that it is to bring up. All of these outlive the attempt. */
int attempt_new(struct attempt **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, struct mqtt *mqtt, const struct attempt_events *events) _must_check_;
struct attempt *attempt_free(struct attempt *a);
DEFINE_CLEANUP(struct attempt *, attempt_free)

/* Tries every address of Endpoint until the deadline (ms of timer_now()), and waits for a clock that is not set. first:
 * this cloud does not know the module yet; one that registers it just in time drops the first connection, so such a
 * drop is tried again. Ends with success or failure, maybe at once, unless it is stopped. */
void attempt_start(struct attempt *a, uint64_t deadline, bool first);

/* Closes the MQTT connection too, also one that has succeeded: the TLS context is the attempt's. */
void attempt_stop(struct attempt *a);

/* What the MQTT connection tells while the attempt is on. */
void attempt_on_tcp(struct attempt *a);
void attempt_on_connack(struct attempt *a, int code);
void attempt_on_closed(struct attempt *a, int error);

/* Of the present or last attempt. */
const struct attempt_report *attempt_get_report(const struct attempt *a);
