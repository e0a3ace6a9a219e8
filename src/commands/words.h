#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters made of words: "READ 1024", "ACCEPT", "pem". */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct word {
	const uint8_t *data;
	size_t n;
};

/* Is it this word, in any letter case? */
bool word_is(const struct word *w, const char *text);

/* Takes the bytes up to the first space off the front; the space is dropped. An empty rest yields an empty word. */
struct word word_next(struct word *rest);

/* A decimal behind any number of spaces; one that is too large counts as UINT64_MAX. -EINVAL: none, or more than
 * that. */
int word_number(const struct word *rest, uint64_t *ret);
