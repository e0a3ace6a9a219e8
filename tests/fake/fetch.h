#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of cloud/fetch.c: a server that delivers what the test says. */

#include "cloud/fetch.h"
#include "cloud/url.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct fake_fetch {
	bool running;
	unsigned starts;
	char url[URL_MAX + 1]; /* of the last start, or the fresh one */
	uint64_t size, have, patience;
	unsigned gone_on; /* times that there was room again */
	unsigned renewed;
	int start_result;
};

struct fake_fetch *fake_fetch(void);

bool fake_fetch_data(uint64_t offset, const void *data, size_t n);
void fake_fetch_complete(void);
void fake_fetch_stale(void);
void fake_fetch_fail(const char *reason);
