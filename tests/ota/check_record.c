/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/record.h"

#include "config/store.h"
#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define TITLE "expresslink-update 1"

/* A record with something in every place. */
static struct record full(void)
{
	struct record r = { .phase = RECORD_READY, .id = "AFR_OTA-1", .number = 3 };
	struct document *d = &r.document;

	d->type = DOCUMENT_HOST_IMAGE;
	d->size = 123456;
	d->file = 7;
	strcpy(d->stream, "AFR_OTA-5d0f");
	strcpy(d->url, "https://h/f?a=%2F&b=1");
	d->digest = DOCUMENT_SHA256_ECDSA;
	d->signature_n = 3;
	memcpy(d->signature, "\x00\xab\xff", 3);
	strcpy(d->version, "v1.2");
	strcpy(d->text, "for the gr\xc3\xbcne board");
	strcpy(d->manufacturer, "Vendor 100%");
	strcpy(d->model, "M 1");
	d->force = true;
	for (unsigned i = 0; i < IMAGE_DIGEST; i++)
		r.digest[i] = (unsigned char)(i * 9);
	r.results_n = 3;
	r.results[0] = (struct record_result){ "first", 1, JOBS_SUCCEEDED, "", false };
	r.results[1] = (struct record_result){ "second", 0, JOBS_FAILED, "the signature does not verify ", true };
	r.results[2] = (struct record_result){ "third", INT64_MAX, JOBS_REJECTED, " filesize is 0", false };
	return r;
}

/* Every byte that counts; what is behind the end of a text does not. */
static void are_same(const struct record *a, const struct record *b)
{
	const struct document *c = &a->document, *d = &b->document;

	ck_assert_int_eq(a->phase, b->phase);
	ck_assert_uint_eq(a->results_n, b->results_n);
	for (size_t i = 0; i < a->results_n; i++) {
		ck_assert_str_eq(a->results[i].id, b->results[i].id);
		ck_assert_str_eq(a->results[i].reason, b->results[i].reason);
		ck_assert_int_eq(a->results[i].number, b->results[i].number);
		ck_assert_int_eq((int)a->results[i].status, (int)b->results[i].status);
		ck_assert(a->results[i].asked == b->results[i].asked);
	}
	if (a->phase == RECORD_NOTHING)
		return;
	ck_assert_str_eq(a->id, b->id);
	ck_assert_int_eq(a->number, b->number);
	ck_assert_int_eq((int)c->type, (int)d->type);
	ck_assert_uint_eq(c->size, d->size);
	ck_assert_uint_eq(c->file, d->file);
	ck_assert_str_eq(c->stream, d->stream);
	ck_assert_str_eq(c->url, d->url);
	ck_assert_int_eq((int)c->digest, (int)d->digest);
	ck_assert_uint_eq(c->signature_n, d->signature_n);
	ck_assert_mem_eq(c->signature, d->signature, c->signature_n);
	ck_assert_str_eq(c->version, d->version);
	ck_assert_str_eq(c->text, d->text);
	ck_assert_str_eq(c->manufacturer, d->manufacturer);
	ck_assert_str_eq(c->model, d->model);
	ck_assert(c->force == d->force);
	ck_assert(c->wire == d->wire);
	if (a->phase == RECORD_READY)
		ck_assert_mem_eq(a->digest, b->digest, IMAGE_DIGEST);
}

static void goes_and_comes(const struct record *r)
{
	_cleanup_(freep) char *text = NULL;
	struct record back;
	size_t n;

	ck_assert_int_eq(record_format(r, &text, &n), 0);
	ck_assert_uint_le(n, RECORD_MAX_FILE);
	memset(&back, 0x55, sizeof(back));
	ck_assert_int_eq(record_parse(text, n, &back), 0);
	are_same(r, &back);
}

START_TEST(everything)
{
	struct record r = full();

	goes_and_comes(&r);
	for (unsigned digest = DOCUMENT_UNSIGNED; digest <= DOCUMENT_OTHER; digest++) {
		r.document.digest = (enum document_digest)digest;
		goes_and_comes(&r);
	}
	r.document.force = false;
	r.document.url[0] = '\0';
	goes_and_comes(&r);
	r = full();
	r.document.stream[0] = '\0';
	goes_and_comes(&r);
}
END_TEST

