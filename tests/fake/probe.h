#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of cloud/probe.c: endpoints that fare as the test says. */

#include "cloud/probe.h"

#include <stdbool.h>

struct fake_probe {
	bool asked; /* and not answered yet */
	unsigned starts;
	struct endpoint endpoint;
	uint64_t timeout_ms;
	int start_result;
};

struct fake_probe *fake_probe(void);

void fake_probe_end(const struct probe_report *report);
