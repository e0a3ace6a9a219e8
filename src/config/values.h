#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The values of all keys but the topics, by slot, their factory values, and how they get to and from the folder. */

#include "config/keys.h"
#include "config/settings.h"
#include "util/buf.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

/* A slot for each key, and a hidden one: */
#define SLOT_PREVIOUS KEY_TOPIC /* the roots that a write of RootCA replaced, until the new ones have proven good */
#define SLOT_COUNT    (KEY_TOPIC + 1)

#define PREVIOUS_SIZE (48 * 1024) /* three RootCAs */

struct value {
	char *data; /* NULL: the factory value */
	size_t n;
};

struct values {
	const struct settings *settings;
	struct value slots[SLOT_COUNT];
};

void value_done(struct value *v);

void values_init(struct values *v, const struct settings *settings);
void values_done(struct values *v);

const char *values_factory(const struct values *v, unsigned slot, size_t *ret_n);
const char *values_get(const struct values *v, unsigned slot, size_t *ret_n);

/* Takes what from owns. */
void values_take(struct values *v, unsigned slot, struct value *from);

/* Kept over a power-up, and not always the factory value? */
bool slot_is_kept(unsigned slot);

/* What the kept slots are to become with changes over them: overlay[slot], where not NULL, in place of the present
 * value. As the text of the dictionary file. 0 or -errno. */
int values_write(const struct values *v, const struct value *const overlay[SLOT_COUNT], struct buf *out) _must_check_;

/* Reads the folder. How many values fell back to the previous generation or to the factory value is counted,
 * the damaged file kept aside and a sound one written. *ret_old: there is something to forget. 0 or -errno. */
int values_load(struct values *v, const char *dir, unsigned *ret_damaged, bool *ret_old) _must_check_;

/* The same for somebody else than the module: changes nothing in the folder. 0, also when nothing is there; -errno. */
int values_peek(struct values *v, const char *dir) _must_check_;

#define VALUES_FILE    "dictionary"
#define VALUES_OLD     "dictionary.old"
#define VALUES_DAMAGED "dictionary.damaged"

/* Replaces the file; forget: without a previous generation, and any damaged file goes too. Blocks. 0 or -errno. */
int values_replace(const char *dir, const struct buf *text, bool forget) _must_check_;
