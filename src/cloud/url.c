/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/url.h"

#include "util/num.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

/* Of a name or an address of IPv4; of one of IPv6. */
#define LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGITS  "0123456789"
#define NAME    LETTERS DIGITS "-._"
#define IPV6    DIGITS "ABCDEFabcdef:."

/* Behind the host, up to the path: nothing, or a port. */
static bool is_port(const char *text, size_t n)
{
	uint64_t port;

	return n == 0 || (*text == ':' && num_parse(text + 1, n - 1, &port) == 0 && port > 0 && port <= UINT16_MAX);
}

int url_host(const char *url, char ret[URL_MAX_HOST + 1])
{
	const char *host = url + strlen(URL_SCHEME), *rest;
	size_t all = strnlen(url, URL_MAX + 1), n;

	if (all > URL_MAX || strncasecmp(url, URL_SCHEME, strlen(URL_SCHEME)) != 0)
		return -EINVAL;
	for (size_t i = 0; i < all; i++) {
		if (url[i] <= ' ' || url[i] > '~')
			return -EINVAL;
	}
	/* Nobody signs URLs with a user in them. */
	if (*host == '[') {
		host++;
		n = strspn(host, IPV6);
		if (host[n] != ']')
			return -EINVAL;
		rest = host + n + 1;
	} else {
		n = strspn(host, NAME);
		rest = host + n;
	}
	if (n == 0 || n > URL_MAX_HOST || !is_port(rest, strcspn(rest, "/?#")))
		return -EINVAL;
	memcpy(ret, host, n);
	ret[n] = '\0';
	return 0;
}