/* What came over the wire has no job, and is there as a whole. */
START_TEST(over_the_wire)
{
	_cleanup_(freep) char *text = NULL, *cut = NULL;
	struct record r = full(), back;
	size_t n;

	r.document.type = DOCUMENT_MODULE_IMAGE;
	r.document.wire = true;
	r.document.stream[0] = r.document.url[0] = r.id[0] = '\0';
	r.number = 0;
	goes_and_comes(&r);
	r.phase = RECORD_DOWNLOAD;
	ck_assert_int_eq(record_format(&r, &text, &n), 0);
	ck_assert_int_eq(record_parse(text, n, &back), -EBADMSG);
	r = full();
	r.document.type = DOCUMENT_MODULE_IMAGE;
	r.document.wire = true;
	ck_assert_int_eq(record_format(&r, &cut, &n), 0);
	ck_assert_int_eq(record_parse(cut, n, &back), -EBADMSG);
}
END_TEST

START_TEST(every_phase)
{
	struct record r = full(), nothing = { .phase = RECORD_NOTHING };

	r.phase = RECORD_DOWNLOAD;
	goes_and_comes(&r);
	r.phase = RECORD_NOTHING;
	goes_and_comes(&r);
	goes_and_comes(&nothing);
}
END_TEST

START_TEST(little)
{
	struct record r = { .phase = RECORD_DOWNLOAD, .id = "j", .document = { .type = DOCUMENT_MODULE_IMAGE } };

	r.document.size = 1;
	r.document.stream[0] = 's';
	goes_and_comes(&r);
}
END_TEST

/* All that fits, of bytes that need the most room. */
START_TEST(much)
{
	struct record r = full();
	struct document *d = &r.document;

#define FILL(text) (memset(text, '%', sizeof(text) - 1), (text)[sizeof(text) - 1] = '\0')
	memset(r.id, 'j', JOBS_MAX_ID);
	r.number = INT64_MAX;
	d->size = IMAGE_MAX_SIZE;
	d->file = 255;
	FILL(d->stream);
	FILL(d->url);
	FILL(d->version);
	FILL(d->text);
	FILL(d->manufacturer);
	FILL(d->model);
	d->signature_n = sizeof(d->signature);
	memset(d->signature, 0xee, sizeof(d->signature));
	r.results_n = RECORD_MAX_RESULTS;
	for (unsigned i = 0; i < RECORD_MAX_RESULTS; i++) {
		struct record_result *result = &r.results[i];

		memset(result, 0, sizeof(*result));
		result->status = (enum jobs_status)(JOBS_SUCCEEDED + i % 3);
		memset(result->id, (int)('0' + i), JOBS_MAX_ID);
		FILL(result->reason);
		result->number = INT64_MAX - i;
	}
	goes_and_comes(&r);
}
END_TEST

START_TEST(a_person_can_read_it)
{
	_cleanup_(freep) char *text = NULL, *line = NULL;
	struct record r = full();
	size_t n;

	ck_assert_int_eq(record_format(&r, &text, &n), 0);
	line = strndup(text, n);
	ck_assert(strncmp(line, TITLE "\nphase 5 ", strlen(TITLE "\nphase 5 ")) == 0);
	ck_assert_ptr_nonnull(strstr(line, " ready\n"));
	ck_assert_ptr_nonnull(strstr(line, " AFR_OTA-1\n"));
	ck_assert_ptr_nonnull(strstr(line, " 123456\n"));
	ck_assert_ptr_nonnull(strstr(line, " 00abff\n"));
	ck_assert_ptr_nonnull(strstr(line, " REJECTED%209223372036854775807%20third%20%20filesize%20is%200\n"));
	for (size_t i = 0; i < n; i++)
		ck_assert(text[i] == '\n' || (text[i] >= ' ' && text[i] <= '~'));
}
END_TEST

/* --- what is no record --- */

