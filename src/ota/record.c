/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/record.h"

#include "config/store.h"
#include "util/hex.h"
#include "util/num.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TITLE "expresslink-update 1"

/* The lines of the file. */
enum key {
	KEY_PHASE,
	KEY_JOB,
	KEY_EXECUTION,
	KEY_TYPE,
	KEY_SIZE,
	KEY_FILE,
	KEY_STREAM,
	KEY_URL,
	KEY_SIGNED,
	KEY_SIGNATURE,
	KEY_VERSION,
	KEY_TEXT,
	KEY_MANUFACTURER,
	KEY_MODEL,
	KEY_FORCE,
	KEY_WIRE,
	KEY_SHA256,
	KEY_COUNT,
};

static const char *const keys[KEY_COUNT] = {
	[KEY_PHASE] = "phase",
	[KEY_JOB] = "job",
	[KEY_EXECUTION] = "execution",
	[KEY_TYPE] = "type",
	[KEY_SIZE] = "size",
	[KEY_FILE] = "fileid",
	[KEY_STREAM] = "stream",
	[KEY_URL] = "url",
	[KEY_SIGNED] = "signed",
	[KEY_SIGNATURE] = "signature",
	[KEY_VERSION] = "version",
	[KEY_TEXT] = "text",
	[KEY_MANUFACTURER] = "manufacturer",
	[KEY_MODEL] = "model",
	[KEY_FORCE] = "force",
	[KEY_WIRE] = "wire",
	[KEY_SHA256] = "sha256",
};

/* As often as there are any: status, execution, job, reason. */
#define RESULT "result"
#define ASKED  "asked" /* a result that the host asked for */

static const char *const phases[] = {
	[RECORD_NOTHING] = "nothing",
	[RECORD_DOWNLOAD] = "download",
	[RECORD_READY] = "ready",
};

static const char *const digests[] = {
	[DOCUMENT_UNSIGNED] = "no",           [DOCUMENT_SHA256_ECDSA] = "sha256-ecdsa",
	[DOCUMENT_SHA256_RSA] = "sha256-rsa", [DOCUMENT_SHA1] = "sha1",
	[DOCUMENT_OTHER] = "other",
};

static const char *const statuses[] = {
	[JOBS_SUCCEEDED] = "SUCCEEDED",
	[JOBS_FAILED] = "FAILED",
	[JOBS_REJECTED] = "REJECTED",
};

/* --- to text --- */

/* Nothing is written of what is empty. */
static int add_text(struct buf *out, enum key key, const char *text)
{
	return *text ? store_entry(out, keys[key], text, strlen(text)) : 0;
}

static int add_number(struct buf *out, enum key key, uint64_t number)
{
	char text[24];

	(void)snprintf(text, sizeof(text), "%" PRIu64, number);
	return add_text(out, key, text);
}

static int add_bytes(struct buf *out, enum key key, const unsigned char *bytes, size_t n)
{
	char text[2 * DOCUMENT_MAX_SIGNATURE + 1];

	assert(n <= DOCUMENT_MAX_SIGNATURE);

	hex_encode(bytes, n, text);
	return add_text(out, key, text);
}

static uint64_t not_negative(int64_t number)
{
	return number < 0 ? 0 : (uint64_t)number;
}

static int add_job(struct buf *out, const struct record *r)
{
	const struct document *d = &r->document;
	int k;

	if ((k = add_text(out, KEY_JOB, r->id)) < 0 ||
	    (k = add_number(out, KEY_EXECUTION, not_negative(r->number))) < 0 ||
	    (k = add_number(out, KEY_TYPE, d->type)) < 0 || (k = add_number(out, KEY_SIZE, d->size)) < 0 ||
	    (k = add_number(out, KEY_FILE, d->file)) < 0 || (k = add_text(out, KEY_STREAM, d->stream)) < 0 ||
	    (k = add_text(out, KEY_URL, d->url)) < 0 || (k = add_text(out, KEY_SIGNED, digests[d->digest])) < 0 ||
	    (k = add_bytes(out, KEY_SIGNATURE, d->signature, d->signature_n)) < 0 ||
	    (k = add_text(out, KEY_VERSION, d->version)) < 0 || (k = add_text(out, KEY_TEXT, d->text)) < 0 ||
	    (k = add_text(out, KEY_MANUFACTURER, d->manufacturer)) < 0 ||
	    (k = add_text(out, KEY_MODEL, d->model)) < 0 || (k = add_text(out, KEY_FORCE, d->force ? "yes" : "")) < 0 ||
	    (k = add_text(out, KEY_WIRE, d->wire ? "yes" : "")) < 0)
		return k;
	return r->phase == RECORD_READY ? add_bytes(out, KEY_SHA256, r->digest, sizeof(r->digest)) : 0;
}

