#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* HOST[:PORT]: a host name, an IPv4 address, or an IPv6 address in brackets, with an optional port. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ENDPOINT_MAX 128 /* guide 5, Table 2 */

struct endpoint {
	char host[ENDPOINT_MAX + 1]; /* without brackets */
	uint16_t port;               /* 0: none given */
	bool numeric;                /* an address */
};

/* A host without a port: a name or an address as above, but an IPv6 address without brackets and maybe with a scope,
 * fe80::1%eth0. Any string may come in. */
bool endpoint_is_host(const char *host);

/* Any bytes may come in. 0 or -EINVAL. */
int endpoint_parse(const void *text, size_t n, struct endpoint *ret) _must_check_;
