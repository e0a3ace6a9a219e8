/* SPDX-License-Identifier: Apache-2.0 */
/* In place of libgpiod, for machines without GPIO lines: as much of version 1 or 2 as board/gpio.c uses. Preloaded into a
 * daemon by tests/lib/gpio.py, or linked into a unit test. The folder in $TEST_GPIO has one folder for each chip:
 *
 *   label     the chip's label
 *   lines     a text line for each GPIO line: its name, maybe empty
 *   denied    if it exists: the chip may not be opened
 *   gone      if it exists: the chip was unplugged, and its lines with it
 *   N.level   "1" or "0": what stands at line N; an output writes it
 *   N.edges   a FIFO, for an input: 16 bytes for each edge, nanoseconds of CLOCK_MONOTONIC and the level behind it
 *   N.user    if it exists: who has taken the line
 *   N.deaf    if it exists: the line has no interrupt
 *   N.asked   what the line was asked to be, written here */

#include "config.h"
#ifdef NARROW_LIBRARIES
#undef _TIME_BITS
#endif

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <gpiod.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define NAME_SIZE 64

struct gpiod_line_bits {
	char folder[512];
	unsigned offset;
	bool active_low;
	int fd; /* of its edges */
};

struct record {
	uint64_t ns, high;
};

static const char *folder(void)
{
	const char *f = getenv("TEST_GPIO");

	return f ? f : "/nonexistent";
}

/* The chips that a program sees when it looks for some. */
DIR *opendir(const char *name)
{
	DIR *(*real)(const char *) = (DIR * (*)(const char *)) dlsym(RTLD_NEXT, "opendir");

	return real(strcmp(name, "/dev") == 0 ? folder() : name);
}

static bool there_is(const char *chip, const char *name)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%s", chip, name);
	return access(path, F_OK) == 0;
}

static bool there_is_of(const char *chip, unsigned offset, const char *what)
{
	char name[NAME_SIZE];

	(void)snprintf(name, sizeof(name), "%u.%s", offset, what);
	return there_is(chip, name);
}

static int line_open(const char *chip, unsigned offset, const char *what, int flags)
{
	char path[1024];

	(void)snprintf(path, sizeof(path), "%s/%u.%s", chip, offset, what);
	return open(path, flags | O_CLOEXEC, 0666);
}

/* A line of a file: the n-th. False: there are fewer. */
static bool text_of(const char *chip, const char *name, unsigned n, char ret[NAME_SIZE])
{
	char path[1024];
	bool found = true;
	FILE *file;

	(void)snprintf(path, sizeof(path), "%s/%s", chip, name);
	file = fopen(path, "re");
	if (!file)
		return false;
	for (unsigned i = 0; found && i <= n; i++)
		found = fgets(ret, NAME_SIZE, file) != NULL;
	(void)fclose(file);
	if (found)
		ret[strcspn(ret, "\n")] = '\0';
	return found;
}

static unsigned count(const char *chip)
{
	char name[NAME_SIZE];
	unsigned n = 0;

	while (text_of(chip, "lines", n, name))
		n++;
	return n;
}

static int find(const char *chip, const char *wanted)
{
	char name[NAME_SIZE];

	for (unsigned n = 0; text_of(chip, "lines", n, name); n++) {
		if (strcmp(name, wanted) == 0)
			return (int)n;
	}
	errno = ENOENT;
	return -1;
}

static bool open_chip(const char *path, char *ret, size_t size)
{
	const char *slash = strrchr(path, '/');

	(void)snprintf(ret, size, "%s/%s", folder(), slash ? slash + 1 : path);
	if (there_is(ret, "denied")) {
		errno = EACCES;
		return false;
	}
	if (there_is(ret, "lines"))
		return true;
	errno = access(path, F_OK) == 0 ? ENOTTY : ENOENT;
	return false;
}

static bool is_gone(const struct gpiod_line_bits *line)
{
	if (!there_is(line->folder, "gone"))
		return false;
	errno = ENODEV;
	return true;
}

static int get(const struct gpiod_line_bits *line)
{
	int fd = is_gone(line) ? -1 : line_open(line->folder, line->offset, "level", O_RDONLY);
	char c;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read(fd, &c, 1);
	(void)close(fd);
	return n == 1 ? c == '1' : -1;
}

static int set(const struct gpiod_line_bits *line, bool active)
{
	int fd = is_gone(line) ? -1 : line_open(line->folder, line->offset, "level", O_WRONLY | O_CREAT);
	ssize_t n;

	if (fd < 0)
		return -1;
	n = write(fd, active == line->active_low ? "0" : "1", 1);
	(void)close(fd);
	return n == 1 ? 0 : -1;
}

