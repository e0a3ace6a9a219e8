/* SPDX-License-Identifier: Apache-2.0 */
/* In place of libgpiod 2, for machines without GPIO lines: as much of it as board/gpio.c uses. */

#include "config.h"
#ifdef NARROW_LIBRARIES
#undef _TIME_BITS
#endif

#include "lib/sham.h"

#include <gpiod.h>
#include <stdio.h>
#include <stdlib.h>

#if GPIOD_MAJOR >= 2

struct gpiod_chip {
	char folder[512];
};

struct gpiod_chip_info {
	char label[SHAM_NAME];
	unsigned count;
};

struct gpiod_line_info {
	char user[SHAM_NAME];
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
	char consumer[SHAM_NAME];
};

struct gpiod_line_request {
	struct sham_line bits;
};

struct gpiod_edge_event {
	struct sham_edge record;
};

struct gpiod_edge_event_buffer {
	struct gpiod_edge_event events[SHAM_EDGES];
};

struct gpiod_chip *gpiod_chip_open(const char *path)
{
	struct gpiod_chip *c = calloc(1, sizeof(*c));

	if (sham_open_chip(path, c->folder, sizeof(c->folder)))
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

	(void)sham_text(chip->folder, "label", 0, info->label);
	info->count = sham_count(chip->folder);
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
	return sham_find(chip->folder, name);
}

struct gpiod_line_info *gpiod_chip_get_line_info(struct gpiod_chip *chip, unsigned int offset)
{
	struct gpiod_line_info *info = calloc(1, sizeof(*info));
	char name[SHAM_NAME];

	(void)snprintf(name, sizeof(name), "%u.user", offset);
	(void)sham_text(chip->folder, name, 0, info->user);
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
	if (sham_take(&request->bits, chip->folder, line_cfg->offset, output, s->value == GPIOD_LINE_VALUE_ACTIVE,
		      asked))
		return request;
	free(request);
	return NULL;
}

void gpiod_line_request_release(struct gpiod_line_request *request)
{
	sham_release(&request->bits);
	free(request);
}

int gpiod_line_request_get_fd(struct gpiod_line_request *request)
{
	return request->bits.fd;
}

enum gpiod_line_value gpiod_line_request_get_value(struct gpiod_line_request *request, unsigned int offset)
{
	return offset == request->bits.offset ? (enum gpiod_line_value)sham_get(&request->bits)
					      : GPIOD_LINE_VALUE_ERROR;
}

int gpiod_line_request_set_value(struct gpiod_line_request *request, unsigned int offset, enum gpiod_line_value value)
{
	return offset == request->bits.offset ? sham_set(&request->bits, value == GPIOD_LINE_VALUE_ACTIVE) : -1;
}

struct gpiod_edge_event_buffer *gpiod_edge_event_buffer_new(size_t capacity)
{
	return capacity == SHAM_EDGES ? calloc(1, sizeof(struct gpiod_edge_event_buffer)) : NULL;
}

void gpiod_edge_event_buffer_free(struct gpiod_edge_event_buffer *buffer)
{
	free(buffer);
}

int gpiod_line_request_read_edge_events(struct gpiod_line_request *request, struct gpiod_edge_event_buffer *buffer,
					size_t max_events)
{
	struct sham_edge records[SHAM_EDGES];
	int n = max_events == SHAM_EDGES ? sham_edges(&request->bits, records, SHAM_EDGES) : -1;

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

#endif