static int add_result(struct buf *out, const struct record_result *result)
{
	char text[JOBS_MAX_ID + JOBS_MAX_REASON + 48];

	(void)snprintf(text, sizeof(text), "%s %" PRIu64 " %s %s", statuses[result->status],
		       not_negative(result->number), result->id, result->reason);
	return store_entry(out, result->asked ? ASKED : RESULT, text, strlen(text));
}

static int add_all(struct buf *out, const struct record *r)
{
	int k = store_header(out, TITLE);

	if (k == 0)
		k = add_text(out, KEY_PHASE, phases[r->phase]);
	if (k == 0 && r->phase != RECORD_NOTHING)
		k = add_job(out, r);
	for (size_t i = 0; i < r->results_n && k == 0; i++)
		k = add_result(out, &r->results[i]);
	return k < 0 ? k : store_end(out);
}

int record_format(const struct record *r, char **ret, size_t *ret_n)
{
	_cleanup_(buf_done) struct buf out;
	char *copy;
	int k;

	buf_init(&out, RECORD_MAX_FILE);
	k = add_all(&out, r);
	if (k < 0)
		return k;
	copy = malloc(buf_used(&out));
	if (!copy)
		return -ENOMEM;
	memcpy(copy, buf_head(&out), buf_used(&out));
	*ret = copy;
	*ret_n = buf_used(&out);
	return 0;
}

/* --- and back --- */

struct reading {
	char *values[KEY_COUNT]; /* NULL: no such line */
	struct record *record;   /* for the results */
	int error;
};

static bool take_text(const char *value, char *ret, size_t max)
{
	size_t n = value ? strlen(value) : 0;

	if (n > max)
		return false;
	memcpy(ret, n ? value : "", n + 1);
	return true;
}

static bool take_number(const char *value, uint64_t max, uint64_t *ret)
{
	return value && num_parse(value, strlen(value), ret) == 0 && *ret <= max;
}

static bool take_word(const char *value, const char *const words[], size_t n, unsigned *ret)
{
	for (size_t i = 0; value && i < n; i++) {
		if (words[i] && strcmp(words[i], value) == 0) {
			*ret = (unsigned)i;
			return true;
		}
	}
	return false;
}

static bool take_bytes(const char *value, unsigned char *ret, size_t max, size_t *ret_n)
{
	size_t n = value ? strlen(value) : 0;

	if (n / 2 > max || hex_decode(value, n, ret) < 0)
		return false;
	*ret_n = n / 2;
	return true;
}

/* status, execution, job, reason: the reason may have spaces in it. */
static bool take_result(char *value, struct record_result *ret)
{
	char *status = strsep(&value, " "), *number = strsep(&value, " "), *id = strsep(&value, " ");
	unsigned which;
	uint64_t n;

	if (!value || !*id || !take_word(status, statuses, ELEMENTS(statuses), &which) ||
	    !take_number(number, INT64_MAX, &n) || !take_text(id, ret->id, JOBS_MAX_ID) ||
	    !take_text(value, ret->reason, JOBS_MAX_REASON))
		return false;
	ret->status = (enum jobs_status)which;
	ret->number = (int64_t)n;
	return true;
}

