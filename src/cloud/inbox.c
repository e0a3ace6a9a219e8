/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/inbox.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct letter {
	struct letter *next;
	size_t topic_n, n;
	char bytes[]; /* the topic with its NUL, then the payload */
};

struct inbox {
	sd_event_source *defer; /* on while a letter may be handed on */
	inbox_fn fn;
	void *userdata;
	struct letter *first, **end;
	size_t bytes;
	bool open;
};

static size_t letter_size(const struct letter *l)
{
	return sizeof(*l) + l->topic_n + l->n;
}

static struct letter *inbox_take(struct inbox *i)
{
	struct letter *l = i->first;

	if (!l)
		return NULL;
	i->first = l->next;
	if (!i->first)
		i->end = &i->first;
	i->bytes -= letter_size(l);
	return l;
}

static void inbox_arm(struct inbox *i)
{
	(void)sd_event_source_set_enabled(i->defer, i->open && i->first ? SD_EVENT_ON : SD_EVENT_OFF);
}

/* One in a turn of the loop: the host has its turns in between. */
static int on_defer(sd_event_source *source, void *userdata)
{
	struct inbox *i = userdata;
	_cleanup_(freep) struct letter *l = inbox_take(i);

	(void)source;
	inbox_arm(i);
	if (l)
		i->fn(i->userdata, l->bytes, l->bytes + l->topic_n, l->n);
	return 0;
}

int inbox_put(struct inbox *i, const char *topic, const void *payload, size_t n)
{
	size_t topic_n = strlen(topic) + 1;
	struct letter *l;

	if (n > INBOX_MAX_BYTES || sizeof(*l) + topic_n + n > INBOX_MAX_BYTES - i->bytes)
		return -ENOSPC;
	l = malloc(sizeof(*l) + topic_n + n);
	if (!l)
		return -ENOMEM;
	*l = (struct letter){ .topic_n = topic_n, .n = n };
	memcpy(l->bytes, topic, topic_n);
	if (n > 0)
		memcpy(l->bytes + topic_n, payload, n);
	*i->end = l;
	i->end = &l->next;
	i->bytes += letter_size(l);
	inbox_arm(i);
	return 0;
}

void inbox_open(struct inbox *i)
{
	i->open = true;
	inbox_arm(i);
}

void inbox_clear(struct inbox *i)
{
	struct letter *l;

	while ((l = inbox_take(i)) != NULL)
		free(l);
	i->open = false;
	inbox_arm(i);
}

int inbox_new(struct inbox **ret, sd_event *event, inbox_fn fn, void *userdata)
{
	_cleanup_(inbox_freep) struct inbox *i = NULL;
	int r;

	i = calloc(1, sizeof(*i));
	if (!i)
		return -ENOMEM;
	i->fn = fn;
	i->userdata = userdata;
	i->end = &i->first;
	r = sd_event_add_defer(event, &i->defer, on_defer, i);
	if (r < 0)
		return r;
	inbox_arm(i);
	*ret = TAKE_PTR(i);
	return 0;
}

struct inbox *inbox_free(struct inbox *i)
{
	if (!i)
		return NULL;
	inbox_clear(i);
	i->defer = sd_event_source_disable_unref(i->defer);
	free(i);
	return NULL;
}
