/* SPDX-License-Identifier: Apache-2.0 */
#include "queue/messages.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct messages {
	struct message *first;
	struct message **last; /* where the next one is hung */
	unsigned count, max_count;
	size_t bytes, max_bytes;
	messages_index_fn index;
	void *userdata;
};

int messages_new(struct messages **ret, unsigned max_count, size_t max_bytes, messages_index_fn index, void *userdata)
{
	struct messages *m;

	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->last = &m->first;
	m->max_count = max_count;
	m->max_bytes = max_bytes;
	m->index = index;
	m->userdata = userdata;
	*ret = m;
	return 0;
}

struct messages *messages_free(struct messages *m)
{
	if (m)
		messages_clear(m);
	free(m);
	return NULL;
}

int messages_push(struct messages *m, const char *topic, const void *payload, size_t payload_n)
{
	size_t topic_n = strlen(topic), n = topic_n + payload_n;
	struct message *e;

	if (m->count == m->max_count || n > m->max_bytes - m->bytes)
		return -ENOBUFS;
	e = malloc(sizeof(*e) + n + 1);
	if (!e)
		return -ENOMEM;
	*e = (struct message){ .topic_n = topic_n, .payload_n = payload_n };
	memcpy(e->bytes, topic, topic_n + 1);
	if (payload_n)
		memcpy(e->bytes + topic_n + 1, payload, payload_n);
	*m->last = e;
	m->last = &e->next;
	m->count++;
	m->bytes += n;
	return 0;
}

struct message *messages_pop(struct messages *m, unsigned index)
{
	struct message **link, *e;

	for (link = &m->first; (e = *link) != NULL; link = &e->next) {
		if (index == MESSAGES_ANY || m->index(m->userdata, message_topic(e)) == index)
			break;
	}
	if (!e)
		return NULL;
	*link = e->next;
	if (m->last == &e->next)
		m->last = link;
	e->next = NULL;
	m->count--;
	m->bytes -= e->topic_n + e->payload_n;
	return e;
}

void messages_clear(struct messages *m)
{
	struct message *e;

	while ((e = messages_pop(m, MESSAGES_ANY)) != NULL)
		free(e);
}

unsigned messages_used(const struct messages *m)
{
	return m->count;
}

size_t messages_bytes(const struct messages *m)
{
	return m->bytes;
}
