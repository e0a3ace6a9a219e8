/* SPDX-License-Identifier: Apache-2.0 */
#include "board/ping.h"

#include "util/timer.h"

#include <errno.h>
#include <linux/errqueue.h>
#include <netdb.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HEADER_SIZE  8 /* type, code, checksum, identifier, sequence */
#define PAYLOAD_SIZE 24
#define PACKET_SIZE  (HEADER_SIZE + PAYLOAD_SIZE)
#define TURN_PACKETS 32 /* read in one turn of the loop: a raw socket hears more than its own replies */

struct ping {
	sd_event_source *io;
	struct timer timer;
	int fd;
	int family;
	bool raw;
	uint16_t id;
	uint8_t payload[PAYLOAD_SIZE]; /* random: who did not see the request cannot answer it */
	uint64_t sent_us[PING_REQUESTS];
	bool answered[PING_REQUESTS];
	uint64_t total_us;
	struct ping_result result;
	ping_fn fn;
	void *userdata;
};

static uint64_t now_us(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000 + (uint64_t)ts.tv_nsec / 1000;
}

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, unsigned value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* RFC 1071. Only a raw IPv4 socket needs it; the kernel writes the others. */
static unsigned checksum(const uint8_t *data, size_t n)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < n; i += 2)
		sum += get16(data + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return ~sum & 0xffff;
}

/* --- requests --- */

static int send_request(struct ping *p, unsigned sequence)
{
	uint8_t packet[PACKET_SIZE] = { p->family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST };

	put16(packet + 4, p->id);
	put16(packet + 6, sequence);
	memcpy(packet + HEADER_SIZE, p->payload, PAYLOAD_SIZE);
	put16(packet + 2, checksum(packet, sizeof(packet)));

	/* The error of an earlier request may be told instead; then this one did not leave. */
	for (unsigned i = 0; i < 2; i++) {
		if (send(p->fd, packet, sizeof(packet), MSG_DONTWAIT | MSG_NOSIGNAL) >= 0)
			return 0;
	}
	return -errno;
}

static void finish(struct ping *p)
{
	p->io = sd_event_source_disable_unref(p->io);
	if (p->result.received > 0)
		p->result.mean_us = p->total_us / p->result.received;
	p->fn(p->userdata, &p->result);
}

/* The next request, or the end. */
static void on_timer(void *userdata)
{
	struct ping *p = userdata;
	unsigned sequence = p->result.sent;
	int r;

	if (sequence == PING_REQUESTS) {
		finish(p);
		return;
	}
	p->result.sent++;
	p->sent_us[sequence] = now_us();
	r = p->fd < 0 ? -p->result.error : send_request(p, sequence);
	if (r < 0)
		p->result.error = -r;
	timer_arm(&p->timer, r < 0 ? 0 : PING_TIMEOUT_MS);
}

/* This request needs no more waiting for. */
static void settle(struct ping *p, unsigned sequence)
{
	if (sequence + 1 == p->result.sent)
		timer_arm(&p->timer, 0);
}

/* --- replies --- */

/* Yields where the ICMP message begins, NULL if there is none. */
static const uint8_t *skip_ip_header(const struct ping *p, const uint8_t *packet, size_t *n)
{
	size_t skip = 0;

	if (p->raw && p->family == AF_INET)
		skip = *n > 0 ? (packet[0] & 15U) * 4 : 0;
	if (skip > *n)
		return NULL;
	*n -= skip;
	return packet + skip;
}

static void take_packet(struct ping *p, const uint8_t *packet, size_t n)
{
	const uint8_t *at = skip_ip_header(p, packet, &n);
	unsigned sequence;

	if (!at || n != PACKET_SIZE || at[0] != (p->family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) ||
	    at[1] != 0)
		return;
	sequence = get16(at + 6);
	if (get16(at + 4) != p->id || sequence >= p->result.sent || p->answered[sequence] ||
	    memcmp(at + HEADER_SIZE, p->payload, PAYLOAD_SIZE) != 0)
		return;
	p->answered[sequence] = true;
	p->result.received++;
	p->total_us += now_us() - p->sent_us[sequence];
	settle(p, sequence);
}

/* "Host unreachable" and the like; the kernel gives the request back with them. False: there is none. */
static bool take_error(struct ping *p)
{
	uint8_t request[PACKET_SIZE];
	union {
		struct cmsghdr align;
		uint8_t data[512];
	} control;
	struct iovec iov = { .iov_base = request, .iov_len = sizeof(request) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof(control)
	};
	ssize_t n = recvmsg(p->fd, &msg, MSG_ERRQUEUE | MSG_DONTWAIT);

	if (n < 0)
		return false;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&msg); c; c = CMSG_NXTHDR(&msg, c)) {
		struct sock_extended_err e;

		if (c->cmsg_len < CMSG_LEN(sizeof(e)))
			continue;
		if (!(c->cmsg_level == SOL_IP && c->cmsg_type == IP_RECVERR) &&
		    !(c->cmsg_level == SOL_IPV6 && c->cmsg_type == IPV6_RECVERR))
			continue;
		memcpy(&e, CMSG_DATA(c), sizeof(e));
		if (e.ee_errno == 0)
			continue;
		p->result.error = (int)e.ee_errno;
		if (n >= HEADER_SIZE && get16(request + 4) == p->id)
			settle(p, get16(request + 6));
	}
	return true;
}

