/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cert.h"

#include "at/error.h"
#include "crypto/name.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

#define MAX_PEM    (64 * 1024)
#define LEAST_BITS 112 /* of security: SHA-224 */

struct text {
	const char *p;
	size_t n;
};

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(BIGNUM *, BN_free)

/* Errors that stay in OpenSSL's queue would be taken for those of the next TLS call. */
static void forget_errors(_unused_ const int *unused)
{
	ERR_clear_error();
}

#define FORGET_ERRORS _cleanup_(forget_errors) _unused_ int forget_at_end = 0

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void skip(struct text *t, size_t n)
{
	t->p += n;
	t->n -= n;
}

static void skip_space(struct text *t)
{
	while (t->n && is_space(*t->p))
		skip(t, 1);
}

static bool skip_word(struct text *t, const char *word)
{
	size_t n = strlen(word);

	if (t->n < n || memcmp(t->p, word, n) != 0)
		return false;
	skip(t, n);
	return true;
}

static bool is_base64(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '/';
}

/* The base64 text up to the dashes, without white space, decoded. OpenSSL's own PEM reader refuses long lines. */
static int decode_body(struct text *t, uint8_t **ret, size_t *ret_n)
{
	_cleanup_(freep) char *clean = malloc(t->n + 1);
	_cleanup_(freep) uint8_t *der = NULL;
	size_t n = 0, padding = 0;
	int k;

	if (!clean)
		return -ENOMEM;
	for (; t->n && *t->p != '-'; skip(t, 1)) {
		if (is_space(*t->p))
			continue;
		if (*t->p == '=')
			padding++;
		else if (padding || !is_base64(*t->p))
			return AT_ERR_PARAMETER;
		clean[n++] = *t->p;
	}
	if (n == 0 || n % 4 || padding > 2)
		return AT_ERR_PARAMETER;

	der = malloc(n / 4 * 3);
	if (!der)
		return -ENOMEM;
	k = EVP_DecodeBlock(der, (const unsigned char *)clean, (int)n);
	if (k < 0 || (size_t)k < padding)
		return AT_ERR_PARAMETER;
	*ret = TAKE_PTR(der);
	*ret_n = (size_t)k - padding;
	return 0;
}

/* The next certificate; *ret is NULL at the end of the text. out, unless NULL, gets it as canonical PEM. */
static int next_cert(struct text *t, X509 **ret, BIO *out)
{
	_cleanup_(X509_freep) X509 *x = NULL;
	_cleanup_(freep) uint8_t *der = NULL;
	const unsigned char *p;
	size_t n;
	int r;

	skip_space(t);
	if (!t->n) {
		*ret = NULL;
		return 0;
	}
	if (!skip_word(t, BEGIN))
		return AT_ERR_PARAMETER;
	r = decode_body(t, &der, &n);
	if (r)
		return r;
	if (!skip_word(t, END))
		return AT_ERR_PARAMETER;

	p = der;
	x = d2i_X509(NULL, &p, (long)n);
	if (!x || p != der + n)
		return AT_ERR_PARAMETER;
	/* A key of a kind that we cannot use would only show when it is too late. */
	if (!X509_get0_pubkey(x))
		return AT_ERR_PARAMETER;
	if (out && !PEM_write_bio(out, PEM_STRING_X509, "", der, (long)n))
		return -ENOMEM;
	*ret = TAKE_PTR(x);
	return 0;
}

/* Exactly one certificate. */
static int one_cert(const char *pem, size_t n, X509 **ret)
{
	_cleanup_(X509_freep) X509 *x = NULL, *more = NULL;
	struct text t = { pem, n };
	int r;

	if (n > MAX_PEM)
		return AT_ERR_PARAMETER;
	r = next_cert(&t, &x, NULL);
	if (r)
		return r;
	r = next_cert(&t, &more, NULL);
	if (r)
		return r;
	if (!x || more)
		return AT_ERR_PARAMETER;
	*ret = TAKE_PTR(x);
	return 0;
}

/* What BIO holds as text without the newline at its end. */
static int take_text(BIO *bio, char **ret, size_t *ret_n)
{
	char *data, *copy;
	long k = BIO_get_mem_data(bio, &data);
	size_t n = k > 0 ? (size_t)k : 0;

	while (n && data[n - 1] == '\n')
		n--;
	copy = malloc(n + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, n);
	copy[n] = '\0';
	*ret = copy;
	*ret_n = n;
	return 0;
}

