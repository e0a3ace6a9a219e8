/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dict.h"

#include "at/error.h"
#include "config/change.h"
#include "config/judge.h"
#include "config/store.h"
#include "config/values.h"
#include "util/file.h"
#include "util/log.h"
#include "util/num.h"
#include "util/worker.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define DIR_MODE 0700

struct dict {
	sd_event *event;
	const struct settings *settings;
	char *dir;
	int lock; /* the folder, held as long as it is ours; -1: not yet */
	struct worker *worker;
	struct values values;             /* durable ones */
	struct value *topics;             /* by index */
	struct change *writing, *waiting; /* in order */
	struct buf text;                  /* what is being written */
	struct done on_change;            /* called each time */
	bool forget;
	bool something_old; /* files that a factory reset has to remove */
	unsigned damaged;
	uint64_t writes;
};

int dict_new(struct dict **ret, sd_event *event, const struct settings *settings, const char *state_dir)
{
	_cleanup_(dict_freep) struct dict *d = calloc(1, sizeof(*d));

	if (!d)
		return -ENOMEM;
	d->lock = -1;
	d->event = sd_event_ref(event);
	d->settings = settings;
	values_init(&d->values, settings);
	buf_init(&d->text, STORE_MAX_FILE);
	d->dir = strdup(state_dir);
	d->topics = calloc(settings->max_topic + 1, sizeof(*d->topics));
	if (!d->dir || !d->topics)
		return -ENOMEM;
	*ret = TAKE_PTR(d);
	return 0;
}

/* Who waits for an answer may be gone already, so nobody gets one. */
struct dict *dict_free(struct dict *d)
{
	if (!d)
		return NULL;
	worker_free(d->worker);
	changes_free(d->writing);
	changes_free(d->waiting);
	buf_done(&d->text);
	dict_reset(d);
	free(d->topics);
	values_done(&d->values);
	if (d->lock >= 0)
		(void)close(d->lock);
	free(d->dir);
	sd_event_unref(d->event);
	free(d);
	return NULL;
}

int dict_start(struct dict *d)
{
	int r;

	r = file_make_dir(d->dir, DIR_MODE);
	if (r < 0)
		return log_errno(r, "%s cannot be made", d->dir);
	d->lock = open(d->dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (d->lock < 0)
		return log_errno(-errno, "%s cannot be read", d->dir);
	if (flock(d->lock, LOCK_EX | LOCK_NB) < 0) {
		r = errno == EWOULDBLOCK ? -EBUSY : -errno;
		return log_errno(r, "%s belongs to another running module", d->dir);
	}
	r = values_load(&d->values, d->dir, &d->damaged, &d->something_old);
	if (r < 0)
		return r;
	return worker_new(&d->worker, d->event);
}

void dict_on_change(struct dict *d, struct done on_change)
{
	d->on_change = on_change;
}

int dict_peek(struct dict *d)
{
	return values_peek(&d->values, d->dir);
}

const char *dict_get(const struct dict *d, enum key_id id, size_t *ret_n)
{
	assert(id < KEY_TOPIC);

	return values_get(&d->values, id, ret_n);
}

const char *dict_topic(const struct dict *d, unsigned index, size_t *ret_n)
{
	assert(index >= 1 && index <= d->settings->max_topic);

	*ret_n = d->topics[index].n;
	return d->topics[index].data ? d->topics[index].data : "";
}

unsigned dict_number(const struct dict *d, enum key_id id)
{
	uint64_t number;
	size_t n;
	const char *text = dict_get(d, id, &n);

	return num_parse(text, n, &number) < 0 ? 0 : (unsigned)number;
}

static int find(const struct dict *d, const void *name, size_t n, unsigned access, const struct key_row **ret,
		unsigned *ret_index)
{
	int r = keys_find(d->settings, name, n, ret, ret_index);

	if (r)
		return r;
	if (!((*ret)->access & access))
		return access == KEY_READ ? AT_ERR_KEY_WRITEONLY : AT_ERR_KEY_READONLY;
	return 0;
}

int dict_read(const struct dict *d, const void *name, size_t name_n, const struct key_row **ret_row, const char **ret,
	      size_t *ret_n)
{
	const struct key_row *row;
	unsigned index;
	int r;

	r = find(d, name, name_n, KEY_READ, &row, &index);
	if (r)
		return r;
	*ret_row = row;
	*ret = row->id == KEY_TOPIC ? dict_topic(d, index, ret_n) : dict_get(d, row->id, ret_n);
	return 0;
}

int dict_writable(const struct dict *d, const void *name, size_t name_n, const struct key_row **ret_row)
{
	unsigned index;

	return find(d, name, name_n, KEY_WRITE, ret_row, &index);
}

/* The change that decides what the slot will be, or NULL if none is under way. */
static const struct change *deciding(const struct dict *d, unsigned slot)
{
	const struct change *c = changes_touching(d->waiting, slot);

	return c ? c : changes_touching(d->writing, slot);
}

/* The value that the slot will have when all that is under way is done. */
static const char *coming(const struct dict *d, unsigned slot, size_t *ret_n)
{
	const struct change *c = deciding(d, slot);

	if (!c)
		return values_get(&d->values, slot, ret_n);
	if (!c->slots[slot].data)
		return values_factory(&d->values, slot, ret_n);
	*ret_n = c->slots[slot].n;
	return c->slots[slot].data;
}

static int write_job(void *arg)
{
	struct dict *d = arg;

	/* The loop leaves these alone while the worker is busy. */
	return values_replace(d->dir, &d->text, d->forget);
}

static void apply(struct dict *d, struct change *list)
{
	for (struct change *c = list; c; c = c->next) {
		for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
			if (c->touched[slot])
				values_take(&d->values, slot, &c->slots[slot]);
		}
		if (c->factory_reset)
			dict_reset(d);
	}
}

