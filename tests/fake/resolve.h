#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of util/resolve.c: names that the test resolves. */

#include "util/resolve.h"

struct fake_resolve {
	bool asked; /* and not answered yet */
	unsigned questions;
	char host[256];
	uint64_t timeout_ms;
	int start_result;
};

struct fake_resolve *fake_resolve(void);

/* Answers the question: r, or 0 and a text as the helper prints it. */
void fake_resolve_fail(int r);
void fake_resolve_found(const char *lines);
