/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/record.h"

#include "util/file.h"
#include "util/log.h"
#include "util/worker.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MODE 0600 /* a URL may hold credentials */

struct waiter {
	struct waiter *next;
	struct done done;
};

/* A text, and who waits for it. */
struct write {
	char *text;
	size_t n;
	struct waiter *first, **last;
};

struct keeper {
	char *dir;
	struct worker *worker;
	struct write current; /* the worker has it, while it is busy */
	struct write next;
};

static void write_init(struct write *w)
{
	*w = (struct write){ .last = &w->first };
}

static void write_done(struct write *w)
{
	while (w->first) {
		struct waiter *waiter = w->first;

		w->first = waiter->next;
		free(waiter);
	}
	free(w->text);
	write_init(w);
}

int keeper_new(struct keeper **ret, sd_event *event, const char *dir)
{
	_cleanup_(keeper_freep) struct keeper *k = calloc(1, sizeof(*k));
	int r;

	if (!k)
		return -ENOMEM;
	write_init(&k->current);
	write_init(&k->next);
	k->dir = strdup(dir);
	if (!k->dir)
		return -ENOMEM;
	r = worker_new(&k->worker, event);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(k);
	return 0;
}

static int replace(const struct keeper *k, const struct write *w)
{
	return file_replace(k->dir, KEEPER_FILE, KEEPER_OLD, w->text, w->n, MODE);
}

struct keeper *keeper_free(struct keeper *k)
{
	if (!k)
		return NULL;
	worker_free(k->worker);
	if (k->next.text && replace(k, &k->next) < 0)
		log_warning("%s/%s is not up to date", k->dir, KEEPER_FILE);
	write_done(&k->current);
	write_done(&k->next);
	free(k->dir);
	free(k);
	return NULL;
}

/* --- at the start --- */

static char *path_of(const struct keeper *k, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", k->dir, name) < 0 ? NULL : path;
}

static void remove_file(const struct keeper *k, const char *name)
{
	_cleanup_(freep) char *path = path_of(k, name);

	if (path)
		(void)unlink(path);
}

/* The damaged file goes aside, and one with nothing in it takes its place: what it replaced long ago must not come back
 * when it is missing. */
static void put_aside(const struct keeper *k)
{
	_cleanup_(freep) char *from = path_of(k, KEEPER_FILE), *to = path_of(k, KEEPER_DAMAGED), *text = NULL;
	const struct record nothing = { .phase = RECORD_NOTHING };
	size_t n;
	int r;

	remove_file(k, KEEPER_OLD);
	if (!from || !to || rename(from, to) < 0)
		log_warning("The damaged %s/%s cannot be kept aside", k->dir, KEEPER_FILE);
	r = record_format(&nothing, &text, &n);
	if (r == 0)
		r = file_replace(k->dir, KEEPER_FILE, NULL, text, n, MODE);
	if (r < 0)
		(void)log_errno(r, "%s/%s cannot be written", k->dir, KEEPER_FILE);
}

/* -ENOENT: there is no such file. */
static int load(const struct keeper *k, const char *name, struct record *ret)
{
	_cleanup_(freep) char *path = path_of(k, name), *text = NULL;
	size_t n;
	int r;

	if (!path)
		return -ENOMEM;
	r = file_read(path, RECORD_MAX_FILE, &text, &n);
	return r < 0 ? r : record_parse(text, n, ret);
}

void keeper_load(struct keeper *k, struct record *ret)
{
	int r;

	remove_file(k, KEEPER_FILE ".tmp");
	r = load(k, KEEPER_FILE, ret);
	/* Where a file cannot have two names, a power cut may leave the older one only: see file.c. */
	if (r == -ENOENT)
		r = load(k, KEEPER_OLD, ret);
	if (r == 0)
		return;
	*ret = (struct record){ .phase = RECORD_NOTHING };
	if (r == -ENOENT)
		return;
	(void)log_errno(r, "%s/%s is damaged: what it says of updates is forgotten", k->dir, KEEPER_FILE);
	if (r != -ENOMEM)
		put_aside(k);
}

/* --- writes --- */

static int write_job(void *arg)
{
	const struct keeper *k = arg;

	/* The loop leaves current alone while the worker is busy. */
	return replace(k, &k->current);
}

static void start(struct keeper *k);

static void on_written(void *arg, int r)
{
	struct keeper *k = arg;
	struct waiter *waiter = TAKE_PTR(k->current.first);

	if (r < 0)
		(void)log_errno(r, "%s/%s cannot be written", k->dir, KEEPER_FILE);
	write_done(&k->current);
	while (waiter) {
		struct waiter *next = waiter->next;

		done_call(&waiter->done, r);
		free(waiter);
		waiter = next;
	}
	start(k);
}

static void start(struct keeper *k)
{
	int r;

	if (!k->next.text || worker_busy(k->worker))
		return;
	k->current = k->next;
	write_init(&k->next);
	r = worker_run(k->worker, write_job, on_written, k);
	if (r < 0)
		on_written(k, r);
}

void keeper_save(struct keeper *k, const struct record *record, struct done done)
{
	struct waiter *waiter = calloc(1, sizeof(*waiter));
	char *text = NULL;
	size_t n = 0;
	int r = waiter ? record_format(record, &text, &n) : -ENOMEM;

	if (r < 0 || !waiter) {
		free(waiter);
		(void)log_errno(r, "%s/%s cannot be written", k->dir, KEEPER_FILE);
		done_call(&done, r);
		return;
	}
	free(k->next.text);
	k->next.text = text;
	k->next.n = n;
	waiter->done = done;
	*k->next.last = waiter;
	k->next.last = &waiter->next;
	start(k);
}