START_TEST(a_cut_anywhere_is_seen)
{
	_cleanup_(freep) char *text = NULL;
	struct record r = full(), back;
	size_t n;

	ck_assert_int_eq(record_format(&r, &text, &n), 0);
	for (size_t k = 0; k < n; k++)
		ck_assert_int_eq(record_parse(text, k, &back), -EBADMSG);
}
END_TEST

START_TEST(a_changed_byte_is_seen)
{
	_cleanup_(freep) char *text = NULL;
	struct record r = full(), back;
	size_t n;

	ck_assert_int_eq(record_format(&r, &text, &n), 0);
	for (size_t i = 0; i < n; i++) {
		char old = text[i];

		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] = (char)(old ^ (1 << bit));
			ck_assert_int_eq(record_parse(text, n, &back), -EBADMSG);
		}
		text[i] = old;
	}
	ck_assert_int_eq(record_parse(text, n, &back), 0);
}
END_TEST

struct line {
	const char *key, *value;
};

/* Sound lines, whatever they say. */
static int parse_lines(const char *title, const struct line *lines, size_t n, struct record *ret)
{
	_cleanup_(buf_done) struct buf out;

	buf_init(&out, RECORD_MAX_FILE);
	ck_assert_int_eq(store_header(&out, title), 0);
	for (size_t i = 0; i < n; i++) {
		if (lines[i].key)
			ck_assert_int_eq(store_entry(&out, lines[i].key, lines[i].value, strlen(lines[i].value)), 0);
	}
	ck_assert_int_eq(store_end(&out), 0);
	return record_parse(buf_head(&out), buf_used(&out), ret);
}

#define ZEROS "0000000000000000"

static const struct line good[] = {
	{ "phase", "ready" },
	{ "job", "j" },
	{ "execution", "1" },
	{ "type", "202" },
	{ "size", "1" },
	{ "fileid", "0" },
	{ "stream", "s" },
	{ "signed", "sha256-rsa" },
	{ "signature", "00" },
	{ "force", "yes" },
	{ "sha256", ZEROS ZEROS ZEROS ZEROS },
	{ "result", "FAILED 1 k why" },
};

/* This line in place of the good one; NULL: no such line. */
static const struct line changes[] = {
	{ "phase", NULL },
	{ "phase", "" },
	{ "phase", "READY" },
	{ "phase", "waiting" },
	{ "job", NULL },
	{ "job", "" },
	{ "job", "1234567890123456789012345678901234567890123456789012345678901234567890123" },
	{ "execution", NULL },
	{ "execution", "-1" },
	{ "execution", "x" },
	{ "execution", "9223372036854775808" },
	{ "type", NULL },
	{ "type", "0" },
	{ "type", "458" },
	{ "type", "4294967498" },
	{ "size", NULL },
	{ "size", "0" },
	{ "size", "268435457" },
	{ "size", "1 " },
	{ "fileid", NULL },
	{ "fileid", "256" },
	{ "stream", NULL },
	{ "signed", NULL },
	{ "signed", "maybe" },
	{ "signature", "0" },
	{ "signature", "0g" },
	{ "signature", "AB" },
	{ "sha256", NULL },
	{ "sha256", ZEROS ZEROS ZEROS "00000000000000" },
	{ "sha256", ZEROS ZEROS ZEROS ZEROS "00" },
	{ "result", "" },
	{ "result", "FAILED" },
	{ "result", "FAILED 1" },
	{ "result", "FAILED 1 k" },
	{ "result", "QUEUED 1 k why" },
	{ "result", "GONE 1 k why" },
	{ "result", "FAILED x k why" },
	{ "result", "FAILED 1  why" },
	{ "result", "FAILED 99999999999999999999 k why" },
};

START_TEST(nonsense_is_refused)
{
	struct line lines[ELEMENTS(good)];
	struct record back;

	memcpy(lines, good, sizeof(good));
	ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines), &back), 0);
	for (size_t i = 0; i < ELEMENTS(lines); i++) {
		if (strcmp(lines[i].key, changes[_i].key) != 0)
			continue;
		lines[i].value = changes[_i].value;
		if (!lines[i].value)
			lines[i].key = NULL;
		break;
	}
	ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines), &back), -EBADMSG);
}
END_TEST

