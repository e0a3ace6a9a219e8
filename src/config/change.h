#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Changes of the dictionary on their way to the disk, in lists in the order in which they were asked for. */

#include "config/values.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>

/* One call's values, kept until they are durable. */
struct change {
	struct change *next;
	struct done done;
	struct value slots[SLOT_COUNT];
	bool touched[SLOT_COUNT]; /* slots[] of these count; without data: back to the factory value */
	bool factory_reset;
};

/* NULL: no memory. */
struct change *change_new(void);
struct change *change_free(struct change *c);
DEFINE_CLEANUP(struct change *, change_free)

void changes_append(struct change **list, struct change *more);
void changes_free(struct change *list);

/* The last one of the list that touches the slot, or NULL. */
const struct change *changes_touching(const struct change *list, unsigned slot);

/* Calls every completion with r, in order. */
void changes_answer(struct change *list, int r);
