#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* MQTT-based file delivery of AWS IoT (guide 8): one file at a time, in blocks, with a window of them under way. Blocks
 * may be lost, come twice or out of order; what does not fit is thrown away. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define STREAMS_MAX_ID     128   /* bytes of a stream's name */
#define STREAMS_BLOCK      16384 /* bytes; in JSON it is 4/3 of that, and 128 KiB is the limit of a message */
#define STREAMS_WINDOW     16    /* blocks asked for and not there yet: twice what the service sends for one request */
#define STREAMS_MAX_SIZE   (24u << 20) /* bytes of a file: the service's limit */
#define STREAMS_SILENCE_MS 55000       /* without a good block: given up */

struct streams_target {
	const char *stream; /* its name */
	unsigned file;      /* fileid, 0 .. 255 */
	uint64_t size;      /* bytes, as the job says */
	uint64_t have;      /* bytes from the beginning that are there already: a multiple of STREAMS_BLOCK, or all */
	uint64_t patience;  /* ms until the first block; 0: STREAMS_SILENCE_MS */
};

struct streams_events {
	/* A good block, the first time. False: no room for it now; it will be asked for again after streams_go_on(). */
	bool (*on_block)(void *userdata, uint64_t offset, const void *data, size_t n);

	/* All blocks were taken. */
	void (*on_complete)(void *userdata);

	/* It cannot be had: the service's word for it, such as "ResourceNotFound", or ours. The download has ended. */
	void (*on_failed)(void *userdata, const char *reason);

	int (*publish)(void *userdata, const char *topic, const void *payload, size_t n, int qos);
	/* Again it does nothing as long as it holds; its acknowledgement is not waited for. 0 or -errno. */
	int (*subscribe)(void *userdata, const char *filter);
	void *userdata;
};

struct streams;

/* thing_name lives as long as the object. */
int streams_new(struct streams **ret, sd_event *event, const char *thing_name,
		const struct streams_events *events) _must_check_;
struct streams *streams_free(struct streams *s);
DEFINE_CLEANUP(struct streams *, streams_free)

/* The connection is up. Ends the download under way, if any, without a word. 0; -EINVAL;
 * -EACCES: the cloud ends the connection whenever it is asked for streams; -ENOTCONN. */
int streams_start(struct streams *s, const struct streams_target *target) _must_check_;

/* The connection has ended, or the download is not wanted any more. What blocks were taken beyond the beginning is
 * forgotten. */
void streams_stop(struct streams *s);

/* There is room again. */
void streams_go_on(struct streams *s);

/* A message of the cloud, outside of the library's callbacks. False: not for streams. */
bool streams_message(struct streams *s, const char *topic, const void *payload, size_t n);
