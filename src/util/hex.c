/* SPDX-License-Identifier: Apache-2.0 */
#include "util/hex.h"

#include <errno.h>
#include <stdint.h>

#define ABREAST 32 /* a number of bytes that the compiler knows, so that it encodes them all at once */

/* more: from the character behind '9' to the digit for ten. */
static inline void encode_some(const uint8_t *restrict bytes, size_t n, uint8_t more, char *restrict ret)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t high = bytes[i] >> 4, low = bytes[i] & 15;

		ret[2 * i] = (char)(high + '0' + (high > 9 ? more : 0));
		ret[2 * i + 1] = (char)(low + '0' + (low > 9 ? more : 0));
	}
}

/* OTA READ lives on it. */
static inline void encode(const uint8_t *bytes, size_t n, uint8_t more, char *ret)
{
	for (; n >= ABREAST; n -= ABREAST) {
		encode_some(bytes, ABREAST, more, ret);
		bytes += ABREAST;
		ret += 2 * ABREAST;
	}
	encode_some(bytes, n, more, ret);
	ret[2 * n] = '\0';
}

void hex_encode(const void *data, size_t n, char *ret)
{
	encode(data, n, 'a' - '9' - 1, ret);
}

void hex_encode_upper(const void *data, size_t n, char *ret)
{
	encode(data, n, 'A' - '9' - 1, ret);
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
