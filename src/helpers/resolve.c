/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkd-resolve: getaddrinfo() in a process of its own, because it blocks and cannot be stopped otherwise.
 * Reads a host name from stdin, prints a numeric address a line in order of preference, at most RESOLVE_MAX_ADDRESSES.
 * Exit status: 0, 1 when the name is not known, 2 when it could not be found out. */

#include "util/resolve.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

enum {
	RESOLVE_FOUND = 0,
	RESOLVE_UNKNOWN = 1,
	RESOLVE_UNAVAILABLE = 2,
};

int main(void)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG };
	char host[256], text[INET6_ADDRSTRLEN + 32];
	struct addrinfo *list = NULL;
	size_t n;
	int r;

	n = fread(host, 1, sizeof(host) - 1, stdin);
	host[n] = '\0';
	r = getaddrinfo(host, NULL, &hints, &list);
	if (r == EAI_ADDRFAMILY || r == EAI_NODATA) {
		/* Only loopback is up: AI_ADDRCONFIG then hides every address. */
		r = getaddrinfo(host, NULL, &(const struct addrinfo){ .ai_socktype = SOCK_STREAM }, &list);
	}
	if (r)
		return r == EAI_NONAME || r == EAI_NODATA ? RESOLVE_UNKNOWN : RESOLVE_UNAVAILABLE;
	n = 0;
	for (const struct addrinfo *a = list; a && n < RESOLVE_MAX_ADDRESSES; a = a->ai_next) {
		if (getnameinfo(a->ai_addr, a->ai_addrlen, text, sizeof(text), NULL, 0, NI_NUMERICHOST) == 0 &&
		    puts(text) >= 0)
			n++;
	}
	freeaddrinfo(list);
	return RESOLVE_FOUND;
}
