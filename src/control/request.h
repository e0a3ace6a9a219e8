#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* From bytes to requests. Pure. */

#include "control/protocol.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

enum request {
	REQUEST_NONE, /* not yet a whole line */
	REQUEST_BAD,  /* no request that we know, or a line that does not end */
	REQUEST_STATUS,
	REQUEST_ATTEMPTS,
	REQUEST_PROBE,
	REQUEST_MONITOR,
};

struct request_reader {
	char line[CONTROL_REQUEST];
	size_t n;
};

/* Takes bytes up to the end of one line and says how many. What follows a bad request is best not read. */
size_t request_feed(struct request_reader *r, const void *data, size_t n, enum request *ret);
