#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates for tests, made on the spot. Whatever fails aborts the test. */

#include "util/macro.h"

#include <openssl/evp.h>
#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

struct pki {
	EVP_PKEY *key;
	X509 *cert;
	char *pem;     /* the certificate, as cert_canonical() gives it */
	char *key_pem; /* its key, PKCS #8 */
};

struct pki_order {
	const char *name;         /* common name; NULL: none */
	const char *serial;       /* hex; NULL: 128 random bits */
	const struct pki *issuer; /* NULL: itself */
	const struct pki *key_of; /* with the key of this one; NULL: a new one */
	EVP_PKEY *key;            /* with this one, which is taken; NULL: P-256 */
	bool ca;
	bool forged;         /* the signature does not verify */
	bool expired;        /* since yesterday */
	bool future;         /* valid from tomorrow on */
	const char *names;   /* subjectAltName, such as "DNS:localhost,IP:127.0.0.1"; NULL: none */
	const char *usage;   /* keyUsage, such as "keyAgreement"; NULL: none */
	const char *purpose; /* extendedKeyUsage, such as "codeSigning"; NULL: none */
	const char *digest;  /* of the signature, such as "SHA1"; NULL: SHA256 */
	size_t padding;      /* bytes of a comment that make it larger */
};

struct pki *pki_make(const struct pki_order *order);
struct pki *pki_free(struct pki *p);
DEFINE_CLEANUP(struct pki *, pki_free)

/* A self-signed CA. */
struct pki *pki_ca(const char *name);

/* Signed by issuer, with 128 bits of serial number, no CA. */
struct pki *pki_leaf(const char *name, const struct pki *issuer);

/* Like it, for a server with these names as well (subjectAltName); issuer NULL: itself. */
struct pki *pki_server(const struct pki *issuer, const char *name, const char *names, bool expired);

/* A new RSA key, made by openssl(1): that is not under valgrind, where a search for primes takes a minute. The caller
 * frees it. */
EVP_PKEY *pki_rsa(unsigned bits);

/* The key's PEM file with a passphrase on it. The caller frees it. */
char *pki_encrypted_key(const struct pki *p, const char *passphrase);
