/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/checkpoint.h"

#include "util/fd.h"
#include "util/thread.h"

#include <assert.h>

/* First the data, then what the journal says of them. */
static void *run(void *arg)
{
	struct checkpoint *c = arg;

	c->result = fd_sync_data(c->file);
	if (c->result == 0)
		c->result = journal_write(c->journal, c->digests, c->first, c->end);
	c->over = true;
	return NULL;
}

void checkpoint_begin(struct checkpoint *c, int file, const struct journal *journal,
		      const unsigned char digests[][DIGEST_SIZE], unsigned first, unsigned end)
{
	assert(!c->begun);

	c->file = file;
	c->journal = journal;
	c->digests = digests;
	c->first = first;
	c->end = end;
	c->over = false;
	c->begun = true;
	c->threaded = thread_start(&c->thread, run, c) == 0;
	if (!c->threaded)
		(void)run(c);
}

bool checkpoint_begun(const struct checkpoint *c)
{
	return c->begun;
}

bool checkpoint_busy(const struct checkpoint *c)
{
	return c->begun && !c->over;
}

int checkpoint_wait(struct checkpoint *c)
{
	if (!c->begun)
		return 0;
	if (c->threaded)
		(void)pthread_join(c->thread, NULL);
	c->begun = false;
	return c->result;
}
