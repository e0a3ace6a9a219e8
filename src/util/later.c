/* SPDX-License-Identifier: Apache-2.0 */
#include "util/later.h"

#include <errno.h>
#include <stdlib.h>

struct outcome {
	struct done done;
	int r;
};

struct later {
	sd_event_source *source;
	struct outcome *outcomes;
	size_t n;
};

static int on_loop(_unused_ sd_event_source *source, void *userdata)
{
	struct later *l = userdata;
	_cleanup_(freep) struct outcome *outcomes = TAKE_PTR(l->outcomes);
	size_t n = l->n;

	l->n = 0;
	for (size_t i = 0; i < n; i++)
		done_call(&outcomes[i].done, outcomes[i].r);
	return 0;
}

int later_new(struct later **ret, sd_event *event)
{
	_cleanup_(later_freep) struct later *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return -ENOMEM;
	r = sd_event_add_defer(event, &l->source, on_loop, l);
	if (r < 0)
		return r;
	r = sd_event_source_set_enabled(l->source, SD_EVENT_OFF);
	if (r < 0)
		return r;
	(void)sd_event_source_set_description(l->source, "later");
	*ret = TAKE_PTR(l);
	return 0;
}

struct later *later_free(struct later *l)
{
	if (!l)
		return NULL;
	(void)sd_event_source_disable_unref(l->source);
	free(l->outcomes);
	free(l);
	return NULL;
}

void later_call(struct later *l, struct done done, int r)
{
	struct outcome *more;

	if (!done.fn)
		return;
	more = realloc(l->outcomes, (l->n + 1) * sizeof(*more));
	if (!more) {
		done_call(&done, r);
		return;
	}
	l->outcomes = more;
	l->outcomes[l->n++] = (struct outcome){ done, r };
	(void)sd_event_source_set_enabled(l->source, SD_EVENT_ONESHOT);
}
