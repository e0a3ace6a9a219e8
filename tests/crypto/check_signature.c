/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/signature.h"

#include "at/error.h"
#include "fake/pki.h"
#include "fake/suite.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/param_build.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/rsa.h>
#include <string.h>

static const char text[] = "the image";
static unsigned char digest[DIGEST_SIZE];
static struct pki *other;
static EVP_PKEY *keys[4];

/* Once: they take their time. */
static void make_keys(void)
{
	keys[0] = EVP_EC_gen("P-256");
	keys[1] = EVP_EC_gen("P-384");
	keys[2] = pki_rsa(2048);
	keys[3] = pki_rsa(3072);
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		ck_assert_ptr_nonnull(keys[i]);
}

static void free_keys(void)
{
	for (size_t i = 0; i < ELEMENTS(keys); i++)
		EVP_PKEY_free(keys[i]);
}

static void setup(void)
{
	ck_assert_int_eq(EVP_Digest(text, strlen(text), digest, NULL, EVP_sha256(), NULL), 1);
	other = pki_ca("Other");
}

static void teardown(void)
{
	pki_free(other);
}

/* The certificate of this key, signed by somebody. */
static char *cert_of(EVP_PKEY *key)
{
	X509 *cert = X509_new();
	BIO *bio = BIO_new(BIO_s_mem());
	char *data, *pem;
	long n;

	ck_assert(cert && bio);
	ck_assert(ASN1_INTEGER_set(X509_get_serialNumber(cert), 1));
	ck_assert(X509_gmtime_adj(X509_getm_notBefore(cert), 0) && X509_gmtime_adj(X509_getm_notAfter(cert), 1000));
	ck_assert_int_eq(X509_set_pubkey(cert, key), 1);
	ck_assert_int_gt(X509_sign(cert, other->key, EVP_sha256()), 0);
	ck_assert_int_eq(PEM_write_bio_X509(bio, cert), 1);
	n = BIO_get_mem_data(bio, &data);
	pem = strndup(data, (size_t)n);
	ck_assert_ptr_nonnull(pem);
	X509_free(cert);
	BIO_free_all(bio);
	return pem;
}

/* As `openssl dgst -sha256 -sign` does it: over the text. */
static size_t sign(EVP_PKEY *key, const EVP_MD *md, int padding, unsigned char ret[600])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	EVP_PKEY_CTX *of_key;
	size_t n = 600;

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(EVP_DigestSignInit(ctx, &of_key, md, NULL, key), 1);
	if (padding)
		ck_assert_int_eq(EVP_PKEY_CTX_set_rsa_padding(of_key, padding), 1);
	ck_assert_int_eq(EVP_DigestSign(ctx, ret, &n, (const unsigned char *)text, strlen(text)), 1);
	EVP_MD_CTX_free(ctx);
	return n;
}

static int verify(const char *pem, enum signature_kind kind, const void *signature, size_t n, const char **ret_why)
{
	int r = signature_verify(pem, strlen(pem), kind, digest, signature, n, ret_why);

	ck_assert_uint_eq(ERR_peek_error(), 0);
	return r;
}

static void is_refused(const char *pem, enum signature_kind kind, const void *signature, size_t n, const char *why)
{
	const char *got = "";

	ck_assert_int_eq(verify(pem, kind, signature, n, &got), AT_ERR_SIGNATURE);
	ck_assert_str_eq(got, why);
}

/* Good; then with bytes of it changed, cut, and with more behind it; then for another image. */
START_TEST(only_the_right_one)
{
	enum signature_kind kind = _i < 2 ? SIGNATURE_ECDSA : SIGNATURE_RSA;
	static const size_t steps[] = { 1, 9, 29, 29 };
	EVP_PKEY *key = keys[_i];
	_cleanup_(freep) char *pem = cert_of(key);
	unsigned char signature[600] = { 0 };
	const char *why = "untouched";
	size_t n = sign(key, EVP_sha256(), 0, signature);

	ck_assert_int_eq(verify(pem, kind, signature, n, &why), 0);
	ck_assert_str_eq(why, "untouched");
	for (size_t i = 0; i < n; i += steps[_i]) {
		signature[i] ^= 1;
		ck_assert_int_eq(verify(pem, kind, signature, n, &why), AT_ERR_SIGNATURE);
		signature[i] ^= 1;
	}
	is_refused(pem, kind, signature, n - 1, "malformed");
	is_refused(pem, kind, signature, n + 1, "malformed");
	is_refused(pem, kind, signature, 0, "malformed");
	is_refused(other->pem, kind, signature, n, kind == SIGNATURE_ECDSA ? "does not verify" : "wrong kind of key");
	digest[0] ^= 1;
	is_refused(pem, kind, signature, n, "does not verify");
	digest[0] ^= 1;
	ck_assert_int_eq(verify(pem, kind, signature, n, &why), 0);
}
END_TEST

