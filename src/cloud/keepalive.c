/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/keepalive.h"

#define LEAST_WAIT_MS 1000 /* the library counts in whole seconds: it may see a moment later than we do */

unsigned keepalive_start(struct keepalive *k, unsigned seconds, uint64_t now)
{
	unsigned interval = seconds * 3 / 4;

	*k = (struct keepalive){ .interval = (uint64_t)interval * 1000, .last_in = now, .last_out = now };
	return interval;
}

bool keepalive_in(struct keepalive *k, uint64_t now)
{
	bool answered = k->pinged > 0;

	k->last_in = now;
	k->pinged = 0;
	return answered;
}

void keepalive_out(struct keepalive *k, uint64_t now)
{
	k->last_out = now;
}

bool keepalive_ping(struct keepalive *k, uint64_t now)
{
	if (k->pinged > 0 || (now < k->last_in + k->interval && now < k->last_out + k->interval))
		return false;
	k->pinged = now;
	k->last_out = now;
	return true;
}

static uint64_t answer_due(const struct keepalive *k)
{
	return k->pinged + k->interval / 3;
}

bool keepalive_is_lost(const struct keepalive *k, uint64_t now)
{
	return k->pinged > 0 && now >= answer_due(k);
}

uint64_t keepalive_wait(const struct keepalive *k, uint64_t now)
{
	uint64_t due = (k->last_in < k->last_out ? k->last_in : k->last_out) + k->interval;

	if (k->pinged > 0)
		due = answer_due(k);
	return due > now + LEAST_WAIT_MS ? due - now : LEAST_WAIT_MS;
}