static int on_io(sd_event_source *source, int fd, uint32_t revents, void *userdata)
{
	struct ping *p = userdata;
	uint8_t packet[256];

	(void)source;
	(void)revents;
	/* The queue of errors first: as long as it holds something, the socket stays ready. */
	for (unsigned i = 0; i < TURN_PACKETS && take_error(p); i++)
		;
	for (unsigned i = 0; i < TURN_PACKETS; i++) {
		ssize_t n = recv(fd, packet, sizeof(packet), MSG_DONTWAIT);

		if (n >= 0)
			take_packet(p, packet, (size_t)n);
		else if (errno == EAGAIN)
			break;
		else if (errno != EINTR)
			p->result.error = errno;
	}
	return 0;
}

/* --- the socket --- */

static int open_socket(struct ping *p)
{
	int protocol = p->family == AF_INET ? (int)IPPROTO_ICMP : (int)IPPROTO_ICMPV6;
	const int flags = SOCK_CLOEXEC | SOCK_NONBLOCK, on = 1;
	int r;

	p->fd = socket(p->family, SOCK_DGRAM | flags, protocol);
	r = p->fd < 0 ? -errno : 0;
	if (r == -EACCES || r == -EPERM) {
		p->fd = socket(p->family, SOCK_RAW | flags, protocol);
		p->raw = true;
	}
	if (p->fd < 0)
		return errno == EACCES ? -EPERM : -errno;
	/* Without it "host unreachable" is just silence. */
	if (p->family == AF_INET)
		(void)setsockopt(p->fd, SOL_IP, IP_RECVERR, &on, sizeof(on));
	else
		(void)setsockopt(p->fd, SOL_IPV6, IPV6_RECVERR, &on, sizeof(on));
	return 0;
}

/* Connected, so that it hears nobody else. The identifier is the port that the kernel gave it. */
static int connect_socket(struct ping *p, const struct addrinfo *to)
{
	union {
		struct sockaddr_in6 in6;
		struct sockaddr_in in;
		struct sockaddr any;
	} own = { 0 };
	socklen_t n = sizeof(own);

	if (connect(p->fd, to->ai_addr, to->ai_addrlen) < 0)
		return -errno;
	if (p->raw)
		return 0;
	if (getsockname(p->fd, &own.any, &n) < 0)
		return -errno;
	p->id = ntohs(p->family == AF_INET ? own.in.sin_port : own.in6.sin6_port);
	return 0;
}

static void freeaddrinfop(struct addrinfo **list)
{
	if (*list)
		freeaddrinfo(*list);
}

static int open_to(struct ping *p, sd_event *event, const char *address)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST };
	_cleanup_(freeaddrinfop) struct addrinfo *to = NULL;
	int r;

	if (getaddrinfo(address, NULL, &hints, &to) != 0)
		return -EINVAL;
	p->family = to->ai_family;
	r = open_socket(p);
	if (r == 0)
		r = connect_socket(p, to);
	if (r == -EPERM || r == -EMFILE || r == -ENFILE || r == -ENOMEM || r == -ENOBUFS)
		return r;
	if (r < 0) {
		/* No way to that address: an answer, too. */
		if (p->fd >= 0)
			(void)close(p->fd);
		p->fd = -1;
		p->result.error = -r;
		return 0;
	}
	return sd_event_add_io(event, &p->io, p->fd, EPOLLIN, on_io, p);
}

int ping_start(struct ping **ret, sd_event *event, const char *address, ping_fn fn, void *userdata)
{
	_cleanup_(ping_freep) struct ping *p = NULL;
	int r;

	p = calloc(1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	p->fd = -1;
	p->fn = fn;
	p->userdata = userdata;
	if (getrandom(p->payload, sizeof(p->payload), GRND_NONBLOCK) != (ssize_t)sizeof(p->payload))
		return -EAGAIN;
	p->id = get16(p->payload);
	r = timer_init(&p->timer, event, on_timer, p);
	if (r == 0)
		r = open_to(p, event, address);
	if (r < 0)
		return r;
	timer_arm(&p->timer, 0);
	*ret = TAKE_PTR(p);
	return 0;
}

struct ping *ping_free(struct ping *p)
{
	if (!p)
		return NULL;
	sd_event_source_disable_unref(p->io);
	timer_done(&p->timer);
	if (p->fd >= 0)
		(void)close(p->fd);
	free(p);
	return NULL;
}
