/* SPDX-License-Identifier: Apache-2.0 */
#include "config/endpoint.h"

#include "util/num.h"

#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#define MAX_LABEL 63 /* RFC 1035, 2.3.4 */

static bool is_label_byte(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
}

static bool is_label(const char *p, size_t n)
{
	if (n == 0 || n > MAX_LABEL || p[0] == '-' || p[n - 1] == '-')
		return false;
	for (size_t i = 0; i < n; i++) {
		if (!is_label_byte(p[i]))
			return false;
	}
	return true;
}

static bool is_name(const char *host)
{
	for (;;) {
		size_t n = strcspn(host, ".");

		if (!is_label(host, n))
			return false;
		if (!host[n])
			return true;
		host += n + 1;
	}
}

/* What ends with a number is meant as an address: 10.0.0.256 and 10.1 are no names. */
static bool looks_numeric(const char *host)
{
	const char *last = strrchr(host, '.');

	last = last ? last + 1 : host;
	return last[strspn(last, "0123456789")] == '\0';
}

static bool is_host(struct endpoint *e, bool bracketed)
{
	struct in6_addr address;

	if (bracketed || looks_numeric(e->host)) {
		e->numeric = true;
		return inet_pton(bracketed ? AF_INET6 : AF_INET, e->host, &address) == 1;
	}
	return is_name(e->host);
}

static bool is_address6(const char *host)
{
	const char *scope = strchr(host, '%');
	size_t n = scope ? (size_t)(scope - host) : strlen(host);
	struct in6_addr address;
	char text[INET6_ADDRSTRLEN];

	if (n >= sizeof(text) || (scope && !is_name(scope + 1)))
		return false;
	memcpy(text, host, n);
	text[n] = '\0';
	return inet_pton(AF_INET6, text, &address) == 1;
}

bool endpoint_is_host(const char *host)
{
	struct in_addr address;

	if (strchr(host, ':'))
		return is_address6(host);
	return looks_numeric(host) ? inet_pton(AF_INET, host, &address) == 1 : is_name(host);
}

static int parse_port(const char *p, size_t n, uint16_t *ret)
{
	uint64_t port;

	if (n == 0)
		return 0;
	if (*p != ':' || n > 6 || num_parse(p + 1, n - 1, &port) < 0 || port == 0 || port > UINT16_MAX)
		return -EINVAL;
	*ret = (uint16_t)port;
	return 0;
}

int endpoint_parse(const void *text, size_t n, struct endpoint *ret)
{
	const char *p = text, *end;
	struct endpoint e = { 0 };
	bool bracketed;
	size_t host_n;

	if (n == 0 || n > ENDPOINT_MAX || memchr(p, '\0', n))
		return -EINVAL;
	bracketed = *p == '[';
	if (bracketed) {
		p++;
		n--;
	}
	end = memchr(p, bracketed ? ']' : ':', n);
	if (bracketed && !end)
		return -EINVAL;
	host_n = end ? (size_t)(end - p) : n;
	memcpy(e.host, p, host_n);
	if (!is_host(&e, bracketed))
		return -EINVAL;

	host_n += bracketed;
	if (parse_port(p + host_n, n - host_n, &e.port) < 0)
		return -EINVAL;
	*ret = e;
	return 0;
}