START_TEST(made_here)
{
	_cleanup_(freep) char *pem = cert_of(keys[_i]);
	unsigned char signature[SIGNATURE_MAX];
	enum signature_kind kind;
	const char *why;
	size_t n;

	ck_assert_int_eq(signature_make(keys[_i], digest, &kind, signature, &n), 0);
	ck_assert_int_eq(kind, _i < 2 ? SIGNATURE_ECDSA : SIGNATURE_RSA);
	ck_assert_int_eq(signature_verify(pem, strlen(pem), kind, digest, signature, n, &why), 0);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

START_TEST(not_by_any_key)
{
	static const char *const names[] = { "P-521", "ED25519" };
	unsigned char signature[SIGNATURE_MAX];
	enum signature_kind kind;
	size_t n;

	for (unsigned i = 0; i < ELEMENTS(names); i++) {
		EVP_PKEY *key = i == 0 ? EVP_EC_gen(names[0]) : EVP_PKEY_Q_keygen(NULL, NULL, names[1]);

		ck_assert_ptr_nonnull(key);
		ck_assert_int_eq(signature_make(key, digest, &kind, signature, &n), -EKEYREJECTED);
		EVP_PKEY_free(key);
	}
}
END_TEST

START_TEST(key_and_kind_belong_together)
{
	EVP_PKEY *ec = keys[0], *rsa = keys[2];
	_cleanup_(freep) char *ec_pem = cert_of(ec), *rsa_pem = cert_of(rsa);
	unsigned char signature[600];
	size_t n = sign(ec, EVP_sha256(), 0, signature);

	is_refused(ec_pem, SIGNATURE_RSA, signature, n, "wrong kind of key");
	is_refused(rsa_pem, SIGNATURE_ECDSA, signature, n, "wrong kind of key");
	n = sign(rsa, EVP_sha256(), 0, signature);
	is_refused(rsa_pem, SIGNATURE_ECDSA, signature, n, "wrong kind of key");
	is_refused(ec_pem, SIGNATURE_RSA, signature, n, "wrong kind of key");
	is_refused(ec_pem, SIGNATURE_ECDSA, signature, n, "malformed");
}
END_TEST

/* Another hash, another padding. */
START_TEST(no_other_scheme)
{
	EVP_PKEY *ec = keys[0], *rsa = keys[2];
	_cleanup_(freep) char *ec_pem = cert_of(ec), *rsa_pem = cert_of(rsa);
	unsigned char signature[600];
	size_t n = sign(ec, EVP_sha1(), 0, signature);

	is_refused(ec_pem, SIGNATURE_ECDSA, signature, n, "does not verify");
	n = sign(rsa, EVP_sha1(), 0, signature);
	is_refused(rsa_pem, SIGNATURE_RSA, signature, n, "does not verify");
	n = sign(rsa, EVP_sha512(), 0, signature);
	is_refused(rsa_pem, SIGNATURE_RSA, signature, n, "does not verify");
	n = sign(rsa, EVP_sha256(), RSA_PKCS1_PSS_PADDING, signature);
	is_refused(rsa_pem, SIGNATURE_RSA, signature, n, "does not verify");
}
END_TEST

/* A public key of so many bits that nobody has a private one for. */
static EVP_PKEY *rsa_of(int bits)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	OSSL_PARAM_BLD *build = OSSL_PARAM_BLD_new();
	BIGNUM *n = BN_new(), *e = BN_new();
	OSSL_PARAM *parameters;
	EVP_PKEY *key = NULL;

	ck_assert(ctx && build && n && e);
	ck_assert(BN_rand(n, bits, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ODD) && BN_set_word(e, 65537));
	ck_assert(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_N, n));
	ck_assert(OSSL_PARAM_BLD_push_BN(build, OSSL_PKEY_PARAM_RSA_E, e));
	parameters = OSSL_PARAM_BLD_to_param(build);
	ck_assert_int_eq(EVP_PKEY_fromdata_init(ctx), 1);
	ck_assert_int_eq(EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, parameters), 1);
	OSSL_PARAM_free(parameters);
	OSSL_PARAM_BLD_free(build);
	EVP_PKEY_CTX_free(ctx);
	BN_free(n);
	BN_free(e);
	return key;
}

