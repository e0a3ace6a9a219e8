#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Introduces AWS IoT Device Defender (cloud/defender.h) to the rest of the module: the key, the connection, the run
 * states, and what is counted. */

#include "cloud/connection.h"
#include "cloud/defender.h"
#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "module/state.h"
#include "util/macro.h"

#include <stddef.h>
#include <systemd/sd-event.h>

struct defence;

/* All of these live as long as the object. */
int defence_new(struct defence **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const char *state_dir) _must_check_;
struct defence *defence_free(struct defence *d);
DEFINE_CLEANUP(struct defence *, defence_free)

/* The dictionary has been read. connection: lives as long as the object. */
void defence_start(struct defence *d, struct connection *connection);

const struct defender *defence_defender(const struct defence *d);

/* An answer to a report; copies it. */
void defence_message(struct defence *d, const char *topic, const void *payload, size_t n);

/* The run state is this one now, and these actions of state.c are done. */
void defence_follow(struct defence *d, enum state state, unsigned actions);
