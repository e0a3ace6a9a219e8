#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Is a certificate fit for what it is to be used for: its key, what it says of its purpose, its dates? Who has signed
 * it is another matter, see cert.h. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FITNESS_MAX_WHY 80

enum fitness_use {
	FITNESS_CODE, /* its key signs images (guide 8.4) */
	FITNESS_ROOT, /* it vouches for servers (guide 8.12) */
};

struct fitness_clock {
	int64_t now;
	int64_t floor; /* surely past, whatever the clock says */
	bool sure;     /* somebody synchronises the clock: dates are judged by it */
};

/* One certificate, as cert_canonical() gives it; of roots each of them. 0; AT_ERR_SIGNATURE, and why says what is wrong
 * with it, such as "expired on 2021-01-01"; -ENOMEM. */
int fitness_judge(const char *pem, size_t n, enum fitness_use use, const struct fitness_clock *clock,
		  char why[FITNESS_MAX_WHY + 1]) _must_check_;
