/* SPDX-License-Identifier: Apache-2.0 */
/* Version 1 of the library gives events with a timespec: the library's. */
#include "config.h"
#ifdef NARROW_LIBRARIES
#undef _TIME_BITS
#endif

#include "board/gpio.h"
#include "util/num.h"

#include <dirent.h>
#include <errno.h>
#include <gpiod.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FOLDER   "/dev"
#define CONSUMER "expresslinkd" /* as gpioinfo(1) shows it */

struct gpio_chip {
	struct gpiod_chip *chip;
};

/* What a line is asked to be. */
struct request {
	bool output;
	bool active_low, active; /* of an output */
	bool pull_up;            /* of an input */
};

static int error_of(int otherwise)
{
	return errno > 0 ? -errno : otherwise;
}

/*
 * The library: version 1 speaks to a line, version 2 to a request.
 */

#if GPIOD_MAJOR >= 2

#define DEBOUNCE_NS 0 /* the kernel does it */

typedef struct gpiod_line_request handle;

static bool has_label(struct gpiod_chip *chip, const char *label)
{
	struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
	bool same = info && strcmp(gpiod_chip_info_get_label(info), label) == 0;

	if (info)
		gpiod_chip_info_free(info);
	return same;
}

static size_t count_lines(struct gpiod_chip *chip)
{
	struct gpiod_chip_info *info = gpiod_chip_get_info(chip);
	size_t n = info ? gpiod_chip_info_get_num_lines(info) : 0;

	if (info)
		gpiod_chip_info_free(info);
	return n;
}

static int find_line(struct gpiod_chip *chip, const char *name)
{
	return gpiod_chip_get_line_offset_from_name(chip, name);
}

void gpio_chip_user(const struct gpio_chip *c, unsigned offset, char *ret, size_t size)
{
	struct gpiod_line_info *info = gpiod_chip_get_line_info(c->chip, offset);
	const char *user = info ? gpiod_line_info_get_consumer(info) : NULL;

	(void)snprintf(ret, size, "%s", user ? user : "");
	if (info)
		gpiod_line_info_free(info);
}

static int configure(struct gpiod_line_settings *settings, const struct request *request)
{
	int r;

	if (request->output) {
		gpiod_line_settings_set_active_low(settings, request->active_low);
		r = gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_OUTPUT);
		return r < 0 ? r : gpiod_line_settings_set_output_value(settings, request->active);
	}
	gpiod_line_settings_set_debounce_period_us(settings, GPIO_DEBOUNCE_US);
	r = gpiod_line_settings_set_direction(settings, GPIOD_LINE_DIRECTION_INPUT);
	if (r == 0)
		r = gpiod_line_settings_set_edge_detection(settings, GPIOD_LINE_EDGE_BOTH);
	return r < 0 ? r
		     : gpiod_line_settings_set_bias(settings, request->pull_up ? GPIOD_LINE_BIAS_PULL_UP
									       : GPIOD_LINE_BIAS_DISABLED);
}

static handle *ask_for(struct gpiod_chip *chip, unsigned offset, const struct request *request)
{
	struct gpiod_line_settings *settings = gpiod_line_settings_new();
	struct gpiod_line_config *lines = gpiod_line_config_new();
	struct gpiod_request_config *config = gpiod_request_config_new();
	handle *h = NULL;

	if (settings && lines && config && configure(settings, request) == 0 &&
	    gpiod_line_config_add_line_settings(lines, &offset, 1, settings) == 0) {
		gpiod_request_config_set_consumer(config, CONSUMER);
		h = gpiod_chip_request_lines(chip, config, lines);
	}
	gpiod_request_config_free(config);
	gpiod_line_config_free(lines);
	gpiod_line_settings_free(settings);
	return h;
}

static int get_fd(handle *h)
{
	return gpiod_line_request_get_fd(h);
}

static int get_level(handle *h, unsigned offset)
{
	return (int)gpiod_line_request_get_value(h, offset);
}

static int set_level(handle *h, unsigned offset, bool active)
{
	return gpiod_line_request_set_value(h, offset, active ? GPIOD_LINE_VALUE_ACTIVE : GPIOD_LINE_VALUE_INACTIVE);
}

