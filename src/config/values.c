/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

#include "config/judge.h"
#include "config/store.h"
#include "util/file.h"
#include "util/log.h"

#include "config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TECH_SPEC "v1.0"
#define TITLE     "expresslink-dictionary 1"
#define PREVIOUS  "RootCA.previous"
#define MODE      0600 /* Passphrase */

void value_done(struct value *v)
{
	free(v->data);
	*v = (struct value){ 0 };
}

void values_init(struct values *v, const struct settings *settings)
{
	*v = (struct values){ .settings = settings };
}

void values_done(struct values *v)
{
	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		value_done(&v->slots[slot]);
}

/* Guide 5, Tables 2 and 3, "Initial Value". */
static const char *factory(const struct settings *s, unsigned slot)
{
	switch (slot) {
	case KEY_ABOUT:
		return s->about;
	case KEY_VERSION:
		return PACKAGE_VERSION;
	case KEY_TECHSPEC:
		return TECH_SPEC;
	case KEY_THINGNAME:
		return s->thing_name;
	case KEY_CERTIFICATE_DEVICE:
		return s->certificate_pem;
	case KEY_ENDPOINT:
		return s->staging_endpoint;
	case KEY_ROOTCA:
		return s->root_ca_pem;
	case KEY_OTACERTIFICATE:
		return s->ota_certificate_pem;
	case KEY_SSID:
		return s->default_ssid;
	case KEY_PASSPHRASE:
		return s->default_passphrase;
	case KEY_APN:
		return s->default_apn;
	case KEY_DEFENDER:
	case KEY_QOS_ID:
		return "0";
	default:
		return "";
	}
}

const char *values_factory(const struct values *v, unsigned slot, size_t *ret_n)
{
	const char *text = factory(v->settings, slot);

	*ret_n = strlen(text);
	return text;
}

const char *values_get(const struct values *v, unsigned slot, size_t *ret_n)
{
	const struct value *value = &v->slots[slot];

	assert(slot < SLOT_COUNT);

	if (!value->data)
		return values_factory(v, slot, ret_n);
	*ret_n = value->n;
	return value->data;
}

void values_take(struct values *v, unsigned slot, struct value *from)
{
	assert(slot < SLOT_COUNT);

	value_done(&v->slots[slot]);
	v->slots[slot] = *from;
	*from = (struct value){ 0 };
}

bool slot_is_kept(unsigned slot)
{
	const struct key_row *row;

	if (slot == SLOT_PREVIOUS)
		return true;
	row = keys_row((enum key_id)slot);
	return row->persistent && (row->access & KEY_WRITE);
}

static const char *slot_name(unsigned slot)
{
	return slot == SLOT_PREVIOUS ? PREVIOUS : keys_row((enum key_id)slot)->name;
}

/* A value that equals the factory's is left out, so that it follows when the settings change. */
static int write_slot(const struct values *v, unsigned slot, const struct value *over, struct buf *out)
{
	size_t n, initial_n;
	const char *data = values_get(v, slot, &n);
	const char *initial = values_factory(v, slot, &initial_n);

	if (over) {
		data = over->data ? over->data : initial;
		n = over->data ? over->n : initial_n;
	}
	if (n == initial_n && memcmp(data, initial, n) == 0)
		return 0;
	return store_entry(out, slot_name(slot), data, n);
}

int values_write(const struct values *v, const struct value *const overlay[SLOT_COUNT], struct buf *out)
{
	int r = store_header(out, TITLE);

	for (unsigned slot = 0; slot < SLOT_COUNT && r == 0; slot++) {
		if (slot_is_kept(slot))
			r = write_slot(v, slot, overlay ? overlay[slot] : NULL, out);
	}
	return r < 0 ? r : store_end(out);
}

static bool has_file(const char *dir, const char *name)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	return path && access(path, F_OK) == 0;
}

static void remove_file(const char *dir, const char *name)
{
	_cleanup_(freep) char *path = NULL;

	if (asprintf(&path, "%s/%s", dir, name) < 0)
		path = NULL;
	else
		(void)unlink(path);
}

int values_replace(const char *dir, const struct buf *text, bool forget)
{
	const char *keep = forget ? NULL : VALUES_OLD;
	int r = file_replace(dir, VALUES_FILE, keep, buf_head(text), buf_used(text), MODE);

	if (r == 0 && forget)
		r = file_remove(dir, VALUES_OLD);
	if (r == 0 && forget)
		r = file_remove(dir, VALUES_DAMAGED);
	return r;
}

/* A walk through one generation. */
struct reading {
	struct values *v;
	const char *name;
	bool seen[SLOT_COUNT]; /* in a newer generation too */
	unsigned damaged;
	unsigned newer_damaged; /* of them, in the newer generation */
	int error;
};

static unsigned find_slot(const char *key)
{
	unsigned slot;

	for (slot = 0; slot < SLOT_COUNT; slot++) {
		if (slot_is_kept(slot) && strcmp(slot_name(slot), key) == 0)
			break;
	}
	return slot;
}

