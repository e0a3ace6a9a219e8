/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The bytes of the character at p; 0: no UTF-8 (RFC 3629: shortest form, no surrogates). */
static size_t decode(const uint8_t *p, size_t n, uint32_t *ret)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t length = p[0] < 0x80 ? 1 : p[0] >> 5 == 6 ? 2 : p[0] >> 4 == 14 ? 3 : p[0] >> 3 == 30 ? 4 : 0;
	uint32_t c = length == 1 ? p[0] : p[0] & (0x7fU >> length);

	if (length == 0 || length > n)
		return 0;
	for (size_t i = 1; i < length; i++) {
		if (p[i] >> 6 != 2)
			return 0;
		c = c << 6 | (p[i] & 0x3f);
	}
	if (c < least[length] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*ret = c;
	return length;
}

static bool is_printable(uint32_t c)
{
	static const struct {
		uint32_t first, last;
	} unseen[] = {
		{ 0x0000, 0x001f }, { 0x007f, 0x009f },   { 0x00ad, 0x00ad },    { 0x061c, 0x061c }, { 0x200b, 0x200f },
		{ 0x2028, 0x202e }, { 0x2060, 0x206f },   { 0xfe00, 0xfe0f },    { 0xfeff, 0xfeff }, { 0xfff0, 0xfffb },
		{ 0xe000, 0xf8ff }, { 0xe0000, 0xe0fff }, { 0xf0000, 0x10ffff },
	};

	if ((c & 0xfffe) == 0xfffe)
		return false;
	for (size_t i = 0; i < ELEMENTS(unseen); i++) {
		if (c >= unseen[i].first && c <= unseen[i].last)
			return false;
	}
	return true;
}

size_t utf8_printable(const void *data, size_t n, char *ret, size_t size)
{
	const uint8_t *p = data;
	size_t used = 0;

	while (n && *p == ' ') {
		p++;
		n--;
	}
	while (n) {
		uint32_t c = 0;
		size_t length = decode(p, n, &c);
		bool good = length && is_printable(c);
		size_t needed = good ? length : 1;

		if (used + needed >= size)
			break;
		if (good)
			memcpy(ret + used, p, length);
		else
			ret[used] = '?';
		used += needed;
		if (length == 0)
			length = 1;
		p += length;
		n -= length;
	}
	while (used && ret[used - 1] == ' ')
		used--;
	ret[used] = '\0';
	return used;
}
