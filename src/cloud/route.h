#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses of an endpoint in their order, each with its share of the time, and what is told when all have failed:
 * the same for CONNECT and for DIAG TLS. Pure but for the clock. */

#include "cloud/fault.h"
#include "config/endpoint.h"
#include "util/macro.h"
#include "util/resolve.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROUTE_STAGE_MS 10000 /* the most that one stage on the way may take */

struct route {
	uint64_t deadline; /* of the whole, ms of timer_now() */
	struct addresses addresses;
	size_t next;
	uint64_t address_deadline; /* of the present address */
	bool failed;
	struct fault fault; /* once something has failed: what tells most */
};

/* No address yet, and no failure. */
void route_start(struct route *r, uint64_t deadline);

/* What the resolver found; or the endpoint is an address itself. At least one. */
void route_found(struct route *r, const struct addresses *found);
void route_direct(struct route *r, const struct endpoint *endpoint);

/* Once more from the first address. */
void route_again(struct route *r);

/* Is there an address, and time for it? */
bool route_goes_on(const struct route *r);

/* The next address: there is one. Lives until route_found(). */
const char *route_next(struct route *r);

void route_fail(struct route *r, const struct fault *fault);

/* ms: left of the whole; for a stage of the present address. */
uint64_t route_left(const struct route *r);
uint64_t route_stage_left(const struct route *r);
