/* SPDX-License-Identifier: Apache-2.0 */
#include "board/pins.h"

#include "board/gpio.h"
#include "board/watch.h"
#include "util/log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PRIORITY_RST (-100) /* whatever else waits was sent to a module that is reset now */
#define UDEV_AT_WORK "/run/udev/queue"

struct input {
	struct pins *pins;
	enum pin pin;
	struct watch *watch;
};

struct pins {
	sd_event *event_loop;
	const struct settings *settings; /* the caller's */
	pins_fn fn;
	void *userdata;
	struct gpio_chip *chip;
	unsigned offsets[PIN_COUNT];
	struct gpio_line *event_line;
	struct input wake, rst;
	bool event;
	bool event_lost;
	bool misnamed;
};

const char *pin_name(enum pin pin)
{
	static const char *const names[PIN_COUNT] = { "EVENT", "WAKE", "RST" };

	return names[pin];
}

/* The setting of a pin: its key and value. */
static const char *key_of(enum pin pin)
{
	static const char *const keys[PIN_COUNT] = { "Event", "Wake", "Reset" };

	return keys[pin];
}

static const char *value_of(const struct pins *p, enum pin pin)
{
	switch (pin) {
	case PIN_EVENT:
		return p->settings->pin_event;
	case PIN_WAKE:
		return p->settings->pin_wake;
	default:
		return p->settings->pin_reset;
	}
}

static bool is_set(const struct pins *p, enum pin pin)
{
	return value_of(p, pin)[0] != '\0';
}

static void on_level(void *userdata, bool high)
{
	const struct input *input = userdata;
	int lost = watch_lost(input->watch);

	if (lost < 0)
		(void)log_errno(lost, "%s is gone, until the restart", pin_name(input->pin));
	log_debug("%s %s", pin_name(input->pin), high ? "high" : "low");
	input->pins->fn(input->pins->userdata, input->pin, high);
}

int pins_new(struct pins **ret, sd_event *event, const struct settings *settings, pins_fn fn, void *userdata)
{
	struct pins *p;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->event_loop = sd_event_ref(event);
	p->settings = settings;
	p->fn = fn;
	p->userdata = userdata;
	p->wake = (struct input){ .pins = p, .pin = PIN_WAKE };
	p->rst = (struct input){ .pins = p, .pin = PIN_RST };
	*ret = p;
	return 0;
}

struct pins *pins_free(struct pins *p)
{
	if (!p)
		return NULL;
	/* Nobody answers EVENT? from here on. */
	if (p->event_line)
		pins_set_event(p, false);
	gpio_line_free(p->event_line);
	watch_free(p->wake.watch);
	watch_free(p->rst.watch);
	gpio_chip_free(p->chip);
	sd_event_unref(p->event_loop);
	free(p);
	return NULL;
}

/*
 * Start.
 */

/* At the machine's start a chip may come, or get its group, a moment later: no fault of the settings then. */
static bool may_come(void)
{
	return access(UDEV_AT_WORK, F_OK) == 0;
}

static int chip_fails(struct pins *p, int r)
{
	const char *chip = p->settings->pin_chip, *why = NULL;
	bool comes = false;

	switch (r) {
	case -ENOENT:
	case -ENODEV:
	case -ENXIO:
		why = "there is no such GPIO chip";
		comes = may_come();
		break;
	case -ENOTTY:
	case -EINVAL:
		why = "this is no GPIO chip";
		break;
	case -ENOTUNIQ:
		why = "several GPIO chips have this label";
		break;
	case -EACCES:
	case -EPERM:
		why = "permission denied: this user may not open GPIO chips";
		comes = may_come();
		break;
	}
	p->misnamed = why && !comes;
	log_error("[Pins] Chip=%s: %s", chip, why ? why : strerror(-r));
	return r;
}

