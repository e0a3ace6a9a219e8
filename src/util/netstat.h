#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel says of the network in /proc/net (proc(5)): who listens, who is connected, and how much went through
 * which interface. */

#include "util/macro.h"

#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define NETSTAT_MAX_PORTS       100 /* of each protocol; there may be more, see total */
#define NETSTAT_MAX_CONNECTIONS 100
#define NETSTAT_MAX_INTERFACES  64
#define NETSTAT_MAX_LINES       65536                  /* of a file that are looked at */
#define NETSTAT_ADDRESS         (INET6_ADDRSTRLEN + 8) /* "192.0.2.1:443", "[2001:db8::1]:443" */

struct netstat_port {
	uint16_t port;
	char interface[IFNAMSIZ]; /* that has its address; "": every one, or none that is known */
};

/* A port of one interface is there once, whoever shares it. */
struct netstat_ports {
	bool known; /* the kernel tells */
	uint64_t total;
	size_t count;
	struct netstat_port all[NETSTAT_MAX_PORTS];
};

struct netstat_connection {
	char remote[NETSTAT_ADDRESS];
	struct netstat_port local;
};

struct netstat_connections {
	uint64_t total;
	size_t count;
	struct netstat_connection all[NETSTAT_MAX_CONNECTIONS];
};

struct netstat_traffic {
	uint64_t bytes_in, bytes_out, packets_in, packets_out;
};

struct netstat_interfaces {
	bool known;
	size_t count;
	struct {
		char name[IFNAMSIZ];
		struct netstat_traffic traffic; /* since it came up */
	} all[NETSTAT_MAX_INTERFACES];          /* without loopback */
};

struct netstat {
	struct netstat_ports tcp, udp;
	struct netstat_connections connections; /* established; known when tcp is */
	struct netstat_interfaces interfaces;
};

/* Of the network that this process is in. Blocks, for milliseconds: for a worker. */
void netstat_read(struct netstat *ret);

/* The same from files in a folder; list: who has which address. */
void netstat_read_from(const char *folder, const struct ifaddrs *list, struct netstat *ret);

/* What went through between two readings. An interface that is new, or counts from 0 again, counts as a whole. */
void netstat_between(const struct netstat_interfaces *before, const struct netstat_interfaces *after,
		     struct netstat_traffic *ret);
