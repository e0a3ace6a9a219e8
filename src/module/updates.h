#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Introduces updates over the air (ota/) to the rest of the module: the connection, the event queue, the run states. */

#include "cloud/connection.h"
#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "module/state.h"
#include "ota/ota.h"
#include "queue/events.h"
#include "util/macro.h"

#include <stddef.h>
#include <systemd/sd-event.h>

struct updates;

/* All of these live as long as the object. */
int updates_new(struct updates **ret, sd_event *event, const struct settings *settings, struct dict *dict,
		const struct epoch *epoch, const char *state_dir, struct events *events) _must_check_;
struct updates *updates_free(struct updates *u);
DEFINE_CLEANUP(struct updates *, updates_free)

/* connection: lives as long as the object. 0 or -errno. */
int updates_start(struct updates *u, struct connection *connection) _must_check_;

struct ota *updates_ota(const struct updates *u);

/* A message for the module itself; copies it. */
void updates_message(struct updates *u, const char *topic, const void *payload, size_t n);

/* The run state is this one now, and these actions of state.c are done. */
void updates_follow(struct updates *u, enum state state, unsigned actions);
