/* SPDX-License-Identifier: Apache-2.0 */
#include "util/netstat.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define FOLDER   "/proc/self/net" /* ProcSubset=pid of the unit hides /proc/net */
#define MAX_LINE 512
#define LOOPBACK "lo"

/* include/net/tcp_states.h of the kernel */
#define STATE_ESTABLISHED 1
#define STATE_CLOSE       7 /* of UDP: bound, and not connected */
#define STATE_LISTEN      10

struct endpoint {
	bool v6;
	uint8_t address[16]; /* 4 of them without v6 */
	uint16_t port;
};

struct socket_line {
	struct endpoint local, remote;
	unsigned state;
};

static void fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

static FILE *open_in(const char *folder, const char *name)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s", folder, name);

	return n > 0 && (size_t)n < sizeof(path) ? fopen(path, "re") : NULL;
}

/* --- a line about a socket --- */

/* Words of 32 bits as this machine has them in its memory. ::ffff:192.0.2.1 becomes 192.0.2.1. */
static bool parse_address(const char *hex, struct endpoint *ret)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	size_t n = strlen(hex);

	if (n != 8 && n != 32)
		return false;
	for (size_t i = 0; i < n / 8; i++) {
		uint32_t word;

		if (sscanf(hex + 8 * i, "%8" SCNx32, &word) != 1)
			return false;
		memcpy(ret->address + 4 * i, &word, sizeof(word));
	}
	ret->v6 = n == 32 && memcmp(ret->address, mapped, sizeof(mapped)) != 0;
	if (n == 32 && !ret->v6)
		memmove(ret->address, ret->address + 12, 4);
	return true;
}

static bool parse_line(const char *line, struct socket_line *ret)
{
	char local[33], remote[33];
	unsigned local_port, remote_port;

	if (sscanf(line, " %*[0-9]: %32[0-9A-F]:%4x %32[0-9A-F]:%4x %2x", local, &local_port, remote, &remote_port,
		   &ret->state) != 5)
		return false;
	ret->local.port = (uint16_t)local_port;
	ret->remote.port = (uint16_t)remote_port;
	return parse_address(local, &ret->local) && parse_address(remote, &ret->remote);
}

/* --- whose address it is --- */

static bool is_any(const struct endpoint *e)
{
	static const uint8_t any[16];

	return memcmp(e->address, any, e->v6 ? 16 : 4) == 0;
}

static bool has_address(const struct ifaddrs *a, const struct endpoint *e)
{
	struct sockaddr_in6 v6;
	struct sockaddr_in v4;

	if (!a->ifa_addr || a->ifa_addr->sa_family != (e->v6 ? AF_INET6 : AF_INET))
		return false;
	if (e->v6) {
		memcpy(&v6, a->ifa_addr, sizeof(v6));
		return memcmp(&v6.sin6_addr, e->address, 16) == 0;
	}
	memcpy(&v4, a->ifa_addr, sizeof(v4));
	return memcmp(&v4.sin_addr, e->address, 4) == 0;
}

static void set_local(const struct ifaddrs *list, const struct endpoint *e, struct netstat_port *ret)
{
	const char *name = !e->v6 && e->address[0] == 127 ? LOOPBACK : "";

	if (!is_any(e)) {
		for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
			if (has_address(a, e))
				name = a->ifa_name;
		}
	}
	ret->port = e->port;
	(void)snprintf(ret->interface, sizeof(ret->interface), "%s", name);
}

/* --- sockets --- */

static void add_port(const struct ifaddrs *list, const struct endpoint *e, struct netstat_ports *to)
{
	struct netstat_port found;

	set_local(list, e, &found);
	for (size_t i = 0; i < to->count; i++) {
		if (to->all[i].port == found.port && strcmp(to->all[i].interface, found.interface) == 0)
			return;
	}
	to->total++;
	if (to->count < NETSTAT_MAX_PORTS)
		to->all[to->count++] = found;
}

static void add_connection(const struct ifaddrs *list, const struct socket_line *line, struct netstat_connections *to)
{
	struct netstat_connection *c = &to->all[to->count];
	const struct endpoint *remote = &line->remote;
	char text[INET6_ADDRSTRLEN];

	to->total++;
	if (to->count >= NETSTAT_MAX_CONNECTIONS)
		return;
	if (!inet_ntop(remote->v6 ? AF_INET6 : AF_INET, remote->address, text, sizeof(text)))
		return;
	(void)snprintf(c->remote, sizeof(c->remote), remote->v6 ? "[%s]:%u" : "%s:%u", text, (unsigned)remote->port);
	set_local(list, &line->local, &c->local);
	to->count++;
}

