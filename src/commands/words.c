/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/words.h"

#include "util/num.h"

#include <errno.h>
#include <string.h>
#include <strings.h>

bool word_is(const struct word *w, const char *text)
{
	return w->n == strlen(text) && strncasecmp((const char *)w->data, text, w->n) == 0;
}

struct word word_next(struct word *rest)
{
	const uint8_t *space = rest->n > 0 ? memchr(rest->data, ' ', rest->n) : NULL;
	struct word w = { .data = rest->data, .n = space ? (size_t)(space - rest->data) : rest->n };
	size_t used = w.n + (space ? 1 : 0);

	*rest = (struct word){ .data = rest->n > 0 ? rest->data + used : NULL, .n = rest->n - used };
	return w;
}

int word_number(const struct word *rest, uint64_t *ret)
{
	const uint8_t *at = rest->data;
	size_t n = rest->n;
	int r;

	while (n > 0 && *at == ' ') {
		at++;
		n--;
	}
	r = num_parse(at, n, ret);
	return r == -ERANGE ? 0 : r;
}
