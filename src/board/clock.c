/* SPDX-License-Identifier: Apache-2.0 */
#include "board/clock.h"

#include "at/error.h"
#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/timex.h>
#include <systemd/sd-bus.h>

#define MAX_WAITING 4
#define LINGER_MS   10000 /* how long the bus is kept for the next question */

struct clock {
	sd_event *event;
	sd_bus *bus;
	sd_bus_slot *question;
	struct done waiting[MAX_WAITING];
	size_t count;
	struct timer timer; /* while there is a question: its end; else: that of the bus */
};

int clock_format(const struct timespec *now, char ret[CLOCK_TEXT])
{
	struct tm tm;
	size_t n;

	if (!gmtime_r(&now->tv_sec, &tm))
		return -EOVERFLOW;
	n = strftime(ret, CLOCK_TEXT, "%Y/%m/%d %H:%M:%S", &tm);
	if (n == 0)
		return -EOVERFLOW;
	(void)snprintf(ret + n, CLOCK_TEXT - n, ".%02ld", now->tv_nsec / 10000000 % 100);
	return 0;
}

/* 0, AT_ERR_TIME, or -errno: the kernel may not be asked. */
static int ask_kernel(void)
{
	struct timex timex = { .modes = 0 };
	int state = adjtimex(&timex);

	if (state < 0)
		return -errno;
	return state != TIME_ERROR && !(timex.status & STA_UNSYNC) ? 0 : AT_ERR_TIME;
}

static void drop_bus(struct clock *c)
{
	c->question = sd_bus_slot_unref(c->question);
	c->bus = sd_bus_close_unref(c->bus);
}

/* Whom it tells may ask again at once, or free the clock: nothing of it is touched after that. */
static void tell(struct clock *c, int r)
{
	struct done waiting[MAX_WAITING];
	size_t count = c->count;

	for (size_t i = 0; i < count; i++)
		waiting[i] = c->waiting[i];
	c->count = 0;
	c->question = sd_bus_slot_unref(c->question);
	timer_arm(&c->timer, LINGER_MS);
	for (size_t i = 0; i < count; i++)
		done_call(&waiting[i], r);
}

static int on_answer(sd_bus_message *message, void *userdata, sd_bus_error *error)
{
	struct clock *c = userdata;
	int synchronised = 0, r;

	(void)error;
	if (sd_bus_message_is_method_error(message, NULL))
		r = -sd_bus_message_get_errno(message);
	else
		r = sd_bus_message_read(message, "v", "b", &synchronised);
	if (r < 0)
		log_debug("Whether the clock is right: %s", strerror(-r));
	tell(c, synchronised ? 0 : AT_ERR_TIME);
	return 0;
}

static void on_timer(void *userdata)
{
	struct clock *c = userdata;

	drop_bus(c);
	if (c->count > 0)
		tell(c, AT_ERR_TIME);
}

/* Not at start: systemd-timedated is started by the question, and a gateway may come without a bus. */
static int open_bus(struct clock *c)
{
	int r;

	if (c->bus && sd_bus_is_open(c->bus) > 0)
		return 0;
	drop_bus(c);
	r = sd_bus_open_system(&c->bus);
	if (r < 0)
		return r;
	(void)sd_bus_set_exit_on_disconnect(c->bus, false);
	return sd_bus_attach_event(c->bus, c->event, SD_EVENT_PRIORITY_NORMAL);
}

static int ask_bus(struct clock *c)
{
	int r = open_bus(c);

	if (r < 0)
		return r;
	return sd_bus_call_method_async(c->bus, &c->question, "org.freedesktop.timedate1", "/org/freedesktop/timedate1",
					"org.freedesktop.DBus.Properties", "Get", on_answer, c, "ss",
					"org.freedesktop.timedate1", "NTPSynchronized");
}

static void wait_for(struct clock *c, struct done done)
{
	struct done late = done;
	size_t i = 0;

	while (i < c->count && (c->waiting[i].fn != done.fn || c->waiting[i].who != done.who))
		i++;
	if (i < MAX_WAITING) {
		late = i < c->count ? c->waiting[i] : (struct done){ 0 };
		c->waiting[i] = done;
		c->count += i == c->count;
	}
	done_call(&late, -ECANCELED);
}

void clock_ask(struct clock *c, struct done done)
{
	int r = ask_kernel();

	if (r >= 0) {
		done_call(&done, r);
		return;
	}
	if (c->question) {
		wait_for(c, done);
		return;
	}
	r = ask_bus(c);
	if (r < 0) {
		log_debug("Asking whether the clock is right: %s", strerror(-r));
		drop_bus(c);
		done_call(&done, AT_ERR_TIME);
		return;
	}
	wait_for(c, done);
	timer_arm(&c->timer, CLOCK_ASK_MS);
}

int clock_new(struct clock **ret, sd_event *event)
{
	_cleanup_(clock_freep) struct clock *c = NULL;
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	c->event = sd_event_ref(event);
	r = timer_init(&c->timer, event, on_timer, c);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct clock *clock_free(struct clock *c)
{
	if (!c)
		return NULL;
	drop_bus(c);
	timer_done(&c->timer);
	sd_event_unref(c->event);
	free(c);
	return NULL;
}
