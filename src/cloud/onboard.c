/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/onboard.h"

#include <cjson/cJSON.h>
#include <string.h>

/* A string that holds a NUL would end there for cJSON: no host name, whatever follows. */
static bool has_nul(const char *text, size_t n)
{
	return memchr(text, '\0', n) != NULL || memmem(text, n, "\\u0000", 6) != NULL;
}

static bool is_white(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n", *at) && *at)
		at++;
	return at == end;
}

static bool take_endpoint(const cJSON *object, const void *present, size_t present_n, char ret[ENDPOINT_MAX + 1])
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, "Endpoint");
	const char *text = cJSON_GetStringValue(item);
	struct endpoint endpoint;
	size_t n;

	if (!cJSON_IsObject(object) || !text)
		return false;
	n = strlen(text);
	if (endpoint_parse(text, n, &endpoint) < 0)
		return false;
	if (n == present_n && memcmp(text, present, n) == 0)
		return false;
	memcpy(ret, text, n + 1);
	return true;
}

bool onboard_parse(const void *payload, size_t n, const void *present, size_t present_n, char ret[ENDPOINT_MAX + 1])
{
	const char *text = payload, *end = NULL;
	cJSON *object;
	bool taken;

	if (n == 0 || n > ONBOARD_MAX_PAYLOAD || has_nul(text, n))
		return false;
	object = cJSON_ParseWithLengthOpts(text, n, &end, 0);
	taken = object && is_white(end, text + n) && take_endpoint(object, present, present_n, ret);
	cJSON_Delete(object);
	return taken;
}
