#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* ICMP echo to a numeric address, IPv4 or IPv6. */

#include "util/macro.h"

#include <stdint.h>
#include <systemd/sd-event.h>

#define PING_REQUESTS   3
#define PING_TIMEOUT_MS 1000 /* for each */

struct ping_result {
	unsigned sent, received;
	uint64_t mean_us; /* round trip of those received */
	int error;        /* errno of a request that failed, 0: none did, or nobody said so */
};

/* May call ping_free(). */
typedef void (*ping_fn)(void *userdata, const struct ping_result *result);

struct ping;

/* address: as inet_ntop() writes it, maybe with %scope. fn is called from the loop, within PING_REQUESTS *
 * PING_TIMEOUT_MS. 0; -EPERM when this process may not send echo requests (net.ipv4.ping_group_range); -EINVAL;
 * -errno. */
int ping_start(struct ping **ret, sd_event *event, const char *address, ping_fn fn, void *userdata) _must_check_;

/* Stops it without calling fn. */
struct ping *ping_free(struct ping *p);
DEFINE_CLEANUP(struct ping *, ping_free)
