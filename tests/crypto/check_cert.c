/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cert.h"

#include "at/error.h"
#include "fake/pki.h"
#include "fake/suite.h"

#include <openssl/err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct pki *ca, *other, *leaf;

static void setup(void)
{
	ca = pki_ca("Vendor CA");
	other = pki_ca("Another CA");
	leaf = pki_leaf("leaf", ca);
}

/* Nothing may stay in OpenSSL's queue: the next TLS call would take it for its own. */
static void teardown(void)
{
	ck_assert_uint_eq(ERR_peek_error(), 0);
	pki_free(ca);
	pki_free(other);
	pki_free(leaf);
}

static int canonical(const char *text, size_t n, bool several, const char *expected)
{
	_cleanup_(freep) char *pem = NULL;
	size_t pem_n = 0;
	int r = cert_canonical(text, n, several, &pem, &pem_n);

	if (r == 0) {
		ck_assert_str_eq(pem, expected);
		ck_assert_uint_eq(pem_n, strlen(expected));
	}
	return r;
}

static char *join(const char *a, const char *b, const char *c)
{
	char *text;

	ck_assert_int_ge(asprintf(&text, "%s%s%s", a, b, c), 0);
	return text;
}

/* The certificate with the bytes of its base64 text separated as told. */
static char *rewrapped(const char *pem, size_t columns, const char *eol)
{
	const char *body = strchr(pem, '\n') + 1, *end = strstr(pem, "\n-----END");
	char *text = calloc(1, 20 * strlen(pem));
	size_t n = (size_t)sprintf(text, "-----BEGIN CERTIFICATE-----%s", eol), column = 0;

	for (; body < end; body++) {
		if (*body == '\n')
			continue;
		text[n++] = *body;
		if (columns && ++column == columns) {
			n += (size_t)sprintf(text + n, "%s", eol);
			column = 0;
		}
	}
	sprintf(text + n, "%s-----END CERTIFICATE-----", eol);
	return text;
}

static const struct {
	size_t columns;
	const char *eol;
} wrappings[] = {
	{ 64, "\n" }, { 64, "\r\n" }, { 64, "\r" }, { 64, "\n\n" }, { 76, "\n" },
	{ 1, "\n" },  { 0, "\n" },    { 0, "" },    { 65, " " },    { 10, " \t\v\f" },
};

START_TEST(any_wrapping_becomes_canonical)
{
	_cleanup_(freep) char *text = rewrapped(leaf->pem, wrappings[_i].columns, wrappings[_i].eol);
	_cleanup_(freep) char *spaced = join(" \r\n", text, "\n\n");

	ck_assert_int_eq(canonical(text, strlen(text), false, leaf->pem), 0);
	ck_assert_int_eq(canonical(spaced, strlen(spaced), true, leaf->pem), 0);
}
END_TEST

START_TEST(canonical_is_what_openssl_writes)
{
	const char *line = strchr(leaf->pem, '\n') + 1;

	ck_assert_uint_eq(strcspn(line, "\n"), 64);
	ck_assert_int_eq(canonical(leaf->pem, strlen(leaf->pem), false, leaf->pem), 0);
}
END_TEST

START_TEST(several_are_taken_where_they_may_be)
{
	_cleanup_(freep) char *two = join(ca->pem, "\n", other->pem);
	_cleanup_(freep) char *tight = join(ca->pem, "", other->pem);

	ck_assert_int_eq(canonical(two, strlen(two), true, two), 0);
	ck_assert_int_eq(canonical(tight, strlen(tight), true, two), 0);
	ck_assert_int_eq(canonical(two, strlen(two), false, NULL), AT_ERR_PARAMETER);
}
END_TEST

START_TEST(dates_are_not_judged)
{
	_cleanup_(pki_freep) struct pki *old = pki_make(&(struct pki_order){ .name = "old", .expired = true });

	ck_assert_int_eq(canonical(old->pem, strlen(old->pem), false, old->pem), 0);
	ck_assert_int_eq(cert_self_consistent(old->pem, strlen(old->pem)), 0);
}
END_TEST

