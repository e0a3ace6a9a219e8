#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Makes what a module is born with (guide 10.1.3): a unique ID, a key, a certificate or a request for one; and judges
 * certificates that were made elsewhere. For the operator's tool, never for the daemon. */

#include "crypto/key.h"
#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

#define ISSUE_UID_SIZE  16 /* 128 bits: guide 10.1.3.1 */
#define ISSUE_UID_TEXT  36
#define ISSUE_MIN_YEARS 10 /* guide 10.1.3.3 */
#define ISSUE_YEARS     20

/* What is wrong, for the operator; empty when the fault lies in the library or the system. */
struct issue_problem {
	char text[256];
};

/* A random UUID, version 4. */
int issue_uid_new(uint8_t ret[ISSUE_UID_SIZE]) _must_check_;

/* 8-4-4-4-12 hexadecimal digits, not all zero. 0 or -EINVAL. */
int issue_uid_parse(const char *text, uint8_t ret[ISSUE_UID_SIZE]) _must_check_;
void issue_uid_format(const uint8_t uid[ISSUE_UID_SIZE], char ret[ISSUE_UID_TEXT + 1]);

int issue_key_new(EVP_PKEY **ret) _must_check_; /* P-256; issue_key_free() it */
void issue_key_free(EVP_PKEY *key);
DEFINE_CLEANUP(EVP_PKEY *, issue_key_free)

/* The key as PKCS #8 PEM. issue_secret_free() it. */
int issue_key_pem(EVP_PKEY *key, char **ret, size_t *ret_n) _must_check_;
void issue_secret_free(char *secret, size_t n);

/* A request for a certificate with the UID's text as its common name. PEM, malloc()ed. */
int issue_request(EVP_PKEY *key, const uint8_t uid[ISSUE_UID_SIZE], char **ret, size_t *ret_n) _must_check_;

/* The common name that a request asks for. 0, -EBADMSG. */
int issue_request_name(const char *pem, size_t n, char ret[65]) _must_check_;

/* A birth certificate from the vendor's CA: serial number and common name are the UID; valid for ISSUE_YEARS, but not
 * beyond the CA. PEM, malloc()ed. 0; -EINVAL with a problem; -errno. */
int issue_certificate(EVP_PKEY *key, const uint8_t uid[ISSUE_UID_SIZE], const char *ca_pem, size_t ca_n,
		      EVP_PKEY *ca_key, char **ret, size_t *ret_n, struct issue_problem *ret_problem) _must_check_;

/* Is this a birth certificate as guide 10.1.3 wants it, and valid today? 0; -EINVAL with a problem; -errno. */
int issue_check(const char *pem, size_t n, struct issue_problem *ret_problem) _must_check_;
