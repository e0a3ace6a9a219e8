#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What was written of the staging file is made durable, and the journal says so: on a thread of its own, for the next
 * bytes need not wait for the disk. */

#include "crypto/digest.h"
#include "ota/journal.h"
#include "util/macro.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct checkpoint {
	int file;
	const struct journal *journal;
	const unsigned char (*digests)[DIGEST_SIZE];
	unsigned first, end; /* the windows that the journal does not know yet */
	pthread_t thread;
	bool begun, threaded;
	atomic_bool over;
	int result;
};

/* The windows before end are written, and stay as they are; file and journal are left alone until checkpoint_wait().
 * None is under way. Without a thread it waits for the disk itself. */
void checkpoint_begin(struct checkpoint *c, int file, const struct journal *journal,
		      const unsigned char digests[][DIGEST_SIZE], unsigned first, unsigned end);

bool checkpoint_begun(const struct checkpoint *c);

/* Would checkpoint_wait() wait? */
bool checkpoint_busy(const struct checkpoint *c);

/* Ends what was begun, if anything was. 0: the windows are on the disk, and in the journal; -errno. */
int checkpoint_wait(struct checkpoint *c);
