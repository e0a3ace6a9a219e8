#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A download by cloud/streams.c from a service of our own, over a way that loses, delays and repeats as the test says.
 * Programs that use it link fake/timer.c. */

#include "cloud/streams.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define DELIVERY_THING  "thing"
#define DELIVERY_STREAM "AFR_OTA-6e01bdb2"
#define DELIVERY_BASE   "$aws/things/" DELIVERY_THING "/streams/" DELIVERY_STREAM
#define DELIVERY_MAILS  256

/* A block on its way. */
struct delivery_mail {
	uint64_t due, order;
	unsigned block;
	char token[64];
};

struct delivery {
	sd_event *event;
	struct streams *streams;

	/* The module's side. */
	uint8_t *file, *got; /* what there is to be had, and what came of it */
	size_t size;
	unsigned blocks, completes, failures, subscriptions;
	char reason[128];
	bool no_room;
	int subscribe_result;
	void (*on_any)(void); /* at each block, before it is taken or not */
	void (*on_end)(void);

	/* How the way to the module is. */
	struct {
		uint64_t round_trip, block_ms; /* a slow line brings one block after the other */
		unsigned loss, twice, shuffle; /* percent */
		unsigned dice;
		bool deaf;
		int result; /* of publish() */
	} way;

	/* The cloud's side. */
	struct delivery_mail mails[DELIVERY_MAILS];
	unsigned mail_count, requests, sent;
	uint64_t order, line_free;
	char last_request[256], token[64];
};

void delivery_make(struct delivery *d);
void delivery_done(struct delivery *d);

/* File 7, a new one of so many bytes, of which the module has the first ones: what streams_start() says. */
int delivery_start_from(struct delivery *d, size_t n, size_t have);

/* From the beginning; all goes well. */
void delivery_start(struct delivery *d, size_t n);

/* A message of the cloud; false: not for streams. */
bool delivery_message(struct delivery *d, const char *topic, const char *payload);

/* A payload of these words and the data, which lives until the next one is made. */
const char *delivery_format(const char *c, const char *f, const char *i, const char *l, const void *data, size_t n);

/* That of a block of the file, for the request with this token. */
const char *delivery_block_text(const struct delivery *d, unsigned block, const char *token);

/* A block comes that nobody sent, as if for the last request. */
bool delivery_deliver(struct delivery *d, unsigned block);

/* The first of those on their way comes, at its time; false: there is none. */
bool delivery_next(struct delivery *d);

/* Until the download ends; the time that it took. */
uint64_t delivery_run(struct delivery *d, uint64_t most);

/* It has ended, and nothing is left of it. */
void delivery_assert_complete(const struct delivery *d);
void delivery_assert_failed(const struct delivery *d, const char *why);
