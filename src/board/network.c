/* SPDX-License-Identifier: Apache-2.0 */
#include "board/network.h"

#include "util/log.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <net/if.h>
#include <net/route.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_MAX_LINES 4096 /* that many routes are read in a few milliseconds */
#define FILE_MAX_LINE  512
#define MORE           "..."

static void fclosep(FILE **f)
{
	if (*f)
		(void)fclose(*f);
}

/* The kernel allows any byte but a space, a slash and a colon in the name of an interface. */
static void make_printable(char *text)
{
	for (; *text; text++) {
		if (*text < 0x20 || *text > 0x7e)
			*text = '?';
	}
}

/* --- interfaces --- */

static bool is_outside(const struct ifaddrs *a)
{
	static const struct in6_addr none6 = IN6ADDR_ANY_INIT;

	if (!a->ifa_addr)
		return false;
	if (a->ifa_addr->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)a->ifa_addr;

		return in->sin_addr.s_addr != htonl(INADDR_ANY);
	}
	if (a->ifa_addr->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)a->ifa_addr;

		return !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr) && !IN6_ARE_ADDR_EQUAL(&in6->sin6_addr, &none6);
	}
	return false;
}

bool network_list_usable(const struct ifaddrs *list)
{
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		if (!(a->ifa_flags & IFF_LOOPBACK) && (a->ifa_flags & IFF_UP) && (a->ifa_flags & IFF_RUNNING) &&
		    is_outside(a))
			return true;
	}
	return false;
}

bool network_usable(void)
{
	struct ifaddrs *list;
	bool usable;

	if (getifaddrs(&list) < 0) {
		(void)log_errno(-errno, "Interfaces");
		return true;
	}
	usable = network_list_usable(list);
	freeifaddrs(list);
	return usable;
}

static unsigned count_bits(const uint8_t *mask, size_t n)
{
	unsigned bits = 0;

	for (size_t i = 0; i < n; i++)
		bits += (unsigned)__builtin_popcount(mask[i]);
	return bits;
}

/* " 192.0.2.5/24", or "" for what is no IP address. */
static void address_text(const struct ifaddrs *a, char *ret, size_t size)
{
	char text[INET6_ADDRSTRLEN];
	const void *address, *mask;
	size_t n;

	ret[0] = '\0';
	if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET) {
		address = &((const struct sockaddr_in *)a->ifa_addr)->sin_addr;
		mask = a->ifa_netmask ? &((const struct sockaddr_in *)a->ifa_netmask)->sin_addr : NULL;
		n = sizeof(struct in_addr);
	} else if (a->ifa_addr && a->ifa_addr->sa_family == AF_INET6) {
		address = &((const struct sockaddr_in6 *)a->ifa_addr)->sin6_addr;
		mask = a->ifa_netmask ? &((const struct sockaddr_in6 *)a->ifa_netmask)->sin6_addr : NULL;
		n = sizeof(struct in6_addr);
	} else {
		return;
	}
	if (!inet_ntop(a->ifa_addr->sa_family, address, text, sizeof(text)))
		return;
	if (mask)
		(void)snprintf(ret, size, " %s/%u", text, count_bits(mask, n));
	else
		(void)snprintf(ret, size, " %s", text);
}

/* Each interface once: of its entries the one about the link has no address, or that of the hardware. */
static bool is_link(const struct ifaddrs *a)
{
	return !a->ifa_addr || a->ifa_addr->sa_family == AF_PACKET;
}

static const char *state_text(unsigned flags)
{
	if (!(flags & IFF_UP))
		return "down";
	return flags & IFF_RUNNING ? "up" : "no-carrier";
}

/* Addresses that do not fit a line go to another one that begins alike. */
static int tell_interface(const struct ifaddrs *list, const struct ifaddrs *link, size_t *lines, network_line_fn fn,
			  void *userdata)
{
	char line[NETWORK_MAX_LINE + 1], address[INET6_ADDRSTRLEN + 8];
	size_t begin, n;
	int r;

	(void)snprintf(line, sizeof(line), "%.*s %s", IFNAMSIZ, link->ifa_name, state_text(link->ifa_flags));
	make_printable(line);
	begin = n = strlen(line);
	for (const struct ifaddrs *a = list; a; a = a->ifa_next) {
		if (is_link(a) || strcmp(a->ifa_name, link->ifa_name) != 0)
			continue;
		address_text(a, address, sizeof(address));
		if (n + strlen(address) > NETWORK_MAX_LINE) {
			if (++*lines > NETWORK_MAX_INTERFACES)
				return 0;
			r = fn(userdata, line, n);
			if (r < 0)
				return r;
			n = begin;
		}
		(void)snprintf(line + n, sizeof(line) - n, "%s", address);
		n += strlen(address);
	}
	if (++*lines > NETWORK_MAX_INTERFACES)
		return 0;
	return fn(userdata, line, n);
}

int network_interfaces(const struct ifaddrs *list, network_line_fn fn, void *userdata)
{
	size_t lines = 0;
	int r = 0;

	for (const struct ifaddrs *a = list; a && r >= 0; a = a->ifa_next) {
		if (!is_link(a))
			continue;
		r = tell_interface(list, a, &lines, fn, userdata);
		if (lines > NETWORK_MAX_INTERFACES)
			return fn(userdata, MORE, strlen(MORE));
	}
	return r;
}

