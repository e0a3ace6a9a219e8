#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A file by HTTPS (guide 8), from a URL that is good for a while only: one at a time, from its beginning to its end.
 * What reads from the server is a process of its own, expresslinkd-fetch; here it is started, paced, tried again and
 * judged. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define FETCH_MAX_REASON   120
#define FETCH_BLOCK        16384 /* progress is counted in these, as that of streams */
#define FETCH_SILENCE_MS   55000 /* without another block: given up */
#define FETCH_FALLBACK_MS  20000 /* the same, when a stream has the rest of that time */
#define FETCH_MAX_RENEWALS 3     /* of the URL, without another block */
#define FETCH_MAX_MOVES    3     /* from one URL to another, for one attempt */
#define FETCH_MAX_SKIPS    3     /* attempts in which bytes that are skipped count as blocks, without another block */

/* What the helper is told: a line each for the URL, its name's addresses with commas between them (none when the URL
 * has an address), the file with the roots ("": the system's), the offset, the size of the whole. */
#define FETCH_HELPER      "expresslinkd-fetch"
#define FETCH_MAX_REQUEST 4096

/* What the helper says: messages of one letter and what belongs to it. Data, from the offset on, before it what was
 * skipped, and then one of the others; texts are for people. */
#define FETCH_MAX_MESSAGE (1 + 65536)
enum fetch_word {
	FETCH_DATA = 'D',
	FETCH_SKIPPED = 'S', /* so many more bytes of those before the offset, in decimal: the server knows no ranges */
	FETCH_WHOLE = 'W',   /* that was all */
	FETCH_MOVED = 'M',   /* to this URL */
	FETCH_EXPIRED = 'X', /* text; another URL of the same file may be good */
	FETCH_BROKEN = 'B',  /* text; the next attempt may go better */
	FETCH_FAILED = 'F',  /* text; it will not */
};

struct fetch_target {
	const char *url;
	uint64_t size;     /* bytes, as the job says */
	uint64_t have;     /* bytes from the beginning that are there already */
	uint64_t patience; /* ms without another block; 0: FETCH_SILENCE_MS */
};

struct fetch_events {
	/* What follows. False: no room for it now; it will come again after fetch_go_on(). May stop the download. */
	bool (*on_data)(void *userdata, uint64_t offset, const void *data, size_t n);

	/* All of it was taken. */
	void (*on_complete)(void *userdata);

	/* The URL is good no more: fetch_renew() is waited for. NULL: there is no other URL. */
	void (*on_stale)(void *userdata);

	/* It cannot be had: one line of printable ASCII. The download has ended. */
	void (*on_failed)(void *userdata, const char *reason);
	void *userdata;
};

struct fetch;

/* ca_file: "" for the system's roots; lives as long as the object. */
int fetch_new(struct fetch **ret, sd_event *event, const char *ca_file, const struct fetch_events *events) _must_check_;
struct fetch *fetch_free(struct fetch *f);
DEFINE_CLEANUP(struct fetch *, fetch_free)

/* Ends the download under way, if any, without a word. 0; -EINVAL: no URL for us; -errno. */
int fetch_start(struct fetch *f, const struct fetch_target *target) _must_check_;
void fetch_stop(struct fetch *f);

/* There is room again. */
void fetch_go_on(struct fetch *f);

/* A fresh URL of the same file; passed over unless one is waited for. */
void fetch_renew(struct fetch *f, const char *url);