START_TEST(other_titles)
{
	struct record back;

	ck_assert_int_eq(parse_lines("expresslink-update 2", good, ELEMENTS(good), &back), -EBADMSG);
	ck_assert_int_eq(parse_lines("expresslink-dictionary 1", good, ELEMENTS(good), &back), -EBADMSG);
	ck_assert_int_eq(parse_lines(TITLE " ", good, ELEMENTS(good), &back), -EBADMSG);
}
END_TEST

START_TEST(a_key_twice)
{
	struct line lines[ELEMENTS(good) + 1];
	struct record back;

	memcpy(lines, good, sizeof(good));
	for (size_t i = 0; i + 1 < ELEMENTS(good); i++) {
		lines[ELEMENTS(good)] = good[i];
		ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines), &back), -EBADMSG);
	}
	/* There may be many results, but not any number. */
	lines[ELEMENTS(good)] = good[ELEMENTS(good) - 1];
	ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines), &back), 0);
	ck_assert_uint_eq(back.results_n, 2);
}
END_TEST

START_TEST(too_many_results)
{
	struct line lines[2 + RECORD_MAX_RESULTS];
	struct record back;

	lines[0] = (struct line){ "phase", "nothing" };
	for (size_t i = 1; i < ELEMENTS(lines); i++)
		lines[i] = (struct line){ "result", "SUCCEEDED 1 j " };
	ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines), &back), -EBADMSG);
	ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines) - 1, &back), 0);
	ck_assert_uint_eq(back.results_n, RECORD_MAX_RESULTS);
}
END_TEST

/* Written by a release that knows more. */
START_TEST(unknown_keys_are_passed_over)
{
	const struct line lines[] = { { "phase", "nothing" },
				      { "mood", "good" },
				      { "result", "REJECTED 0 j why not" } };
	struct record back;

	ck_assert_int_eq(parse_lines(TITLE, lines, ELEMENTS(lines), &back), 0);
	ck_assert_int_eq((int)back.phase, RECORD_NOTHING);
	ck_assert_uint_eq(back.results_n, 1);
	ck_assert_str_eq(back.results[0].reason, "why not");
}
END_TEST

START_TEST(no_nul_in_a_value)
{
	_cleanup_(buf_done) struct buf out;
	struct record back;

	buf_init(&out, RECORD_MAX_FILE);
	ck_assert_int_eq(store_header(&out, TITLE), 0);
	ck_assert_int_eq(store_entry(&out, "phase", "nothing\0", 8), 0);
	ck_assert_int_eq(store_end(&out), 0);
	ck_assert_int_eq(record_parse(buf_head(&out), buf_used(&out), &back), -EBADMSG);
}
END_TEST

START_TEST(a_negative_number_is_none)
{
	struct record r = full(), back;
	_cleanup_(freep) char *text = NULL;
	size_t n;

	r.number = -5;
	ck_assert_int_eq(record_format(&r, &text, &n), 0);
	ck_assert_int_eq(record_parse(text, n, &back), 0);
	ck_assert_int_eq(back.number, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("record");
	TCase *c = tcase_create("record");

	tcase_add_test(c, everything);
	tcase_add_test(c, over_the_wire);
	tcase_add_test(c, every_phase);
	tcase_add_test(c, little);
	tcase_add_test(c, much);
	tcase_add_test(c, a_person_can_read_it);
	tcase_add_test(c, a_cut_anywhere_is_seen);
	tcase_add_test(c, a_changed_byte_is_seen);
	tcase_add_loop_test(c, nonsense_is_refused, 0, ELEMENTS(changes));
	tcase_add_test(c, other_titles);
	tcase_add_test(c, a_key_twice);
	tcase_add_test(c, too_many_results);
	tcase_add_test(c, unknown_keys_are_passed_over);
	tcase_add_test(c, no_nul_in_a_value);
	tcase_add_test(c, a_negative_number_is_none);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
