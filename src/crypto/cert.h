#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* X.509 certificates as PEM text: canonical form, who signed whom, what they say. Dates are not judged here:
 * the clock may not be set. Returned text is malloc()ed, ends with NUL, and has no newline at its end. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct evp_pkey_st EVP_PKEY;

/* Reads one certificate (several: one or more), in any line wrapping, nothing else around them but white space, and
 * gives it back as canonical PEM: 64 columns, LF. AT_ERR_PARAMETER if it is anything else; -ENOMEM. */
int cert_canonical(const void *pem, size_t n, bool several, char **ret, size_t *ret_n) _must_check_;

/* The same from a file, which may also hold one certificate in DER form. */
int cert_from_file(const void *data, size_t n, bool several, char **ret, size_t *ret_n) _must_check_;

/* Is pem signed with the private key of the certificate issuer, and not over SHA-1? 0 or AT_ERR_SIGNATURE (guide
 * 8.6.1.3, 8.11). */
int cert_signed_by(const char *pem, size_t n, const char *issuer, size_t issuer_n) _must_check_;

/* If the certificate names itself as its issuer, its own signature must verify. 0 or AT_ERR_SIGNATURE. */
int cert_self_consistent(const char *pem, size_t n) _must_check_;

/* May these roots follow the present ones? Every one a CA certificate, self-signed and verifying or signed by a
 * present root, and that not over SHA-1. 0, AT_ERR_PARAMETER (cannot be read), AT_ERR_SIGNATURE. */
int cert_roots_acceptable(const char *pem, size_t n, const char *present, size_t present_n) _must_check_;

/* ret: EVP_PKEY_free() it. 0; AT_ERR_PARAMETER: not exactly one certificate; -ENOMEM. */
int cert_public_key(const char *pem, size_t n, EVP_PKEY **ret) _must_check_;

struct cert_info {
	char common_name[65];
	char issuer[129];        /* common name of the issuer, or its whole name */
	char serial[2 * 64 + 1]; /* lower-case hex, no leading zeros */
	char not_before[21];     /* 2026-11-23T07:00:00Z */
	char not_after[21];
	bool ca;
};

int cert_info(const char *pem, size_t n, struct cert_info *ret) _must_check_;

/* The thing's name (guide 10.1.3.1): the CN if it is a UUID with the serial's value, else the serial number as at
 * least 32 lower-case hex digits. 0 or -errno. */
int cert_thing_name(const char *pem, size_t n, char ret[65]) _must_check_;
