/* SPDX-License-Identifier: Apache-2.0 */
/* The host's side of the measurements: plays lines to a module, or to a peer, and counts and times the answers.
 *
 * drive ask  PORT COUNT LINE...    one line after the other's answer: median and 99th percentile of the round trip
 * drive pipe PORT COUNT LINE...    without waiting for answers: lines per second
 * drive wait PORT COUNT LINE...    one line after the other's answer, and the last one again, every ms, until its
 *                                  answer is more than OK: seconds
 *
 * The lines take turns, COUNT of them in all; "%u" in a line becomes its number. Every answer is one line here.
 * The result is a line of JSON. */

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define SILENCE_MS 30000 /* no answer within: something is broken */
#define WARM_UP    100
#define WINDOW     1000 /* lines without an answer: less than the 64 KiB that a module keeps for sure */

struct drive {
	int fd;
	size_t count;
	char **lines;
	size_t lines_n;

	size_t answers;
	size_t refused; /* answers that are not OK */
	size_t filled;  /* OK with something behind it */
	char first_bad[80];
	char in[256]; /* the beginning of the answer that is coming in */
	size_t in_n;
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* Line number i, with its LF; ret holds at least 512 bytes. */
static size_t make_line(const struct drive *d, size_t i, char *ret)
{
	const char *line = d->lines[i % d->lines_n], *mark = strstr(line, "%u");
	int n;

	if (mark)
		n = snprintf(ret, 512, "%.*s%zu%s\n", (int)(mark - line), line, i, mark + 2);
	else
		n = snprintf(ret, 512, "%s\n", line);
	return n < 512 ? (size_t)n : 511;
}

static void judge(struct drive *d)
{
	bool ok = d->in_n >= 2 && memcmp(d->in, "OK", 2) == 0;

	d->answers++;
	if (ok && d->in_n > 3)
		d->filled++;
	if (!ok && d->refused++ == 0)
		snprintf(d->first_bad, sizeof(d->first_bad), "%.*s", (int)d->in_n - 1, d->in);
	d->in_n = 0;
}

/* Takes in what there is. 0 or -errno. */
static int take(struct drive *d)
{
	char buf[16384];
	ssize_t n = read(d->fd, buf, sizeof(buf));

	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	if (n == 0)
		return -EPIPE;
	for (ssize_t i = 0; i < n; i++)
		if (buf[i] == '\n')
			judge(d);
		else if (d->in_n < sizeof(d->in))
			d->in[d->in_n++] = buf[i];
	return 0;
}

static int await(struct drive *d, short events, short *ret)
{
	struct pollfd p = { .fd = d->fd, .events = events };
	int n = poll(&p, 1, SILENCE_MS);

	if (n < 0)
		return -errno;
	*ret = p.revents;
	return n == 0 ? -ETIMEDOUT : 0;
}

static int compare(const void *a, const void *b)
{
	const uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void report(const struct drive *d, double median_us, double p99_us, double seconds)
{
	printf("{\"count\": %zu, \"refused\": %zu, \"first_refused\": \"", d->count, d->refused);
	for (const char *c = d->first_bad; *c; c++)
		if (*c >= ' ' && *c != '"' && *c != '\\')
			putchar(*c);
	printf("\", \"filled\": %zu, \"median_us\": %.2f, \"p99_us\": %.2f, \"seconds\": %.6f, \"per_second\": %.0f}\n",
	       d->filled, median_us, p99_us, seconds, seconds > 0 ? (double)d->count / seconds : 0);
}

static int ask(struct drive *d)
{
	uint64_t *took = calloc(d->count, sizeof(*took)), begin = now_ns();
	char line[512];
	int r = took ? 0 : -ENOMEM;

	for (size_t i = 0; i < d->count + WARM_UP && r == 0; i++) {
		const size_t n = make_line(d, i, line), answered = d->answers;
		const uint64_t t = now_ns();

		if (i == WARM_UP)
			begin = t;
		r = port_write(d->fd, line, n);
		while (r == 0 && d->answers == answered)
			r = take(d);
		if (i >= WARM_UP && r == 0)
			took[i - WARM_UP] = now_ns() - t;
	}
	if (r == 0) {
		const double seconds = (double)(now_ns() - begin) / 1e9;
		const size_t middle = d->count / 2, late = d->count * 99 / 100;

		qsort(took, d->count, sizeof(*took), compare);
		report(d, (double)took[middle] / 1e3, (double)took[late] / 1e3, seconds);
	}
	free(took);
	return r;
}

static int pipeline(struct drive *d)
{
	char out[16384];
	size_t made = 0, out_n = 0, begin = 0;
	const uint64_t start = now_ns();
	int r = 0;

	while (r == 0 && d->answers < d->count) {
		short events = 0;

		if (begin == out_n) {
			size_t most = d->answers + WINDOW < d->count ? d->answers + WINDOW : d->count;

			for (begin = out_n = 0; made < most && sizeof(out) - out_n >= 512; made++)
				out_n += make_line(d, made, out + out_n);
		}
		r = await(d, (short)(out_n > begin ? POLLIN | POLLOUT : POLLIN), &events);
		if (r == 0 && events & ~POLLOUT)
			r = take(d);
		if (r == 0 && events & POLLOUT) {
			ssize_t n = write(d->fd, out + begin, out_n - begin);

			if (n < 0 && errno != EAGAIN)
				r = -errno;
			else if (n > 0)
				begin += (size_t)n;
		}
	}
	if (r == 0)
		report(d, 0, 0, (double)(now_ns() - start) / 1e9);
	return r;
}

static int ask_until_filled(struct drive *d)
{
	const uint64_t start = now_ns();
	int r = 0;

	for (size_t i = 0; r == 0 && d->filled == 0; i++) {
		const size_t answered = d->answers;
		char line[512];

		if (i >= d->lines_n)
			usleep(1000);
		r = port_write(d->fd, line, make_line(d, i < d->lines_n ? i : d->lines_n - 1, line));
		while (r == 0 && d->answers == answered)
			r = take(d);
	}
	if (r == 0)
		report(d, 0, 0, (double)(now_ns() - start) / 1e9);
	return r;
}

int main(int argc, char **argv)
{
	const bool pipelined = argc > 1 && strcmp(argv[1], "pipe") == 0,
		   wait = argc > 1 && strcmp(argv[1], "wait") == 0;
	struct drive d = { .fd = -1 };
	int r;

	if (argc < 5 || (!pipelined && !wait && strcmp(argv[1], "ask") != 0) || atol(argv[3]) < 1) {
		fprintf(stderr, "usage: drive ask|pipe|wait PORT COUNT LINE...\n");
		return 2;
	}
	d.count = (size_t)atol(argv[3]);
	d.lines = argv + 4;
	d.lines_n = (size_t)argc - 4;
	d.fd = port_open(argv[2], pipelined ? O_NONBLOCK : 0);
	if (d.fd < 0) {
		fprintf(stderr, "%s: %s\n", argv[2], strerror(-d.fd));
		return 1;
	}
	if (!pipelined)
		alarm(120); /* its reads wait for ever */
	r = pipelined ? pipeline(&d) : wait ? ask_until_filled(&d) : ask(&d);
	if (r < 0)
		fprintf(stderr, "%s: after %zu answers: %s\n", argv[2], d.answers, strerror(-r));
	return r < 0;
}
