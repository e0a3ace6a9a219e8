/* SPDX-License-Identifier: Apache-2.0 */
#include "util/base64.h"

#include <errno.h>
#include <stdint.h>

#define DIGIT    0x40 /* marks one: what is not in the table is none */
#define D(value) (DIGIT | (value))

/* clang-format off */
static const uint8_t digits[256] = {
	['A'] = D(0), ['B'] = D(1), ['C'] = D(2), ['D'] = D(3), ['E'] = D(4), ['F'] = D(5), ['G'] = D(6), ['H'] = D(7),
	['I'] = D(8), ['J'] = D(9), ['K'] = D(10), ['L'] = D(11), ['M'] = D(12), ['N'] = D(13), ['O'] = D(14), ['P'] = D(15),
	['Q'] = D(16), ['R'] = D(17), ['S'] = D(18), ['T'] = D(19), ['U'] = D(20), ['V'] = D(21), ['W'] = D(22), ['X'] = D(23),
	['Y'] = D(24), ['Z'] = D(25), ['a'] = D(26), ['b'] = D(27), ['c'] = D(28), ['d'] = D(29), ['e'] = D(30), ['f'] = D(31),
	['g'] = D(32), ['h'] = D(33), ['i'] = D(34), ['j'] = D(35), ['k'] = D(36), ['l'] = D(37), ['m'] = D(38), ['n'] = D(39),
	['o'] = D(40), ['p'] = D(41), ['q'] = D(42), ['r'] = D(43), ['s'] = D(44), ['t'] = D(45), ['u'] = D(46), ['v'] = D(47),
	['w'] = D(48), ['x'] = D(49), ['y'] = D(50), ['z'] = D(51), ['0'] = D(52), ['1'] = D(53), ['2'] = D(54), ['3'] = D(55),
	['4'] = D(56), ['5'] = D(57), ['6'] = D(58), ['7'] = D(59), ['8'] = D(60), ['9'] = D(61), ['+'] = D(62), ['/'] = D(63),
};
/* clang-format on */

bool base64_is_text(const void *text, size_t n)
{
	const uint8_t *bytes = text;

	for (size_t i = 0; i < n; i++) {
		if (!(digits[bytes[i]] & DIGIT) && bytes[i] != '=')
			return false;
	}
	return true;
}

/* Whole groups without padding. False: a character among them is no digit. */
static bool decode_groups(const uint8_t *from, size_t groups, uint8_t *to)
{
	unsigned seen = DIGIT;

	for (; groups > 0; groups--, from += 4, to += 3) {
		unsigned a = digits[from[0]], b = digits[from[1]], c = digits[from[2]], d = digits[from[3]];

		seen &= a & b & c & d;
		to[0] = (uint8_t)(a << 2 | (b >> 4 & 0x03));
		to[1] = (uint8_t)(b << 4 | (c >> 2 & 0x0f));
		to[2] = (uint8_t)(c << 6 | (d & 0x3f));
	}
	return seen & DIGIT;
}

int base64_decode(const char *text, size_t n, void *ret, size_t size, size_t *ret_n)
{
	const uint8_t *from = (const uint8_t *)text, *last;
	uint8_t filled[4] = { 'A', 'A', 'A', 'A' }, end[3];
	size_t groups = n / 4, padding = 0, length;

	if (n % 4)
		return -EBADMSG;
	if (n == 0) {
		*ret_n = 0;
		return 0;
	}
	last = from + n - 4;
	if (last[3] == '=')
		padding = last[2] == '=' ? 2 : 1;
	length = groups * 3 - padding;
	if (length > size)
		return -ENOBUFS;

	/* The last group apart: what padding leaves of its bits has to be zero. */
	for (size_t i = 0; i < 4 - padding; i++)
		filled[i] = last[i];
	if (!decode_groups(filled, 1, end) || !decode_groups(from, groups - 1, ret))
		return -EBADMSG;
	for (size_t i = 3 - padding; i < 3; i++) {
		if (end[i])
			return -EBADMSG;
	}
	for (size_t i = 0; i < 3 - padding; i++)
		((uint8_t *)ret)[length - (3 - padding) + i] = end[i];
	*ret_n = length;
	return 0;
}
