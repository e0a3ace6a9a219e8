#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Updates over the air, with stand-ins for the service, the stream, the staging file and the record. Programs that
 * use it link the sources of MAILBOX (tests/Makefile.am). */

#include "fake/image.h"
#include "fake/jobs.h"
#include "fake/keeper.h"
#include "fake/pki.h"
#include "fake/renewal.h"
#include "fake/rig.h"
#include "fake/streams.h"
#include "ota/ota.h"

#include <stdint.h>

#define MAILBOX_SIZE 40000 /* bytes of an image: three blocks */

struct mailbox {
	struct rig rig;
	struct pki *signer; /* of OTAcertificate */
	struct ota *ota;
	char told[256]; /* the events since mailbox_told(), such as "2 0/ResourceNotFound" */
	int answer;     /* of the last command, or -EINPROGRESS */
};

/* Not connected, the disk works at once. More settings, or NULL. */
void mailbox_make(struct mailbox *m, const char *more);
void mailbox_done(struct mailbox *m);

/* As if the power had been cut. The staging file keeps its contents. */
void mailbox_restart(struct mailbox *m);

void mailbox_connect(struct mailbox *m);
void mailbox_disconnect(struct mailbox *m);

/* Job documents, until the next call. A module image is signed for the digest of the stand-in. */
const char *mailbox_host_image(void);
const char *mailbox_module_image(const struct mailbox *m, const char *more);

/* From a fresh one, connected, to this state, with the job "job", execution 1. */
void mailbox_reach(struct mailbox *m, enum ota_state state);

/* From state 3: the rest of the way. */
void mailbox_deliver(struct mailbox *m);

/* Commands. The answer, or -EINPROGRESS as long as there is none. */
int mailbox_accept(struct mailbox *m);
int mailbox_close(struct mailbox *m);
int mailbox_flush(struct mailbox *m);
int mailbox_read(struct mailbox *m, size_t n);

/* The events since the last call. */
const char *mailbox_told(struct mailbox *m);
