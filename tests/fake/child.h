#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of util/child.c: a helper that says what the test says. */

#include "util/child.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_child {
	bool running;
	bool waiting; /* a message that was not taken */
	unsigned starts;
	char name[64], input[4097]; /* of the last start */
	size_t max;
	uint64_t silence_ms;
	int start_result;
};

struct fake_child *fake_child(void);

/* A message; passed over unless it runs and nothing waits. */
void fake_child_say(const void *data, size_t n);
void fake_child_end(int r);
