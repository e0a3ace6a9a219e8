#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Blocks of XMODEM-CRC, as a sender makes them. */

#include <stddef.h>
#include <stdint.h>

#define FRAME_MAX (3 + 1024 + 2)

/* n: 128 or 1024. Returns the bytes of the whole. */
size_t frame_make(uint8_t ret[FRAME_MAX], unsigned number, const void *data, size_t n);
