/* SPDX-License-Identifier: Apache-2.0 */
#include "util/entropy.h"

#include "util/timer.h"

#include <sys/random.h>
#include <sys/types.h>

uint64_t entropy_get(void)
{
	uint64_t bits;

	if (getrandom(&bits, sizeof(bits), GRND_NONBLOCK) != (ssize_t)sizeof(bits))
		bits = timer_now();
	return bits;
}
