/* SPDX-License-Identifier: Apache-2.0 */
#include "board/watch.h"

#include "board/debounce.h"
#include "util/timer.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>

struct watch {
	struct gpio_line *line;
	watch_fn fn;
	void *userdata;
	struct debounce debounce;
	int lost; /* why */
	sd_event_source *source;
	struct timer settle;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void tell(struct watch *w)
{
	w->fn(w->userdata, w->debounce.level);
}

static void line_lost(struct watch *w, int r)
{
	w->source = sd_event_source_disable_unref(w->source);
	timer_disarm(&w->settle);
	w->lost = r;
	w->debounce.level = true;
	tell(w);
}

static void on_settle(void *userdata)
{
	struct watch *w = userdata;
	uint64_t wait_ns = 0;
	bool high;
	int r;

	while ((r = gpio_get(w->line, &high)) == 0 && debounce_settle(&w->debounce, high, now_ns(), &wait_ns))
		tell(w);
	if (r < 0)
		line_lost(w, r);
	else if (wait_ns > 0)
		timer_arm(&w->settle, wait_ns / 1000000 + 1);
}

static int on_edges(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct watch *w = userdata;
	struct gpio_edge edges[GPIO_EDGES];
	int n = gpio_read(w->line, edges);
	uint64_t now = now_ns();

	(void)source;
	(void)fd;
	(void)revents;
	if (n < 0) {
		line_lost(w, n);
		return 0;
	}
	for (int i = 0; i < n; i++) {
		/* Linux before 5.7 stamps them with the time of day. */
		if (debounce_edge(&w->debounce, edges[i].high, edges[i].ns < now ? edges[i].ns : now))
			tell(w);
	}
	on_settle(w);
	return 0;
}

int watch_new(struct watch **ret, sd_event *event, struct gpio_line *line, int64_t priority, watch_fn fn,
	      void *userdata)
{
	_cleanup_(watch_freep) struct watch *w = NULL;
	bool high;
	int r;

	w = calloc(1, sizeof(*w));
	if (!w)
		return -ENOMEM;
	w->fn = fn;
	w->userdata = userdata;
	r = timer_init(&w->settle, event, on_settle, w);
	if (r < 0)
		return r;
	r = sd_event_add_io(event, &w->source, gpio_fd(line), EPOLLIN, on_edges, w);
	if (r >= 0)
		r = sd_event_source_set_priority(w->source, priority);
	if (r >= 0)
		r = gpio_get(line, &high);
	if (r < 0)
		return r;
	debounce_init(&w->debounce, gpio_debounce_left(), high);
	w->line = line;
	*ret = TAKE_PTR(w);
	return 0;
}

struct watch *watch_free(struct watch *w)
{
	if (!w)
		return NULL;
	timer_done(&w->settle);
	sd_event_source_disable_unref(w->source);
	gpio_line_free(w->line);
	free(w);
	return NULL;
}

bool watch_is_high(const struct watch *w)
{
	return w->debounce.level;
}

int watch_lost(const struct watch *w)
{
	return w->lost;
}
