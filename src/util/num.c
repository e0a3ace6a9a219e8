/* SPDX-License-Identifier: Apache-2.0 */
#include "util/num.h"

#include <errno.h>

int num_parse(const void *text, size_t n, uint64_t *ret)
{
	const uint8_t *digits = text;
	uint64_t value = 0;
	int r = 0;

	if (n == 0)
		return -EINVAL;
	for (size_t i = 0; i < n; i++) {
		unsigned digit = (unsigned)digits[i] - '0';

		if (digit > 9)
			return -EINVAL;
		if (value > (UINT64_MAX - digit) / 10)
			r = -ERANGE;
		else
			value = value * 10 + digit;
	}
	*ret = r < 0 ? UINT64_MAX : value;
	return r;
}
