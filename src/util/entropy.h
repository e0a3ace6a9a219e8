#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

#include <stdint.h>

/* Bits that nobody else has at the same moment: of the kernel or, early in the boot, of the clock. For names and for
 * delays, not for secrets. Never waits. */
uint64_t entropy_get(void);
