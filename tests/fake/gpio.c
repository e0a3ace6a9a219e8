/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/gpio.h"

#include "util/num.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#define MAX_EDGES 64

struct gpio_chip {
	int unused;
};

struct gpio_line {
	unsigned offset;
	bool output, active_low;
	int fd; /* an eventfd: readable while there are edges */
	struct gpio_edge edges[MAX_EDGES];
	unsigned count;
};

static struct {
	bool low; /* as it stands outside */
	bool pull_up, unplugged;
	int fails;
	const char *user;
	struct gpio_line *line;
} lines[FAKE_GPIO_LINES];

static int chip_fails;
static unsigned chips;
static uint64_t debounce_ns;

void fake_gpio_reset(void)
{
	memset(lines, 0, sizeof(lines));
	chip_fails = 0;
	debounce_ns = 0;
}

void fake_gpio_fail_chip(int r)
{
	chip_fails = r;
}

void fake_gpio_fail_line(unsigned offset, int r, const char *user)
{
	lines[offset].fails = r;
	lines[offset].user = user;
}

void fake_gpio_debounce(uint64_t ns)
{
	debounce_ns = ns;
}

void fake_gpio_drive_unseen(unsigned offset, bool high)
{
	lines[offset].low = !high;
}

static void wake(struct gpio_line *l)
{
	uint64_t one = 1;
	ssize_t n = write(l->fd, &one, sizeof(one));

	assert(n == (ssize_t)sizeof(one));
}

void fake_gpio_drive(unsigned offset, bool high, uint64_t ns)
{
	struct gpio_line *l = lines[offset].line;
	struct timespec now;

	fake_gpio_drive_unseen(offset, high);
	if (!l)
		return;
	assert(!l->output && l->count < MAX_EDGES);
	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	if (ns == 0)
		ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
	l->edges[l->count++] = (struct gpio_edge){ .high = high, .ns = ns };
	wake(l);
}

void fake_gpio_unplug(unsigned offset)
{
	lines[offset].unplugged = true;
	if (!lines[offset].line->output)
		wake(lines[offset].line);
}

bool fake_gpio_is_high(unsigned offset)
{
	return !lines[offset].low;
}

bool fake_gpio_is_taken(unsigned offset)
{
	return lines[offset].line != NULL;
}

bool fake_gpio_is_pulled_up(unsigned offset)
{
	return lines[offset].pull_up;
}

unsigned fake_gpio_open_chips(void)
{
	return chips;
}

/* --- board/gpio.h --- */

int gpio_chip_open(struct gpio_chip **ret, const char *name)
{
	if (chip_fails < 0)
		return chip_fails;
	if (strcmp(name, "fake") != 0)
		return -ENOENT;
	*ret = calloc(1, sizeof(**ret));
	assert(*ret);
	chips++;
	return 0;
}

struct gpio_chip *gpio_chip_free(struct gpio_chip *c)
{
	chips -= c != NULL;
	free(c);
	return NULL;
}

int gpio_chip_find(const struct gpio_chip *c, const char *line, unsigned *ret)
{
	uint64_t number;

	(void)c;
	if (num_parse(line, strlen(line), &number) == 0) {
		*ret = (unsigned)number;
		return number < FAKE_GPIO_LINES ? 0 : -ERANGE;
	}
	if (line[0] < 'A' || line[0] >= 'A' + FAKE_GPIO_LINES || line[1])
		return -ENOENT;
	*ret = (unsigned)(line[0] - 'A');
	return 0;
}

void gpio_chip_user(const struct gpio_chip *c, unsigned offset, char *ret, size_t size)
{
	(void)c;
	(void)snprintf(ret, size, "%s", lines[offset].user ? lines[offset].user : "");
}

static int line_new(struct gpio_line **ret, unsigned offset)
{
	struct gpio_line *l;

	if (lines[offset].fails < 0)
		return lines[offset].fails;
	if (lines[offset].line)
		return -EBUSY;
	l = calloc(1, sizeof(*l));
	assert(l);
	l->offset = offset;
	l->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	assert(l->fd >= 0);
	lines[offset].line = l;
	*ret = l;
	return 0;
}

int gpio_output(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, bool active_low, bool active)
{
	int r = line_new(ret, offset);

	(void)c;
	if (r < 0)
		return r;
	(*ret)->output = true;
	(*ret)->active_low = active_low;
	return gpio_set(*ret, active);
}

int gpio_input(struct gpio_line **ret, struct gpio_chip *c, unsigned offset, bool pull_up)
{
	(void)c;
	lines[offset].pull_up = pull_up;
	return line_new(ret, offset);
}

struct gpio_line *gpio_line_free(struct gpio_line *l)
{
	if (!l)
		return NULL;
	lines[l->offset].line = NULL;
	(void)close(l->fd);
	free(l);
	return NULL;
}

int gpio_set(struct gpio_line *l, bool active)
{
	assert(l->output);
	if (lines[l->offset].unplugged)
		return -ENODEV;
	lines[l->offset].low = active == l->active_low;
	return 0;
}

int gpio_get(struct gpio_line *l, bool *ret)
{
	if (lines[l->offset].unplugged)
		return -ENODEV;
	*ret = !lines[l->offset].low;
	return 0;
}

int gpio_fd(struct gpio_line *l)
{
	return l->fd;
}

int gpio_read(struct gpio_line *l, struct gpio_edge ret[GPIO_EDGES])
{
	unsigned n = l->count < GPIO_EDGES ? l->count : GPIO_EDGES;
	uint64_t count;

	if (lines[l->offset].unplugged)
		return -ENODEV;
	memcpy(ret, l->edges, n * sizeof(*ret));
	l->count -= n;
	memmove(l->edges, l->edges + n, l->count * sizeof(*ret));
	if (l->count == 0 && read(l->fd, &count, sizeof(count)) < 0)
		return -errno;
	return (int)n;
}

uint64_t gpio_debounce_left(void)
{
	return debounce_ns;
}