static bool take(struct gpiod_line_bits *line, const char *chip, unsigned offset, bool output, bool active,
		 const char *asked)
{
	int fd;

	if (there_is_of(chip, offset, "user"))
		errno = EBUSY;
	else if (!output && there_is_of(chip, offset, "deaf"))
		errno = ENXIO;
	else
		errno = 0;
	if (errno)
		return false;
	(void)snprintf(line->folder, sizeof(line->folder), "%s", chip);
	line->offset = offset;
	line->fd = -1;
	fd = line_open(chip, offset, "asked", O_WRONLY | O_CREAT | O_TRUNC);
	if (fd < 0 || write(fd, asked, strlen(asked)) < 0)
		return false;
	(void)close(fd);
	if (output)
		return set(line, active) == 0;
	line->fd = line_open(chip, offset, "edges", O_RDWR | O_NONBLOCK);
	return line->fd >= 0;
}

static int edges(const struct gpiod_line_bits *line, struct record *records, unsigned n)
{
	ssize_t k = is_gone(line) ? -1 : read(line->fd, records, n * sizeof(*records));

	return k < 0 ? -1 : (int)((size_t)k / sizeof(*records));
}

static void done(struct gpiod_line_bits *line)
{
	if (line->fd >= 0)
		(void)close(line->fd);
	line->fd = -1;
}

#define MAX_EDGES 16

#if GPIOD_MAJOR >= 2

struct gpiod_chip {
	char folder[512];
};

struct gpiod_chip_info {
	char label[NAME_SIZE];
	unsigned count;
};

struct gpiod_line_info {
	char user[NAME_SIZE];
};

struct gpiod_line_settings {
	enum gpiod_line_direction direction;
	enum gpiod_line_edge edge;
	enum gpiod_line_bias bias;
	enum gpiod_line_value value;
	bool active_low;
	unsigned long debounce;
};

struct gpiod_line_config {
	unsigned offset;
	struct gpiod_line_settings settings;
};

struct gpiod_request_config {
	char consumer[NAME_SIZE];
};

struct gpiod_line_request {
	struct gpiod_line_bits bits;
};

struct gpiod_edge_event {
	struct record record;
};

struct gpiod_edge_event_buffer {
	struct gpiod_edge_event events[MAX_EDGES];
};

struct gpiod_chip *gpiod_chip_open(const char *path)
{
	struct gpiod_chip *c = calloc(1, sizeof(*c));

	if (open_chip(path, c->folder, sizeof(c->folder)))
		return c;
	free(c);
	return NULL;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
	free(chip);
}

struct gpiod_chip_info *gpiod_chip_get_info(struct gpiod_chip *chip)
{
	struct gpiod_chip_info *info = calloc(1, sizeof(*info));

	(void)text_of(chip->folder, "label", 0, info->label);
	info->count = count(chip->folder);
	return info;
}

void gpiod_chip_info_free(struct gpiod_chip_info *info)
{
	free(info);
}

const char *gpiod_chip_info_get_label(struct gpiod_chip_info *info)
{
	return info->label;
}

size_t gpiod_chip_info_get_num_lines(struct gpiod_chip_info *info)
{
	return info->count;
}

int gpiod_chip_get_line_offset_from_name(struct gpiod_chip *chip, const char *name)
{
	return find(chip->folder, name);
}

struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset)
{
	struct gpiod_line_info *info = calloc(1, sizeof(*info));
	char name[NAME_SIZE];

	(void)snprintf(name, sizeof(name), "%u.user", offset);
	(void)text_of(chip->folder, name, 0, info->user);
	return info;
}

void gpiod_line_info_free(struct gpiod_line_info *info)
{
	free(info);
}

const char *gpiod_line_info_get_consumer(struct gpiod_line_info *info)
{
	return info->user[0] ? info->user : NULL;
}

struct gpiod_line_settings *gpiod_line_settings_new(void)
{
	return calloc(1, sizeof(struct gpiod_line_settings));
}

void gpiod_line_settings_free(struct gpiod_line_settings *settings)
{
	free(settings);
}

int gpiod_line_settings_set_direction(struct gpiod_line_settings *settings, enum gpiod_line_direction direction)
{
	settings->direction = direction;
	return 0;
}

int gpiod_line_settings_set_edge_detection(struct gpiod_line_settings *settings, enum gpiod_line_edge edge)
{
	settings->edge = edge;
	return 0;
}

