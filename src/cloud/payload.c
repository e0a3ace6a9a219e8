/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/payload.h"

#include "util/num.h"

#include <ctype.h>
#include <string.h>

#define LARGEST_EXACT 9007199254740992.0 /* cJSON's numbers are doubles: from here on they have gaps */

/* cJSON takes four digits that are none for zeros. */
static bool is_nul_escape(const char *digits, const char *end)
{
	bool zero = true;

	if (end - digits < 4)
		return true;
	for (size_t i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)digits[i]))
			return true;
		zero = zero && digits[i] == '0';
	}
	return zero;
}

static bool has_nul(const char *text, size_t n)
{
	const char *end = text + n, *at = text;

	if (memchr(text, '\0', n))
		return true;
	while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at >= 2) {
		if (at[1] == 'u' && is_nul_escape(at + 2, end))
			return true;
		at += 2;
	}
	return false;
}

static bool is_white(const char *at, const char *end)
{
	while (at < end && strchr(" \t\r\n", *at))
		at++;
	return at == end;
}

cJSON *payload_parse(const void *payload, size_t n)
{
	const char *text = payload, *end = NULL;
	cJSON *object;

	if (n == 0 || n > PAYLOAD_MAX || has_nul(text, n))
		return NULL;
	object = cJSON_ParseWithLengthOpts(text, n, &end, 0);
	if (object && cJSON_IsObject(object) && is_white(end, text + n))
		return object;
	cJSON_Delete(object);
	return NULL;
}

const char *payload_text(const cJSON *object, const char *name)
{
	return cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));
}

bool payload_number(const cJSON *object, const char *name, int64_t *ret)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);
	const char *text = cJSON_GetStringValue(item);
	uint64_t value;

	if (text) {
		if (num_parse(text, strlen(text), &value) < 0 || value > INT64_MAX)
			return false;
		*ret = (int64_t)value;
		return true;
	}
	if (!cJSON_IsNumber(item) || !(item->valuedouble >= 0 && item->valuedouble < LARGEST_EXACT))
		return false;
	value = (uint64_t)item->valuedouble;
	if ((double)value < item->valuedouble)
		return false;
	*ret = (int64_t)value;
	return true;
}

/* Jobs write their members in full, streams with one letter. */
static const char *either(const cJSON *object, const char *name, const char *letter)
{
	const char *text = payload_text(object, name);

	return text ? text : payload_text(object, letter);
}

bool payload_answers(const cJSON *object, const char *token, bool may_lack)
{
	const char *text = either(object, "clientToken", "c");

	return text ? strcmp(text, token) == 0 : may_lack;
}

void payload_code(const cJSON *object, char ret[PAYLOAD_MAX_CODE + 1])
{
	const char *text = either(object, "code", "o");
	size_t n;

	if (!text || !*text)
		text = "Rejected";
	n = strnlen(text, PAYLOAD_MAX_CODE);
	for (size_t i = 0; i < n; i++)
		ret[i] = (char)(text[i] > ' ' && text[i] <= '~' ? text[i] : '?');
	ret[n] = '\0';
}

bool payload_is_busy(const char *code)
{
	return strcmp(code, "InternalError") == 0 || strstr(code, "Throttl") != NULL ||
	       strcmp(code, "ServiceUnavailable") == 0;
}
