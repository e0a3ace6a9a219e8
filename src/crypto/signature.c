/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/signature.h"

#include "at/error.h"
#include "crypto/cert.h"

#include <errno.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <string.h>

#define RSA_LEAST_BITS 2048
#define RSA_MOST_BITS  4096

DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(EVP_PKEY_CTX *, EVP_PKEY_CTX_free)

static bool is_ecdsa_key(const EVP_PKEY *key)
{
	char group[32];
	size_t n;

	return EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1 &&
	       (strcmp(group, "prime256v1") == 0 || strcmp(group, "secp384r1") == 0);
}

static bool is_rsa_key(const EVP_PKEY *key)
{
	int bits = EVP_PKEY_get_bits(key);

	return EVP_PKEY_is_a(key, "RSA") && bits >= RSA_LEAST_BITS && bits <= RSA_MOST_BITS;
}

bool signature_fits(const EVP_PKEY *key, enum signature_kind kind)
{
	return kind == SIGNATURE_ECDSA ? is_ecdsa_key(key) : is_rsa_key(key);
}

/* One SEQUENCE of two INTEGERs, and nothing behind it. */
static bool is_ecdsa_signature(const unsigned char *signature, size_t n)
{
	const unsigned char *p = signature;
	ECDSA_SIG *parts;

	if (n > 256)
		return false;
	parts = d2i_ECDSA_SIG(NULL, &p, (long)n);
	ECDSA_SIG_free(parts);
	return parts && p == signature + n;
}

/* 1: it is good. */
static int verify(EVP_PKEY *key, enum signature_kind kind, const unsigned char *digest, const unsigned char *signature,
		  size_t n)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);

	if (!ctx || EVP_PKEY_verify_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		return -ENOMEM;
	if (kind == SIGNATURE_RSA && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return -ENOMEM;
	return EVP_PKEY_verify(ctx, signature, n, digest, DIGEST_SIZE) == 1;
}

static int judge(EVP_PKEY *key, enum signature_kind kind, const unsigned char *digest, const unsigned char *signature,
		 size_t n, const char **ret_why)
{
	int r;

	if (!signature_fits(key, kind)) {
		*ret_why = "wrong kind of key";
		return AT_ERR_SIGNATURE;
	}
	if (kind == SIGNATURE_ECDSA ? !is_ecdsa_signature(signature, n) : n != (size_t)EVP_PKEY_get_size(key)) {
		*ret_why = "malformed";
		return AT_ERR_SIGNATURE;
	}
	r = verify(key, kind, digest, signature, n);
	if (r < 0)
		return r;
	*ret_why = "does not verify";
	return r == 1 ? 0 : AT_ERR_SIGNATURE;
}

int signature_verify(const char *cert_pem, size_t cert_n, enum signature_kind kind,
		     const unsigned char digest[DIGEST_SIZE], const void *signature, size_t n, const char **ret_why)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	const char *why;
	int r = cert_public_key(cert_pem, cert_n, &key);

	if (r > 0) {
		*ret_why = "no certificate";
		return AT_ERR_SIGNATURE;
	}
	if (r == 0)
		r = judge(key, kind, digest, signature, n, &why);
	/* See digest.c. */
	ERR_clear_error();
	if (r > 0)
		*ret_why = why;
	return r;
}

static int sign(EVP_PKEY *key, enum signature_kind kind, const unsigned char *digest, unsigned char *ret, size_t *ret_n)
{
	_cleanup_(EVP_PKEY_CTX_freep) EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	size_t n = SIGNATURE_MAX;

	if (!ctx || EVP_PKEY_sign_init(ctx) != 1 || EVP_PKEY_CTX_set_signature_md(ctx, EVP_sha256()) != 1)
		return -EIO;
	if (kind == SIGNATURE_RSA && EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PADDING) != 1)
		return -EIO;
	if (EVP_PKEY_sign(ctx, ret, &n, digest, DIGEST_SIZE) != 1)
		return -EIO;
	*ret_n = n;
	return 0;
}

int signature_make(EVP_PKEY *key, const unsigned char digest[DIGEST_SIZE], enum signature_kind *ret_kind,
		   unsigned char ret[SIGNATURE_MAX], size_t *ret_n)
{
	enum signature_kind kind = EVP_PKEY_is_a(key, "RSA") ? SIGNATURE_RSA : SIGNATURE_ECDSA;
	int r;

	if (!signature_fits(key, kind))
		return -EKEYREJECTED;
	r = sign(key, kind, digest, ret, ret_n);
	ERR_clear_error();
	if (r == 0)
		*ret_kind = kind;
	return r;
}
