#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Which levels of a line count: those that lasted for a while. Pure; the edges bring the time at which they happened,
 * so that a busy loop neither misses a short pulse nor takes a bounce for one. */

#include <stdbool.h>
#include <stdint.h>

struct debounce {
	uint64_t period_ns;
	bool level;    /* the one that counts */
	bool pending;  /* an edge came, and what follows it must last: */
	bool to_level; /* ... this */
	uint64_t at_ns;
};

void debounce_init(struct debounce *d, uint64_t period_ns, bool level);

/* An edge. True: the level before it had lasted, and d->level has changed to it. */
bool debounce_edge(struct debounce *d, bool to_level, uint64_t at_ns);

/* There are no more edges for now, and the line has this level: an edge that got lost is made up for. True: d->level
 * has changed; to be asked once more. False: *ret_wait_ns says when again; 0: not before the next edge. */
bool debounce_settle(struct debounce *d, bool level, uint64_t now_ns, uint64_t *ret_wait_ns);
