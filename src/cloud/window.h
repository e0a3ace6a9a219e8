#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Which blocks of a file are there, which are under way, and which are to be asked for. How many may be under way
 * follows from how they come: a slow line is not flooded, for the host's messages share it. Pure; times in ms of
 * timer_now(). */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define WINDOW_FILE     1536 /* blocks of a file at most */
#define WINDOW_BLOCKS   16   /* blocks under way at most */
#define WINDOW_BATCH    8    /* blocks of a request at most */
#define WINDOW_REQUESTS 4    /* requests under way at most: two, and two that wait for stragglers */
#define WINDOW_SPAN     64   /* from the first to the last block of a request */

/* Blocks first + i, for each bit i; bit 0 is set. */
struct window_request {
	unsigned first;
	uint64_t blocks; /* 0: none */
	unsigned number; /* from 1; what is asked for twice comes twice, and tells by this which one it answers */
};

struct window {
	uint64_t taken[WINDOW_FILE / 64];
	unsigned count;                                  /* blocks of the file */
	unsigned first;                                  /* the first that is not taken; count: all are */
	struct window_request requests[WINDOW_REQUESTS]; /* what is still under way of each, in the order of asking */
	struct window_request late[WINDOW_REQUESTS];     /* given up, newest first: they may still come */
	unsigned asked;                                  /* requests so far */
	unsigned limit;                                  /* blocks that may be under way now */
	bool heard;                                      /* a block has come */
	uint64_t since;    /* the last sign that blocks come, or the beginning of waiting for one, ... */
	uint64_t waiting;  /* ... also when they were given up meanwhile */
	uint64_t pause;    /* the longest between two signs, lately; ms */
	uint64_t pace;     /* between two signs on average, in 1/16 ms; 0: not known */
	unsigned silences; /* in a row */
};

/* Of count blocks the first have are there. */
void window_init(struct window *w, unsigned count, unsigned have, uint64_t now);

/* What to ask for now; it is then under way. False: nothing, for the time being. */
bool window_ask(struct window *w, uint64_t now, struct window_request *ret);

/* Is this block still missing? Any number. */
bool window_wants(const struct window *w, uint64_t block);

/* A block that is wanted has come, and was taken or, for want of room, not. number: of the request that it answers. If
 * that one had been given up, the line is only slow, and the rest of it is under way, too. */
void window_came(struct window *w, unsigned block, unsigned number, bool taken, uint64_t now);

/* When nothing has come for so long that what is under way counts as lost; UINT64_MAX: nothing is under way. */
uint64_t window_due(const struct window *w);

/* That moment has come. */
void window_lost(struct window *w, uint64_t now);

/* The waiting begins anew: time has passed in which nothing was asked for. */
void window_resume(struct window *w, uint64_t now);

bool window_complete(const struct window *w);
