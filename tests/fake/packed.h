#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Image files for tests (guide 8.13), as expresslinkctl makes them. */

#include "fake/pki.h"
#include "ota/container.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct packed {
	const struct pki *signer; /* NULL: some bytes for a signature */
	const char *manufacturer, *model, *version;
	const void *payload;
	size_t n;
	bool no_digest; /* zeros, as a fresh stand-in of the staging file has them */
};

/* ret: CONTAINER_HEADER + n bytes. */
void packed_make(const struct packed *p, uint8_t *ret);

/* The digest of the payload. */
void packed_digest(const struct packed *p, unsigned char ret[DIGEST_SIZE]);
