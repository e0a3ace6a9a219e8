#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Packets that wait for their acknowledgement, by packet identifier. The library's callbacks only note; their
 * completions are called later, by acks_settle(), when no call of the library is under way. */

#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define ACKS_MAX 16 /* one of the host, some of our own */

enum ack_state {
	ACK_FREE,
	ACK_OPEN,
	ACK_NOTED,
};

struct ack {
	enum ack_state state;
	int mid;
	int result;
	struct done done;
};

struct acks {
	struct ack all[ACKS_MAX];
	unsigned noted;
};

bool acks_full(const struct acks *a);

/* There is room: see acks_full(). */
void acks_open(struct acks *a, int mid, struct done done);

/* False: nobody waits for this one. */
bool acks_note(struct acks *a, int mid, int result);

/* Notes the same result for all that are open. */
void acks_note_all(struct acks *a, int result);

void acks_settle(struct acks *a);
