/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/issue.h"

#include <errno.h>
#include <openssl/bn.h>
#include <openssl/crypto.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define DAYS_20_YEARS  7305
#define TEN_YEARS_DAYS 3653

/* What `-days 3650` makes is taken for ten years; ours are never shorter than the calendar's. */
#define MIN_YEARS_DAYS (ISSUE_MIN_YEARS * 365)

/* Seconds: a gateway's clock may be a little behind. */
#define EARLIER 3600

/* Bits: fewer in a random 128-bit number happen once in 2^32. */
#define MIN_SERIAL 96

DEFINE_CLEANUP(X509 *, X509_free)
DEFINE_CLEANUP(X509_REQ *, X509_REQ_free)
DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(BIGNUM *, BN_free)
DEFINE_CLEANUP(ASN1_INTEGER *, ASN1_INTEGER_free)

_printf_(2, 3) static int problem(struct issue_problem *p, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(p->text, sizeof(p->text), format, ap);
	va_end(ap);
	return -EINVAL;
}

/* The unique ID */

int issue_uid_new(uint8_t ret[ISSUE_UID_SIZE])
{
	if (RAND_bytes(ret, ISSUE_UID_SIZE) != 1)
		return -EIO;
	ret[6] = (uint8_t)((ret[6] & 0x0f) | 0x40); /* version 4 */
	ret[8] = (uint8_t)((ret[8] & 0x3f) | 0x80); /* variant 1 */
	return 0;
}

static bool dash_after(unsigned byte)
{
	return byte == 3 || byte == 5 || byte == 7 || byte == 9;
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int issue_uid_parse(const char *text, uint8_t ret[ISSUE_UID_SIZE])
{
	uint8_t uid[ISSUE_UID_SIZE], any = 0;
	const char *p = text;

	if (strlen(text) != ISSUE_UID_TEXT)
		return -EINVAL;
	for (unsigned i = 0; i < ISSUE_UID_SIZE; i++) {
		int high = hex_digit(p[0]), low = hex_digit(p[1]);

		if (high < 0 || low < 0)
			return -EINVAL;
		uid[i] = (uint8_t)(high << 4 | low);
		any |= uid[i];
		p += 2;
		if (dash_after(i) && *p++ != '-')
			return -EINVAL;
	}
	if (!any)
		return -EINVAL;
	memcpy(ret, uid, sizeof(uid));
	return 0;
}

void issue_uid_format(const uint8_t uid[ISSUE_UID_SIZE], char ret[ISSUE_UID_TEXT + 1])
{
	static const char digits[] = "0123456789abcdef";
	char *p = ret;

	for (unsigned i = 0; i < ISSUE_UID_SIZE; i++) {
		*p++ = digits[uid[i] >> 4];
		*p++ = digits[uid[i] & 0x0f];
		if (dash_after(i))
			*p++ = '-';
	}
	*p = '\0';
}

/* The key */

int issue_key_new(EVP_PKEY **ret)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	if (!key)
		return -EIO;
	*ret = key;
	return 0;
}

void issue_key_free(EVP_PKEY *key)
{
	EVP_PKEY_free(key);
}

/* Takes what was written into a memory BIO as malloc()ed text. */
static int take_text(BIO *bio, char **ret, size_t *ret_n)
{
	char *data = NULL, *copy;
	long n = BIO_get_mem_data(bio, &data);

	if (n <= 0)
		return -EIO;
	copy = malloc((size_t)n + 1);
	if (!copy)
		return -ENOMEM;
	memcpy(copy, data, (size_t)n);
	copy[n] = '\0';
	*ret = copy;
	*ret_n = (size_t)n;
	return 0;
}

int issue_key_pem(EVP_PKEY *key, char **ret, size_t *ret_n)
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_secmem());

	if (!bio)
		return -ENOMEM;
	if (PEM_write_bio_PKCS8PrivateKey(bio, key, NULL, NULL, 0, NULL, NULL) != 1)
		return -EIO;
	return take_text(bio, ret, ret_n);
}

void issue_secret_free(char *secret, size_t n)
{
	if (secret)
		OPENSSL_cleanse(secret, n);
	free(secret);
}

/* Ed25519 and Ed448 hash for themselves. */
static const EVP_MD *digest_for(EVP_PKEY *key)
{
	return EVP_PKEY_is_a(key, "ED25519") || EVP_PKEY_is_a(key, "ED448") ? NULL : EVP_sha256();
}

static int add_common_name(X509_NAME *name, const uint8_t uid[ISSUE_UID_SIZE])
{
	char text[ISSUE_UID_TEXT + 1];

	issue_uid_format(uid, text);
	return X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)text, -1, -1, 0);
}

/* Requests */

