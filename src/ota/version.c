/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/version.h"

#include "util/num.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define MAX_NUMBERS 4

struct version {
	uint64_t numbers[MAX_NUMBERS];
	const char *rest; /* words behind them */
};

static bool parse(const char *text, struct version *ret)
{
	size_t count = 0;

	*ret = (struct version){ 0 };
	if (*text == 'v' || *text == 'V')
		text++;
	for (;;) {
		size_t n = strspn(text, "0123456789");

		if (n == 0 || num_parse(text, n, &ret->numbers[count]) < 0)
			return false;
		count++;
		text += n;
		if (count == MAX_NUMBERS || text[0] != '.' || strspn(text + 1, "0123456789") == 0)
			break;
		text++;
	}
	ret->rest = text;
	return count >= 2;
}

enum version_order version_compare(const char *a, const char *b)
{
	struct version va, vb;

	if (!parse(a, &va) || !parse(b, &vb))
		return VERSION_UNKNOWN;
	for (size_t i = 0; i < MAX_NUMBERS; i++) {
		if (va.numbers[i] != vb.numbers[i])
			return va.numbers[i] < vb.numbers[i] ? VERSION_OLDER : VERSION_NEWER;
	}
	return strcmp(va.rest, vb.rest) == 0 ? VERSION_SAME : VERSION_UNKNOWN;
}
