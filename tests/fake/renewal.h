#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of ota/renewal.c: certificates of which the test says what became of them. */

#include "ota/renewal.h"

#include <stdbool.h>

struct fake_renewal {
	bool running;
	bool writing; /* it cannot be stopped any more */
	unsigned begins;
	char id[JOBS_MAX_ID + 1]; /* of the last one */
	int64_t number;
	struct document document;
};

struct fake_renewal *fake_renewal(void);

void fake_renewal_end(enum jobs_status status, const char *reason);
