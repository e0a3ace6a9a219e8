#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Pieces of a file that come in any order, until those before them are there. Pure. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct piece {
	struct piece *next;
	uint64_t offset;
	size_t n;
	size_t skip; /* bytes at its beginning that came with another one */
	char data[];
};

struct pieces {
	struct piece *first, *last; /* by offset */
	uint64_t next;              /* bytes from the beginning without a gap, up to which they were taken */
	size_t bytes;               /* that they occupy in memory */
};

void piece_free_all(struct piece *p);

/* Forgets all; the next byte that is waited for is this one. */
void pieces_restart(struct pieces *p, uint64_t next);

/* Copies. What another one has already is passed over. 0, -ENOMEM. */
int pieces_put(struct pieces *p, uint64_t offset, const void *data, size_t n) _must_check_;

/* Is there something to take? */
bool pieces_ready(const struct pieces *p);

/* Those that follow without a gap, in their order; piece_free_all() them. NULL: none. */
struct piece *pieces_take(struct pieces *p);
