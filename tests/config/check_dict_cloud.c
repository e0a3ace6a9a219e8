/* SPDX-License-Identifier: Apache-2.0 */
/* config/dict.c and what belongs to the cloud: the endpoint, Defender, roots that are trusted, other certificates. */
#include "config/dict.h"

#include "at/error.h"
#include "fake/book.h"
#include "fake/suite.h"

#include <stdio.h>
#include <string.h>

static struct book book;
static unsigned changes; /* that on_change() heard of */

static void setup(void)
{
	changes = 0;
	book_make(&book);
}

static void teardown(void)
{
	book_done(&book);
}

START_TEST(onboarding)
{
	ck_assert(!dict_onboarded(book.dict));
	ck_assert_int_eq(dict_set_endpoint(book.dict, "mine.example:443", book_answer(&book, 7)), 0);
	book_await(&book, 1);
	ck_assert_uint_eq(book.calls.numbers[0], 7);
	ck_assert_int_eq(book.calls.results[0], 0);
	ck_assert(dict_onboarded(book.dict));
	book_has(&book, KEY_ENDPOINT, "mine.example:443");
	book_restart(&book);
	ck_assert(dict_onboarded(book.dict));
	/* Compared as texts. */
	ck_assert_int_eq(book_set(&book, "Endpoint", "staging.example:8883"), 0);
	ck_assert(dict_onboarded(book.dict));
	ck_assert_int_eq(book_set(&book, "Endpoint", "staging.exampl"), 0);
	ck_assert(dict_onboarded(book.dict));
	ck_assert_int_eq(book_set(&book, "Endpoint", "staging.example"), 0);
	ck_assert(!dict_onboarded(book.dict));
	ck_assert_int_eq(book_set(&book, "Endpoint", ""), 0);
	ck_assert(dict_onboarded(book.dict));
}
END_TEST

START_TEST(too_long_endpoints_are_refused)
{
	char endpoint[130];

	memset(endpoint, 'a', 129);
	endpoint[129] = '\0';
	ck_assert_int_eq(dict_set_endpoint(book.dict, endpoint, book_answer(&book, 0)), AT_ERR_PARAMETER);
	ck_assert_uint_eq(book.calls.count, 0);
}
END_TEST

START_TEST(no_staging_endpoint)
{
	book_restart_with(&book, "");
	book_has(&book, KEY_ENDPOINT, "");
	ck_assert(!dict_onboarded(book.dict));
	ck_assert_int_eq(book_set(&book, "Endpoint", "x"), 0);
	ck_assert(dict_onboarded(book.dict));
}
END_TEST

static void trusted_are(const char *a, const char *b, const char *c)
{
	char *want, *have = dict_trusted_roots(book.dict);

	ck_assert_int_ge(asprintf(&want, "%s%s%s%s%s", a, *b ? "\n" : "", b, *c ? "\n" : "", c), 0);
	ck_assert_str_eq(have, want);
	free(want);
	free(have);
}

/* Those that a write replaced stay trusted until the new ones have proven good. */
START_TEST(replaced_roots_stay_trusted)
{
	_cleanup_(pki_freep) struct pki *third = pki_ca("third");

	trusted_are(book.ca->pem, "", "");
	dict_roots_proven(book.dict);
	ck_assert_int_eq(book_set(&book, "RootCA", book.other->pem), 0);
	trusted_are(book.other->pem, book.ca->pem, "");
	book_restart(&book);
	trusted_are(book.other->pem, book.ca->pem, "");
	ck_assert_int_eq(book_set(&book, "RootCA", third->pem), 0);
	trusted_are(third->pem, book.other->pem, book.ca->pem);
	ck_assert_str_eq(book_get(&book, "RootCA"), third->pem);
	/* The same once more changes nothing. */
	ck_assert_int_eq(book_set(&book, "RootCA", third->pem), 0);
	trusted_are(third->pem, book.other->pem, book.ca->pem);
	ck_assert_int_eq(book_factory_reset(&book), 0);
	trusted_are(third->pem, book.other->pem, book.ca->pem);

	dict_roots_proven(book.dict);
	trusted_are(third->pem, "", "");
	book.calls.count = 0;
	ck_assert_int_eq(book_set(&book, "CustomName", "after it"), 0);
	book_restart(&book);
	trusted_are(third->pem, "", "");
}
END_TEST

START_TEST(a_proof_is_written_by_itself)
{
	uint64_t writes;

	ck_assert_int_eq(book_set(&book, "RootCA", book.other->pem), 0);
	writes = dict_writes(book.dict);
	dict_roots_proven(book.dict);
	dict_roots_proven(book.dict);
	while (dict_writes(book.dict) == writes)
		ck_assert_int_gt(sd_event_run(book.event, UINT64_MAX), 0);
	ck_assert_uint_eq(dict_writes(book.dict), writes + 1);
	book_restart(&book);
	trusted_are(book.other->pem, "", "");
}
END_TEST

static void on_change(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &changes);
	ck_assert_uint_eq(number, 9);
	ck_assert_int_eq(r, 0);
	changes++;
	ck_assert_str_eq(book_get(&book, "Defender"), changes == 1 ? "300" : "0");
	ck_assert_uint_eq(book.calls.count, 0); /* before the answer */
}

