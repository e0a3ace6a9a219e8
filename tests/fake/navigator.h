#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* board/gpsd.c and a gpsd on loopback, which is the test. Of a random delay it is the shortest. Programs that use it
 * link fake/resolve.c and fake/timer.c. */

#include "board/gpsd.h"

#include <check.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define NAVIGATOR_FIX_AT(seconds, latitude)                                                          \
	"{\"class\":\"TPV\",\"mode\":3,\"time\":\"2026-11-22T12:30:" seconds "Z\",\"lat\":" latitude \
	",\"lon\":8.5,\"altMSL\":499,\"eph\":7}\r\n"
#define NAVIGATOR_FIX NAVIGATOR_FIX_AT("14.250", "47.25")

struct navigator {
	sd_event *event;
	struct gpsd *gpsd;
	int listener, fd; /* of the other side */
	char port[8];
};

/* It listens; in the end no timer is left. */
void navigator_make(struct navigator *n);
void navigator_done(struct navigator *n);

/* At a free port, later at the same one; the port stays ours, but nobody listens. */
void navigator_listen(struct navigator *n);
void navigator_refuse(struct navigator *n);

/* A gpsd at this host. */
void navigator_start(struct navigator *n, const char *host);

/* What the loop still has to do at once. */
void navigator_run_idle(struct navigator *n);

/* Turns the loop until this is so. */
#define navigator_run_until(n, condition)                                        \
	do {                                                                     \
		while (!(condition))                                             \
			ck_assert_int_gt(sd_event_run((n)->event, 30000000), 0); \
	} while (0)

/* It has connected, and said what it wants. */
void navigator_accept(struct navigator *n);

/* All of it has reached the other end, and was looked at. */
void navigator_say_bytes(struct navigator *n, const void *data, size_t size);
void navigator_say(struct navigator *n, const char *text);

/* The last fix, which there is; ret_age may be NULL. */
struct fix navigator_last(const struct navigator *n, uint64_t *ret_age);

void navigator_pass_until_it_tries(struct navigator *n);