int gpiod_line_settings_set_bias(struct gpiod_line_settings *settings, enum gpiod_line_bias bias)
{
	settings->bias = bias;
	return 0;
}

void gpiod_line_settings_set_active_low(struct gpiod_line_settings *settings, bool active_low)
{
	settings->active_low = active_low;
}

void gpiod_line_settings_set_debounce_period_us(struct gpiod_line_settings *settings, unsigned long period)
{
	settings->debounce = period;
}

int gpiod_line_settings_set_output_value(struct gpiod_line_settings *settings, enum gpiod_line_value value)
{
	settings->value = value;
	return 0;
}

struct gpiod_line_config *gpiod_line_config_new(void)
{
	return calloc(1, sizeof(struct gpiod_line_config));
}

void gpiod_line_config_free(struct gpiod_line_config *config)
{
	free(config);
}

int gpiod_line_config_add_line_settings(struct gpiod_line_config *config, const unsigned int *offsets,
					size_t num_offsets, struct gpiod_line_settings *settings)
{
	if (num_offsets != 1)
		return -1;
	config->offset = offsets[0];
	config->settings = *settings;
	return 0;
}

struct gpiod_request_config *gpiod_request_config_new(void)
{
	return calloc(1, sizeof(struct gpiod_request_config));
}

void gpiod_request_config_free(struct gpiod_request_config *config)
{
	free(config);
}

void gpiod_request_config_set_consumer(struct gpiod_request_config *config, const char *consumer)
{
	(void)snprintf(config->consumer, sizeof(config->consumer), "%s", consumer);
}

struct gpiod_line_request *gpiod_chip_request_lines(struct gpiod_chip *chip, struct gpiod_request_config *req_cfg,
						    struct gpiod_line_config *line_cfg)
{
	const struct gpiod_line_settings *s = &line_cfg->settings;
	struct gpiod_line_request *request = calloc(1, sizeof(*request));
	bool output = s->direction == GPIOD_LINE_DIRECTION_OUTPUT;
	char asked[128];

	(void)snprintf(asked, sizeof(asked), "%s %s%s%s%s%s\n", req_cfg->consumer, output ? "output" : "input",
		       s->active_low ? " active-low" : "", s->edge == GPIOD_LINE_EDGE_BOTH ? " edges" : "",
		       s->bias == GPIOD_LINE_BIAS_PULL_UP    ? " pull-up"
		       : s->bias == GPIOD_LINE_BIAS_DISABLED ? " no-bias"
							     : "",
		       s->debounce == 1000 ? " 1ms" : "");
	request->bits.active_low = s->active_low;
	if (take(&request->bits, chip->folder, line_cfg->offset, output, s->value == GPIOD_LINE_VALUE_ACTIVE, asked))
		return request;
	free(request);
	return NULL;
}

void gpiod_line_request_release(struct gpiod_line_request *request)
{
	done(&request->bits);
	free(request);
}

int gpiod_line_request_get_fd(struct gpiod_line_request *request)
{
	return request->bits.fd;
}

enum gpiod_line_value gpiod_line_request_get_value(struct gpiod_line_request *request, unsigned int offset)
{
	return offset == request->bits.offset ? (enum gpiod_line_value)get(&request->bits) : GPIOD_LINE_VALUE_ERROR;
}

int gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset, enum gpiod_line_value value)
{
	return offset == request->bits.offset ? set(&request->bits, value == GPIOD_LINE_VALUE_ACTIVE) : -1;
}

struct gpiod_edge_event_buffer *gpiod_edge_event_buffer_new(size_t capacity)
{
	return capacity == MAX_EDGES ? calloc(1, sizeof(struct gpiod_edge_event_buffer)) : NULL;
}

void gpiod_edge_event_buffer_free(struct gpiod_edge_event_buffer *buffer)
{
	free(buffer);
}

int gpiod_line_request_read_edge_events(struct gpiod_line_request *request, struct gpiod_edge_event_buffer *buffer,
					size_t max_events)
{
	struct record records[MAX_EDGES];
	int n = max_events == MAX_EDGES ? edges(&request->bits, records, MAX_EDGES) : -1;

	for (int i = 0; i < n; i++)
		buffer->events[i].record = records[i];
	return n;
}

struct gpiod_edge_event *gpiod_edge_event_buffer_get_event(struct gpiod_edge_event_buffer *buffer, unsigned long index)
{
	return &buffer->events[index];
}