static const struct {
	int bits;
	const char *why;
} lengths[] = {
	{ 1024, "wrong kind of key" }, { 2040, "wrong kind of key" }, { 2048, "does not verify" },
	{ 4096, "does not verify" },   { 4104, "wrong kind of key" },
};

START_TEST(length_of_rsa_keys)
{
	EVP_PKEY *key = rsa_of(lengths[_i].bits);
	_cleanup_(freep) char *pem = cert_of(key);
	unsigned char signature[600] = { 0 };

	is_refused(pem, SIGNATURE_RSA, signature, (size_t)lengths[_i].bits / 8, lengths[_i].why);
	EVP_PKEY_free(key);
}
END_TEST

START_TEST(other_keys)
{
	static const char *const names[] = { "P-224", "P-521", "secp256k1", "brainpoolP256r1" };
	unsigned char signature[600] = { 0 };

	for (unsigned i = 0; i < ELEMENTS(names); i++) {
		EVP_PKEY *key = EVP_EC_gen(names[i]);
		_cleanup_(freep) char *pem = NULL;
		size_t n;

		ck_assert_ptr_nonnull(key);
		pem = cert_of(key);
		n = sign(key, EVP_sha256(), 0, signature);
		is_refused(pem, SIGNATURE_ECDSA, signature, n, "wrong kind of key");
		EVP_PKEY_free(key);
	}
	{
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
		_cleanup_(freep) char *pem = NULL;

		ck_assert_ptr_nonnull(key);
		pem = cert_of(key);
		is_refused(pem, SIGNATURE_ECDSA, signature, 64, "wrong kind of key");
		is_refused(pem, SIGNATURE_RSA, signature, 64, "wrong kind of key");
		EVP_PKEY_free(key);
	}
}
END_TEST

START_TEST(bytes_that_are_no_signature)
{
	static const struct {
		const char *bytes;
		size_t n;
	} bytes[] = {
		{ "dummy", 5 },
		{ "\x30\x00", 2 },
		{ "\x30\x80\x00\x00", 4 },
		{ "\x30\x03\x02\x01\x01", 5 },
		{ "\x30\x06\x02\x01\x01\x04\x01\x01", 8 },
		{ "\x30\x84\xff\xff\xff\xff\x02\x01", 8 },
	};
	unsigned char noise[600];

	for (unsigned i = 0; i < ELEMENTS(bytes); i++)
		is_refused(other->pem, SIGNATURE_ECDSA, bytes[i].bytes, bytes[i].n, "malformed");
	ck_assert_int_eq(RAND_bytes(noise, sizeof(noise)), 1);
	noise[0] = 0x31;
	is_refused(other->pem, SIGNATURE_ECDSA, noise, sizeof(noise), "malformed");
	/* Formed well, but 0 and 1 sign nothing. */
	is_refused(other->pem, SIGNATURE_ECDSA, "\x30\x06\x02\x01\x00\x02\x01\x00", 8, "does not verify");
	is_refused(other->pem, SIGNATURE_ECDSA, "\x30\x06\x02\x01\x01\x02\x01\x01", 8, "does not verify");
}
END_TEST

START_TEST(texts_that_are_no_certificate)
{
	_cleanup_(freep) char *two = malloc(2 * strlen(other->pem) + 2);

	ck_assert_ptr_nonnull(two);
	strcpy(two, other->pem);
	strcat(two, "\n");
	strcat(two, other->pem);
	is_refused("", SIGNATURE_ECDSA, "x", 1, "no certificate");
	is_refused("certificate", SIGNATURE_ECDSA, "x", 1, "no certificate");
	is_refused(other->key_pem, SIGNATURE_ECDSA, "x", 1, "no certificate");
	is_refused(two, SIGNATURE_ECDSA, "x", 1, "no certificate");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("signature");
	TCase *c = tcase_create("signature");

	tcase_add_unchecked_fixture(c, make_keys, free_keys);
	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_loop_test(c, only_the_right_one, 0, 4);
	tcase_add_loop_test(c, made_here, 0, 4);
	tcase_add_test(c, not_by_any_key);
	tcase_add_test(c, key_and_kind_belong_together);
	tcase_add_test(c, no_other_scheme);
	tcase_add_loop_test(c, length_of_rsa_keys, 0, ELEMENTS(lengths));
	tcase_add_test(c, other_keys);
	tcase_add_test(c, bytes_that_are_no_signature);
	tcase_add_test(c, texts_that_are_no_certificate);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