static int line_fails(struct pins *p, enum pin pin, int r)
{
	const char *line = value_of(p, pin), *why = NULL;
	char user[64];

	switch (r) {
	case -ENOENT:
		why = "the chip has no line of this name";
		break;
	case -ERANGE:
		why = "the chip has fewer lines";
		break;
	case -ENOTUNIQ:
		why = "another pin is on this line";
		break;
	case -EPERM:
	case -EACCES:
		why = "permission denied for this line";
		break;
	case -ENXIO:
	case -EOPNOTSUPP:
	case -EINVAL:
		why = pin == PIN_EVENT ? "this line is no output" : "this line cannot be watched: it has no interrupt";
		break;
	}
	p->misnamed = why != NULL;
	if (r == -EBUSY) {
		/* It may become free: no fault of the settings. */
		gpio_chip_user(p->chip, p->offsets[pin], user, sizeof(user));
		log_error("[Pins] %s=%s: the line is in use by %s", key_of(pin), line,
			  user[0] ? user : "another program or driver");
	} else {
		log_error("[Pins] %s=%s: %s", key_of(pin), line, why ? why : strerror(-r));
	}
	return r;
}

static int find(struct pins *p, enum pin pin)
{
	int r;

	r = gpio_chip_find(p->chip, value_of(p, pin), &p->offsets[pin]);
	for (unsigned other = 0; r == 0 && other < pin; other++) {
		if (is_set(p, other) && p->offsets[other] == p->offsets[pin])
			r = -ENOTUNIQ;
	}
	return r;
}

static int take_input(struct pins *p, struct input *input, int64_t priority)
{
	_cleanup_(gpio_line_freep) struct gpio_line *line = NULL;
	int r;

	r = gpio_input(&line, p->chip, p->offsets[input->pin], p->settings->pin_pull_up);
	if (r == 0)
		r = watch_new(&input->watch, p->event_loop, line, priority, on_level, input);
	if (r == 0)
		TAKE_PTR(line);
	return r;
}

static int take(struct pins *p, enum pin pin)
{
	int r;

	r = find(p, pin);
	if (r < 0)
		return r;
	switch (pin) {
	case PIN_EVENT:
		return gpio_output(&p->event_line, p->chip, p->offsets[pin], p->settings->event_active_low, p->event);
	case PIN_WAKE:
		return take_input(p, &p->wake, SD_EVENT_PRIORITY_NORMAL);
	default:
		return take_input(p, &p->rst, PRIORITY_RST);
	}
}

int pins_start(struct pins *p)
{
	bool any = is_set(p, PIN_EVENT) || is_set(p, PIN_WAKE) || is_set(p, PIN_RST);
	int r;

	if (!any)
		return 0;
	r = gpio_chip_open(&p->chip, p->settings->pin_chip);
	if (r < 0)
		return chip_fails(p, r);
	for (unsigned pin = 0; pin < PIN_COUNT; pin++) {
		if (!is_set(p, pin))
			continue;
		r = take(p, pin);
		if (r < 0)
			return line_fails(p, pin, r);
		log_info("%s is line %u of %s", pin_name(pin), p->offsets[pin], p->settings->pin_chip);
	}
	return 0;
}

bool pins_misnamed(const struct pins *p)
{
	return p->misnamed;
}

/*
 * Levels.
 */

static const struct watch *watch_of(const struct pins *p, enum pin pin)
{
	switch (pin) {
	case PIN_WAKE:
		return p->wake.watch;
	case PIN_RST:
		return p->rst.watch;
	default:
		return NULL;
	}
}

bool pins_have(const struct pins *p, enum pin pin)
{
	const struct watch *watch = watch_of(p, pin);

	if (pin == PIN_EVENT)
		return p->event_line && !p->event_lost;
	return watch && watch_lost(watch) == 0;
}

bool pins_high(const struct pins *p, enum pin pin)
{
	const struct watch *watch = watch_of(p, pin);

	if (pin == PIN_EVENT)
		return p->event;
	return !watch || watch_is_high(watch);
}

void pins_set_event(struct pins *p, bool high)
{
	int r;

	p->event = high;
	log_debug("EVENT %s", high ? "high" : "low");
	if (!p->event_line)
		return;
	r = gpio_set(p->event_line, high);
	if (r < 0 && !p->event_lost)
		(void)log_errno(r, "EVENT cannot be set");
	p->event_lost = r < 0;
}
