/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/disk.h"

#include "util/log.h"
#include "util/timer.h"
#include "util/worker.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#define STEPS   16    /* windows that one task looks at: it can be abandoned in between */
#define SLOW_MS 30000 /* a task that takes longer is told of: all else of the update waits for it */

struct disk {
	struct worker *worker;
	struct staging *staging;
	struct later *later;
	struct disk_task task;
	bool unstarted; /* there was no thread for it, which its receiver does not know yet */
	bool abandoned;
	struct timer slow;
	disk_fn finished;
	void *userdata;
};

/* --- on the worker --- */

static int remove_files(struct staging *s, _unused_ struct disk_task *t)
{
	return staging_remove(s);
}

static int create(struct staging *s, struct disk_task *t)
{
	return staging_create(s, t->tag, t->size);
}

static int open_part(struct staging *s, struct disk_task *t)
{
	return staging_open(s, t->tag, t->size);
}

static int open_whole(struct staging *s, struct disk_task *t)
{
	return staging_open_whole(s, t->size);
}

static int some_windows(int (*look)(struct staging *s), struct staging *s)
{
	int r = 1;

	for (unsigned i = 0; i < STEPS && r == 1; i++)
		r = look(s);
	return r;
}

static int resume(struct staging *s, _unused_ struct disk_task *t)
{
	return some_windows(staging_resume, s);
}

static int verify(struct staging *s, _unused_ struct disk_task *t)
{
	return some_windows(staging_verify, s);
}

static int append(struct staging *s, struct disk_task *t)
{
	int r = 0;

	for (const struct piece *p = t->pieces; p && r == 0; p = p->next)
		r = staging_append(s, p->data + p->skip, p->n - p->skip);
	return r;
}

static int finish(struct staging *s, _unused_ struct disk_task *t)
{
	return staging_finish(s);
}

static int load(struct staging *s, struct disk_task *t)
{
	return staging_load(s, t->window, t->data, &t->n);
}

static int (*const kinds[DISK_KIND_COUNT])(struct staging *s, struct disk_task *t) = {
	[DISK_REMOVE] = remove_files, [DISK_CREATE] = create,         [DISK_OPEN] = open_part,
	[DISK_RESUME] = resume,       [DISK_OPEN_WHOLE] = open_whole, [DISK_VERIFY] = verify,
	[DISK_APPEND] = append,       [DISK_FINISH] = finish,         [DISK_LOAD] = load,
};

static int run(void *arg)
{
	struct disk *d = arg;

	/* The loop leaves both alone while the worker is busy. */
	return kinds[d->task.kind](d->staging, &d->task);
}

/* --- on the loop --- */

static void on_slow(_unused_ void *userdata)
{
	log_warning("Update: the disk has not answered for %d s", SLOW_MS / 1000);
}

static void task_done(struct disk_task *t)
{
	free(t->tag);
	piece_free_all(t->pieces);
	free(t->data);
	*t = (struct disk_task){ 0 };
}

int disk_new(struct disk **ret, sd_event *event, struct later *later, const char *dir, disk_fn finished, void *userdata)
{
	_cleanup_(disk_freep) struct disk *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->later = later;
	d->finished = finished;
	d->userdata = userdata;
	r = staging_new(&d->staging, dir);
	if (r == 0)
		r = worker_new(&d->worker, event);
	if (r == 0)
		r = timer_init(&d->slow, event, on_slow, d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct disk *disk_free(struct disk *d)
{
	if (!d)
		return NULL;
	worker_free(d->worker);
	timer_done(&d->slow);
	task_done(&d->task);
	staging_free(d->staging);
	free(d);
	return NULL;
}

bool disk_busy(const struct disk *d)
{
	return worker_busy(d->worker) || d->unstarted;
}

struct staging *disk_staging(struct disk *d)
{
	assert(!disk_busy(d));

	return d->staging;
}

static void on_finished(void *arg, int r)
{
	struct disk *d = arg;
	struct disk_task task = d->task; /* the next one may begin before this one is forgotten */

	if (!timer_armed(&d->slow))
		log_warning("Update: the disk answers again");
	timer_disarm(&d->slow);
	if (d->abandoned)
		r = -ECANCELED;
	d->task = (struct disk_task){ 0 };
	d->abandoned = false;
	d->finished(d->userdata, &task, r);
	task_done(&task);
}

static void on_unstarted(void *who, _unused_ uint64_t number, int r)
{
	struct disk *d = who;

	d->unstarted = false;
	on_finished(d, r);
}

void disk_begin(struct disk *d, struct disk_task task)
{
	int r;

	assert(!disk_busy(d));

	d->task = task;
	timer_arm(&d->slow, SLOW_MS);
	r = worker_run(d->worker, run, on_finished, d);
	if (r == 0)
		return;
	d->unstarted = true;
	later_call(d->later, (struct done){ .fn = on_unstarted, .who = d }, r);
}

void disk_abandon(struct disk *d)
{
	d->abandoned = disk_busy(d);
}