static int form_of(unsigned slot, const void *value, size_t n, struct value *ret)
{
	static const struct key_row previous = { .kind = KEY_ROOTS, .size = PREVIOUS_SIZE };

	return judge_form(slot == SLOT_PREVIOUS ? &previous : keys_row((enum key_id)slot), value, n, &ret->data,
			  &ret->n);
}

static void on_entry(void *userdata, const char *key, const void *value, size_t n)
{
	unsigned slot = find_slot(key);
	struct reading *reading = userdata;
	struct value form;
	int r;

	if (slot == SLOT_COUNT) {
		log_debug("%s: key %s is not known here", reading->name, key);
		return;
	}
	if (reading->seen[slot])
		return;
	r = form_of(slot, value, n, &form);
	if (r < 0) {
		reading->error = r;
	} else if (r > 0) {
		log_warning("%s: the value of %s is not valid", reading->name, key);
		reading->damaged++;
	} else {
		values_take(reading->v, slot, &form);
		reading->seen[slot] = true;
	}
}

/* 1: there is no such file. A file that is there but cannot be read counts as damaged. */
static int read_generation(struct reading *reading, const char *dir, const char *name, char **ret, size_t *ret_n)
{
	_cleanup_(freep) char *path = NULL;
	int r;

	if (asprintf(&path, "%s/%s", dir, name) < 0) {
		path = NULL;
		return -ENOMEM;
	}
	reading->name = name;
	r = file_read(path, STORE_MAX_FILE, ret, ret_n);
	if (r == -ENOENT)
		return 1;
	/* Not damaged: it belongs to another user, and would be lost. */
	if (r == -EACCES || r == -EPERM || r == -ENOMEM)
		return log_errno(r, "%s cannot be read", path);
	if (r < 0) {
		(void)log_errno(r, "%s cannot be read", path);
		reading->damaged++;
		return 0;
	}
	reading->damaged += store_parse(TITLE, *ret, *ret_n, on_entry, reading);
	return reading->error;
}

static void put_aside(const char *dir, const char *text, size_t n)
{
	_cleanup_(freep) char *from = NULL, *to = NULL;

	if (text) {
		if (file_replace(dir, VALUES_DAMAGED, NULL, text, n, MODE) < 0)
			log_warning("The damaged %s cannot be kept aside", VALUES_FILE);
		return;
	}
	if (asprintf(&from, "%s/%s", dir, VALUES_FILE) < 0)
		from = NULL;
	if (asprintf(&to, "%s/%s", dir, VALUES_DAMAGED) < 0)
		to = NULL;
	if (from && to && rename(from, to) < 0)
		log_warning("The damaged %s cannot be kept aside", VALUES_FILE);
}

/* So that the next start need not fall back again, and the next write does not keep the damaged generation. */
static void write_sound(const struct values *v, const char *dir)
{
	_cleanup_(buf_done) struct buf text;
	int r;

	buf_init(&text, STORE_MAX_FILE);
	r = values_write(v, NULL, &text);
	if (r == 0)
		r = file_replace(dir, VALUES_FILE, NULL, buf_head(&text), buf_used(&text), MODE);
	if (r < 0)
		(void)log_errno(r, "%s/%s cannot be written", dir, VALUES_FILE);
}

/* Both generations, as far as they are needed. *ret: the text of the newer one. 0, 1: there is no newer one, -errno. */
static int read_generations(struct reading *reading, const char *dir, char **ret, size_t *ret_n)
{
	_cleanup_(freep) char *old = NULL;
	bool missing;
	size_t n;
	int r;

	r = read_generation(reading, dir, VALUES_FILE, ret, ret_n);
	if (r < 0 || (r == 0 && reading->damaged == 0))
		return r;
	missing = r > 0;
	reading->newer_damaged = reading->damaged;
	r = read_generation(reading, dir, VALUES_OLD, &old, &n);
	if (r < 0)
		return r;
	if (missing && r == 0)
		log_notice("%s/%s is missing: taking %s", dir, VALUES_FILE, VALUES_OLD);
	return missing;
}

int values_peek(struct values *v, const char *dir)
{
	struct reading reading = { .v = v };
	_cleanup_(freep) char *text = NULL;
	size_t n;
	int r = read_generations(&reading, dir, &text, &n);

	return r < 0 ? r : 0;
}

int values_load(struct values *v, const char *dir, unsigned *ret_damaged, bool *ret_old)
{
	struct reading reading = { .v = v };
	_cleanup_(freep) char *text = NULL;
	unsigned damaged;
	size_t n = 0;
	int r;

	remove_file(dir, VALUES_FILE ".tmp");
	remove_file(dir, VALUES_DAMAGED ".tmp");

	r = read_generations(&reading, dir, &text, &n);
	if (r < 0)
		return r;
	damaged = reading.newer_damaged;
	if (damaged) {
		log_warning("%s/%s is damaged in %u places: what was lost is as it was before the last change, "
			    "or as from the factory",
			    dir, VALUES_FILE, damaged);
		put_aside(dir, text, n);
		write_sound(v, dir);
	}
	*ret_damaged = damaged;
	*ret_old = has_file(dir, VALUES_OLD) || has_file(dir, VALUES_DAMAGED);
	return 0;
}
