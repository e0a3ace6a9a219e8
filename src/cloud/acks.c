/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/acks.h"

static struct ack *acks_find(struct acks *a, enum ack_state state)
{
	for (size_t i = 0; i < ACKS_MAX; i++) {
		if (a->all[i].state == state)
			return &a->all[i];
	}
	return NULL;
}

bool acks_full(const struct acks *a)
{
	for (size_t i = 0; i < ACKS_MAX; i++) {
		if (a->all[i].state == ACK_FREE)
			return false;
	}
	return true;
}

void acks_open(struct acks *a, int mid, struct done done)
{
	struct ack *free_one = acks_find(a, ACK_FREE);

	if (free_one)
		*free_one = (struct ack){ .state = ACK_OPEN, .mid = mid, .done = done };
}

static void note(struct acks *a, struct ack *one, int result)
{
	one->state = ACK_NOTED;
	one->result = result;
	a->noted++;
}

bool acks_note(struct acks *a, int mid, int result)
{
	for (size_t i = 0; i < ACKS_MAX; i++) {
		if (a->all[i].state != ACK_OPEN || a->all[i].mid != mid)
			continue;
		note(a, &a->all[i], result);
		return true;
	}
	return false;
}

void acks_note_all(struct acks *a, int result)
{
	struct ack *one;

	while ((one = acks_find(a, ACK_OPEN)) != NULL)
		note(a, one, result);
}

void acks_settle(struct acks *a)
{
	struct ack *one;

	while (a->noted > 0 && (one = acks_find(a, ACK_NOTED)) != NULL) {
		a->noted--;
		one->state = ACK_FREE;
		done_call(&one->done, one->result);
	}
}
