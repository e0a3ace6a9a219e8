#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of board/ping.c: hosts that answer as the test says. */

#include "board/ping.h"

#include <stdbool.h>

struct fake_ping {
	bool asked; /* and not answered yet */
	unsigned starts;
	char address[128];
	int start_result;
};

struct fake_ping *fake_ping(void);

void fake_ping_end(const struct ping_result *result);
