#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* board/ping.c, whose ICMP socket is one end of a pair, and the network at the other end, which is the test. Programs
 * that use it have the LDFLAGS of board/check_ping (tests/Makefile.am). */

#include "board/ping.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define ECHO_ID 0xbeef /* that the kernel gives the socket */

struct echo {
	const struct echo *self; /* as callbacks should have it */
	sd_event *event;
	struct ping *ping;

	/* What the one who asks was told. */
	unsigned calls;
	struct ping_result result;
	bool free_within; /* frees the ping when it is told */

	/* The system. */
	int network; /* the other end; -1: no socket was made */
	int family, type, protocol;
	char to[64];
	int refuse_dgram, refuse_raw, refuse_connect; /* errno, or 0 */
	int refuse_send[8];
	unsigned sends;
	int queued; /* errno in the queue of errors, 0: it is empty */
	uint8_t guilty[32];
	size_t guilty_n;

	uint8_t request[64]; /* the last one */
};

/* Of both families: for loops. */
#define ECHO_HOSTS 2
extern const char *const echo_hosts[ECHO_HOSTS];

void echo_make(struct echo *e);
void echo_done(struct echo *e);

/* What the loop has to do at once. */
void echo_turn(struct echo *e);

/* What ping_start() says; and when it goes well, up to the first request. */
int echo_try(struct echo *e, const char *address);
void echo_start(struct echo *e, const char *address);

/* It has ended, once and for all. */
void echo_expect(struct echo *e, unsigned received, int error);

/* The request that has left, which is a good one; none has. */
size_t echo_take_request(struct echo *e, unsigned sequence);
void echo_assert_no_request(struct echo *e);

/* A packet comes; the request becomes a reply; the next request is answered. */
void echo_deliver(struct echo *e, const void *data, size_t n);
void echo_make_reply(struct echo *e);
void echo_answer(struct echo *e, unsigned sequence);
