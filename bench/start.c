/* SPDX-License-Identifier: Apache-2.0 */
/* Times a program from its exec to its first useful sign of life.
 *
 * start port CPU LINK LINE COMMAND...     until LINE, written to the tty LINK as soon as that exists, is answered
 * start stdout CPU COMMAND...             until it prints its first line
 * start exit CPU COUNT LINE COMMAND...    until it has read COUNT times LINE on stdin and is gone
 *
 * The program runs on processor CPU, on any one if that is negative, and is ended after the sign. The result is a line
 * of JSON. */

#include "port.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PATIENCE_MS 30000

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

/* The child has `fd` as its descriptor number `as`. */
static pid_t spawn(int cpu, int fd, int as, char **command)
{
	cpu_set_t set;
	pid_t pid = fork();

	if (pid != 0)
		return pid;
	CPU_ZERO(&set);
	for (int i = 0; i < CPU_SETSIZE; i++) {
		if (cpu < 0 || i == cpu)
			CPU_SET((size_t)i, &set);
	}
	if (sched_setaffinity(0, sizeof(set), &set) < 0)
		perror("sched_setaffinity");
	signal(SIGPIPE, SIG_DFL);
	if (fd >= 0)
		dup2(fd, as);
	execvp(command[0], command);
	perror(command[0]);
	_exit(127);
}

static bool readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, PATIENCE_MS) == 1;
}

/* Waits until LINK is there and opens it. */
static int await_port(int watch, const char *link)
{
	char events[4096];
	int fd;

	for (;;) {
		fd = port_open(link, 0);
		if (fd != -ENOENT)
			return fd;
		if (!readable(watch) || read(watch, events, sizeof(events)) < 0)
			return -ETIMEDOUT;
	}
}

static bool await_line(int fd, char *ret, size_t size)
{
	size_t n = 0;

	while (n < size - 1 && readable(fd)) {
		ssize_t got = read(fd, ret + n, size - 1 - n);

		if (got <= 0)
			return false;
		n += (size_t)got;
		ret[n] = '\0';
		if (memchr(ret, '\n', n))
			return true;
	}
	return false;
}

static int start_port(int cpu, const char *link, const char *line, char **command)
{
	char folder[512], text[512], answer[512] = "";
	char *slash;
	uint64_t start;
	pid_t pid;
	int watch, fd, n, status = 0;

	snprintf(folder, sizeof(folder), "%s", link);
	slash = strrchr(folder, '/');
	if (!slash)
		return 2;
	*slash = '\0';
	(void)unlink(link);
	watch = inotify_init1(IN_CLOEXEC);
	if (watch < 0 || inotify_add_watch(watch, folder, IN_CREATE | IN_MOVED_TO) < 0) {
		perror(folder);
		return 1;
	}
	n = snprintf(text, sizeof(text), "%s\n", line);
	start = now_ns();
	pid = spawn(cpu, -1, -1, command);
	fd = await_port(watch, link);
	if (fd < 0 || port_write(fd, text, (size_t)n) < 0 || !await_line(fd, answer, sizeof(answer))) {
		fprintf(stderr, "%s: no answer to %s\n", command[0], line);
		kill(pid, SIGKILL);
		return 1;
	}
	start = now_ns() - start;
	kill(pid, SIGTERM);
	waitpid(pid, &status, 0);
	answer[strcspn(answer, "\r\n")] = '\0';
	printf("{\"ms\": %.3f, \"answer\": \"%s\", \"exit\": %d}\n", (double)start / 1e6, answer, status);
	return strncmp(answer, "OK", 2) != 0;
}

static int start_stdout(int cpu, char **command)
{
	char line[512] = "";
	uint64_t start;
	pid_t pid;
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	start = now_ns();
	pid = spawn(cpu, ends[1], STDOUT_FILENO, command);
	close(ends[1]);
	if (!await_line(ends[0], line, sizeof(line))) {
		fprintf(stderr, "%s: says nothing\n", command[0]);
		kill(pid, SIGKILL);
		return 1;
	}
	printf("{\"ms\": %.3f}\n", (double)(now_ns() - start) / 1e6);
	kill(pid, SIGTERM);
	waitpid(pid, NULL, 0);
	return 0;
}

static int start_exit(int cpu, long count, const char *line, char **command)
{
	uint64_t start;
	pid_t pid;
	FILE *out;
	int ends[2], status = 0;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return 1;
	start = now_ns();
	pid = spawn(cpu, ends[0], STDIN_FILENO, command);
	close(ends[0]);
	out = fdopen(ends[1], "w");
	if (!out)
		return 1;
	for (long i = 0; i < count; i++)
		fprintf(out, "%s\n", line);
	fclose(out);
	waitpid(pid, &status, 0);
	printf("{\"ms\": %.3f, \"exit\": %d}\n", (double)(now_ns() - start) / 1e6, status);
	return status != 0;
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	if (argc > 5 && strcmp(argv[1], "port") == 0)
		return start_port(atoi(argv[2]), argv[3], argv[4], argv + 5);
	if (argc > 3 && strcmp(argv[1], "stdout") == 0)
		return start_stdout(atoi(argv[2]), argv + 3);
	if (argc > 5 && strcmp(argv[1], "exit") == 0)
		return start_exit(atoi(argv[2]), atol(argv[3]), argv[4], argv + 5);
	fprintf(stderr, "usage: start port CPU LINK LINE COMMAND... | start stdout CPU COMMAND... |"
			" start exit CPU COUNT LINE COMMAND...\n");
	return 2;
}
