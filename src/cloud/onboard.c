/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/onboard.h"

#include "cloud/payload.h"

#include <string.h>

bool onboard_parse(const void *payload, size_t n, const void *present, size_t present_n, char ret[ENDPOINT_MAX + 1])
{
	_cleanup_(cJSON_Deletep) cJSON *object = n <= ONBOARD_MAX_PAYLOAD ? payload_parse(payload, n) : NULL;
	const char *text = payload_text(object, "Endpoint");
	struct endpoint endpoint;

	if (!text)
		return false;
	n = strlen(text);
	if (endpoint_parse(text, n, &endpoint) < 0)
		return false;
	if (n == present_n && memcmp(text, present, n) == 0)
		return false;
	memcpy(ret, text, n + 1);
	return true;
}
