/* SPDX-License-Identifier: Apache-2.0 */
#include "util/timer.h"

#include "util/log.h"

#include <time.h>

#define TIMER_ACCURACY_US 1000

uint64_t timer_now(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static int on_time(sd_event_source *source, uint64_t usec, void *userdata)
{
	struct timer *t = userdata;

	(void)source;
	(void)usec;
	t->fn(t->userdata);
	return 0;
}

int timer_init(struct timer *t, sd_event *event, void (*fn)(void *userdata), void *userdata)
{
	int r;

	*t = (struct timer){ .fn = fn, .userdata = userdata };
	r = sd_event_add_time(event, &t->source, CLOCK_BOOTTIME, UINT64_MAX, TIMER_ACCURACY_US, on_time, t);
	if (r < 0)
		return r;
	return sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
}

void timer_done(struct timer *t)
{
	t->source = sd_event_source_disable_unref(t->source);
}

void timer_arm(struct timer *t, uint64_t ms)
{
	int r;

	/* Not sd_event_now(): the loop may have been busy since it read the clock. */
	r = sd_event_source_set_time(t->source, (timer_now() + ms) * 1000);
	if (r >= 0)
		r = sd_event_source_set_enabled(t->source, SD_EVENT_ONESHOT);
	if (r < 0)
		(void)log_errno(r, "Timer");
}

void timer_disarm(struct timer *t)
{
	if (t->source)
		(void)sd_event_source_set_enabled(t->source, SD_EVENT_OFF);
}

bool timer_armed(const struct timer *t)
{
	int enabled = SD_EVENT_OFF;

	return t->source && sd_event_source_get_enabled(t->source, &enabled) > 0 && enabled != SD_EVENT_OFF;
}
