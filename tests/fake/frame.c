/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/frame.h"

#include "ota/xmodem.h"

#include <string.h>

/* From the book: bit by bit, with 16 zeros behind it. */
static unsigned crc(const uint8_t *data, size_t n)
{
	unsigned value = 0;

	for (size_t i = 0; i < (n + 2) * 8; i++) {
		unsigned bit = i / 8 < n ? (unsigned)data[i / 8] >> (7 - i % 8) & 1 : 0;

		value = value << 1 | bit;
		if (value & 0x10000)
			value ^= 0x11021;
	}
	return value;
}

size_t frame_make(uint8_t ret[FRAME_MAX], unsigned number, const void *data, size_t n)
{
	unsigned check;

	ret[0] = n == 1024 ? XMODEM_STX : XMODEM_SOH;
	ret[1] = (uint8_t)number;
	ret[2] = (uint8_t)~number;
	memcpy(ret + 3, data, n);
	check = crc(ret + 3, n);
	ret[3 + n] = (uint8_t)(check >> 8);
	ret[4 + n] = (uint8_t)check;
	return n + 5;
}
