/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/payload.h"

#include "util/num.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define LARGEST_EXACT 9007199254740992.0 /* cJSON's numbers are doubles: from here on they have gaps */

/* -1: no escape with four digits. cJSON takes four that are none for zeros. */
static int escaped(const char *at, const char *end)
{
	char digits[5] = "";

	if (end - at < 6 || at[0] != '\\' || at[1] != 'u')
		return -1;
	for (size_t i = 0; i < 4; i++) {
		if (!isxdigit((unsigned char)at[2 + i]))
			return -1;
		digits[i] = at[2 + i];
	}
	return (int)strtol(digits, NULL, 16);
}

/* What is JSON, but more than cJSON can take, becomes 0x01, which is as wrong wherever it counts: a NUL would end a
 * text, half of a surrogate pair the parsing. False: this is no JSON. */
static bool make_fit(char *text, size_t n)
{
	char *end = text + n, *at = text;

	if (memchr(text, '\0', n))
		return false;
	while ((at = memchr(at, '\\', (size_t)(end - at))) != NULL && end - at >= 2) {
		int first = escaped(at, end), second = first < 0 ? -1 : escaped(at + 6, end);

		if (at[1] != 'u') {
			at += 2;
		} else if (first < 0) {
			return false;
		} else if (first >= 0xd800 && first < 0xdc00 && second >= 0xdc00 && second < 0xe000) {
			at += 12;
		} else {
			if (first == 0 || (first >= 0xd800 && first < 0xe000))
				memcpy(at + 2, "0001", 4);
			at += 6;
		}
	}
	return true;
}

static const char *skip_white(const char *at, const char *end)
{
	while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n'))
		at++;
	return at;
}

cJSON *payload_parse(const void *payload, size_t n)
{
	_cleanup_(freep) char *text = n > 0 && n <= PAYLOAD_MAX ? malloc(n) : NULL;
	const char *end = NULL;
	cJSON *object;

	if (!text)
		return NULL;
	memcpy(text, payload, n);
	object = make_fit(text, n) ? cJSON_ParseWithLengthOpts(text, n, &end, 0) : NULL;
	if (object && cJSON_IsObject(object) && skip_white(end, text + n) == text + n)
		return object;
	cJSON_Delete(object);
	return NULL;
}

/* Behind the text that begins here; the end, if it has none. */
static const char *skip_text(const char *at, const char *end)
{
	for (at++; at < end; at++) {
		if (*at == '"')
			return at + 1;
		if (*at == '\\')
			at++;
	}
	return end;
}

/* Behind one byte, or a text. depth: of what it leaves open. */
static const char *step(const char *at, const char *end, unsigned *depth)
{
	if (*at == '"')
		return skip_text(at, end);
	if (*at == '{' || *at == '[')
		(*depth)++;
	else if (*at == '}' || *at == ']')
		(*depth)--;
	return at + 1;
}

/* Behind the value that begins here, whatever it is. */
static const char *skip_value(const char *at, const char *end)
{
	unsigned depth = 0;

	while (at < end && (depth > 0 || (*at != ',' && *at != '}' && *at != ']')))
		at = step(at, end, &depth);
	return at;
}

/* A name of this length, quoted, and a colon have room for the smallest member that there is. */
static void blank_members(char *text, size_t n, const char *quoted)
{
	static const char member[] = "\"\":0";
	char *end = text + n, *at = text;
	size_t quoted_n = strlen(quoted);
	unsigned depth = 0;

	while (at < end) {
		char *behind = text + (step(at, end, &depth) - text), *value = text + (skip_white(behind, end) - text);

		if (depth == 2 && (size_t)(behind - at) == quoted_n && memcmp(at, quoted, quoted_n) == 0 &&
		    value < end && *value == ':') {
			behind = text + (skip_value(value + 1, end) - text);
			memset(at, ' ', (size_t)(behind - at));
			memcpy(at, member, strlen(member));
		}
		at = behind;
	}
}

cJSON *payload_parse_without(const void *payload, size_t n, const char *quoted)
{
	cJSON *object = payload_parse(payload, n);
	char *text;

	if (object || n == 0 || n > PAYLOAD_MAX)
		return object;
	text = malloc(n);
	if (!text)
		return NULL;
	memcpy(text, payload, n);
	blank_members(text, n, quoted);
	object = payload_parse(text, n);
	free(text);
	return object;
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

const char *payload_token(const cJSON *object)
{
	return either(object, "clientToken", "c");
}

bool payload_answers(const cJSON *object, const char *token, bool may_lack)
{
	const char *text = payload_token(object);

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
