/* SPDX-License-Identifier: Apache-2.0 */
#include "config/epoch.h"

#include "util/file.h"
#include "util/log.h"
#include "util/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define EPOCH_FILE "clock" /* in the state folder: the seconds in decimal digits */
#define EPOCH_DAY  86400
#define EPOCH_TEXT 24

struct epoch {
	char *dir;
	int64_t floor;
	bool sure;
	struct worker *worker;
	char text[EPOCH_TEXT]; /* what is being written */
};

int64_t epoch_floor(const struct epoch *e)
{
	return e->floor;
}

bool epoch_is_sure(const struct epoch *e)
{
	return e->sure;
}

void epoch_doubt(struct epoch *e)
{
	e->sure = false;
}

int64_t epoch_clock_offset(void)
{
	struct timespec wall, boot;

	(void)clock_gettime(CLOCK_REALTIME, &wall);
	(void)clock_gettime(CLOCK_BOOTTIME, &boot);
	return (int64_t)wall.tv_sec - (int64_t)boot.tv_sec;
}

static int epoch_write(void *arg)
{
	struct epoch *e = arg;

	return file_replace(e->dir, EPOCH_FILE, NULL, e->text, strlen(e->text), 0600);
}

static void epoch_written(void *arg, int r)
{
	struct epoch *e = arg;

	if (r < 0)
		(void)log_errno(r, "%s/" EPOCH_FILE, e->dir);
}

void epoch_note(struct epoch *e, int64_t now)
{
	e->sure = now >= EPOCH_RELEASE;

	/* A kept time that lies ahead was wrong then: whoever synchronises the clock knows better. */
	if (!e->sure || worker_busy(e->worker) || (now >= e->floor && now - e->floor < EPOCH_DAY))
		return;
	(void)snprintf(e->text, sizeof(e->text), "%lld\n", (long long)now);
	e->floor = now;
	if (worker_run(e->worker, epoch_write, epoch_written, e) < 0)
		log_warning("%s/" EPOCH_FILE ": not written", e->dir);
}

void epoch_start(struct epoch *e)
{
	uint64_t kept = 0;
	int r = file_read_number(e->dir, EPOCH_FILE, &kept);

	if (r == -ENOENT)
		return;
	if (r < 0)
		(void)log_errno(r, "%s/" EPOCH_FILE, e->dir);
	else if (kept > EPOCH_RELEASE && kept < EPOCH_END)
		e->floor = (int64_t)kept;
	else
		log_warning("%s/" EPOCH_FILE ": not a time", e->dir);
}

int epoch_new(struct epoch **ret, sd_event *event, const char *state_dir)
{
	_cleanup_(epoch_freep) struct epoch *e = NULL;
	int r;

	e = calloc(1, sizeof(*e));
	if (!e)
		return -ENOMEM;
	e->floor = EPOCH_RELEASE;
	e->dir = strdup(state_dir);
	if (!e->dir)
		return -ENOMEM;
	r = worker_new(&e->worker, event);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(e);
	return 0;
}

struct epoch *epoch_free(struct epoch *e)
{
	if (!e)
		return NULL;
	e->worker = worker_free(e->worker);
	free(e->dir);
	free(e);
	return NULL;
}
