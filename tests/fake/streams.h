#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of cloud/streams.c: a stream that delivers what the test says. */

#include "cloud/streams.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_streams {
	bool running;
	unsigned starts;
	char stream[STREAMS_MAX_ID + 1]; /* of the last start */
	unsigned file;
	uint64_t size, have, patience;
	unsigned gone_on; /* times that there was room again */
	int start_result;
};

struct fake_streams *fake_streams(void);

bool fake_streams_block(uint64_t offset, const void *data, size_t n);
void fake_streams_complete(void);
void fake_streams_fail(const char *reason);