static void refused(const char *text, size_t n)
{
	ck_assert_int_eq(canonical(text, n, false, NULL), AT_ERR_PARAMETER);
	ck_assert_int_eq(canonical(text, n, true, NULL), AT_ERR_PARAMETER);
}

static const char *const no_pem[] = {
	"",
	" \n",
	"pem",
	"-----BEGIN CERTIFICATE-----",
	"-----BEGIN CERTIFICATE----------END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\n\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\nAAA\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\n====\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\nAA==AAAA\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\nA===\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----",
	"-----BEGIN CERTIFICATE-----\n\xc3\xa9\xc3\xa9\n-----END CERTIFICATE-----",
	"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----",
};

START_TEST(other_texts_are_refused)
{
	refused(no_pem[_i], strlen(no_pem[_i]));
}
END_TEST

START_TEST(anything_around_is_refused)
{
	_cleanup_(freep) char *before = join("x", leaf->pem, "");
	_cleanup_(freep) char *behind = join("", leaf->pem, "\nx");
	_cleanup_(freep) char *between = join(leaf->pem, "\n,\n", leaf->pem);
	_cleanup_(freep) char *key = join(leaf->pem, "\n", leaf->key_pem);

	refused(before, strlen(before));
	refused(behind, strlen(behind));
	refused(between, strlen(between));
	refused(key, strlen(key));
	refused(leaf->key_pem, strlen(leaf->key_pem));
	/* The NUL behind the text is one byte too many. */
	refused(leaf->pem, strlen(leaf->pem) + 1);
}
END_TEST

START_TEST(every_cut_is_refused)
{
	for (size_t n = 0; n < strlen(leaf->pem); n++) {
		_cleanup_(freep) char *exact = malloc(n + 1);

		memcpy(exact, leaf->pem, n);
		refused(exact, n);
	}
}
END_TEST

/* Changed bytes give another certificate or none, never a crash. */
START_TEST(flipped_bytes_are_survived)
{
	_cleanup_(freep) char *text = strdup(leaf->pem);

	for (size_t i = 0; i < strlen(leaf->pem); i++) {
		_cleanup_(freep) char *pem = NULL;
		struct cert_info info;
		char name[65];
		size_t n;

		text[i] ^= 1;
		if (cert_canonical(text, strlen(text), false, &pem, &n) == 0 && strcmp(pem, leaf->pem) != 0) {
			(void)!cert_info(pem, n, &info);
			(void)!cert_thing_name(pem, n, name);
			(void)!cert_roots_acceptable(pem, n, ca->pem, strlen(ca->pem));
			ck_assert_int_eq(cert_signed_by(pem, n, ca->pem, strlen(ca->pem)), AT_ERR_SIGNATURE);
		}
		text[i] ^= 1;
	}
	ck_assert_int_eq(cert_signed_by(text, strlen(text), ca->pem, strlen(ca->pem)), 0);
}
END_TEST

START_TEST(too_much_is_refused)
{
	size_t n = 65 * 1024;
	_cleanup_(freep) char *text = malloc(n);

	memset(text, '\n', n);
	memcpy(text, leaf->pem, strlen(leaf->pem));
	refused(text, n);
	ck_assert_int_eq(canonical(text, 64 * 1024, false, leaf->pem), 0);
	ck_assert_int_eq(cert_roots_acceptable(text, n, NULL, 0), AT_ERR_PARAMETER);
}
END_TEST

static int signed_by(const struct pki *a, const struct pki *b)
{
	return cert_signed_by(a->pem, strlen(a->pem), b->pem, strlen(b->pem));
}

static int roots(const char *pem, const char *present)
{
	return cert_roots_acceptable(pem, strlen(pem), present, strlen(present));
}