int issue_request(EVP_PKEY *key, const uint8_t uid[ISSUE_UID_SIZE], char **ret, size_t *ret_n)
{
	_cleanup_(X509_REQ_freep) X509_REQ *request = X509_REQ_new();
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());

	if (!request || !bio)
		return -ENOMEM;
	if (X509_REQ_set_version(request, X509_REQ_VERSION_1) != 1 ||
	    add_common_name(X509_REQ_get_subject_name(request), uid) != 1 || X509_REQ_set_pubkey(request, key) != 1 ||
	    X509_REQ_sign(request, key, digest_for(key)) <= 0 || PEM_write_bio_X509_REQ(bio, request) != 1)
		return -EIO;
	return take_text(bio, ret, ret_n);
}

int issue_request_name(const char *pem, size_t n, char ret[65])
{
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new_mem_buf(pem, (int)n);
	_cleanup_(X509_REQ_freep) X509_REQ *request = bio ? PEM_read_bio_X509_REQ(bio, NULL, NULL, NULL) : NULL;

	if (!request || X509_NAME_get_text_by_NID(X509_REQ_get_subject_name(request), NID_commonName, ret, 65) <= 0)
		return -EBADMSG;
	return 0;
}

/* Certificates */

static int read_certificate(const char *pem, size_t n, X509 **ret)
{
	_cleanup_(BIO_free_allp) BIO *bio = n > 0 && n < 1 << 20 ? BIO_new_mem_buf(pem, (int)n) : NULL;
	X509 *x = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;

	if (!x)
		return -EBADMSG;
	*ret = x;
	return 0;
}

static void format_date(const ASN1_TIME *t, char ret[11])
{
	struct tm tm = { 0 };

	if (ASN1_TIME_to_tm(t, &tm) != 1 || strftime(ret, 11, "%Y-%m-%d", &tm) == 0)
		memcpy(ret, "(no date)", sizeof("(no date)"));
}

/* Valid now? who: "the CA's certificate", "the certificate". */
static int check_dates(const X509 *x, const char *who, struct issue_problem *p)
{
	char date[11];
	int before = X509_cmp_current_time(X509_get0_notBefore(x));
	int after = X509_cmp_current_time(X509_get0_notAfter(x));

	if (!before || !after)
		return problem(p, "%s has dates that cannot be read", who);
	if (before > 0) {
		format_date(X509_get0_notBefore(x), date);
		return problem(p, "%s is not valid before %s: is this machine's clock right?", who, date);
	}
	if (after < 0) {
		format_date(X509_get0_notAfter(x), date);
		return problem(p, "%s expired on %s", who, date);
	}
	return 0;
}

static int check_ca(X509 *ca, EVP_PKEY *ca_key, struct issue_problem *p)
{
	EVP_PKEY *public_key = X509_get0_pubkey(ca);

	if (X509_check_ca(ca) != 1 || !(X509_get_key_usage(ca) & KU_KEY_CERT_SIGN))
		return problem(p, "the CA's certificate may not issue certificates (no CA:TRUE, or no keyCertSign)");
	if (!public_key || EVP_PKEY_eq(public_key, ca_key) != 1)
		return problem(p, "the CA's key does not belong to the CA's certificate");
	return check_dates(ca, "the CA's certificate", p);
}

static int whole_days(const X509 *x)
{
	int days = 0, seconds = 0;

	if (ASN1_TIME_diff(&days, &seconds, X509_get0_notBefore(x), X509_get0_notAfter(x)) != 1)
		return -1;
	return seconds < 0 ? days - 1 : days;
}

/* From an hour ago for ISSUE_YEARS, within the life of the CA. */
static int set_dates(X509 *x, const X509 *ca, struct issue_problem *p)
{
	char date[11];

	if (!X509_time_adj_ex(X509_getm_notBefore(x), 0, -EARLIER, NULL) ||
	    !X509_time_adj_ex(X509_getm_notAfter(x), DAYS_20_YEARS, -EARLIER, NULL))
		return -EIO;
	if (ASN1_TIME_compare(X509_get0_notBefore(x), X509_get0_notBefore(ca)) < 0 &&
	    X509_set1_notBefore(x, X509_get0_notBefore(ca)) != 1)
		return -ENOMEM;
	if (ASN1_TIME_compare(X509_get0_notAfter(x), X509_get0_notAfter(ca)) > 0 &&
	    X509_set1_notAfter(x, X509_get0_notAfter(ca)) != 1)
		return -ENOMEM;
	if (whole_days(x) >= TEN_YEARS_DAYS)
		return 0;
	format_date(X509_get0_notAfter(ca), date);
	return problem(p, "the CA's certificate ends on %s, in less than %d years: too soon for a birth certificate",
		       date, ISSUE_MIN_YEARS);
}

static int set_serial(X509 *x, const uint8_t uid[ISSUE_UID_SIZE])
{
	_cleanup_(BN_freep) BIGNUM *number = BN_bin2bn(uid, ISSUE_UID_SIZE, NULL);
	_cleanup_(ASN1_INTEGER_freep) ASN1_INTEGER *serial = number ? BN_to_ASN1_INTEGER(number, NULL) : NULL;

	return serial && X509_set_serialNumber(x, serial) == 1 ? 0 : -ENOMEM;
}

