/* SPDX-License-Identifier: Apache-2.0 */
/* publish LINK TOPIC HOST PORT CA CERTIFICATE KEY: the least that a module could do for SEND. Publishes what
 * stands behind "AT+SEND1 " at QoS 0 and answers OK; any other line is answered OK too. One thread, no queue. */

#include "client.h"
#include "port.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct bridge {
	struct mosquitto *m;
	const char *topic;
	int tty;
	char in[8192]; /* a line is at most half of it */
	size_t in_n;
	char out[4 * 8192];
	size_t out_n;
};

static void answer(struct bridge *b, const char *text)
{
	size_t n = strlen(text);

	memcpy(b->out + b->out_n, text, n);
	b->out_n += n;
}

static void run_line(struct bridge *b, const char *line, size_t n)
{
	static const char send[] = "AT+SEND1 ";
	const size_t head = sizeof(send) - 1;
	int r = MOSQ_ERR_SUCCESS;

	if (n >= head && memcmp(line, send, head) == 0)
		r = mosquitto_publish(b->m, NULL, b->topic, (int)(n - head), line + head, 0, false);
	answer(b, r == MOSQ_ERR_SUCCESS ? "OK\r\n" : "E\r\n");
}

static int on_tty(struct bridge *b)
{
	const char *line = b->in, *end;
	ssize_t n;

	n = read(b->tty, b->in + b->in_n, sizeof(b->in) - b->in_n);
	if (n <= 0)
		return -1;
	b->in_n += (size_t)n;
	while ((end = memchr(line, '\n', b->in_n - (size_t)(line - b->in)))) {
		run_line(b, line, (size_t)(end - line));
		line = end + 1;
	}
	b->in_n -= (size_t)(line - b->in);
	memmove(b->in, line, b->in_n);

	n = port_write(b->tty, b->out, b->out_n);
	b->out_n = 0;
	return (int)n;
}

static int run(struct bridge *b)
{
	for (;;) {
		struct pollfd fds[] = {
			{ .fd = b->tty, .events = POLLIN },
			{ .fd = mosquitto_socket(b->m), .events = POLLIN },
		};
		int n;

		/* What the broker does not take yet waits in the tty, not in the library's queue. */
		if (mosquitto_want_write(b->m)) {
			fds[0].events = 0;
			fds[1].events |= POLLOUT;
		}
		n = poll(fds, 2, 1000);
		if (n < 0)
			return 1;
		if (n == 0 && mosquitto_loop_misc(b->m) != MOSQ_ERR_SUCCESS)
			return 1;
		if (fds[1].revents & POLLOUT && mosquitto_loop_write(b->m, 1) != MOSQ_ERR_SUCCESS)
			return 1;
		if (fds[1].revents & ~POLLOUT && mosquitto_loop_read(b->m, 1) != MOSQ_ERR_SUCCESS)
			return 1;
		if (fds[0].revents && on_tty(b) < 0)
			return 1;
	}
}

int main(int argc, char **argv)
{
	struct bridge b = { .tty = -1 };

	if (argc != 3 + CLIENT_ARGC) {
		fprintf(stderr, "usage: publish LINK TOPIC " CLIENT_ARGUMENTS "\n");
		return 2;
	}
	b.topic = argv[2];
	b.m = client_connect(argv + 3);
	if (!b.m)
		return 1;
	b.tty = port_make(argv[1]);
	if (b.tty < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-b.tty));
		return 1;
	}
	return run(&b);
}
