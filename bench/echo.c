/* SPDX-License-Identifier: Apache-2.0 */
/* echo LINK [ANSWER]: the least that a module could do. Answers every line on a pty with ANSWER, or OK. */

#include "port.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	char in[4096], out[sizeof(in) * 64], answer[8192];
	size_t answer_n;
	int fd;

	if (argc < 2 || argc > 3) {
		fprintf(stderr, "usage: echo LINK [ANSWER]\n");
		return 2;
	}
	snprintf(answer, sizeof(answer), "%s\r\n", argc == 3 ? argv[2] : "OK");
	answer_n = strlen(answer);
	fd = port_make(argv[1]);
	if (fd < 0) {
		fprintf(stderr, "%s: %s\n", argv[1], strerror(-fd));
		return 1;
	}
	for (;;) {
		ssize_t n = read(fd, in, sizeof(in));
		size_t out_n = 0;

		if (n <= 0)
			return 1;
		for (ssize_t i = 0; i < n; i++) {
			if (in[i] != '\n')
				continue;
			if (out_n + answer_n > sizeof(out)) {
				if (port_write(fd, out, out_n) < 0)
					return 1;
				out_n = 0;
			}
			memcpy(out + out_n, answer, answer_n);
			out_n += answer_n;
		}
		if (port_write(fd, out, out_n) < 0)
			return 1;
	}
}
