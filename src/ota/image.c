/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/image.h"

#include "ota/disk.h"
#include "ota/pieces.h"
#include "ota/reader.h"
#include "ota/staging.h"
#include "util/later.h"
#include "util/log.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

enum stage {
	STAGE_EMPTY,
	STAGE_CREATE,
	STAGE_OPEN,   /* to be taken up */
	STAGE_RESUME, /* is being taken up */
	STAGE_FILL,
	STAGE_FINISH,     /* as FILL, until all is written */
	STAGE_OPEN_WHOLE, /* to be verified */
	STAGE_VERIFY,     /* is being verified */
	STAGE_WHOLE,
	STAGE_BROKEN, /* a write has failed */
};

struct image {
	char *dir;
	struct later *later;
	struct disk *disk;
	bool remove; /* the files have to go, before anything else */
	enum stage stage;
	struct done done; /* of the stage */
	char *tag;
	uint64_t size;
	unsigned char digest[IMAGE_DIGEST];

	struct pieces pieces;
	size_t writing; /* bytes of those that the disk has */
	uint64_t have;
	bool refused; /* a piece: on_room() is to be called */
	void (*on_room)(void *userdata);
	void *room_userdata;
	void (*on_error)(void *userdata, int r);
	void *error_userdata;

	bool published;
	struct reader reader;
};

static void on_disk(void *userdata, struct disk_task *task, int r);

int image_new(struct image **ret, sd_event *event, const char *dir)
{
	_cleanup_(image_freep) struct image *i = calloc(1, sizeof(*i));
	int r;

	if (!i)
		return -ENOMEM;
	(void)reader_close(&i->reader);
	i->dir = strdup(dir);
	if (!i->dir)
		return -ENOMEM;
	r = later_new(&i->later, event);
	if (r == 0)
		r = disk_new(&i->disk, event, i->later, dir, on_disk, i);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(i);
	return 0;
}

struct image *image_free(struct image *i)
{
	if (!i)
		return NULL;
	disk_free(i->disk);
	if (i->remove) /* the last task was another one */
		staging_clear(i->dir);
	later_free(i->later);
	pieces_restart(&i->pieces, 0);
	(void)reader_close(&i->reader);
	free(i->tag);
	free(i->dir);
	free(i);
	return NULL;
}

/* --- what the disk is to do next --- */

static void load(struct image *i)
{
	uint32_t window = i->published ? reader_wants(&i->reader) : READER_NONE;
	char *data;

	if (window == READER_NONE)
		return;
	data = malloc(STAGING_WINDOW);
	if (data)
		disk_begin(i->disk, (struct disk_task){ .kind = DISK_LOAD, .window = window, .data = data });
	else
		reader_fail(&i->reader, window, -ENOMEM);
}

static void begin(struct image *i, enum disk_kind kind)
{
	struct disk_task task = { .kind = kind, .tag = i->tag, .size = i->size };

	i->tag = NULL;
	disk_begin(i->disk, task);
}

static void append(struct image *i)
{
	i->writing = i->pieces.bytes;
	disk_begin(i->disk, (struct disk_task){ .kind = DISK_APPEND, .pieces = pieces_take(&i->pieces) });
	i->writing -= i->pieces.bytes;
}

static void finish(struct image *i)
{
	if (i->have == i->size) {
		begin(i, DISK_FINISH);
		return;
	}
	i->stage = STAGE_FILL;
	later_call(i->later, i->done, -ENODATA);
	i->done = (struct done){ 0 };
}

static void kick(struct image *i)
{
	static const enum disk_kind steps[] = {
		[STAGE_CREATE] = DISK_CREATE,         [STAGE_OPEN] = DISK_OPEN,     [STAGE_RESUME] = DISK_RESUME,
		[STAGE_OPEN_WHOLE] = DISK_OPEN_WHOLE, [STAGE_VERIFY] = DISK_VERIFY,
	};

	if (disk_busy(i->disk))
		return;
	if (i->remove) {
		i->remove = false;
		disk_begin(i->disk, (struct disk_task){ .kind = DISK_REMOVE });
	} else if (i->stage == STAGE_FILL || i->stage == STAGE_FINISH) {
		if (pieces_ready(&i->pieces))
			append(i);
		else if (i->stage == STAGE_FINISH)
			finish(i);
	} else if (i->stage == STAGE_WHOLE) {
		load(i);
	} else if (i->stage != STAGE_EMPTY && i->stage != STAGE_BROKEN) {
		begin(i, steps[i->stage]);
	}
}

