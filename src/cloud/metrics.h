#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The report that AWS IoT Device Defender takes: version 1.0, with long names. Pure. */

#include "util/macro.h"
#include "util/netstat.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define METRICS_MAX (48 * 1024) /* bytes of the longest report; AWS IoT takes messages of 128 KiB */

/* Since the start of the module. */
struct metrics_counts {
	uint64_t bytes_out, sent, received; /* of messages: bytes of payloads; messages */
	uint64_t hard_resets, reconnects;
	uint64_t writes; /* to flash memory */
	struct netstat_traffic traffic;
	bool has_traffic; /* ... is known by now */
};

/* What was counted between two moments. */
void metrics_between(const struct metrics_counts *before, const struct metrics_counts *after,
		     struct metrics_counts *ret);

/* counts: since the last report. A report that were longer than max bytes comes without the lists of ports and
 * connections, whose totals stay. ret is for free(). 0, -ENOMEM; -EMSGSIZE: even that is longer. */
int metrics_text(uint64_t id, const struct netstat *network, const struct metrics_counts *counts, size_t max,
		 char **ret) _must_check_;
