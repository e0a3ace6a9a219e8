#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* An attempt to connect, all that it needs, and an owner that counts how it ends. */

#include "cloud/attempt.h"
#include "fake/rig.h"

#include <stdbool.h>

#define DIAL_WHOLE 25000 /* ms for the attempt */
#define DIAL_STAGE 10000 /* for one stage */

struct dial {
	const struct dial *self; /* as callbacks should have it */
	struct rig rig;
	struct mqtt *mqtt;
	struct attempt *attempt;
	unsigned successes, failures;
	struct fault fault; /* of the last failure */
	unsigned looks;     /* at the clock */
};

/* network_is_usable: NULL if it always is. */
void dial_make(struct dial *d, bool (*network_is_usable)(void));
void dial_done(struct dial *d);

/* With all the time, by a module that is known: to the endpoint that is set; to this one; to a name with the addresses
 * 198.51.100.1, which is being tried then, and 198.51.100.2. */
void dial_start(struct dial *d);
void dial_start_at(struct dial *d, const char *endpoint);
void dial_start_two(struct dial *d);

/* It has failed once, in this way. */
void dial_assert_failed(struct dial *d, enum fault_hint hint, const char *text);
void dial_assert_under_way(const struct dial *d);
void dial_assert_target(const char *address, int port);
