/* SPDX-License-Identifier: Apache-2.0 */
#include "config/change.h"

#include <stdlib.h>

struct change *change_new(void)
{
	return calloc(1, sizeof(struct change));
}

struct change *change_free(struct change *c)
{
	if (!c)
		return NULL;
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		value_done(&c->slots[slot]);
	free(c);
	return NULL;
}

void changes_append(struct change **list, struct change *more)
{
	while (*list)
		list = &(*list)->next;
	*list = more;
}

void changes_free(struct change *list)
{
	while (list) {
		struct change *next = list->next;

		change_free(list);
		list = next;
	}
}

const struct change *changes_touching(const struct change *list, unsigned slot)
{
	const struct change *found = NULL;

	for (; list; list = list->next) {
		if (list->touched[slot])
			found = list;
	}
	return found;
}

void changes_answer(struct change *list, int r)
{
	for (; list; list = list->next)
		done_call(&list->done, r);
}