/* --- beginnings and ends --- */

/* Whatever is under way is given up. */
static void overtake(struct image *i, enum stage stage, uint64_t size)
{
	struct done reading = reader_close(&i->reader);

	disk_abandon(i->disk);
	later_call(i->later, i->done, -ECANCELED);
	later_call(i->later, reading, -ECANCELED);
	i->done = (struct done){ 0 };
	free(i->tag);
	i->tag = NULL;
	i->stage = stage;
	i->size = size;
	i->have = 0;
	i->writing = 0;
	i->refused = false;
	i->published = false;
	pieces_restart(&i->pieces, 0);
}

static void complete(struct image *i, enum stage stage, int r)
{
	i->stage = stage;
	done_call(&i->done, r);
}

static void start(struct image *i, enum stage stage, const char *tag, uint64_t size, struct done done)
{
	overtake(i, stage, size);
	i->tag = strdup(tag);
	if (!i->tag) {
		i->stage = STAGE_EMPTY;
		later_call(i->later, done, -ENOMEM);
		return;
	}
	i->done = done;
	kick(i);
}

void image_create(struct image *i, const char *tag, uint64_t size, struct done done)
{
	start(i, STAGE_CREATE, tag, size, done);
}

void image_resume(struct image *i, const char *tag, uint64_t size, struct done done)
{
	start(i, STAGE_OPEN, tag, size, done);
}

void image_verify(struct image *i, uint64_t size, const unsigned char digest[IMAGE_DIGEST], struct done done)
{
	overtake(i, STAGE_OPEN_WHOLE, size);
	memcpy(i->digest, digest, IMAGE_DIGEST);
	i->done = done;
	kick(i);
}

void image_discard(struct image *i)
{
	overtake(i, STAGE_EMPTY, 0);
	i->remove = true;
	kick(i);
}

static void on_removed(struct image *i, _unused_ struct disk_task *task, int r)
{
	if (r < 0 && r != -ENOENT)
		log_warning("%s/%s cannot be removed: %s", i->dir, STAGING_FILE, strerror(-r));
}

static void on_created(struct image *i, struct disk_task *task, int r)
{
	if (r == -ENOSPC)
		log_error("%s: no room for an image of %" PRIu64 " bytes, %" PRIu64 " bytes are free", i->dir,
			  task->size, staging_room(disk_staging(i->disk)));
	else if (r < 0)
		(void)log_errno(r, "%s/%s cannot be made", i->dir, STAGING_FILE);
	complete(i, r < 0 ? STAGE_EMPTY : STAGE_FILL, r);
}

static void on_opened(struct image *i, struct disk_task *task, int r)
{
	if (r == 0) {
		i->stage = task->kind == DISK_OPEN ? STAGE_RESUME : STAGE_VERIFY;
		return;
	}
	/* There need not be a download to be taken up. */
	if (task->kind == DISK_OPEN_WHOLE || r != -ENOENT)
		(void)log_errno(r, "%s/%s cannot be used", i->dir, STAGING_FILE);
	complete(i, STAGE_EMPTY, r);
}

static void on_resumed(struct image *i, _unused_ struct disk_task *task, int r)
{
	if (r > 0)
		return;
	if (r < 0) {
		(void)log_errno(r, "%s/%s cannot be used", i->dir, STAGING_FILE);
		complete(i, STAGE_EMPTY, r);
		return;
	}
	i->have = staging_have(disk_staging(i->disk));
	pieces_restart(&i->pieces, i->have);
	complete(i, STAGE_FILL, 0);
}

static void on_verified(struct image *i, _unused_ struct disk_task *task, int r)
{
	if (r > 0)
		return;
	if (r == 0 && memcmp(staging_digest(disk_staging(i->disk)), i->digest, IMAGE_DIGEST) != 0)
		r = -EBADMSG;
	if (r < 0)
		(void)log_errno(r, "%s/%s is not what it was", i->dir, STAGING_FILE);
	else
		i->have = i->size;
	complete(i, r < 0 ? STAGE_EMPTY : STAGE_WHOLE, r);
}

/* --- writing --- */

static void say_room(struct image *i)
{
	if (!i->refused)
		return;
	i->refused = false;
	if (i->on_room)
		i->on_room(i->room_userdata);
}

static void on_retry(void *who, _unused_ uint64_t number, _unused_ int r)
{
	struct image *i = who;

	if (!disk_busy(i->disk))
		say_room(i);
}

