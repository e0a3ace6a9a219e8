/* SPDX-License-Identifier: Apache-2.0 */
#include "util/hex.h"

#include <errno.h>
#include <stdint.h>

void hex_encode(const void *data, size_t n, char *ret)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *bytes = data;

	for (size_t i = 0; i < n; i++) {
		*ret++ = digits[bytes[i] >> 4];
		*ret++ = digits[bytes[i] & 15];
	}
	*ret = '\0';
}

static int value_of(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	return -EINVAL;
}

int hex_decode(const char *text, size_t n, void *ret)
{
	uint8_t *bytes = ret;

	if (n % 2)
		return -EINVAL;
	for (size_t i = 0; i < n; i += 2) {
		int high = value_of(text[i]), low = value_of(text[i + 1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		*bytes++ = (uint8_t)(high << 4 | low);
	}
	return 0;
}