static void start_write(struct dict *d);

static void on_written(void *arg, int r)
{
	struct dict *d = arg;
	struct change *list = TAKE_PTR(d->writing);
	struct done told;

	buf_clear(&d->text);
	if (r < 0) {
		(void)log_errno(r, "The configuration in %s cannot be changed", d->dir);
		/* What waits was judged by values that now will not be. */
		changes_append(&list, TAKE_PTR(d->waiting));
	} else {
		d->writes++;
		d->something_old = !d->forget;
		apply(d, list);
		told = d->on_change;
		done_call(&told, 0);
	}
	changes_answer(list, r < 0 ? AT_ERR_PARAMETER : 0);
	changes_free(list);
	start_write(d);
}

/* All that waits is written together, and answered together. */
static void start_write(struct dict *d)
{
	const struct value *overlay[SLOT_COUNT] = { 0 };
	int r;

	if (!d->waiting || d->writing)
		return;
	d->writing = TAKE_PTR(d->waiting);
	d->forget = false;
	for (struct change *c = d->writing; c; c = c->next) {
		d->forget |= c->factory_reset;
		for (unsigned slot = 0; slot < SLOT_COUNT; slot++) {
			if (c->touched[slot])
				overlay[slot] = &c->slots[slot];
		}
	}
	r = values_write(&d->values, overlay, &d->text);
	if (r == 0)
		r = worker_run(d->worker, write_job, on_written, d);
	if (r < 0)
		on_written(d, r);
}

static void submit(struct dict *d, struct change *c, struct done done)
{
	assert(d->worker);

	c->done = done;
	changes_append(&d->waiting, c);
	start_write(d);
}

/* Those of the present RootCA first, then those that were replaced before it, as far as they fit. */
static int add_previous(const struct dict *d, struct change *c)
{
	size_t n, older_n;
	const char *roots = coming(d, KEY_ROOTCA, &n);
	const char *older = coming(d, SLOT_PREVIOUS, &older_n);
	struct value *v = &c->slots[SLOT_PREVIOUS];
	int k;

	/* Only the roots of a connection that worked are worth being kept for certain: the oldest. */
	if (older_n && n + 1 + older_n > PREVIOUS_SIZE)
		n = 0;
	k = asprintf(&v->data, "%.*s%s%.*s", (int)n, roots, n && older_n ? "\n" : "", (int)older_n, older);
	if (k < 0) {
		v->data = NULL;
		return -ENOMEM;
	}
	v->n = (size_t)k;
	c->touched[SLOT_PREVIOUS] = true;
	return 0;
}

static int set_slot(struct dict *d, unsigned slot, struct value *value, struct done done)
{
	_cleanup_(change_freep) struct change *c = NULL;
	size_t n;
	const char *present = coming(d, slot, &n);
	bool same = n == value->n && memcmp(present, value->data, n) == 0;

	if (same && !deciding(d, slot)) {
		done_call(&done, 0);
		return 0;
	}
	c = change_new();
	if (!c)
		return -ENOMEM;
	if (slot == KEY_ROOTCA && !same) {
		int r = add_previous(d, c);

		if (r < 0)
			return r;
	}
	c->slots[slot] = *value;
	c->touched[slot] = true;
	*value = (struct value){ 0 };
	submit(d, TAKE_PTR(c), done);
	return 0;
}

