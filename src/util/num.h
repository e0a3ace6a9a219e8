#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Strict decimal numbers. */

#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

/* Reads n ASCII digits, nothing else. 0; -EINVAL if there is none or another byte
 * among them; -ERANGE, and UINT64_MAX in ret, if the number is too large. */
int num_parse(const void *text, size_t n, uint64_t *ret) _must_check_;
