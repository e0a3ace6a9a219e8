/* SPDX-License-Identifier: Apache-2.0 */
#include "control/json.h"

#include "util/log.h"

#include <cjson/cJSON.h>
#include <stdlib.h>

#define MAX_BYTES 1024 /* of a value that is shown */

void json_init(struct json *j)
{
	*j = (struct json){ .root = cJSON_CreateObject() };
	j->failed = !j->root;
}

void json_done(struct json *j)
{
	cJSON_Delete(j->root);
	*j = (struct json){ .failed = true };
}

static cJSON *json_put(struct json *j, cJSON *in, const char *name, cJSON *item)
{
	cJSON *to = in ? in : j->root;
	bool done = item && to && (name ? cJSON_AddItemToObject(to, name, item) : cJSON_AddItemToArray(to, item));

	if (done)
		return item;
	j->failed = true;
	cJSON_Delete(item);
	return NULL;
}

cJSON *json_object(struct json *j, cJSON *in, const char *name)
{
	return json_put(j, in, name, cJSON_CreateObject());
}

cJSON *json_array(struct json *j, cJSON *in, const char *name)
{
	return json_put(j, in, name, cJSON_CreateArray());
}

void json_text(struct json *j, cJSON *in, const char *name, const char *text)
{
	(void)json_put(j, in, name, text ? cJSON_CreateString(text) : cJSON_CreateNull());
}

void json_bytes(struct json *j, cJSON *in, const char *name, const void *data, size_t n)
{
	char text[4 * MAX_BYTES + 5];

	(void)log_printable(data, n < MAX_BYTES ? n : MAX_BYTES, text, sizeof(text));
	json_text(j, in, name, text);
}

void json_number(struct json *j, cJSON *in, const char *name, uint64_t number)
{
	(void)json_put(j, in, name, cJSON_CreateNumber((double)number));
}

void json_real(struct json *j, cJSON *in, const char *name, double number)
{
	/* cJSON writes NaN as null. */
	(void)json_put(j, in, name, cJSON_CreateNumber(number));
}

void json_bool(struct json *j, cJSON *in, const char *name, bool value)
{
	(void)json_put(j, in, name, cJSON_CreateBool(value));
}

void json_null(struct json *j, cJSON *in, const char *name)
{
	(void)json_put(j, in, name, cJSON_CreateNull());
}

void json_time(struct json *j, cJSON *in, const char *name, time_t at)
{
	char text[32];
	struct tm tm;

	if (at == 0 || !gmtime_r(&at, &tm) || strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
		json_null(j, in, name);
	else
		json_text(j, in, name, text);
}

char *json_print(const struct json *j)
{
	return j->failed ? NULL : cJSON_PrintUnformatted(j->root);
}
