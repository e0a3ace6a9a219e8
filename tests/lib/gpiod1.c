/* SPDX-License-Identifier: Apache-2.0 */
/* In place of libgpiod 1, for machines without GPIO lines: as much of it as board/gpio.c uses. */

#include "config.h"
#ifdef NARROW_LIBRARIES
#undef _TIME_BITS
#endif

#include "lib/sham.h"

#include <errno.h>
#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>

#if GPIOD_MAJOR < 2

#define MAX_LINES 16

struct gpiod_line {
	struct sham_line bits;
	struct gpiod_chip *chip;
	unsigned offset;
	char user[SHAM_NAME];
};

struct gpiod_chip {
	char folder[512], label[SHAM_NAME];
	struct gpiod_line lines[MAX_LINES];
};

struct gpiod_chip *gpiod_chip_open(const char *path)
{
	struct gpiod_chip *c = calloc(1, sizeof(*c));

	if (!sham_open_chip(path, c->folder, sizeof(c->folder))) {
		free(c);
		return NULL;
	}
	(void)sham_text(c->folder, "label", 0, c->label);
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
		sham_release(&chip->lines[i].bits);
	free(chip);
}

const char *gpiod_chip_label(struct gpiod_chip *chip)
{
	return chip->label;
}

unsigned int gpiod_chip_num_lines(struct gpiod_chip *chip)
{
	return sham_count(chip->folder);
}

struct gpiod_line *gpiod_chip_get_line(struct gpiod_chip *chip, unsigned int offset)
{
	if (offset < sham_count(chip->folder))
		return &chip->lines[offset];
	errno = EINVAL;
	return NULL;
}

struct gpiod_line *gpiod_chip_find_line(struct gpiod_chip *chip, const char *name)
{
	int offset = sham_find(chip->folder, name);

	return offset < 0 ? NULL : &chip->lines[offset];
}

unsigned int gpiod_line_offset(struct gpiod_line *line)
{
	return line->offset;
}

const char *gpiod_line_consumer(struct gpiod_line *line)
{
	char name[SHAM_NAME];

	(void)snprintf(name, sizeof(name), "%u.user", line->offset);
	return sham_text(line->chip->folder, name, 0, line->user) ? line->user : NULL;
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
	return sham_take(&line->bits, line->chip->folder, line->offset, output, default_val, asked) ? 0 : -1;
}

void gpiod_line_release(struct gpiod_line *line)
{
	sham_release(&line->bits);
}

int gpiod_line_get_value(struct gpiod_line *line)
{
	return sham_get(&line->bits);
}

int gpiod_line_set_value(struct gpiod_line *line, int value)
{
	return sham_set(&line->bits, value);
}

int gpiod_line_event_get_fd(struct gpiod_line *line)
{
	return line->bits.fd;
}

int gpiod_line_event_read_multiple(struct gpiod_line *line, struct gpiod_line_event *events, unsigned int num_events)
{
	struct sham_edge records[SHAM_EDGES];
	int n = num_events == SHAM_EDGES ? sham_edges(&line->bits, records, SHAM_EDGES) : -1;

	for (int i = 0; i < n; i++) {
		events[i].event_type = records[i].high ? GPIOD_LINE_EVENT_RISING_EDGE : GPIOD_LINE_EVENT_FALLING_EDGE;
		events[i].ts.tv_sec = (time_t)(records[i].ns / 1000000000);
		events[i].ts.tv_nsec = (long)(records[i].ns % 1000000000);
	}
	return n;
}

#endif
