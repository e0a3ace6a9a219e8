/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/book.h"

#include "fake/temp.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct book *present;

static void on_done(void *who, uint64_t number, int r)
{
	struct book *b = who;

	ck_assert_ptr_eq(b, present);
	ck_assert_uint_lt(b->calls.count, ELEMENTS(b->calls.numbers));
	b->calls.numbers[b->calls.count] = number;
	b->calls.results[b->calls.count++] = r;
}

struct done book_answer(struct book *b, uint64_t number)
{
	return (struct done){ on_done, b, number };
}

static void replace(char **text, const char *by)
{
	free(*text);
	*text = strdup(by);
}

static void make_settings(struct book *b, const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "[Serial]\nDevice=/d\n[Identity]\nCertificate=/c\nPrivateKey=/k\n%s", more);
	settings_free(b->settings);
	ck_assert_int_eq(settings_parse(&b->settings, "test", text, strlen(text), NULL, NULL), 0);
	replace(&b->settings->certificate_pem, b->below->pem);
	replace(&b->settings->root_ca_pem, b->ca->pem);
	replace(&b->settings->ota_certificate_pem, b->ca->pem);
	replace(&b->settings->thing_name, "thing");
}

void book_make(struct book *b)
{
	memset(b, 0, sizeof(*b));
	present = b;
	b->dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&b->event), 0);
	b->ca = pki_ca("CA");
	b->other = pki_ca("Other");
	b->below = pki_leaf("below", b->ca);
	make_settings(b, BOOK_WIFI);
	book_start(b);
}

void book_done(struct book *b)
{
	dict_free(b->dict);
	settings_free(b->settings);
	sd_event_unref(b->event);
	pki_free(b->ca);
	pki_free(b->other);
	pki_free(b->below);
	temp_remove(b->dir);
}

void book_start(struct book *b)
{
	ck_assert_int_eq(dict_new(&b->dict, b->event, b->settings, b->dir), 0);
	ck_assert_int_eq(dict_start(b->dict), 0);
}

void book_restart(struct book *b)
{
	b->dict = dict_free(b->dict);
	ck_assert_ptr_null(b->dict);
	book_start(b);
}

void book_restart_with(struct book *b, const char *more)
{
	b->dict = dict_free(b->dict);
	make_settings(b, more);
	book_start(b);
}

void book_await(struct book *b, unsigned count)
{
	while (b->calls.count < count)
		ck_assert_int_gt(sd_event_run(b->event, UINT64_MAX), 0);
	ck_assert_uint_eq(b->calls.count, count);
}

int book_put(struct book *b, const char *key, const char *value)
{
	return dict_set(b->dict, key, strlen(key), value, strlen(value), book_answer(b, 0));
}

int book_set(struct book *b, const char *key, const char *value)
{
	unsigned before = b->calls.count;
	int r = book_put(b, key, value);

	if (r) {
		ck_assert_uint_eq(b->calls.count, before);
		return r;
	}
	book_await(b, before + 1);
	r = b->calls.results[b->calls.count - 1];
	b->calls.count = 0;
	return r;
}

int book_factory_reset(struct book *b)
{
	unsigned before = b->calls.count;

	ck_assert_int_eq(dict_factory_reset(b->dict, book_answer(b, 0)), 0);
	book_await(b, before + 1);
	return b->calls.results[before];
}

const char *book_get(const struct book *b, const char *key)
{
	const struct key_row *row;
	const char *value = NULL;
	size_t n = 0;

	ck_assert_int_eq(dict_read(b->dict, key, strlen(key), &row, &value, &n), 0);
	ck_assert_uint_eq(strlen(value), n);
	return value;
}

void book_has(const struct book *b, enum key_id id, const char *text)
{
	size_t n;
	const char *value = dict_get(b->dict, id, &n);

	ck_assert_str_eq(value, text);
	ck_assert_uint_eq(n, strlen(text));
}