START_TEST(tells_of_its_changes)
{
	dict_on_change(book.dict, (struct done){ on_change, &changes, 9 });
	ck_assert_int_eq(book_set(&book, "Topic1", "x"), 0);
	ck_assert_int_eq(book_set(&book, "Defender", "x"), AT_ERR_PARAMETER);
	ck_assert_int_eq(book_set(&book, "Defender", "0"), 0);
	ck_assert_uint_eq(changes, 0);
	book.calls.count = 0;
	ck_assert_int_eq(book_put(&book, "Defender", "300"), 0);
	book_await(&book, 1);
	ck_assert_uint_eq(changes, 1);
	book.calls.count = 0;
	ck_assert_int_eq(book_factory_reset(&book), 0);
	ck_assert_uint_eq(changes, 2);
}
END_TEST

/* A connection that was verified before the new roots came says nothing about them. */
START_TEST(a_proof_of_the_last_roots_is_none_of_the_next)
{
	_cleanup_(pki_freep) struct pki *third = pki_ca("third");

	ck_assert_int_eq(book_set(&book, "RootCA", book.other->pem), 0);
	ck_assert_int_eq(book_put(&book, "RootCA", third->pem), 0);
	dict_roots_proven(book.dict);
	book_await(&book, 1);
	trusted_are(third->pem, book.other->pem, book.ca->pem);
}
END_TEST

/* However often they are replaced, the first ones, which worked, are not lost, and the file stays small. */
START_TEST(replaced_roots_are_bounded)
{
	for (unsigned i = 0; i < 6; i++) {
		_cleanup_(pki_freep) struct pki *big =
			pki_make(&(struct pki_order){ .name = "big", .ca = true, .padding = 11000 });

		ck_assert_int_eq(book_set(&book, "RootCA", big->pem), 0);
	}
	_cleanup_(freep) char *all = dict_trusted_roots(book.dict);

	ck_assert_uint_le(strlen(all), 4 * 16384);
	ck_assert_ptr_nonnull(strstr(all, book.ca->pem));
	book_restart(&book);
	_cleanup_(freep) char *again = dict_trusted_roots(book.dict);
	ck_assert_str_eq(all, again);
}
END_TEST

START_TEST(certificates_are_judged_by_the_one_under_way)
{
	_cleanup_(pki_freep) struct pki *next =
		pki_make(&(struct pki_order){ .name = "next", .ca = true, .issuer = book.ca });
	_cleanup_(pki_freep) struct pki *last = pki_make(&(struct pki_order){ .name = "last", .issuer = next });

	ck_assert_int_eq(book_put(&book, "OTAcertificate", last->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(book_put(&book, "OTAcertificate", next->pem), 0);
	ck_assert_int_eq(book_put(&book, "OTAcertificate", last->pem), 0);
	ck_assert_int_eq(book_put(&book, "OTAcertificate", next->pem), AT_ERR_SIGNATURE);
	book_await(&book, 2);
	book_has(&book, KEY_OTACERTIFICATE, last->pem);
}
END_TEST

START_TEST(certificates_are_refused_with_the_right_error)
{
	ck_assert_int_eq(book_put(&book, "Certificate", book.other->pem), AT_ERR_KEY_READONLY);
	ck_assert_int_eq(book_put(&book, "OTAcertificate", book.other->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(book_put(&book, "OTAcertificate", "x"), AT_ERR_PARAMETER);
	ck_assert_int_eq(book_put(&book, "OTAcertificate", ""), AT_ERR_PARAMETER);
	ck_assert_int_eq(book_put(&book, "RootCA", ""), AT_ERR_PARAMETER);
	ck_assert_int_eq(book_put(&book, "RootCA", book.below->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(book_set(&book, "HOTAcertificate", book.below->pem), 0);
	ck_assert_int_eq(book_put(&book, "HOTAcertificate", ""), AT_ERR_SIGNATURE);
	ck_assert_int_eq(book_put(&book, "HOTAcertificate", book.other->pem), AT_ERR_SIGNATURE);
	book_has(&book, KEY_HOTACERTIFICATE, book.below->pem);
	ck_assert_int_eq(book_factory_reset(&book), 0);
	book.calls.count = 0;
	ck_assert_int_eq(book_set(&book, "HOTAcertificate", book.other->pem), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dict_cloud");
	TCase *c = tcase_create("dict_cloud");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, onboarding);
	tcase_add_test(c, too_long_endpoints_are_refused);
	tcase_add_test(c, no_staging_endpoint);
	tcase_add_test(c, replaced_roots_stay_trusted);
	tcase_add_test(c, a_proof_is_written_by_itself);
	tcase_add_test(c, tells_of_its_changes);
	tcase_add_test(c, a_proof_of_the_last_roots_is_none_of_the_next);
	tcase_add_test(c, replaced_roots_are_bounded);
	tcase_add_test(c, certificates_are_judged_by_the_one_under_way);
	tcase_add_test(c, certificates_are_refused_with_the_right_error);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
