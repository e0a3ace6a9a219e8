/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/staging.h"

#include "ota/checkpoint.h"
#include "ota/image.h"
#include "ota/journal.h"
#include "util/fd.h"
#include "util/file.h"
#include "util/log.h"
#include "util/timer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#define MODE        0600
#define FLUSH_BYTES (16 * STAGING_WINDOW) /* are sent to the disk at once */

#define READ_WINDOWS (IMAGE_MAX_HOST / STAGING_WINDOW) /* of an image that is read in pieces */

_Static_assert(IMAGE_MAX_SIZE / STAGING_WINDOW <= JOURNAL_MAX_WINDOWS, "the journal is too small");

struct staging {
	char *path; /* of the folder */
	int dir, file;
	struct journal journal;
	uint64_t size, have;
	unsigned known;  /* windows whose digest is in the journal, or should be according to it */
	uint64_t synced; /* bytes that are on the disk for certain */
	struct checkpoint checkpoint;
	uint64_t begun, begun_at; /* the last one: up to which byte, and when (ms) */
	uint64_t room;
	struct digest *whole, *window;
	unsigned char digest[DIGEST_SIZE];
	unsigned char beginnings[JOURNAL_MAX_WINDOWS][DIGEST_SIZE]; /* up to the end of each window */
	unsigned char windows[READ_WINDOWS][DIGEST_SIZE];
};

int staging_new(struct staging **ret, const char *dir)
{
	_cleanup_(staging_freep) struct staging *s = calloc(1, sizeof(*s));
	int r;

	if (!s)
		return -ENOMEM;
	s->dir = s->file = s->journal.fd = -1;
	s->path = strdup(dir);
	if (!s->path)
		return -ENOMEM;
	r = digest_new(&s->whole);
	if (r == 0)
		r = digest_new(&s->window);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(s);
	return 0;
}

struct staging *staging_free(struct staging *s)
{
	if (!s)
		return NULL;
	(void)checkpoint_wait(&s->checkpoint);
	journal_close(&s->journal);
	fd_close(&s->file);
	fd_close(&s->dir);
	digest_free(s->whole);
	digest_free(s->window);
	free(s->path);
	free(s);
	return NULL;
}

uint64_t staging_have(const struct staging *s)
{
	return s->have;
}

uint64_t staging_room(const struct staging *s)
{
	return s->room;
}

const unsigned char *staging_digest(const struct staging *s)
{
	return s->digest;
}

static size_t window_size(const struct staging *s, unsigned window)
{
	uint64_t rest = s->size - (uint64_t)window * STAGING_WINDOW;

	return rest < STAGING_WINDOW ? (size_t)rest : STAGING_WINDOW;
}

static bool is_read(const struct staging *s)
{
	return s->size <= IMAGE_MAX_HOST;
}

/* Those that are complete when so many bytes are there. */
static unsigned windows_in(const struct staging *s, uint64_t bytes)
{
	return (unsigned)((bytes == s->size ? bytes + STAGING_WINDOW - 1 : bytes) / STAGING_WINDOW);
}

/* --- the beginning --- */

/* Nothing is known of what is there. */
static int begin(struct staging *s, uint64_t size)
{
	int r;

	(void)checkpoint_wait(&s->checkpoint);
	journal_close(&s->journal);
	fd_close(&s->file);
	s->size = size;
	s->have = s->synced = 0;
	s->known = 0;
	s->begun_at = timer_now();
	if (s->dir < 0)
		s->dir = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (s->dir < 0)
		return -errno;
	r = digest_restart(s->whole);
	return r < 0 ? r : digest_restart(s->window);
}

