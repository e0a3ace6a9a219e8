/* SPDX-License-Identifier: Apache-2.0 */
#include "board/debounce.h"

void debounce_init(struct debounce *d, uint64_t period_ns, bool level)
{
	*d = (struct debounce){ .period_ns = period_ns, .level = level };
}

static bool accept(struct debounce *d, bool level)
{
	bool changed = level != d->level;

	d->level = level;
	d->pending = false;
	return changed;
}

static bool has_lasted(const struct debounce *d, uint64_t until_ns)
{
	return d->pending && until_ns >= d->at_ns && until_ns - d->at_ns >= d->period_ns;
}

bool debounce_edge(struct debounce *d, bool to_level, uint64_t at_ns)
{
	bool changed = has_lasted(d, at_ns) && accept(d, d->to_level);

	d->pending = true;
	d->to_level = to_level;
	d->at_ns = at_ns;
	return changed;
}

bool debounce_settle(struct debounce *d, bool level, uint64_t now_ns, uint64_t *ret_wait_ns)
{
	bool missed = d->pending ? level != d->to_level : level != d->level;

	if (missed && debounce_edge(d, level, now_ns))
		return true;
	if (has_lasted(d, now_ns) && accept(d, level))
		return true;
	*ret_wait_ns = d->pending ? d->at_ns + d->period_ns - now_ns : 0;
	return false;
}
