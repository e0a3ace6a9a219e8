/* SPDX-License-Identifier: Apache-2.0 */
#include "util/hex.h"

#include <endian.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>

#define EACH(byte) (0x0101010101010101u * (uint64_t)(byte)) /* of eight */

/* Four bytes make eight digits, all at once: OTA READ lives on it. first: the digit for ten. */
static void encode_four(const uint8_t bytes[4], unsigned first, char ret[8])
{
	uint32_t four;
	uint64_t digits, letters;

	memcpy(&four, bytes, sizeof(four));
	digits = be32toh(four);
	digits = (digits | digits << 16) & 0x0000ffff0000ffffu;
	digits = (digits | digits << 8) & 0x00ff00ff00ff00ffu;
	digits = (digits | digits << 4) & EACH(0x0f);
	letters = (digits + EACH(6)) >> 4 & EACH(1);
	digits = htobe64(digits + EACH('0') + letters * (first - '0' - 10));
	memcpy(ret, &digits, sizeof(digits));
}

static void encode(const void *data, size_t n, unsigned first, char *ret)
{
	const uint8_t *bytes = data;
	uint8_t last[4] = { 0 };
	char digits[8];

	for (; n >= sizeof(last); n -= sizeof(last)) {
		encode_four(bytes, first, ret);
		bytes += sizeof(last);
		ret += sizeof(digits);
	}
	if (n > 0) {
		memcpy(last, bytes, n);
		encode_four(last, first, digits);
		memcpy(ret, digits, 2 * n);
	}
	ret[2 * n] = '\0';
}

void hex_encode(const void *data, size_t n, char *ret)
{
	encode(data, n, 'a', ret);
}

void hex_encode_upper(const void *data, size_t n, char *ret)
{
	encode(data, n, 'A', ret);
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
