#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Messages that wait for the host (guide 4.1.5 - 4.1.7), in order of arrival, bounded in number and bytes. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MESSAGE_MAX_PAYLOAD (128 * 1024) /* the limit of AWS IoT Core */

struct message {
	struct message *next; /* the queue's own */
	size_t topic_n;
	size_t payload_n;
	uint8_t bytes[]; /* topic, NUL, payload */
};

static inline const char *message_topic(const struct message *m)
{
	return (const char *)m->bytes;
}

static inline const uint8_t *message_payload(const struct message *m)
{
	return m->bytes + m->topic_n + 1;
}

struct messages;

/* The index under which a topic is shown to the host now: the lowest whose filter matches, or 0. */
typedef unsigned (*messages_index_fn)(void *userdata, const char *topic);

int messages_new(struct messages **ret, unsigned max_count, size_t max_bytes, messages_index_fn index,
		 void *userdata) _must_check_;
struct messages *messages_free(struct messages *m);
DEFINE_CLEANUP(struct messages *, messages_free)

/* 0; -ENOBUFS: full, the message is lost (guide 4.1.7.6); -ENOMEM. */
int messages_push(struct messages *m, const char *topic, const void *payload, size_t payload_n) _must_check_;

#define MESSAGES_ANY (~0U)

/* The oldest of all (MESSAGES_ANY), or the oldest whose index is this one. The caller frees it. NULL: none. */
struct message *messages_pop(struct messages *m, unsigned index);

void messages_clear(struct messages *m);
unsigned messages_used(const struct messages *m);
size_t messages_bytes(const struct messages *m);