enum gpiod_edge_event_type gpiod_edge_event_get_event_type(struct gpiod_edge_event *event)
{
	return event->record.high ? GPIOD_EDGE_EVENT_RISING_EDGE : GPIOD_EDGE_EVENT_FALLING_EDGE;
}

uint64_t gpiod_edge_event_get_timestamp_ns(struct gpiod_edge_event *event)
{
	return event->record.ns;
}

#else

#define MAX_LINES 16

struct gpiod_line {
	struct gpiod_line_bits bits;
	struct gpiod_chip *chip;
	unsigned offset;
	char user[NAME_SIZE];
};

struct gpiod_chip {
	char folder[512], label[NAME_SIZE];
	struct gpiod_line lines[MAX_LINES];
};

struct gpiod_chip *gpiod_chip_open(const char *path)
{
	struct gpiod_chip *c = calloc(1, sizeof(*c));

	if (!open_chip(path, c->folder, sizeof(c->folder))) {
		free(c);
		return NULL;
	}
	(void)text_of(c->folder, "label", 0, c->label);
	for (unsigned i = 0; i < MAX_LINES; i++) {
		c->lines[i].chip = c;
		c->lines[i].offset = i;
		c->lines[i].bits.fd = -1;
	}
	return c;
}

void gpiod_chip_close(struct gpiod_chip *chip)
{
	for (unsigned i = 0; i < MAX_LINES; i++)
		done(&chip->lines[i].bits);
	free(chip);
}

const char *gpiod_chip_label(struct gpiod_chip *chip)
{
	return chip->label;
}

unsigned int gpiod_chip_num_lines(struct gpiod_chip *chip)
{
	return count(chip->folder);
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset)
{
	if (offset < count(chip->folder))
		return &chip->lines[offset];
	errno = EINVAL;
	return NULL;
}

struct gpiod_line *gpiod_chip_find_line(struct gpiod_chip *chip, const char *name)
{
	int offset = find(chip->folder, name);

	return offset < 0 ? NULL : &chip->lines[offset];
}

unsigned int gpiod_line_offset(struct gpiod_line *line)
{
	return line->offset;
}

const char *gpiod_line_consumer(struct gpiod_line *line)
{
	char name[NAME_SIZE];

	(void)snprintf(name, sizeof(name), "%u.user", line->offset);
	return text_of(line->chip->folder, name, 0, line->user) ? line->user : NULL;
}

int gpiod_line_request(struct gpiod_line *line, const struct gpiod_line_request_config *config, int default_val)
{
	bool output = config->request_type == GPIOD_LINE_REQUEST_DIRECTION_OUTPUT;
	char asked[128];

	(void)snprintf(asked, sizeof(asked), "%s %s%s%s%s%s\n", config->consumer, output ? "output" : "input",
		       config->flags & GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW ? " active-low" : "",
		       config->request_type == GPIOD_LINE_REQUEST_EVENT_BOTH_EDGES ? " edges" : "",
		       config->flags & GPIOD_LINE_REQUEST_FLAG_BIAS_PULL_UP ? " pull-up" : "",
		       config->flags & GPIOD_LINE_REQUEST_FLAG_BIAS_DISABLE ? " no-bias" : "");
	line->bits.active_low = config->flags & GPIOD_LINE_REQUEST_FLAG_ACTIVE_LOW;
	return take(&line->bits, line->chip->folder, line->offset, output, default_val, asked) ? 0 : -1;
}

void gpiod_line_release(struct gpiod_line *line)
{
	done(&line->bits);
}

int gpiod_line_get_value(struct gpiod_line *line)
{
	return get(&line->bits);
}

int gpiod_line_set_value(struct gpiod_line *line, int value)
{
	return set(&line->bits, value);
}

int gpiod_line_event_get_fd(struct gpiod_line *line)
{
	return line->bits.fd;
}

int gpiod_line_event_read_multiple(struct gpiod_line *line, struct gpiod_line_event *events, unsigned int num_events)
{
	struct record records[MAX_EDGES];
	int n = num_events == MAX_EDGES ? edges(&line->bits, records, MAX_EDGES) : -1;

	for (int i = 0; i < n; i++) {
		events[i].event_type = records[i].high ? GPIOD_LINE_EVENT_RISING_EDGE : GPIOD_LINE_EVENT_FALLING_EDGE;
		events[i].ts.tv_sec = (time_t)(records[i].ns / 1000000000);
		events[i].ts.tv_nsec = (long)(records[i].ns % 1000000000);
	}
	return n;
}

#endif