static bool take_document(char *const values[KEY_COUNT], struct document *ret)
{
	uint64_t type, file;
	unsigned digest;

	if (!take_number(values[KEY_TYPE], UINT32_MAX, &type) || !document_is_type(type) ||
	    !take_number(values[KEY_SIZE], IMAGE_MAX_SIZE, &ret->size) || ret->size == 0 ||
	    !take_number(values[KEY_FILE], DOCUMENT_MAX_FILE, &file) ||
	    !take_text(values[KEY_STREAM], ret->stream, DOCUMENT_MAX_STREAM) ||
	    !take_text(values[KEY_URL], ret->url, URL_MAX) ||
	    !take_word(values[KEY_SIGNED], digests, ELEMENTS(digests), &digest) ||
	    !take_bytes(values[KEY_SIGNATURE], ret->signature, sizeof(ret->signature), &ret->signature_n) ||
	    !take_text(values[KEY_VERSION], ret->version, DOCUMENT_MAX_TEXT) ||
	    !take_text(values[KEY_TEXT], ret->text, DOCUMENT_MAX_TEXT) ||
	    !take_text(values[KEY_MANUFACTURER], ret->manufacturer, DOCUMENT_MAX_TEXT) ||
	    !take_text(values[KEY_MODEL], ret->model, DOCUMENT_MAX_TEXT))
		return false;
	ret->type = (enum document_type)type;
	ret->file = (unsigned)file;
	ret->digest = (enum document_digest)digest;
	ret->force = values[KEY_FORCE] && strcmp(values[KEY_FORCE], "yes") == 0;
	ret->wire = values[KEY_WIRE] && strcmp(values[KEY_WIRE], "yes") == 0;
	return ret->wire ? type == DOCUMENT_MODULE_IMAGE : ret->stream[0] || ret->url[0];
}

static bool take_job(char *const values[KEY_COUNT], struct record *ret)
{
	uint64_t number;
	unsigned phase;
	size_t n;

	if (!take_word(values[KEY_PHASE], phases, ELEMENTS(phases), &phase))
		return false;
	ret->phase = (enum record_phase)phase;
	if (ret->phase == RECORD_NOTHING)
		return true;
	if (!take_text(values[KEY_JOB], ret->id, JOBS_MAX_ID) ||
	    !take_number(values[KEY_EXECUTION], INT64_MAX, &number) || !take_document(values, &ret->document))
		return false;

	/* No job has brought what came over the wire, which is there as a whole or not at all. */
	if (ret->document.wire ? *ret->id || ret->phase != RECORD_READY : !*ret->id)
		return false;
	ret->number = (int64_t)number;
	if (ret->phase != RECORD_READY)
		return true;
	return take_bytes(values[KEY_SHA256], ret->digest, sizeof(ret->digest), &n) && n == sizeof(ret->digest);
}

static void on_entry(void *userdata, const char *key, const void *value, size_t n)
{
	struct reading *reading = userdata;
	_cleanup_(freep) char *text = NULL;
	unsigned which;

	if (n && memchr(value, '\0', n)) {
		reading->error = -EBADMSG;
		return;
	}
	text = strndup(value, n);
	if (!text) {
		reading->error = -ENOMEM;
	} else if (take_word(key, keys, KEY_COUNT, &which)) {
		if (reading->values[which])
			reading->error = -EBADMSG;
		else
			reading->values[which] = TAKE_PTR(text);
	} else if (strcmp(key, RESULT) == 0 || strcmp(key, ASKED) == 0) {
		struct record *r = reading->record;

		if (r->results_n < RECORD_MAX_RESULTS && take_result(text, &r->results[r->results_n]))
			r->results[r->results_n++].asked = strcmp(key, ASKED) == 0;
		else
			reading->error = -EBADMSG;
	}
}

int record_parse(const void *data, size_t n, struct record *ret)
{
	struct record record = { 0 };
	struct reading reading = { .record = &record };
	unsigned bad = store_parse(TITLE, data, n, on_entry, &reading);

	if (reading.error == 0 && (bad || !take_job(reading.values, &record)))
		reading.error = -EBADMSG;
	for (unsigned key = 0; key < KEY_COUNT; key++)
		free(reading.values[key]);
	if (reading.error == 0)
		*ret = record;
	return reading.error;
}
