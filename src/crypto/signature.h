#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Detached signatures over the SHA-256 of a file (guide 8.5, 8.10), by the key of a certificate, of which nothing else
 * is looked at. */

#include "crypto/digest.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct evp_pkey_st EVP_PKEY;

enum signature_kind {
	SIGNATURE_ECDSA, /* P-256 or P-384, DER */
	SIGNATURE_RSA,   /* 2048 to 4096 bits, PKCS #1 v1.5 */
};

/* Can this key make signatures of this kind? */
bool signature_fits(const EVP_PKEY *key, enum signature_kind kind);

/* 0; AT_ERR_SIGNATURE, and *ret_why says why not, in a few words; -ENOMEM. */
int signature_verify(const char *cert_pem, size_t cert_n, enum signature_kind kind,
		     const unsigned char digest[DIGEST_SIZE], const void *signature, size_t n,
		     const char **ret_why) _must_check_;

#define SIGNATURE_MAX 512 /* bytes */

/* The other way round, for the operator's tool, never for the daemon. 0; -EKEYREJECTED: a key that signature_verify()
 * would not take; -EIO: the library, or a token, fails. */
int signature_make(EVP_PKEY *key, const unsigned char digest[DIGEST_SIZE], enum signature_kind *ret_kind,
		   unsigned char ret[SIGNATURE_MAX], size_t *ret_n) _must_check_;