/* --- routes and name servers --- */

static bool route_text(int family, const void *gateway, const char *interface, char ret[NETWORK_MAX_LINE + 1])
{
	static const uint8_t none[sizeof(struct in6_addr)];
	size_t n = family == AF_INET ? sizeof(struct in_addr) : sizeof(struct in6_addr);
	char address[INET6_ADDRSTRLEN];

	if (!inet_ntop(family, gateway, address, sizeof(address)))
		return false;
	if (memcmp(gateway, none, n) == 0)
		(void)snprintf(ret, NETWORK_MAX_LINE + 1, "default %s", interface);
	else
		(void)snprintf(ret, NETWORK_MAX_LINE + 1, "default via %s %s", address, interface);
	make_printable(ret);
	return true;
}

bool network_parse_route(const char *line, char ret[NETWORK_MAX_LINE + 1])
{
	uint32_t destination, gateway, mask;
	char interface[IFNAMSIZ + 1];
	unsigned flags;

	if (sscanf(line, "%16s %8" SCNx32 " %8" SCNx32 " %8x %*s %*s %*s %8" SCNx32, interface, &destination, &gateway,
		   &flags, &mask) != 5)
		return false;
	if (destination != 0 || mask != 0 || !(flags & RTF_UP) || (flags & RTF_REJECT))
		return false;
	return route_text(AF_INET, &gateway, interface, ret);
}

static bool parse_hex16(const char *hex, uint8_t ret[16])
{
	for (size_t i = 0; i < 16; i++) {
		unsigned byte;

		if (sscanf(hex + 2 * i, "%2x", &byte) != 1)
			return false;
		ret[i] = (uint8_t)byte;
	}
	return true;
}

bool network_parse_route6(const char *line, char ret[NETWORK_MAX_LINE + 1])
{
	char destination[33], gateway[33], interface[IFNAMSIZ + 1];
	unsigned prefix, flags;
	uint8_t via[16];

	if (sscanf(line, "%32s %2x %*s %*s %32s %*s %*s %*s %8x %16s", destination, &prefix, gateway, &flags,
		   interface) != 5)
		return false;
	if (strspn(destination, "0") != 32 || prefix != 0 || !(flags & RTF_UP) || (flags & RTF_REJECT))
		return false;
	return strlen(gateway) == 32 && parse_hex16(gateway, via) && route_text(AF_INET6, via, interface, ret);
}

bool network_parse_server(const char *line, char ret[NETWORK_MAX_LINE + 1])
{
	char address[INET6_ADDRSTRLEN + IFNAMSIZ + 1], plain[sizeof(address)];
	struct in6_addr in;

	if (sscanf(line, "nameserver%*1[ \t]%62s", address) != 1)
		return false;
	memcpy(plain, address, sizeof(address));
	plain[strcspn(plain, "%")] = '\0';
	if (inet_pton(AF_INET, plain, &in) != 1 && inet_pton(AF_INET6, plain, &in) != 1)
		return false;
	(void)snprintf(ret, NETWORK_MAX_LINE + 1, "nameserver %s", address);
	make_printable(ret);
	return true;
}

static FILE *open_regular(const char *path)
{
	/* A FIFO must not hold us up before we know that it is one. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;
	FILE *f = NULL;

	if (fd < 0)
		return NULL;
	if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
		f = fdopen(fd, "r");
	if (!f)
		(void)close(fd);
	return f;
}

int network_file(const char *path, size_t max, network_parse_fn parse, network_line_fn fn, void *userdata)
{
	_cleanup_(fclosep) FILE *f = open_regular(path);
	char line[FILE_MAX_LINE], text[NETWORK_MAX_LINE + 1];
	size_t lines = 0;
	bool begins = true;

	if (!f)
		return 0;
	for (size_t i = 0; i < FILE_MAX_LINES && fgets(line, sizeof(line), f); i++) {
		size_t n = strlen(line);
		bool whole = begins;
		int r;

		/* Of a line that is longer than any good one the rest is no line. */
		begins = n > 0 && line[n - 1] == '\n';
		if (!whole || !parse(line, text))
			continue;
		if (lines++ == max)
			return fn(userdata, MORE, strlen(MORE));
		r = fn(userdata, text, strlen(text));
		if (r < 0)
			return r;
	}
	return 0;
}

/* --- all of it --- */

int network_describe(network_line_fn fn, void *userdata)
{
	struct ifaddrs *list;
	int r;

	if (getifaddrs(&list) < 0)
		return -errno;
	r = network_interfaces(list, fn, userdata);
	freeifaddrs(list);

	/* Not /proc/net: ProcSubset=pid of the unit leaves the folders of processes only. */
	if (r >= 0)
		r = network_file("/proc/self/net/route", NETWORK_MAX_ROUTES, network_parse_route, fn, userdata);
	if (r >= 0)
		r = network_file("/proc/self/net/ipv6_route", NETWORK_MAX_ROUTES, network_parse_route6, fn, userdata);
	if (r >= 0)
		r = network_file("/etc/resolv.conf", NETWORK_MAX_SERVERS, network_parse_server, fn, userdata);
	return r;
}
