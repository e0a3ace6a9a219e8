#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A module's answers as text. */

typedef struct cJSON cJSON;

void show_status(const cJSON *status);

/* One line for an attempt to connect. */
void show_attempt(const cJSON *attempt);

/* The same for how an update ended, without the time. */
void show_update_end(const cJSON *end);