int cert_canonical(const void *pem, size_t n, bool several, char **ret, size_t *ret_n)
{
	FORGET_ERRORS;
	_cleanup_(BIO_free_allp) BIO *out = NULL;
	struct text t = { pem, n };
	unsigned count = 0;

	if (n > MAX_PEM)
		return AT_ERR_PARAMETER;
	out = BIO_new(BIO_s_mem());
	if (!out)
		return -ENOMEM;
	for (;;) {
		_cleanup_(X509_freep) X509 *x = NULL;
		int r = next_cert(&t, &x, out);

		if (r)
			return r;
		if (!x)
			break;
		count++;
	}
	if (count == 0 || (count > 1 && !several))
		return AT_ERR_PARAMETER;
	return take_text(out, ret, ret_n);
}

int cert_from_file(const void *data, size_t n, bool several, char **ret, size_t *ret_n)
{
	FORGET_ERRORS;
	_cleanup_(BIO_free_allp) BIO *out = NULL;
	_cleanup_(X509_freep) X509 *x = NULL;
	const unsigned char *p = data;

	/* A SEQUENCE; text begins with a dash or white space. */
	if (n == 0 || n > MAX_PEM || *p != 0x30)
		return cert_canonical(data, n, several, ret, ret_n);
	x = d2i_X509(NULL, &p, (long)n);
	if (!x || p != (const unsigned char *)data + n || !X509_get0_pubkey(x))
		return AT_ERR_PARAMETER;
	out = BIO_new(BIO_s_mem());
	if (!out || !PEM_write_bio(out, PEM_STRING_X509, "", data, (long)n))
		return -ENOMEM;
	return take_text(out, ret, ret_n);
}

/* Over SHA-1 or MD5 someone else's certificate could have the same signature. A self-signature says nothing anyway, and
 * those of real roots are of SHA-1. */
static bool is_weakly_signed(X509 *x)
{
	int bits;

	return X509_get_signature_info(x, NULL, NULL, &bits, NULL) != 1 || bits < LEAST_BITS;
}

static bool has_signed(X509 *issuer, X509 *x)
{
	return X509_verify(x, X509_get0_pubkey(issuer)) == 1 && (issuer == x || !is_weakly_signed(x));
}

static bool is_self_issued(const X509 *x)
{
	return X509_NAME_cmp(X509_get_subject_name(x), X509_get_issuer_name(x)) == 0;
}

/* With basicConstraints: what version 1 leaves unsaid is no permission. */
static bool is_ca(X509 *x)
{
	return X509_check_ca(x) == 1;
}

int cert_signed_by(const char *pem, size_t n, const char *issuer, size_t issuer_n)
{
	FORGET_ERRORS;
	_cleanup_(X509_freep) X509 *x = NULL, *by = NULL;

	if (one_cert(pem, n, &x) || one_cert(issuer, issuer_n, &by))
		return AT_ERR_SIGNATURE;
	return has_signed(by, x) ? 0 : AT_ERR_SIGNATURE;
}

int cert_self_consistent(const char *pem, size_t n)
{
	FORGET_ERRORS;
	_cleanup_(X509_freep) X509 *x = NULL;

	if (one_cert(pem, n, &x))
		return AT_ERR_SIGNATURE;
	return !is_self_issued(x) || has_signed(x, x) ? 0 : AT_ERR_SIGNATURE;
}

int cert_public_key(const char *pem, size_t n, EVP_PKEY **ret)
{
	FORGET_ERRORS;
	_cleanup_(X509_freep) X509 *x = NULL;
	EVP_PKEY *key;
	int r = one_cert(pem, n, &x);

	if (r)
		return r;
	key = X509_get_pubkey(x);
	if (!key)
		return -ENOMEM;
	*ret = key;
	return 0;
}

static bool signed_by_any(X509 *x, const char *present, size_t n)
{
	struct text t = { present, n };

	for (;;) {
		_cleanup_(X509_freep) X509 *root = NULL;

		if (next_cert(&t, &root, NULL) || !root)
			return false;
		if (has_signed(root, x))
			return true;
	}
}

