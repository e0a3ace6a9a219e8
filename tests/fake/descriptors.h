#pragma once
/* SPDX-License-Identifier: Apache-2.0 */

/* How many this process has open. */
unsigned descriptors(void);
