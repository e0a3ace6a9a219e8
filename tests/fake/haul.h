#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A download between its owner, who is the test, and stand-ins for the stream, the URL and the staging file. Programs
 * that use it link the sources of HAUL (tests/Makefile.am). */

#include "ota/download.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct haul {
	sd_event *event;
	struct image *image;
	struct download *download;
	struct document document; /* three blocks of a stream, the last one shorter; no URL */
	uint8_t block[STREAMS_BLOCK];

	/* What the owner was told. */
	unsigned complete, failed, stale;
	uint64_t progress; /* 99: nothing */
	char last[DOCUMENT_MAX_REASON + 1];
};

void haul_make(struct haul *h);
void haul_done(struct haul *h);

/* With a connection. */
void haul_start(struct haul *h, const char *tag, bool resume);

/* This block of the stream, which is taken. */
void haul_put(struct haul *h, unsigned i);
