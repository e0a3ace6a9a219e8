#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Objects of JSON, put together without a look at each step's memory: what failed shows at the end. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <time.h>

typedef struct cJSON cJSON;

struct json {
	cJSON *root;
	bool failed;
};

void json_init(struct json *j);
void json_done(struct json *j);

/* in: NULL is the root; name: NULL in an array. */
cJSON *json_object(struct json *j, cJSON *in, const char *name);
cJSON *json_array(struct json *j, cJSON *in, const char *name);
void json_text(struct json *j, cJSON *in, const char *name, const char *text);            /* ASCII; NULL: null */
void json_bytes(struct json *j, cJSON *in, const char *name, const void *data, size_t n); /* as log_printable() */
void json_number(struct json *j, cJSON *in, const char *name, uint64_t number);
void json_real(struct json *j, cJSON *in, const char *name, double number); /* NaN: null */
void json_bool(struct json *j, cJSON *in, const char *name, bool value);
void json_null(struct json *j, cJSON *in, const char *name);
void json_time(struct json *j, cJSON *in, const char *name, time_t at); /* 2026-11-23T07:00:00Z; 0: null */

/* One line, malloc()ed. NULL: no memory. */
char *json_print(const struct json *j);
