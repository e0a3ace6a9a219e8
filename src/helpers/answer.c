/* SPDX-License-Identifier: Apache-2.0 */
#include "helpers/answer.h"

#include <stdio.h>
#include <string.h>

enum fetch_word answer_verdict(long status)
{
	switch (status) {
	case 400: /* S3 for a token that is over */
	case 401:
	case 403:
	case 404:
	case 410:
		return FETCH_EXPIRED;
	case 408:
	case 425:
	case 429:
		return FETCH_BROKEN;
	default:
		return status >= 500 ? FETCH_BROKEN : FETCH_FAILED;
	}
}

void answer_element(const char *xml, const char *name, char *ret, size_t size)
{
	char tag[32];
	const char *begin;
	size_t n = 0;

	(void)snprintf(tag, sizeof(tag), "<%s>", name);
	begin = strstr(xml, tag);
	for (begin = begin ? begin + strlen(tag) : ""; n + 1 < size && *begin >= ' ' && *begin < 0x7f && *begin != '<';
	     begin++)
		ret[n++] = *begin;
	ret[n] = '\0';
}
