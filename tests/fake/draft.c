/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/draft.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

const char *draft_text(const char *root, const char *ota, const char *file)
{
	static char text[8192];

	(void)snprintf(text, sizeof(text), "{%s\"afr_ota\":{%s\"files\":[{%s\"last\":null}]}}", root, ota, file);
	return text;
}

int draft_parse(const char *text, struct document *ret, char reason[DOCUMENT_MAX_REASON + 1])
{
	cJSON *root = cJSON_ParseWithLength(text, strlen(text));
	int r;

	ck_assert_msg(root != NULL, "no JSON: %s", text);
	r = document_parse(root, ret, reason);
	cJSON_Delete(root);
	return r;
}

struct document draft_accepted(const char *text)
{
	char reason[DOCUMENT_MAX_REASON + 1] = "";
	struct document d;

	memset(&d, 0x55, sizeof(d));
	ck_assert_msg(draft_parse(text, &d, reason) == 0, "%s: %s", text, reason);
	return d;
}
