/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/issue.h"

#include "crypto/cert.h"
#include "fake/pki.h"
#include "fake/suite.h"

#include <errno.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <string.h>

static const uint8_t uid_zeros[16] = { 0, 0, 0, 0, 0, 1, 0x42, 0x22, 0x83, 0x33, 0, 0, 0, 0, 0, 0x0a };
static const uint8_t uid_high[16] = { 0xff, 0xee, 0xdd, 0xcc, 0xbb, 0xaa, 0x49, 0x99,
				      0x88, 0x88, 0x77, 0x77, 0x66, 0x66, 0x55, 0x55 };

START_TEST(uid_is_version_4)
{
	uint8_t a[16], b[16], seen_6 = 0, seen_8 = 0;

	ck_assert_int_eq(issue_uid_new(a), 0);
	for (int i = 0; i < 200; i++) {
		ck_assert_int_eq(issue_uid_new(b), 0);
		ck_assert_int_ne(memcmp(a, b, sizeof(a)), 0);
		ck_assert_uint_eq(b[6] & 0xf0, 0x40);
		ck_assert_uint_eq(b[8] & 0xc0, 0x80);
		seen_6 |= b[6];
		seen_8 |= b[8];
	}
	/* The other bits are random. */
	ck_assert_uint_eq(seen_6, 0x4f);
	ck_assert_uint_eq(seen_8, 0xbf);
}
END_TEST

START_TEST(uid_text)
{
	char text[ISSUE_UID_TEXT + 1];
	uint8_t uid[16];

	issue_uid_format(uid_zeros, text);
	ck_assert_str_eq(text, "00000000-0001-4222-8333-00000000000a");
	ck_assert_int_eq(issue_uid_parse(text, uid), 0);
	ck_assert_mem_eq(uid, uid_zeros, 16);
	ck_assert_int_eq(issue_uid_parse("FFEEDDCC-bbaa-4999-8888-777766665555", uid), 0);
	ck_assert_mem_eq(uid, uid_high, 16);
}
END_TEST

static const char *const no_uid[] = {
	"",
	"00000000-0000-0000-0000-000000000000",
	"ffeeddcc-bbaa-4999-8888-77776666555",
	"ffeeddcc-bbaa-4999-8888-7777666655555",
	"ffeeddccbbaa499988887777666655550000",
	"ffeeddcc-bbaa-4999-8888_777766665555",
	"ffeeddcc-bbaa-4999-888-8777766665555",
	"ffeeddcg-bbaa-4999-8888-777766665555",
	"ffeeddc/-bbaa-4999-8888-777766665555",
	"ffeeddc:-bbaa-4999-8888-777766665555",
	"ffeeddc`-bbaa-4999-8888-777766665555",
	"ffeeddcc-bbaa-4999-8888-77776666555 ",
};

START_TEST(uid_refused)
{
	uint8_t uid[16] = { 47 };

	ck_assert_int_eq(issue_uid_parse(no_uid[_i], uid), -EINVAL);
	ck_assert_uint_eq(uid[0], 47);
}
END_TEST

/* A self-signed certificate, valid from and to so many days from now. */
struct order {
	const char *name, *serial;
	bool ca;
	int from, to;
};

struct made {
	char *cert, *key;
};

static void make(struct made *ret, const struct order *order)
{
	_cleanup_(pki_freep) struct pki *p =
		pki_make(&(struct pki_order){ .name = order->name, .serial = order->serial, .ca = order->ca });
	BIO *bio = BIO_new(BIO_s_mem());
	char *data;
	long n;

	ck_assert_ptr_nonnull(X509_time_adj_ex(X509_getm_notBefore(p->cert), order->from, 0, NULL));
	ck_assert_ptr_nonnull(X509_time_adj_ex(X509_getm_notAfter(p->cert), order->to, 0, NULL));
	ck_assert_int_gt(X509_sign(p->cert, p->key, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_bio_X509(bio, p->cert), 1);
	n = BIO_get_mem_data(bio, &data);
	ret->cert = strndup(data, (size_t)n);
	ret->key = strdup(p->key_pem);
	BIO_free(bio);
}

static void made_done(struct made *m)
{
	free(m->cert);
	free(m->key);
}

static EVP_PKEY *read_key(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	EVP_PKEY *key = PEM_read_bio_PrivateKey(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ck_assert_ptr_nonnull(key);
	return key;
}

static X509 *read_cert(const char *pem)
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	X509 *cert = PEM_read_bio_X509(bio, NULL, NULL, NULL);

	BIO_free(bio);
	ck_assert_ptr_nonnull(cert);
	return cert;
}

START_TEST(key_is_pkcs8)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL, *again = NULL;
	char *pem, group[32];
	size_t n;

	ck_assert_int_eq(issue_key_new(&key), 0);
	ck_assert_int_eq(EVP_PKEY_get_group_name(key, group, sizeof(group), NULL), 1);
	ck_assert_str_eq(group, "prime256v1");
	ck_assert_int_eq(issue_key_pem(key, &pem, &n), 0);
	ck_assert_uint_eq(strlen(pem), n);
	ck_assert_int_eq(strncmp(pem, "-----BEGIN PRIVATE KEY-----\n", 28), 0);
	again = read_key(pem);
	ck_assert_int_eq(EVP_PKEY_eq(key, again), 1);
	issue_secret_free(pem, n);
	issue_secret_free(NULL, 0);
}
END_TEST