START_TEST(knows_who_signed)
{
	_cleanup_(pki_freep) struct pki *forged =
		pki_make(&(struct pki_order){ .name = "forged", .issuer = ca, .forged = true });
	/* The same key in a certificate of another name: it is the key that counts. */
	_cleanup_(pki_freep) struct pki *renewed =
		pki_make(&(struct pki_order){ .name = "New CA", .key_of = ca, .ca = true });

	ck_assert_int_eq(signed_by(leaf, ca), 0);
	ck_assert_int_eq(signed_by(ca, ca), 0);
	ck_assert_int_eq(signed_by(leaf, renewed), 0);
	ck_assert_int_eq(signed_by(renewed, ca), 0);
	ck_assert_int_eq(signed_by(leaf, other), AT_ERR_SIGNATURE);
	ck_assert_int_eq(signed_by(ca, leaf), AT_ERR_SIGNATURE);
	ck_assert_int_eq(signed_by(forged, ca), AT_ERR_SIGNATURE);
	ck_assert_int_eq(cert_signed_by("x", 1, ca->pem, strlen(ca->pem)), AT_ERR_SIGNATURE);
	ck_assert_int_eq(cert_signed_by(leaf->pem, strlen(leaf->pem), "", 0), AT_ERR_SIGNATURE);
}
END_TEST

static const struct {
	const char *digest;
	bool good;
} digests[] = {
	{ "SHA1", false }, { "SHA224", true }, { "SHA256", true }, { "SHA384", true }, { "SHA512", true },
};

START_TEST(knows_what_a_signature_is_worth)
{
	const char *digest = digests[_i].digest;
	int good = digests[_i].good ? 0 : AT_ERR_SIGNATURE;
	_cleanup_(pki_freep) struct pki *next =
		pki_make(&(struct pki_order){ .name = "next", .issuer = ca, .digest = digest });
	_cleanup_(pki_freep) struct pki *root =
		pki_make(&(struct pki_order){ .name = "root", .issuer = ca, .ca = true, .digest = digest });
	_cleanup_(pki_freep) struct pki *self =
		pki_make(&(struct pki_order){ .name = "self", .ca = true, .digest = digest });
	_cleanup_(pki_freep) struct pki *renewed =
		pki_make(&(struct pki_order){ .name = "self", .key_of = self, .ca = true, .digest = digest });

	ck_assert_int_eq(signed_by(next, ca), good);
	ck_assert_int_eq(signed_by(renewed, self), good);
	ck_assert_int_eq(roots(root->pem, ca->pem), good);
	ck_assert_int_eq(roots(self->pem, ca->pem), 0);
	ck_assert_int_eq(cert_self_consistent(self->pem, strlen(self->pem)), 0);
}
END_TEST

START_TEST(knows_what_contradicts_itself)
{
	_cleanup_(pki_freep) struct pki *forged = pki_make(&(struct pki_order){ .name = "forged", .forged = true });
	_cleanup_(pki_freep) struct pki *orphan =
		pki_make(&(struct pki_order){ .name = "orphan", .issuer = ca, .forged = true });

	ck_assert_int_eq(cert_self_consistent(ca->pem, strlen(ca->pem)), 0);
	ck_assert_int_eq(cert_self_consistent(forged->pem, strlen(forged->pem)), AT_ERR_SIGNATURE);
	/* Signed by somebody else: nothing to verify it with. */
	ck_assert_int_eq(cert_self_consistent(leaf->pem, strlen(leaf->pem)), 0);
	ck_assert_int_eq(cert_self_consistent(orphan->pem, strlen(orphan->pem)), 0);
	ck_assert_int_eq(cert_self_consistent("x", 1), AT_ERR_SIGNATURE);
}
END_TEST

