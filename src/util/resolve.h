#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A host name to numeric addresses, by a helper process that can be killed. */

#include "util/macro.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define RESOLVE_MAX_ADDRESSES 16
#define RESOLVE_MAX_TEXT      (INET6_ADDRSTRLEN + 17) /* with a scope: fe80::1%eth0 */

struct addresses {
	size_t count;
	char text[RESOLVE_MAX_ADDRESSES][RESOLVE_MAX_TEXT];
};

/* r: 0 and at least one address; -ENOENT: there is no such name; -ETIME: no answer in time; -EAGAIN: it could not be
 * found out; another -errno. May call resolve_free(). */
typedef void (*resolve_fn)(void *userdata, int r, const struct addresses *found);

struct resolve;

int resolve_start(struct resolve **ret, sd_event *event, const char *host, uint64_t timeout_ms, resolve_fn fn,
		  void *userdata) _must_check_;

/* Stops it without calling fn. */
struct resolve *resolve_free(struct resolve *r);
DEFINE_CLEANUP(struct resolve *, resolve_free)

/* Is host a numeric address already? */
bool resolve_is_address(const char *host);

/* The lines that the helper prints, taken apart; what is no address is left out. */
void resolve_parse(const void *output, size_t n, struct addresses *ret);
