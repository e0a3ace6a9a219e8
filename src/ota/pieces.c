/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/pieces.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static uint64_t end_of(const struct piece *p)
{
	return p->offset + p->n;
}

static size_t size_of(const struct piece *p)
{
	return sizeof(*p) + p->n;
}

void piece_free_all(struct piece *p)
{
	while (p) {
		struct piece *next = p->next;

		free(p);
		p = next;
	}
}

void pieces_restart(struct pieces *p, uint64_t next)
{
	piece_free_all(p->first);
	*p = (struct pieces){ .next = next };
}

/* The last one that does not begin behind offset; NULL: all do. Mostly it is the last of all. */
static struct piece *before(const struct pieces *p, uint64_t offset)
{
	struct piece *found = NULL;

	if (p->last && p->last->offset <= offset)
		return p->last;
	for (struct piece *q = p->first; q && q->offset <= offset; q = q->next)
		found = q;
	return found;
}

int pieces_put(struct pieces *p, uint64_t offset, const void *data, size_t n)
{
	struct piece *previous = before(p, offset), *piece;

	if (n == 0 || offset + n <= p->next || (previous && end_of(previous) >= offset + n))
		return 0;
	piece = malloc(sizeof(*piece) + n);
	if (!piece)
		return -ENOMEM;
	*piece = (struct piece){ .next = previous ? previous->next : p->first, .offset = offset, .n = n };
	memcpy(piece->data, data, n);
	if (previous)
		previous->next = piece;
	else
		p->first = piece;
	if (!piece->next)
		p->last = piece;
	p->bytes += size_of(piece);
	return 0;
}

bool pieces_ready(const struct pieces *p)
{
	return p->first && p->first->offset <= p->next;
}

struct piece *pieces_take(struct pieces *p)
{
	struct piece *taken = NULL, **last = &taken;

	while (pieces_ready(p)) {
		struct piece *piece = p->first;

		p->first = piece->next;
		p->bytes -= size_of(piece);
		piece->next = NULL;
		if (end_of(piece) <= p->next) {
			free(piece);
			continue;
		}
		piece->skip = (size_t)(p->next - piece->offset);
		p->next = end_of(piece);
		*last = piece;
		last = &piece->next;
	}
	if (!p->first)
		p->last = NULL;
	return taken;
}