START_TEST(judges_roots)
{
	_cleanup_(pki_freep) struct pki *forged =
		pki_make(&(struct pki_order){ .name = "forged", .ca = true, .forged = true });
	_cleanup_(pki_freep) struct pki *below =
		pki_make(&(struct pki_order){ .name = "below", .ca = true, .issuer = ca });
	_cleanup_(pki_freep) struct pki *self = pki_make(&(struct pki_order){ .name = "no CA" });
	/* Its names say self-signed, its signature is that of the old root of this name. */
	_cleanup_(pki_freep) struct pki *rolled =
		pki_make(&(struct pki_order){ .name = "Vendor CA", .ca = true, .issuer = ca });
	_cleanup_(freep) char *two = join(ca->pem, "\n", other->pem);
	_cleanup_(freep) char *mixed = join(ca->pem, "\n", below->pem);
	_cleanup_(freep) char *bad = join(ca->pem, "\n", leaf->pem);
	_cleanup_(freep) char *broken = join(leaf->pem, "\n", "x");

	ck_assert_int_eq(roots(ca->pem, other->pem), 0);
	ck_assert_int_eq(roots(ca->pem, ""), 0);
	ck_assert_int_eq(roots(two, ""), 0);
	ck_assert_int_eq(roots(below->pem, ca->pem), 0);
	ck_assert_int_eq(roots(below->pem, two), 0);
	ck_assert_int_eq(roots(rolled->pem, ca->pem), 0);
	ck_assert_int_eq(roots(below->pem, other->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots(below->pem, ""), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots(rolled->pem, other->pem), AT_ERR_SIGNATURE);
	/* Those of the same write are no present ones. */
	ck_assert_int_eq(roots(mixed, other->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots(leaf->pem, ca->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots(self->pem, self->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots(forged->pem, ca->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots(bad, ca->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(roots("", ca->pem), AT_ERR_PARAMETER);
	ck_assert_int_eq(roots("x", ca->pem), AT_ERR_PARAMETER);
	ck_assert_int_eq(roots(broken, ca->pem), AT_ERR_PARAMETER);
}
END_TEST

static char *drop(char *text)
{
	free(text);
	return NULL;
}

START_TEST(files)
{
	_cleanup_(freep) char *pem = NULL, *two = join(ca->pem, "\n", other->pem);
	unsigned char der[2048 + 1], *p = der;
	int n = i2d_X509(leaf->cert, NULL);
	size_t pem_n;

	ck_assert(n > 0 && (size_t)n < sizeof(der));
	ck_assert_int_eq(i2d_X509(leaf->cert, &p), n);
	ck_assert_int_eq(cert_from_file(der, (size_t)n, false, &pem, &pem_n), 0);
	ck_assert_str_eq(pem, leaf->pem);
	ck_assert_uint_eq(pem_n, strlen(pem));
	pem = drop(pem);
	ck_assert_int_eq(cert_from_file(leaf->pem, strlen(leaf->pem), false, &pem, &pem_n), 0);
	ck_assert_str_eq(pem, leaf->pem);
	pem = drop(pem);
	ck_assert_int_eq(cert_from_file(two, strlen(two), true, &pem, &pem_n), 0);
	ck_assert_str_eq(pem, two);

	/* One byte more or less, or changed, and nothing at all. */
	der[n] = 0;
	ck_assert_int_eq(cert_from_file(der, (size_t)n + 1, false, &two, &pem_n), AT_ERR_PARAMETER);
	ck_assert_int_eq(cert_from_file(der, (size_t)n - 1, false, &two, &pem_n), AT_ERR_PARAMETER);
	der[1] ^= 1;
	ck_assert_int_eq(cert_from_file(der, (size_t)n, false, &two, &pem_n), AT_ERR_PARAMETER);
	ck_assert_int_eq(cert_from_file(der, 0, false, &two, &pem_n), AT_ERR_PARAMETER);
	ck_assert_int_eq(cert_from_file("0hello", 6, false, &two, &pem_n), AT_ERR_PARAMETER);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cert");
	TCase *c = tcase_create("cert");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, any_wrapping_becomes_canonical, 0, ELEMENTS(wrappings));
	tcase_add_test(c, canonical_is_what_openssl_writes);
	tcase_add_test(c, several_are_taken_where_they_may_be);
	tcase_add_test(c, dates_are_not_judged);
	tcase_add_loop_test(c, other_texts_are_refused, 0, ELEMENTS(no_pem));
	tcase_add_test(c, anything_around_is_refused);
	tcase_add_test(c, every_cut_is_refused);
	tcase_add_test(c, flipped_bytes_are_survived);
	tcase_add_test(c, too_much_is_refused);
	tcase_add_test(c, knows_who_signed);
	tcase_add_loop_test(c, knows_what_a_signature_is_worth, 0, ELEMENTS(digests));
	tcase_add_test(c, knows_what_contradicts_itself);
	tcase_add_test(c, judges_roots);
	tcase_add_test(c, files);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