static int read_edges(handle *h, struct gpio_edge edges[GPIO_EDGES])
{
	struct gpiod_edge_event_buffer *buffer = gpiod_edge_event_buffer_new(GPIO_EDGES);
	int n = -1;

	if (buffer)
		n = gpiod_line_request_read_edge_events(h, buffer, GPIO_EDGES);
	for (int i = 0; i < n; i++) {
		struct gpiod_edge_event *e = gpiod_edge_event_buffer_get_event(buffer, (unsigned long)i);

		edges[i].high = gpiod_edge_event_get_event_type(e) == GPIOD_EDGE_EVENT_RISING_EDGE;
		edges[i].ns = gpiod_edge_event_get_timestamp_ns(e);
	}
	gpiod_edge_event_buffer_free(buffer);
	return n;
}

static void release(handle *h)
{
	gpiod_line_request_release(h);
}

#else

#define DEBOUNCE_NS (GPIO_DEBOUNCE_US * UINT64_C(1000))

typedef struct gpiod_line handle;

static bool has_label(struct gpiod_chip *chip, const char *label)
{
	return strcmp(gpiod_chip_label(chip), label) == 0;
}

static size_t count_lines(struct gpiod_chip *chip)
{
	return gpiod_chip_num_lines(chip);
}

static int find_line(struct gpiod_chip *chip, const char *name)
{
	struct gpiod_line *line = gpiod_chip_find_line(chip, name);

	return line ? (int)gpiod_line_offset(line) : -1;
}

void gpio_chip_user(const struct gpio_chip *c, unsigned offset, char *ret, size_t size)
{
	struct gpiod_line *line = gpiod_chip_get_line(c->chip, offset);
	const char *user = line ? gpiod_line_consumer(line) : NULL;

	(void)snprintf(ret, size, "%s", user ? user : "");
}

static handle *ask_for(struct gpiod_chip *chip, unsigned offset, const struct request *request)
{
	struct gpiod_line *line = gpiod_chip_get_line(chip, offset);
	struct gpiod_line_request_config config = { .consumer = CONSUMER };

	if (request->output) {
		config.request_type = GPIOD_LINE_REQUEST_DIRECTION_OUTPUT;
		config.flags = request->active_low ? GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW : 0;
	} else {
		config.request_type = GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES;
		config.flags =
			request->pull_up ? GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP : GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE;
	}
	return line && gpiod_line_request(line, &config, request->active) == 0 ? line : NULL;
}

static int get_fd(handle *h)
{
	return gpiod_line_event_get_fd(h);
}

static int get_level(handle *h, unsigned offset)
{
	(void)offset;
	return gpiod_line_get_value(h);
}

static int set_level(handle *h, unsigned offset, bool active)
{
	(void)offset;
	return gpiod_line_set_value(h, active);
}

static int read_edges(handle *h, struct gpio_edge edges[GPIO_EDGES])
{
	struct gpiod_line_event events[GPIO_EDGES];
	int n = gpiod_line_event_read_multiple(h, events, GPIO_EDGES);

	for (int i = 0; i < n; i++) {
		edges[i].high = events[i].event_type == GPIOD_LINE_EVENT_RISING_EDGE;
		edges[i].ns = (uint64_t)events[i].ts.tv_sec * 1000000000 + (uint64_t)events[i].ts.tv_nsec;
	}
	return n;
}

static void release(handle *h)
{
	gpiod_line_release(h);
}

#endif

/*
 * Chips.
 */

static int open_path(const char *path, struct gpiod_chip **ret)
{
	errno = 0;
	*ret = gpiod_chip_open(path);
	return *ret ? 0 : error_of(-ENOTTY);
}