/* connections: NULL for UDP. False: there is no such file. */
static bool read_sockets(const char *folder, const char *name, const struct ifaddrs *list, unsigned listening,
			 struct netstat_ports *ports, struct netstat_connections *connections)
{
	_cleanup_(fclosep) FILE *f = open_in(folder, name);
	char line[MAX_LINE];

	if (!f)
		return false;
	for (size_t i = 0; i < NETSTAT_MAX_LINES && fgets(line, sizeof(line), f); i++) {
		struct socket_line s;

		if (!parse_line(line, &s))
			continue;
		if (s.state == listening && s.local.port != 0)
			add_port(list, &s.local, ports);
		else if (s.state == STATE_ESTABLISHED && connections)
			add_connection(list, &s, connections);
	}
	return true;
}

/* --- traffic --- */

static bool parse_interface(const char *line, char name[IFNAMSIZ], struct netstat_traffic *ret)
{
	/* The kernel writes ':' behind a name, and allows none in it. */
	return sscanf(line, " %15[^: ]: %" SCNu64 " %" SCNu64 " %*s %*s %*s %*s %*s %*s %" SCNu64 " %" SCNu64, name,
		      &ret->bytes_in, &ret->packets_in, &ret->bytes_out, &ret->packets_out) == 5;
}

static void read_interfaces(const char *folder, struct netstat_interfaces *to)
{
	_cleanup_(fclosep) FILE *f = open_in(folder, "dev");
	char line[MAX_LINE], name[IFNAMSIZ];
	struct netstat_traffic traffic;

	to->known = f != NULL;
	for (size_t i = 0; f && i < NETSTAT_MAX_LINES && fgets(line, sizeof(line), f); i++) {
		if (to->count >= NETSTAT_MAX_INTERFACES)
			return;
		if (!parse_interface(line, name, &traffic) || strcmp(name, LOOPBACK) == 0)
			continue;
		(void)snprintf(to->all[to->count].name, IFNAMSIZ, "%s", name);
		to->all[to->count++].traffic = traffic;
	}
}

static uint64_t grown(uint64_t before, uint64_t after)
{
	return after >= before ? after - before : after;
}

void netstat_between(const struct netstat_interfaces *before, const struct netstat_interfaces *after,
		     struct netstat_traffic *ret)
{
	static const struct netstat_traffic none;
	struct netstat_traffic sum = none;

	for (size_t i = 0; i < after->count; i++) {
		const struct netstat_traffic *now = &after->all[i].traffic, *then = &none;

		for (size_t j = 0; j < before->count; j++) {
			if (strcmp(before->all[j].name, after->all[i].name) == 0)
				then = &before->all[j].traffic;
		}
		sum.bytes_in += grown(then->bytes_in, now->bytes_in);
		sum.bytes_out += grown(then->bytes_out, now->bytes_out);
		sum.packets_in += grown(then->packets_in, now->packets_in);
		sum.packets_out += grown(then->packets_out, now->packets_out);
	}
	*ret = sum;
}

/* --- all of it --- */

void netstat_read_from(const char *folder, const struct ifaddrs *list, struct netstat *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->tcp.known = read_sockets(folder, "tcp", list, STATE_LISTEN, &ret->tcp, &ret->connections);
	ret->udp.known = read_sockets(folder, "udp", list, STATE_CLOSE, &ret->udp, NULL);

	/* Without IPv6 there are none of these. */
	(void)read_sockets(folder, "tcp6", list, STATE_LISTEN, &ret->tcp, &ret->connections);
	(void)read_sockets(folder, "udp6", list, STATE_CLOSE, &ret->udp, NULL);
	read_interfaces(folder, &ret->interfaces);
}

void netstat_read(struct netstat *ret)
{
	struct ifaddrs *list = NULL;

	if (getifaddrs(&list) < 0)
		list = NULL;
	netstat_read_from(FOLDER, list, ret);
	freeifaddrs(list);
}