static int set_extensions(X509 *x, X509 *ca)
{
	static const struct {
		int nid;
		const char *value;
	} rows[] = {
		{ NID_basic_constraints, "critical,CA:FALSE" },
		{ NID_key_usage, "critical,digitalSignature" },
		{ NID_ext_key_usage, "clientAuth" },
		{ NID_subject_key_identifier, "hash" },
		{ NID_authority_key_identifier, "keyid,issuer" },
	};
	X509V3_CTX ctx;

	X509V3_set_ctx_nodb(&ctx);
	X509V3_set_ctx(&ctx, ca, x, NULL, NULL, 0);
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, &ctx, rows[i].nid, rows[i].value);
		int ok = extension && X509_add_ext(x, extension, -1);

		X509_EXTENSION_free(extension);
		if (!ok)
			return -EIO;
	}
	return 0;
}

int issue_certificate(EVP_PKEY *key, const uint8_t uid[ISSUE_UID_SIZE], const char *ca_pem, size_t ca_n,
		      EVP_PKEY *ca_key, char **ret, size_t *ret_n, struct issue_problem *ret_problem)
{
	_cleanup_(X509_freep) X509 *ca = NULL, *x = X509_new();
	_cleanup_(BIO_free_allp) BIO *bio = BIO_new(BIO_s_mem());
	int r;

	ret_problem->text[0] = '\0';
	if (!x || !bio)
		return -ENOMEM;
	if (read_certificate(ca_pem, ca_n, &ca) < 0)
		return problem(ret_problem, "the CA's certificate cannot be read");
	r = check_ca(ca, ca_key, ret_problem);
	if (r)
		return r;
	r = set_dates(x, ca, ret_problem);
	if (r)
		return r;
	r = set_serial(x, uid);
	if (r)
		return r;
	if (X509_set_version(x, X509_VERSION_3) != 1 || add_common_name(X509_get_subject_name(x), uid) != 1 ||
	    X509_set_issuer_name(x, X509_get_subject_name(ca)) != 1 || X509_set_pubkey(x, key) != 1)
		return -EIO;
	r = set_extensions(x, ca);
	if (r)
		return r;
	if (X509_sign(x, ca_key, digest_for(ca_key)) <= 0 || PEM_write_bio_X509(bio, x) != 1)
		return -EIO;
	return take_text(bio, ret, ret_n);
}

static int check_serial(X509 *x, struct issue_problem *p)
{
	_cleanup_(BN_freep) BIGNUM *number = ASN1_INTEGER_to_BN(X509_get0_serialNumber(x), NULL);
	uint8_t uid[ISSUE_UID_SIZE];
	char name[65], text[ISSUE_UID_TEXT + 1];

	if (!number)
		return -ENOMEM;
	if (BN_is_negative(number))
		return problem(p, "the serial number is negative");
	/* A UUID may begin with any number of zeros if the common name says so. */
	if (BN_num_bits(number) <= 8 * ISSUE_UID_SIZE && BN_bn2binpad(number, uid, sizeof(uid)) == sizeof(uid) &&
	    X509_NAME_get_text_by_NID(X509_get_subject_name(x), NID_commonName, name, sizeof(name)) == ISSUE_UID_TEXT) {
		issue_uid_format(uid, text);
		if (!strcasecmp(text, name))
			return 0;
	}
	if (BN_num_bits(number) < MIN_SERIAL)
		return problem(p,
			       "the serial number has only %d bits; it must be the module's unique ID, of 128 "
			       "random bits (guide 10.1.3.1)",
			       BN_num_bits(number));
	return 0;
}

int issue_check(const char *pem, size_t n, struct issue_problem *ret_problem)
{
	_cleanup_(X509_freep) X509 *x = NULL;
	int r, days;

	ret_problem->text[0] = '\0';
	if (read_certificate(pem, n, &x) < 0)
		return problem(ret_problem, "the certificate cannot be read");
	if (X509_check_ca(x) == 1)
		return problem(ret_problem, "the certificate is that of a CA, not of a module");
	r = check_serial(x, ret_problem);
	if (r)
		return r;
	r = check_dates(x, "the certificate", ret_problem);
	if (r)
		return r;
	days = whole_days(x);
	if (days < MIN_YEARS_DAYS)
		return problem(ret_problem,
			       "the certificate is valid for %d days only; a birth certificate needs "
			       "%d years (guide 10.1.3.3)",
			       days, ISSUE_MIN_YEARS);
	if (X509_get_extension_flags(x) & EXFLAG_XKUSAGE && !(X509_get_extended_key_usage(x) & XKU_SSL_CLIENT))
		return problem(ret_problem, "the certificate is not for TLS clients (extended key usage)");
	return 0;
}
