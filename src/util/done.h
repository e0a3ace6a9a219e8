#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A completion that is called exactly once. It is found by number, not by pointer, so that one that
 * comes too late is dropped by its receiver. */

#include <stddef.h>
#include <stdint.h>

struct done {
	/* r: 0, a row of Table 1 (> 0), or -errno; -ECANCELED if the operation was given up */
	void (*fn)(void *who, uint64_t number, int r);
	void *who;
	uint64_t number;
};

/* May destroy or restart the owner of *d, so *d is emptied first. Empty: does nothing. */
static inline void done_call(struct done *d, int r)
{
	struct done copy = *d;

	*d = (struct done){ 0 };
	if (copy.fn)
		copy.fn(copy.who, copy.number, r);
}
