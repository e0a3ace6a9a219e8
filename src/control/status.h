#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The module as the operator sees it, as JSON: see status.schema.json. */

#include "cloud/history.h"
#include "cloud/probe.h"
#include "control/json.h"
#include "module/module.h"
#include "ota/record.h"
#include "util/macro.h"

/* What only main() knows. */
struct status_place {
	const char *settings;  /* the file */
	const char *state_dir; /* folders */
	const char *runtime_dir;
};

/* One line, malloc()ed; NULL: no memory. */
char *status_text(const struct module *m, const struct status_place *place);

/* The last attempts to connect, the newest first. */
char *status_attempts(const struct module *m);

/* One attempt, put into an object. */
void status_attempt(struct json *j, cJSON *in, const struct history_entry *entry);

/* How an update ended, put into an object. at: 0 is before the program started. */
void status_update_end(struct json *j, cJSON *in, const struct record_result *result, time_t at);

char *status_probe(const struct probe_report *report);
