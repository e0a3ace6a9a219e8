#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* GPIO lines that are files: what stands in for libgpiod keeps them here, whichever version of it (gpiod1.c, gpiod2.c).
 * Preloaded into a daemon by tests/lib/gpio.py, or linked into a unit test. The folder in $TEST_GPIO has one folder for
 * each chip:
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

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHAM_NAME  64
#define SHAM_EDGES 16 /* that are read at once */

struct sham_line {
	char folder[512];
	unsigned offset;
	bool active_low;
	int fd; /* of its edges */
};

struct sham_edge {
	uint64_t ns, high;
};

/* A line of a file of the chip's folder: the n-th. False: there are fewer. */
bool sham_text(const char *chip, const char *name, unsigned n, char ret[SHAM_NAME]);

/* Its GPIO lines: how many; the number of the one with this name, or -1 and errno. */
unsigned sham_count(const char *chip);
int sham_find(const char *chip, const char *wanted);

/* The rest is as the library has it: what fails leaves errno. ret: the chip's folder. */
bool sham_open_chip(const char *path, char *ret, size_t size);
bool sham_take(struct sham_line *line, const char *chip, unsigned offset, bool output, bool active, const char *asked);
void sham_release(struct sham_line *line);
int sham_get(const struct sham_line *line);
int sham_set(const struct sham_line *line, bool active);
int sham_edges(const struct sham_line *line, struct sham_edge *records, unsigned n);
