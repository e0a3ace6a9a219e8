#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* An image that comes over the wire: its sender, and the owner who judges it and takes it. Programs that use it link
 * the sources of CABLE (tests/Makefile.am). */

#include "ota/container.h"
#include "ota/wire.h"
#include "util/done.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define CABLE_SIZE 3000 /* bytes of payload: with the header three blocks of XMODEM and a part of one */

/* Two are enough for a sender, but a bad line may have none of them. */
#define CABLE_CANS "18 18 18 18 18 18 18 18 18 18 "

struct cable {
	sd_event *event;
	struct image *image; /* the stand-in, done at once */
	struct wire *wire;
	uint8_t payload[CABLE_SIZE], file[CONTAINER_HEADER + CABLE_SIZE + 1024];
	size_t file_n;
	char told[2048]; /* the bytes that were sent, as hex; "OK" for a block; "=<r>" for the end */
	int verdict;     /* of the owner */
	struct done take_done;
	bool withdrawn;
	unsigned number; /* of the next block */
};

void cable_make(struct cable *c);
void cable_done(struct cable *c);

/* Opens it and lets it go on. With two zeros it is XMODEM. */
void cable_begin(struct cable *c, uint64_t size, uint32_t block);

/* What was told since the last look. */
void cable_assert_told(struct cable *c, const char *text);

/* All of them are taken. */
void cable_bytes(struct cable *c, const void *data, size_t n);

/* By XMODEM: the next KiB of the file; the end of it. */
void cable_block(struct cable *c);
void cable_eot(struct cable *c);

/* All blocks and the end. */
void cable_by_xmodem(struct cable *c);