/* All chips are looked at: a label that two of them have names neither. A link to a chip is not another one. */
static int open_labelled(const char *label, struct gpiod_chip **ret)
{
	struct gpiod_chip *found = NULL;
	DIR *dir = opendir(FOLDER);
	const struct dirent *entry;
	int r = -ENOENT;

	if (!dir)
		return -errno;
	while (r != -ENOTUNIQ && (entry = readdir(dir)) != NULL) {
		struct gpiod_chip *chip;
		char path[PATH_MAX];
		int k;

		if (strncmp(entry->d_name, "gpiochip", 8) != 0 || entry->d_type == DT_LNK)
			continue;
		(void)snprintf(path, sizeof(path), FOLDER "/%s", entry->d_name);
		k = open_path(path, &chip);
		if (k == 0 && !has_label(chip, label)) {
			gpiod_chip_close(chip);
		} else if (k == 0 && found) {
			gpiod_chip_close(chip);
			r = -ENOTUNIQ;
		} else if (k == 0) {
			found = chip;
			r = 0;
		} else if (!found && k != -ENOTTY) {
			r = k; /* it may have been this one */
		}
	}
	(void)closedir(dir);
	if (r < 0 && found)
		gpiod_chip_close(found);
	else
		*ret = found;
	return r;
}

int gpio_chip_open(struct gpio_chip **ret, const char *name)
{
	_cleanup_(gpio_chip_freep) struct gpio_chip *c = NULL;
	char path[PATH_MAX];
	int r;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	(void)snprintf(path, sizeof(path), "%s%s", name[0] == '/' ? "" : FOLDER "/", name);
	r = open_path(path, &c->chip);
	if (r == -ENOENT && name[0] != '/')
		r = open_labelled(name, &c->chip);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(c);
	return 0;
}

struct gpio_chip *gpio_chip_free(struct gpio_chip *c)
{
	if (!c)
		return NULL;
	if (c->chip)
		gpiod_chip_close(c->chip);
	free(c);
	return NULL;
}

int gpio_chip_find(const struct gpio_chip *c, const char *line, unsigned *ret)
{
	uint64_t number = 0;
	int offset, r;

	r = num_parse(line, strlen(line), &number);
	if (number > 0 && number >= count_lines(c->chip))
		return -ERANGE;
	if (r == 0) {
		*ret = (unsigned)number;
		return 0;
	}
	errno = 0;
	offset = find_line(c->chip, line);
	if (offset < 0)
		return error_of(-ENOENT);
	*ret = (unsigned)offset;
	return 0;
}

/*
 * Lines.
 */

struct gpio_line {
	handle *handle;
	unsigned offset;
};

static int line_new(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, const struct request *request)
{
	_cleanup_(gpio_line_freep) struct gpio_line *l = NULL;

	l = calloc(1, sizeof(*l));
	if (!l)
		return -ENOMEM;
	l->offset = offset;
	errno = 0;
	l->handle = ask_for(c->chip, offset, request);
	if (!l->handle)
		return error_of(-EIO);
	*ret = TAKE_PTR(l);
	return 0;
}

int gpio_output(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, bool active_low, bool active)
{
	return line_new(ret, c, offset,
			&(struct request){ .output = true, .active_low = active_low, .active = active });
}

int gpio_input(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, bool pull_up)
{
	return line_new(ret, c, offset, &(struct request){ .pull_up = pull_up });
}

struct gpio_line *gpio_line_free(struct gpio_line *l)
{
	if (!l)
		return NULL;
	if (l->handle)
		release(l->handle);
	free(l);
	return NULL;
}

int gpio_set(struct gpio_line *l, bool active)
{
	errno = 0;
	return set_level(l->handle, l->offset, active) < 0 ? error_of(-EIO) : 0;
}

int gpio_get(struct gpio_line *l, bool *ret)
{
	int level;

	errno = 0;
	level = get_level(l->handle, l->offset);
	if (level < 0)
		return error_of(-EIO);
	*ret = level > 0;
	return 0;
}

int gpio_fd(struct gpio_line *l)
{
	return get_fd(l->handle);
}

int gpio_read(struct gpio_line *l, struct gpio_edge ret[GPIO_EDGES])
{
	int n;

	errno = 0;
	n = read_edges(l->handle, ret);
	return n < 0 ? error_of(-EIO) : n;
}

uint64_t gpio_debounce_left(void)
{
	return DEBOUNCE_NS;
}
