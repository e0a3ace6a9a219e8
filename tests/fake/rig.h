#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A dictionary, or a whole module, with stand-ins for the world around it. Programs that use it link fake/resolve.c,
 * fake/ssl.c and fake/timer.c. */

#include "config/dict.h"
#include "config/settings.h"
#include "module/module.h"

#include <stddef.h>
#include <systemd/sd-event.h>

#define RIG_THING   "thing"
#define RIG_STAGING "192.0.2.1" /* an address: nothing to resolve */

struct rig {
	sd_event *event;
	char *dir;
	struct settings *settings;
	struct dict *dict;   /* the module's, or one of its own */
	struct epoch *epoch; /* beside a dictionary of its own */
	struct module *module;
};

/* Everything but a dictionary; further lines of settings, or NULL. */
void rig_make(struct rig *rig, const char *more);

/* With a dictionary that has read its file. */
void rig_make_dict(struct rig *rig, const char *more);

/* With a module that has started and queued STARTUP. */
void rig_make_module(struct rig *rig, const char *more);

void rig_done(struct rig *rig);

/* As if the power had been cut: a new dictionary or module on the same files. */
void rig_restart(struct rig *rig);

/* Runs the loop as long as there is something to do at once. */
void rig_idle(struct rig *rig);

/* Sets a key of the dictionary; 0 or what was answered, when it is durable. */
int rig_set(struct rig *rig, const char *key, const char *value);

/* The host says a line (the EOL is put behind it); what it then hears, up to an idle module. rig_say() doesn't wait for
 * an answer, rig_ask() does; rig_hear() is what came since. Texts live until the next call. */
void rig_say(struct rig *rig, const char *line);
const char *rig_hear(struct rig *rig);
const char *rig_ask(struct rig *rig, const char *line);

/* Asks for all events: one a line, without "OK ". The text lives until the next call. */
const char *rig_events(struct rig *rig);

/* CONNECT, and all goes well. */
void rig_connect(struct rig *rig);
