#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/fetch.c with its helper, the resolver and the clock in the hands of the test, and an owner that counts what it
 * is told. Programs that use it link fake/child.c, fake/resolve.c and fake/timer.c. */

#include "cloud/fetch.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define PULL_URL  "https://bucket.example/key?X-Amz-Signature=secret"
#define PULL_SIZE (5 * FETCH_BLOCK + 7)

struct pull {
	const struct pull *self; /* as callbacks should have it */
	sd_event *event;
	struct fetch *fetch;
	unsigned complete, failed, stale;
	uint64_t have;
	char last[FETCH_MAX_REASON + 1]; /* why it failed */

	/* What the owner does: has no room, stops when data come, knows a fresh URL when it is asked for one. */
	bool full, stop_within, renew_within;
};

void pull_make(struct pull *h);
void pull_done(struct pull *h);

int pull_start(struct pull *h, const char *url, uint64_t from);

/* Up to the helper. */
void pull_begin(struct pull *h, uint64_t from);

/* The next attempt, whenever it comes. */
void pull_again(void);

/* What the helper says; so many bytes of the file. */
void pull_say(char word, const char *text);
void pull_deliver(size_t n);
