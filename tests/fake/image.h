#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of ota/image.c: a staging file in memory, and a disk that is done when the test says so. */

#include "ota/image.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define FAKE_IMAGE_SIZE (256 * 1024)

enum fake_image_step {
	FAKE_IMAGE_NOTHING,
	FAKE_IMAGE_CREATE,
	FAKE_IMAGE_RESUME,
	FAKE_IMAGE_FINISH,
	FAKE_IMAGE_VERIFY,
	FAKE_IMAGE_READ,
};

struct fake_image {
	enum fake_image_step waiting; /* for fake_image_done() */
	bool at_once;                 /* every step is done before it returns, with result */
	int result;
	char tag[128];
	uint64_t size, have;
	bool published, discarded;
	bool full; /* image_put() takes nothing */
	unsigned char digest[IMAGE_DIGEST];
	uint8_t data[FAKE_IMAGE_SIZE];
};

struct fake_image *fake_image(void);
void fake_image_done(int r);
void fake_image_room(void);
void fake_image_error(int r);
