#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One attempt to connect (guide 3.7.2.2): name, TCP, TLS, login, Jobs. The stage in which it ends decides the hint. */

#include "cloud/mqtt.h"
#include "config/dict.h"
#include "config/settings.h"
#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* Guide 3.7.2.2. */
enum attempt_hint {
	HINT_NOT_ALLOWED = 0,
	HINT_BACKOFF = 1,
	HINT_NETWORK = 2,
	HINT_ENDPOINT = 3,
	HINT_TLS = 4,
	HINT_LOGIN = 5,
	HINT_JOBS = 6,
};

#define ATTEMPT_MAX_DETAIL 64

struct attempt_events {
	void (*on_success)(void *userdata);
	/* detail: at most 64 bytes, says what failed and where to look. Everything is closed. */
	void (*on_failure)(void *userdata, enum attempt_hint hint, const char *detail);
	void *userdata;
};

struct attempt;

/* mqtt: the connection that it is to bring up. All of these outlive the attempt. */
int attempt_new(struct attempt **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		struct mqtt *mqtt, const struct attempt_events *events) _must_check_;
struct attempt *attempt_free(struct attempt *a);
DEFINE_CLEANUP(struct attempt *, attempt_free)

/* Tries every address of Endpoint until the deadline (ms of timer_now()). Ends with one of the two events, maybe at
 * once, unless it is stopped. */
void attempt_start(struct attempt *a, uint64_t deadline);

/* Closes the MQTT connection too, also one that has succeeded: the TLS context is the attempt's. */
void attempt_stop(struct attempt *a);

/* What the MQTT connection tells while the attempt is on. */
void attempt_on_tcp(struct attempt *a);
void attempt_on_connack(struct attempt *a, int code);
void attempt_on_closed(struct attempt *a, int error);

/* The server's name: of the present or last attempt. */
const char *attempt_host(const struct attempt *a);
