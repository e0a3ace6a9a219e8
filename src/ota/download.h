#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* From the cloud into the staging file (guide 8, steps 1 - 3), over losses of the connection and restarts. */

#include "cloud/fetch.h"
#include "cloud/streams.h"
#include "ota/document.h"
#include "ota/image.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

#define DOWNLOAD_MAX_TAG 128

struct download_events {
	/* All of it is on the disk, and image_digest() is known. */
	void (*on_complete)(void *userdata);

	/* It cannot be had; the reason is one line for the job. The staging file is the owner's to discard. */
	void (*on_failed)(void *userdata, const char *reason);

	/* So many blocks of STREAMS_BLOCK bytes are there. */
	void (*on_progress)(void *userdata, uint64_t blocks);

	/* The URL of the document is good no more; download_renewed() is waited for. */
	void (*on_stale)(void *userdata);

	int (*publish)(void *userdata, const char *topic, const void *payload, size_t n, int qos);
	int (*subscribe)(void *userdata, const char *filter);
	void *userdata;
};

struct download;

/* thing_name, ca_file (for HTTPS) and image live as long as the object; dir is where the staging file is. */
int download_new(struct download **ret, sd_event *event, const char *thing_name, const char *ca_file, const char *dir,
		 struct image *image, const struct download_events *events) _must_check_;
struct download *download_free(struct download *d);
DEFINE_CLEANUP(struct download *, download_free)

/* At the start, with nothing in hand: a power cut may have left a staging file. */
void download_clean(struct download *d);

/* By HTTPS if the document offers it, else, or when that fails, from the stream. Begins anew, or, after a restart,
 * where the download of this tag was. The document lives until download_stop(). */
void download_start(struct download *d, const char *tag, const struct document *document, bool resume);
void download_stop(struct download *d);

/* The connection is up, or has ended: the download waits for the first, and for it to come back. */
void download_go(struct download *d);
void download_pause(struct download *d);

/* The document has a fresh URL. */
void download_renewed(struct download *d);

/* A message of the cloud. False: not for downloads. */
bool download_message(struct download *d, const char *topic, const void *payload, size_t n);

/* Blocks of a document's image. */
uint64_t download_blocks(const struct document *document);