static int remove_both(struct staging *s)
{
	int r = begin(s, 0);

	if (r < 0)
		return r;
	assert(s->dir >= 0);
	if (unlinkat(s->dir, JOURNAL_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	if (unlinkat(s->dir, STAGING_FILE, 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

int staging_remove(struct staging *s)
{
	return remove_both(s);
}

void staging_clear(const char *dir)
{
	int r = file_remove(dir, JOURNAL_FILE);

	if (r == 0)
		r = file_remove(dir, STAGING_FILE);
	if (r < 0)
		(void)log_errno(r, "%s/%s cannot be removed", dir, STAGING_FILE);
}

static int check_room(struct staging *s)
{
	struct statvfs disk;

	if (fstatvfs(s->dir, &disk) < 0)
		return -errno;
	s->room = (uint64_t)disk.f_bavail * disk.f_frsize;
	return s->room < s->size + JOURNAL_SIZE(windows_in(s, s->size)) + STAGING_RESERVE ? -ENOSPC : 0;
}

static int make_both(struct staging *s, const char *tag)
{
	int r;

	r = check_room(s);
	if (r == 0)
		r = fd_make(s->dir, STAGING_FILE, MODE, &s->file);
	if (r == 0)
		r = fd_reserve(s->file, s->size);
	if (r == 0)
		r = journal_make(&s->journal, s->dir, tag, s->size, windows_in(s, s->size));
	if (r == 0 && fsync(s->dir) < 0)
		r = -errno;
	return r;
}

int staging_create(struct staging *s, const char *tag, uint64_t size)
{
	int r;

	if (size == 0 || size > IMAGE_MAX_SIZE)
		return -EFBIG;
	r = remove_both(s);
	if (r < 0)
		return r;
	s->size = size;
	r = make_both(s, tag);
	if (r < 0)
		(void)remove_both(s);
	return r;
}

/* --- taking up what is there --- */

static int open_file(struct staging *s, uint64_t *ret_size)
{
	int r = fd_open(s->dir, STAGING_FILE, &s->file, ret_size);

	if (r == 0 && fchmod(s->file, MODE) < 0)
		r = -errno;
	return r;
}

static int open_both(struct staging *s, const char *tag)
{
	uint64_t there;
	int r;

	r = journal_open(&s->journal, s->dir, tag, s->size, windows_in(s, s->size), s->beginnings, &s->known);
	if (r == 0)
		r = open_file(s, &there);
	if (r == 0 && there > s->size && ftruncate(s->file, (off_t)s->size) < 0)
		r = -errno;
	if (r == 0 && fsync(s->dir) < 0)
		r = -errno;
	/* What was cut off has to be written again; the room for it may be taken by now. */
	return r == 0 ? fd_reserve(s->file, s->size) : r;
}

int staging_open(struct staging *s, const char *tag, uint64_t size)
{
	int r;

	if (size == 0 || size > IMAGE_MAX_SIZE)
		return -ENOENT;
	r = begin(s, size);
	if (r == 0)
		r = open_both(s, tag);
	return r == -EBADMSG ? -ENOENT : r;
}

static int read_window(struct staging *s, unsigned window, void *data)
{
	size_t size = window_size(s, window), n;
	int r;

	r = fd_read_at(s->file, data, size, (uint64_t)window * STAGING_WINDOW, &n);
	return r == 0 && n < size ? -EBADMSG : r;
}

static int digest_window(struct staging *s, unsigned window, const void *data, unsigned char ret[DIGEST_SIZE])
{
	int r = digest_add(s->window, data, window_size(s, window));

	return r < 0 ? r : digest_finish(s->window, ret);
}

/* The next window is good, and counts. */
static int take_window(struct staging *s, unsigned window, const void *data)
{
	size_t n = window_size(s, window);
	int r;

	s->have += n;
	r = digest_add(s->whole, data, n);
	return r == 0 && is_read(s) ? digest_window(s, window, data, s->windows[window]) : r;
}

int staging_resume(struct staging *s)
{
	unsigned window = windows_in(s, s->have);
	unsigned char digest[DIGEST_SIZE];
	_cleanup_(freep) char *data = NULL;
	int r;

	if (window < s->known) {
		data = malloc(STAGING_WINDOW);
		if (!data)
			return -ENOMEM;
		r = read_window(s, window, data);
		if (r == 0)
			r = digest_ahead(s->whole, data, window_size(s, window), digest);
		if (r == 0 && memcmp(digest, s->beginnings[window], DIGEST_SIZE) == 0) {
			r = take_window(s, window, data);
			return r < 0 ? r : 1;
		}
	}
	/* What cannot be read, too, is written anew. What can be may be in memory only: it need not have been the power
	 * that failed. */
	s->known = window;
	s->synced = s->have;
	r = fd_sync_data(s->file);
	return r < 0 ? r : digest_restart(s->window);
}

int staging_open_whole(struct staging *s, uint64_t size)
{
	uint64_t there = 0;
	int r;

	if (size == 0 || size > IMAGE_MAX_SIZE)
		return -EBADMSG;
	r = begin(s, size);
	if (r == 0)
		r = open_file(s, &there);
	return r == 0 && there != size ? -EBADMSG : r;
}

int staging_verify(struct staging *s)
{
	unsigned window = windows_in(s, s->have);
	_cleanup_(freep) char *data = malloc(STAGING_WINDOW);
	int r;

	if (!data)
		return -ENOMEM;
	r = read_window(s, window, data);
	if (r == 0)
		r = take_window(s, window, data);
	if (r < 0)
		return r;
	return s->have < s->size ? 1 : digest_finish(s->whole, s->digest);
}

int staging_load(struct staging *s, unsigned window, void *ret, size_t *ret_n)
{
	unsigned char digest[DIGEST_SIZE];
	int r;

	if (!is_read(s))
		return -EFBIG;
	r = read_window(s, window, ret);
	if (r == 0)
		r = digest_window(s, window, ret, digest);
	if (r < 0)
		return r;
	if (memcmp(digest, s->windows[window], DIGEST_SIZE) != 0)
		return -EBADMSG;
	*ret_n = window_size(s, window);
	return 0;
}

/* --- writing --- */

/* Up to the end of a window. */
static int append(struct staging *s, const void *data, size_t n)
{
	unsigned window = (unsigned)(s->have / STAGING_WINDOW);
	int r;

	r = fd_write_at(s->file, data, n, s->have);
	if (r == 0)
		r = digest_add(s->whole, data, n);
	if (r == 0 && is_read(s))
		r = digest_add(s->window, data, n);
	if (r < 0)
		return r;
	s->have += n;
	if (windows_in(s, s->have) == window)
		return 0;
	if (s->have % FLUSH_BYTES == 0)
		fd_flush(s->file, s->have - FLUSH_BYTES, FLUSH_BYTES);
	r = digest_ahead(s->whole, NULL, 0, s->beginnings[window]);
	return r == 0 && is_read(s) ? digest_finish(s->window, s->windows[window]) : r;
}

static void begin_checkpoint(struct staging *s)
{
	s->begun = s->have;
	s->begun_at = timer_now();
	checkpoint_begin(&s->checkpoint, s->file, &s->journal, s->beginnings, s->known, windows_in(s, s->have));
}

static int end_checkpoint(struct staging *s)
{
	int r;

	if (!checkpoint_begun(&s->checkpoint))
		return 0;
	r = checkpoint_wait(&s->checkpoint);
	if (r < 0)
		return r;
	s->known = windows_in(s, s->begun);
	s->synced = s->begun;
	return 0;
}

/* Of an earlier one the error, too. */
static int keep_up(struct staging *s)
{
	uint64_t part = s->size / STAGING_JOURNAL_PARTS;
	int r;

	if (part < STAGING_JOURNAL_BYTES)
		part = STAGING_JOURNAL_BYTES;
	if (checkpoint_busy(&s->checkpoint) && s->have - s->synced < 2 * part)
		return 0;
	r = end_checkpoint(s);
	if (r < 0 || windows_in(s, s->have) == s->known)
		return r;
	if (s->have - s->synced >= part || timer_now() - s->begun_at >= STAGING_JOURNAL_MS)
		begin_checkpoint(s);
	return 0;
}

int staging_append(struct staging *s, const void *data, size_t n)
{
	const char *p = data;

	if (n > s->size - s->have)
		return -EFBIG;
	while (n > 0) {
		size_t room = STAGING_WINDOW - (size_t)(s->have % STAGING_WINDOW);
		size_t k = n < room ? n : room;
		int r = append(s, p, k);

		if (r == 0)
			r = keep_up(s);
		if (r < 0)
			return r;
		p += k;
		n -= k;
	}
	return 0;
}

int staging_finish(struct staging *s)
{
	int r;

	if (s->have != s->size)
		return -ENODATA;
	r = end_checkpoint(s);
	if (r == 0 && s->synced < s->have) {
		begin_checkpoint(s);
		r = end_checkpoint(s);
	}
	return r < 0 ? r : digest_finish(s->whole, s->digest);
}
