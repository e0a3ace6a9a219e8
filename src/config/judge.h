#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Which values a key of the dictionary may have, and what may follow what. */

#include "config/keys.h"
#include "util/macro.h"

#include <stddef.h>

/* The value in the form in which it is kept: malloc()ed, a NUL behind it. AT_ERR_PARAMETER if the key cannot have
 * it; -ENOMEM. */
int judge_form(const struct key_row *row, const void *value, size_t n, char **ret, size_t *ret_n) _must_check_;

/* The same for a new value, which for a certificate also depends on the present one (guide 5.2.1.6, 8.6.1.3, 8.11):
 * AT_ERR_SIGNATURE if it may not follow that. */
int judge_change(const struct key_row *row, const char *present, size_t present_n, const void *value, size_t n,
		 char **ret, size_t *ret_n) _must_check_;