static int set_volatile(struct dict *d, const struct key_row *row, unsigned index, struct value *value,
			struct done done)
{
	if (row->id == KEY_TOPIC) {
		value_done(&d->topics[index]);
		d->topics[index] = *value;
		*value = (struct value){ 0 };
	} else {
		values_take(&d->values, row->id, value);
	}
	done_call(&done, 0);
	return 0;
}

static int set(struct dict *d, const struct key_row *row, unsigned index, const void *data, size_t n, struct done done)
{
	_cleanup_(value_done) struct value value = { 0 };
	const char *present = "";
	size_t present_n = 0;
	int r;

	if (row->persistent)
		present = coming(d, row->id, &present_n);
	r = judge_change(row, present, present_n, data, n, &value.data, &value.n);
	if (r)
		return r;
	return row->persistent ? set_slot(d, row->id, &value, done) : set_volatile(d, row, index, &value, done);
}

int dict_set(struct dict *d, const void *name, size_t name_n, const void *value, size_t n, struct done done)
{
	const struct key_row *row;
	unsigned index;
	int r = find(d, name, name_n, KEY_WRITE, &row, &index);

	return r ? r : set(d, row, index, value, n, done);
}

int dict_set_endpoint(struct dict *d, const char *endpoint, struct done done)
{
	return set(d, keys_row(KEY_ENDPOINT), 0, endpoint, strlen(endpoint), done);
}

void dict_reset(struct dict *d)
{
	struct value initial = { 0 };

	values_take(&d->values, KEY_QOS_ID, &initial);
	for (unsigned i = 0; d->topics && i <= d->settings->max_topic; i++)
		value_done(&d->topics[i]);
}

/* Will the slot be what it was when the module left the factory? */
static bool is_initial(const struct dict *d, unsigned slot)
{
	size_t n, initial_n;
	const char *data = coming(d, slot, &n);
	const char *initial = values_factory(&d->values, slot, &initial_n);

	return n == initial_n && memcmp(data, initial, n) == 0;
}

int dict_factory_reset(struct dict *d, struct done done)
{
	struct change *c = change_new();
	bool needed = d->something_old || d->writing || d->waiting;

	if (!c)
		return -ENOMEM;
	c->factory_reset = true;
	for (unsigned slot = 0; slot < KEY_TOPIC; slot++) {
		c->touched[slot] = keys_row((enum key_id)slot)->factory_reset;
		if (c->touched[slot] && !is_initial(d, slot))
			needed = true;
	}
	if (needed) {
		submit(d, c, done);
		return 0;
	}
	change_free(c);
	dict_reset(d);
	done_call(&done, 0);
	return 0;
}

bool dict_onboarded(const struct dict *d)
{
	size_t n;
	const char *endpoint = dict_get(d, KEY_ENDPOINT, &n);
	const char *staging = d->settings->staging_endpoint;

	return n != strlen(staging) || memcmp(endpoint, staging, n) != 0;
}

char *dict_trusted_roots(const struct dict *d)
{
	size_t n, previous_n;
	const char *roots = values_get(&d->values, KEY_ROOTCA, &n);
	const char *previous = values_get(&d->values, SLOT_PREVIOUS, &previous_n);
	char *all;

	if (asprintf(&all, "%s%s%s", roots, previous_n ? "\n" : "", previous) < 0)
		return NULL;
	return all;
}

void dict_roots_proven(struct dict *d)
{
	struct value nothing = { 0 };
	struct change *c;
	size_t n;

	(void)values_get(&d->values, SLOT_PREVIOUS, &n);
	/* What proved good is no longer RootCA when a write of it is under way. */
	if (!n || deciding(d, KEY_ROOTCA))
		return;
	values_take(&d->values, SLOT_PREVIOUS, &nothing);
	c = change_new();
	if (!c)
		return;
	/* Should it fail, the next write leaves them out. */
	c->touched[SLOT_PREVIOUS] = true;
	submit(d, c, (struct done){ 0 });
}

unsigned dict_damaged(const struct dict *d)
{
	return d->damaged;
}

uint64_t dict_writes(const struct dict *d)
{
	return d->writes;
}
