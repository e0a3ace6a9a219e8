/* SPDX-License-Identifier: Apache-2.0 */
#include "control/request.h"

#include <string.h>

static enum request request_of(const char *line, size_t n)
{
	static const struct {
		const char *word;
		enum request request;
	} words[] = {
		{ "status", REQUEST_STATUS },
		{ "attempts", REQUEST_ATTEMPTS },
		{ "probe", REQUEST_PROBE },
		{ "monitor", REQUEST_MONITOR },
	};

	for (size_t i = 0; i < ELEMENTS(words); i++) {
		if (n == strlen(words[i].word) && memcmp(line, words[i].word, n) == 0)
			return words[i].request;
	}
	return REQUEST_BAD;
}

size_t request_feed(struct request_reader *r, const void *data, size_t n, enum request *ret)
{
	const char *bytes = data;

	for (size_t i = 0; i < n; i++) {
		if (bytes[i] == '\n') {
			*ret = request_of(r->line, r->n);
			r->n = 0;
			return i + 1;
		}
		if (r->n == sizeof(r->line)) {
			*ret = REQUEST_BAD;
			r->n = 0;
			return i + 1;
		}
		r->line[r->n++] = bytes[i];
	}
	*ret = REQUEST_NONE;
	return n;
}
