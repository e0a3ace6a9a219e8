/* SPDX-License-Identifier: Apache-2.0 */
#include "util/worker.h"

#include "util/thread.h"

#include <assert.h>
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct worker {
	int fd; /* eventfd: the thread is done */
	sd_event_source *source;
	pthread_t thread;
	bool busy;
	int (*job)(void *arg);
	void (*finished)(void *arg, int r);
	void *arg;
	int result; /* written by the thread, read after it was joined */
};

static void *run(void *userdata)
{
	struct worker *w = userdata;
	const uint64_t one = 1;
	ssize_t k;

	w->result = w->job(w->arg);
	do
		k = write(w->fd, &one, sizeof(one));
	while (k < 0 && errno == EINTR);
	return NULL;
}

static int on_finished(_unused_ sd_event_source *source, int fd, _unused_ uint32_t revents, void *userdata)
{
	struct worker *w = userdata;
	uint64_t count;

	if (read(fd, &count, sizeof(count)) < 0 || !w->busy)
		return 0;
	(void)pthread_join(w->thread, NULL);
	w->busy = false;
	w->finished(w->arg, w->result);
	return 0;
}

int worker_new(struct worker **ret, sd_event *event)
{
	_cleanup_(worker_freep) struct worker *w = calloc(1, sizeof(*w));
	int r;

	if (!w)
		return -ENOMEM;
	w->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (w->fd < 0)
		return -errno;
	r = sd_event_add_io(event, &w->source, w->fd, EPOLLIN, on_finished, w);
	if (r < 0)
		return r;
	(void)sd_event_source_set_description(w->source, "worker");
	*ret = TAKE_PTR(w);
	return 0;
}

struct worker *worker_free(struct worker *w)
{
	if (!w)
		return NULL;
	if (w->busy)
		(void)pthread_join(w->thread, NULL);
	(void)sd_event_source_disable_unref(w->source);
	if (w->fd >= 0)
		(void)close(w->fd);
	free(w);
	return NULL;
}

bool worker_busy(const struct worker *w)
{
	return w->busy;
}

int worker_run(struct worker *w, int (*job)(void *arg), void (*finished)(void *arg, int r), void *arg)
{
	int r;

	assert(job && finished);

	if (w->busy)
		return -EBUSY;
	w->job = job;
	w->finished = finished;
	w->arg = arg;
	r = thread_start(&w->thread, run, w);
	w->busy = r == 0;
	return r;
}