START_TEST(request)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	char *pem, name[65];
	X509_REQ *csr;
	BIO *bio;
	size_t n;

	ck_assert_int_eq(issue_key_new(&key), 0);
	ck_assert_int_eq(issue_request(key, uid_zeros, &pem, &n), 0);
	ck_assert_int_eq(issue_request_name(pem, n, name), 0);
	ck_assert_str_eq(name, "00000000-0001-4222-8333-00000000000a");
	bio = BIO_new_mem_buf(pem, (int)n);
	csr = PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL);
	ck_assert_int_eq(X509_REQ_verify(csr, key), 1);
	X509_REQ_free(csr);
	BIO_free(bio);
	ck_assert_int_eq(issue_request_name(pem + 1, n - 1, name), -EBADMSG);
	ck_assert_int_eq(issue_request_name("", 0, name), -EBADMSG);
	free(pem);
}
END_TEST

static char *issue(const struct made *ca, const uint8_t *uid, EVP_PKEY *key, struct issue_problem *problem)
{
	_cleanup_(issue_key_freep) EVP_PKEY *ca_key = read_key(ca->key);
	char *pem = NULL;
	size_t n = 0;
	int r = issue_certificate(key, uid, ca->cert, strlen(ca->cert), ca_key, &pem, &n, problem);

	ck_assert_int_eq(r, problem->text[0] ? -EINVAL : 0);
	ck_assert(!pem == (r != 0));
	if (pem)
		ck_assert_uint_eq(n, strlen(pem));
	return pem;
}

START_TEST(issues)
{
	const uint8_t *uid = _i ? uid_high : uid_zeros;
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	struct issue_problem problem;
	struct made ca;
	int days, seconds;
	char name[65], text[ISSUE_UID_TEXT + 1], *pem;
	X509 *x;

	make(&ca, &(struct order){ .name = "Vendor", .ca = true, .from = -1, .to = 9000 });
	ck_assert_int_eq(issue_key_new(&key), 0);
	pem = issue(&ca, uid, key, &problem);
	issue_uid_format(uid, text);
	ck_assert_int_eq(cert_thing_name(pem, strlen(pem), name), 0);
	ck_assert_str_eq(name, text);
	ck_assert_int_eq(cert_signed_by(pem, strlen(pem), ca.cert, strlen(ca.cert)), 0);
	ck_assert_int_eq(issue_check(pem, strlen(pem), &problem), 0);
	x = read_cert(pem);
	ck_assert_int_eq(X509_check_private_key(x, key), 1);
	ck_assert_int_eq(X509_get_version(x), X509_VERSION_3);
	ck_assert_int_eq(X509_check_ca(x), 0);
	ck_assert_uint_eq(X509_get_key_usage(x), KU_DIGITAL_SIGNATURE);
	ck_assert_uint_eq(X509_get_extended_key_usage(x), XKU_SSL_CLIENT);
	ck_assert_ptr_nonnull(X509_get0_subject_key_id(x));
	ck_assert_int_ge(X509_get_ext_by_NID(x, NID_authority_key_identifier, -1), 0);
	ck_assert_int_eq(ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)), 1);
	ck_assert_int_eq(days, 7305);
	ck_assert_int_lt(X509_cmp_current_time(X509_get0_notBefore(x)), 0);
	X509_free(x);
	free(pem);
	made_done(&ca);
}
END_TEST

START_TEST(within_the_life_of_the_ca)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	struct issue_problem problem;
	struct made ca;
	X509 *x, *issuer;
	char *pem;

	make(&ca, &(struct order){ .name = "Vendor", .ca = true, .from = 0, .to = 3660 });
	ck_assert_int_eq(issue_key_new(&key), 0);
	pem = issue(&ca, uid_high, key, &problem);
	x = read_cert(pem);
	issuer = read_cert(ca.cert);
	ck_assert_int_eq(ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(issuer)), 0);
	ck_assert_int_eq(ASN1_TIME_compare(X509_get0_notBefore(x), X509_get0_notBefore(issuer)), 0);
	X509_free(x);
	X509_free(issuer);
	free(pem);
	made_done(&ca);
}
END_TEST

static const struct {
	struct order ca;
	const char *text;
} bad_cas[] = {
	{ { .name = "Short", .ca = true, .from = -1, .to = 3651 }, "too soon" },
	{ { .name = "Leaf", .from = -1, .to = 9000 }, "may not issue" },
	{ { .name = "Old", .ca = true, .from = -20, .to = -1 }, "the CA's certificate expired on 20" },
	{ { .name = "New", .ca = true, .from = 1, .to = 9000 }, "the CA's certificate is not valid before 20" },
};

