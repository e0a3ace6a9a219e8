#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the gateway's network looks like: interfaces, default routes, name servers. Read from the kernel and from
 * resolv.conf, asking nobody. */

#include "util/macro.h"

#include <ifaddrs.h>
#include <stdbool.h>
#include <stddef.h>

#define NETWORK_MAX_LINE       120
#define NETWORK_MAX_INTERFACES 48 /* lines of each kind; where there is more, a line "..." says so */
#define NETWORK_MAX_ROUTES     8  /* IPv4 and IPv6 each */
#define NETWORK_MAX_SERVERS    8

/* Takes a line, printable and without an EOL. < 0 ends it. */
typedef int (*network_line_fn)(void *userdata, const char *line, size_t n);

/* "eth0 up 192.0.2.5/24 fe80::1/64", "default via 192.0.2.1 eth0", "nameserver 192.0.2.1": see the datasheet. 0,
 * -errno, or what fn returned. */
int network_describe(network_line_fn fn, void *userdata) _must_check_;

/* Has any interface but loopback a carrier and an address by which others could be reached? True as well when the
 * kernel does not tell. */
bool network_usable(void);

/* The same for given readings. */
int network_interfaces(const struct ifaddrs *list, network_line_fn fn, void *userdata) _must_check_;
bool network_list_usable(const struct ifaddrs *list);

/* One line of /proc/net/route, /proc/net/ipv6_route, resolv.conf. False: nothing to be told. */
typedef bool (*network_parse_fn)(const char *line, char ret[NETWORK_MAX_LINE + 1]);
bool network_parse_route(const char *line, char ret[NETWORK_MAX_LINE + 1]);
bool network_parse_route6(const char *line, char ret[NETWORK_MAX_LINE + 1]);
bool network_parse_server(const char *line, char ret[NETWORK_MAX_LINE + 1]);

/* At most max lines of a file; one that cannot be read has none. */
int network_file(const char *path, size_t max, network_parse_fn parse, network_line_fn fn, void *userdata) _must_check_;
