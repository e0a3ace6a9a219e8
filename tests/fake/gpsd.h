#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of board/gpsd.c: a receiver that the test is. */

#include "board/gpsd.h"

struct fake_gpsd {
	bool connected;
	bool have, fresh; /* the fix */
	struct fix fix;
	uint64_t age;   /* ms */
	unsigned asked; /* gpsd_ask() */
};

struct fake_gpsd *fake_gpsd(void);

/* A fix with all that belongs to it: 2026-11-22 12:30:14.25, 47.285233 -8.565265, 499.6 m, 7.8 m. */
void fake_gpsd_fix(void);
