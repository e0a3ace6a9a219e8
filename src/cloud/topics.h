#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT topics and filters, the host's list of them (guide 4.1.1), and those that are the module's own. */

#include "config/dict.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

/* Valid in MQTT 3.1.1 (guide 4.1.2): UTF-8, no NUL, no wildcard in a name, wildcards in their places in a filter. */
bool topic_is_name(const void *topic, size_t n);
bool topic_is_filter(const void *filter, size_t n);

/* An invalid filter, or one of 256 bytes or more, matches nothing. */
bool topic_matches(const void *filter, size_t filter_n, const char *topic);

/* The lowest index whose present filter matches, else 0 (guide 4.1.1.1). */
unsigned topics_index(const struct dict *d, unsigned max_topic, const char *topic);

#define TOPICS_JOBS 5
#define TOPICS_OWN  7   /* the module's own subscriptions at a time: onboarding's or Device Defender's */
#define TOPICS_MAX  256 /* bytes of a topic of our own: AWS IoT takes no longer ones */

/* AWS IoT Jobs, from CONNECT on. Few enough for one SUBSCRIBE packet. */
void topics_jobs(const char *thing_name, char ret[TOPICS_JOBS][TOPICS_MAX]);

/* MQTT-based file delivery, while a file is wanted. */
void topics_streams(const char *thing_name, char ret[TOPICS_MAX]);

/* What AWS IoT Device Defender answers to reports, while there are any. */
void topics_defender(const char *thing_name, char ret[TOPICS_MAX]);
bool topics_is_defender(const char *thing_name, const char *topic);

/* The endpoint-update topic (guide 10.3.1.1), in the staging state. */
void topics_onboarding(const char *thing_name, char ret[TOPICS_MAX]);
bool topics_is_onboarding(const char *thing_name, const char *topic);

/* A subscription that stays as long as the connection. */
bool topics_is_own_filter(const char *thing_name, bool staging, const char *filter);

/* Traffic of the module, Jobs or streams, that the host sees only if a topic of its own matches. */
bool topics_is_own(const char *thing_name, const char *topic);
