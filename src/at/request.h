#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One command line taken apart (guide 3.2): word, suffix, separator, parameter. Decides nothing. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REQUEST_MAX_WORD 32 /* guide 3.4.2 */

struct at_request {
	char word[REQUEST_MAX_WORD + 1]; /* upper case, with its '?' or '!'; "" for AT alone */
	bool word_ok;                    /* false: longer than 32 bytes, or missing behind "AT+" */
	bool has_suffix;
	uint64_t suffix; /* UINT64_MAX: too large for any integer */
	bool separated;  /* word and suffix are followed by one space or by the end */
	uint8_t *param;  /* the raw bytes behind the separator, still escaped, inside the line */
	size_t param_n;  /* 0: absent, or a separator with nothing behind it */
};

/* data: of a LINE_COMMAND. Never fails. */
void request_parse(uint8_t *data, size_t n, struct at_request *ret);