int cert_roots_acceptable(const char *pem, size_t n, const char *present, size_t present_n)
{
	FORGET_ERRORS;
	struct text t = { pem, n };
	bool acceptable = true;

	if (n > MAX_PEM)
		return AT_ERR_PARAMETER;
	for (unsigned count = 0;; count++) {
		_cleanup_(X509_freep) X509 *x = NULL;
		int r = next_cert(&t, &x, NULL);

		if (r)
			return r;
		if (!x && count == 0)
			return AT_ERR_PARAMETER;
		if (!x)
			return acceptable ? 0 : AT_ERR_SIGNATURE;
		if (!is_ca(x))
			acceptable = false;
		else if (!(is_self_issued(x) && has_signed(x, x)) && !signed_by_any(x, present, present_n))
			acceptable = false;
	}
}

static int serial_text(const X509 *x, char *ret, size_t size)
{
	_cleanup_(BN_freep) BIGNUM *serial = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	char *hex;
	size_t n, skipped;

	if (!serial)
		return -EBADMSG;
	/* A serial number whose author forgot that it has a sign. */
	BN_set_negative(serial, 0);
	hex = BN_bn2hex(serial);
	if (!hex)
		return -ENOMEM;
	skipped = strspn(hex, "0");
	n = strlen(hex) - skipped;
	if (n < size) {
		for (size_t i = 0; i < n; i++)
			ret[i] = (char)tolower((unsigned char)hex[skipped + i]);
		ret[n] = '\0';
	}
	OPENSSL_free(hex);
	return n < size ? 0 : -EBADMSG;
}

static int time_text(const ASN1_TIME *time, char *ret, size_t size)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return -EBADMSG;
	return strftime(ret, size, "%Y-%m-%dT%H:%M:%SZ", &tm) ? 0 : -EBADMSG;
}

int cert_info(const char *pem, size_t n, struct cert_info *ret)
{
	FORGET_ERRORS;
	_cleanup_(X509_freep) X509 *x = NULL;
	struct cert_info info = { 0 };
	int r;

	r = one_cert(pem, n, &x);
	if (r)
		return r < 0 ? r : -EBADMSG;
	if (!name_common(X509_get_subject_name(x), info.common_name, sizeof(info.common_name)))
		info.common_name[0] = '\0';
	r = name_text(X509_get_issuer_name(x), info.issuer, sizeof(info.issuer));
	if (r < 0)
		return r;
	r = serial_text(x, info.serial, sizeof(info.serial));
	if (r < 0)
		return r;
	r = time_text(X509_get0_notBefore(x), info.not_before, sizeof(info.not_before));
	if (r < 0)
		return r;
	r = time_text(X509_get0_notAfter(x), info.not_after, sizeof(info.not_after));
	if (r < 0)
		return r;
	info.ca = is_ca(x);
	*ret = info;
	return 0;
}

/* Is name a UUID with this value (hex without leading zeros)? */
static bool is_uuid_of(const char *name, const char *serial)
{
	static const char form[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";
	char digits[33];
	size_t n = 0;

	if (strlen(name) != strlen(form))
		return false;
	for (size_t i = 0; form[i]; i++) {
		if (form[i] == '-') {
			if (name[i] != '-')
				return false;
		} else if (isxdigit((unsigned char)name[i])) {
			digits[n++] = (char)tolower((unsigned char)name[i]);
		} else {
			return false;
		}
	}
	digits[n] = '\0';
	return strcmp(digits + strspn(digits, "0"), serial) == 0;
}

int cert_thing_name(const char *pem, size_t n, char ret[65])
{
	struct cert_info info;
	size_t have, zeros;
	int r;

	r = cert_info(pem, n, &info);
	if (r < 0)
		return r;
	if (is_uuid_of(info.common_name, info.serial)) {
		(void)snprintf(ret, 65, "%s", info.common_name);
		return 0;
	}
	have = strlen(info.serial);
	if (have > 64)
		return -ERANGE;
	zeros = have < 32 ? 32 - have : 0; /* guide 10.1.3.1: 128 bits */
	memset(ret, '0', zeros);
	memcpy(ret + zeros, info.serial, have + 1);
	return 0;
}