bool image_put(struct image *i, uint64_t offset, const void *data, size_t n)
{
	bool urgent;

	if (i->stage != STAGE_FILL || n > i->size || offset > i->size - n)
		return true;
	/* What all the others wait for must not have to wait for them. */
	urgent = offset <= i->pieces.next && !disk_busy(i->disk);
	if ((i->pieces.bytes + i->writing + n <= IMAGE_BACKLOG || urgent) &&
	    pieces_put(&i->pieces, offset, data, n) == 0) {
		kick(i);
		return true;
	}
	i->refused = true;
	/* Out of memory, and no write under way that would end. */
	if (!disk_busy(i->disk))
		later_call(i->later, (struct done){ .fn = on_retry, .who = i }, 0);
	return false;
}

void image_on_room(struct image *i, void (*fn)(void *userdata), void *userdata)
{
	i->on_room = fn;
	i->room_userdata = userdata;
}

void image_on_error(struct image *i, void (*fn)(void *userdata, int r), void *userdata)
{
	i->on_error = fn;
	i->error_userdata = userdata;
}

uint64_t image_have(const struct image *i)
{
	return i->have;
}

void image_finish(struct image *i, struct done done)
{
	if (i->stage != STAGE_FILL) {
		later_call(i->later, done, i->stage == STAGE_BROKEN ? -EIO : -EINVAL);
		return;
	}
	i->stage = STAGE_FINISH;
	i->done = done;
	kick(i);
}

static void broken(struct image *i, int r)
{
	bool told = i->stage == STAGE_FINISH;

	(void)log_errno(r, "%s/%s cannot be written", i->dir, STAGING_FILE);
	i->refused = false;
	pieces_restart(&i->pieces, 0);
	complete(i, STAGE_BROKEN, r);
	if (!told && i->on_error)
		i->on_error(i->error_userdata, r);
}

static void on_appended(struct image *i, _unused_ struct disk_task *task, int r)
{
	i->writing = 0;
	if (r < 0) {
		broken(i, r);
		return;
	}
	i->have = staging_have(disk_staging(i->disk));
	say_room(i);
}

static void on_finished(struct image *i, _unused_ struct disk_task *task, int r)
{
	if (r < 0) {
		broken(i, r);
		return;
	}
	memcpy(i->digest, staging_digest(disk_staging(i->disk)), IMAGE_DIGEST);
	complete(i, STAGE_WHOLE, 0);
}

const unsigned char *image_digest(const struct image *i)
{
	return i->digest;
}

/* --- reading --- */

void image_publish(struct image *i)
{
	assert(i->stage == STAGE_WHOLE);

	i->published = true;
	reader_open(&i->reader, i->size, STAGING_WINDOW);
}

void image_read(struct image *i, uint64_t offset, size_t n, struct done done)
{
	if (!i->published) {
		later_call(i->later, done, -EACCES);
		return;
	}
	later_call(i->later, i->reader.done, -ECANCELED);
	i->reader.done = (struct done){ 0 };
	reader_ask(&i->reader, offset, n, done);
	kick(i);
}

static void on_loaded(struct image *i, struct disk_task *task, int r)
{
	if (r == 0) {
		reader_give(&i->reader, task->window, TAKE_PTR(task->data), task->n);
		return;
	}
	(void)log_errno(r, "%s/%s cannot be read as it was", i->dir, STAGING_FILE);
	reader_fail(&i->reader, task->window, r);
}

const void *image_data(const struct image *i, size_t *ret_n)
{
	*ret_n = i->reader.data_n;
	return i->reader.data;
}

uint64_t image_size(const struct image *i)
{
	return i->size;
}

/* --- and where it all ends --- */

static void on_disk(void *userdata, struct disk_task *task, int r)
{
	static void (*const finished[DISK_KIND_COUNT])(struct image *i, struct disk_task *task, int r) = {
		[DISK_REMOVE] = on_removed,  [DISK_CREATE] = on_created,    [DISK_OPEN] = on_opened,
		[DISK_RESUME] = on_resumed,  [DISK_OPEN_WHOLE] = on_opened, [DISK_VERIFY] = on_verified,
		[DISK_APPEND] = on_appended, [DISK_FINISH] = on_finished,   [DISK_LOAD] = on_loaded,
	};
	struct image *i = userdata;

	if (r != -ECANCELED)
		finished[task->kind](i, task, r);
	kick(i);
}