START_TEST(ca_refused)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	struct issue_problem problem;
	struct made ca;

	make(&ca, &bad_cas[_i].ca);
	ck_assert_int_eq(issue_key_new(&key), 0);
	ck_assert_ptr_null(issue(&ca, uid_high, key, &problem));
	ck_assert_msg(strstr(problem.text, bad_cas[_i].text) != NULL, "%s", problem.text);
	made_done(&ca);
}
END_TEST

START_TEST(ca_key_refused)
{
	_cleanup_(issue_key_freep) EVP_PKEY *key = NULL;
	struct issue_problem problem;
	struct made ca;
	char *pem = NULL;
	size_t n;

	make(&ca, &(struct order){ .name = "Vendor", .ca = true, .from = -1, .to = 9000 });
	ck_assert_int_eq(issue_key_new(&key), 0);
	ck_assert_int_eq(issue_certificate(key, uid_high, ca.cert, strlen(ca.cert), key, &pem, &n, &problem), -EINVAL);
	ck_assert_msg(strstr(problem.text, "does not belong") != NULL, "%s", problem.text);
	ck_assert_int_eq(issue_certificate(key, uid_high, ca.key, strlen(ca.key), key, &pem, &n, &problem), -EINVAL);
	ck_assert_msg(strstr(problem.text, "cannot be read") != NULL, "%s", problem.text);
	ck_assert_ptr_null(pem);
	made_done(&ca);
}
END_TEST

static const struct {
	struct order cert;
	const char *text; /* NULL: good */
} made_elsewhere[] = {
	{ { .name = "x", .serial = "a1b2c3d4e5f60718293a4b5c6d7e8f90", .from = -1, .to = 3649 }, NULL },
	{ { .name = "x", .serial = "a1b2c3d4e5f60718293a4b5c6d7e8f90", .from = -1, .to = 3648 }, "3649 days" },
	{ { .name = "x", .serial = "a1b2c3d4e5f60718293a4b5c6d7e8f90", .from = 1, .to = 9000 }, "not valid before" },
	{ { .name = "x", .serial = "a1b2c3d4e5f60718293a4b5c6d7e8f90", .from = -9000, .to = -1 }, "expired" },
	{ { .name = "x", .serial = "a1b2c3d4e5f60718293a4b5c6d7e8f90", .from = -1, .to = 9000, .ca = true },
	  "of a CA" },
	{ { .name = "x", .serial = "800000000000000000000000", .from = -1, .to = 9000 }, NULL },
	{ { .name = "x", .serial = "7fffffffffffffffffffffff", .from = -1, .to = 9000 }, "95 bits" },
	{ { .name = "x", .serial = "1", .from = -1, .to = 9000 }, "1 bits" },
	{ { .name = "AWS IoT Certificate",
	    .serial = "7e8f90a1b2c3a1b2c3d4e5f60718293a4b5c6d7e",
	    .from = -1,
	    .to = 9000 },
	  NULL },
	{ { .name = "00000000-0000-4000-8000-00000000000a", .serial = "4000800000000000000a", .from = -1, .to = 9000 },
	  NULL },
	{ { .name = "00000000-0000-4000-8000-00000000000b", .serial = "4000800000000000000a", .from = -1, .to = 9000 },
	  "79 bits" },
};

START_TEST(judges)
{
	struct issue_problem problem;
	struct made cert;
	int r;

	make(&cert, &made_elsewhere[_i].cert);
	r = issue_check(cert.cert, strlen(cert.cert), &problem);
	if (made_elsewhere[_i].text) {
		ck_assert_int_eq(r, -EINVAL);
		ck_assert_msg(strstr(problem.text, made_elsewhere[_i].text) != NULL, "%s", problem.text);
	} else {
		ck_assert_msg(r == 0, "%s", problem.text);
		ck_assert_str_eq(problem.text, "");
	}
	made_done(&cert);
}
END_TEST

START_TEST(judges_junk)
{
	static const char junk[] = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	struct issue_problem problem;

	ck_assert_int_eq(issue_check(junk, strlen(junk), &problem), -EINVAL);
	ck_assert_str_eq(problem.text, "the certificate cannot be read");
	ck_assert_int_eq(issue_check("", 0, &problem), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("issue");
	TCase *tc = tcase_create("issue");

	tcase_add_test(tc, uid_is_version_4);
	tcase_add_test(tc, uid_text);
	tcase_add_loop_test(tc, uid_refused, 0, ELEMENTS(no_uid));
	tcase_add_test(tc, key_is_pkcs8);
	tcase_add_test(tc, request);
	tcase_add_loop_test(tc, issues, 0, 2);
	tcase_add_test(tc, within_the_life_of_the_ca);
	tcase_add_loop_test(tc, ca_refused, 0, ELEMENTS(bad_cas));
	tcase_add_test(tc, ca_key_refused);
	tcase_add_loop_test(tc, judges, 0, ELEMENTS(made_elsewhere));
	tcase_add_test(tc, judges_junk);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
