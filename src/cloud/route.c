/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/route.h"

#include "util/timer.h"

#include <stdio.h>

#define LEAST_MS 1000 /* an address is given at least this, however many there are */

static uint64_t left_until(uint64_t deadline)
{
	uint64_t now = timer_now();

	return deadline > now ? deadline - now : 0;
}

void route_start(struct route *r, uint64_t deadline)
{
	*r = (struct route){ .deadline = deadline };
}

void route_found(struct route *r, const struct addresses *found)
{
	r->addresses = *found;
}

void route_direct(struct route *r, const struct endpoint *endpoint)
{
	r->addresses.count = 1;
	(void)snprintf(r->addresses.text[0], sizeof(r->addresses.text[0]), "%.45s", endpoint->host);
}

void route_again(struct route *r)
{
	r->next = 0;
	r->failed = false;
}

bool route_goes_on(const struct route *r)
{
	return r->next < r->addresses.count && route_left(r) > 0;
}

const char *route_next(struct route *r)
{
	uint64_t share = route_left(r) / (r->addresses.count - r->next);

	if (share < LEAST_MS)
		share = LEAST_MS;
	r->address_deadline = timer_now() + share;
	if (r->address_deadline > r->deadline)
		r->address_deadline = r->deadline;
	return r->addresses.text[r->next++];
}

void route_fail(struct route *r, const struct fault *fault)
{
	if (!r->failed || fault_tells_more(fault, &r->fault))
		r->fault = *fault;
	r->failed = true;
}

uint64_t route_left(const struct route *r)
{
	return left_until(r->deadline);
}

uint64_t route_stage_left(const struct route *r)
{
	uint64_t left = left_until(r->address_deadline);

	return left < ROUTE_STAGE_MS ? left : ROUTE_STAGE_MS;
}
