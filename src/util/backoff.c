/* SPDX-License-Identifier: Apache-2.0 */
#include "util/backoff.h"

#define BACKOFF_FIRST_MS 2000
#define BACKOFF_LAST_MS  120000

void backoff_clear(struct backoff *b)
{
	*b = (struct backoff){ 0 };
}

void backoff_fail(struct backoff *b, uint64_t now, uint64_t entropy)
{
	uint64_t cap = BACKOFF_FIRST_MS;

	for (unsigned i = 0; i < b->failures && cap < BACKOFF_LAST_MS; i++)
		cap *= 2;
	if (cap > BACKOFF_LAST_MS)
		cap = BACKOFF_LAST_MS;
	if (b->failures < UINT8_MAX)
		b->failures++;
	b->not_before = now + cap / 2 + entropy % (cap / 2 + 1);
}

uint64_t backoff_wait(const struct backoff *b, uint64_t now)
{
	return b->not_before > now ? b->not_before - now : 0;
}
