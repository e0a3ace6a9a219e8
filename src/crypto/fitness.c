/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/fitness.h"

#include "at/error.h"
#include "crypto/signature.h"

#include <errno.h>
#include <limits.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#define ROOT_LEAST_BITS 112 /* of security: RSA of 2048 bits, EC of 224 */

DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(X509 *, X509_free)

static int _printf_(2, 3) unfit(char *why, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(why, FITNESS_MAX_WHY + 1, format, ap);
	va_end(ap);
	return AT_ERR_SIGNATURE;
}

/* --- the key --- */

/* "RSA of 1024 bits", "EC secp256k1", "ED25519" */
static void describe_key(const EVP_PKEY *key, char *ret, size_t size)
{
	const char *type = EVP_PKEY_get0_type_name(key);
	char group[32];
	size_t n;

	if (EVP_PKEY_is_a(key, "EC") && EVP_PKEY_get_group_name(key, group, sizeof(group), &n) == 1)
		(void)snprintf(ret, size, "EC %s", group);
	else if (EVP_PKEY_is_a(key, "RSA"))
		(void)snprintf(ret, size, "RSA of %d bits", EVP_PKEY_get_bits(key));
	else
		(void)snprintf(ret, size, "%.32s", type ? type : "unknown");
}

static int judge_key(X509 *x, enum fitness_use use, char *why)
{
	const EVP_PKEY *key = X509_get0_pubkey(x);
	char text[48];

	if (!key)
		return unfit(why, "its key is of an unknown kind");
	describe_key(key, text, sizeof(text));
	if (use == FITNESS_ROOT)
		return EVP_PKEY_get_security_bits(key) >= ROOT_LEAST_BITS ? 0 : unfit(why, "its key is weak: %s", text);
	if (signature_fits(key, SIGNATURE_ECDSA) || signature_fits(key, SIGNATURE_RSA))
		return 0;
	return unfit(why, "its key is %s, not P-256, P-384, or RSA of 2048 to 4096", text);
}

/* --- the purpose --- */

/* What an extension does not say is no restriction: the certificates of AWS's examples are plain ones. */
static int judge_purpose(X509 *x, enum fitness_use use, char *why)
{
	uint32_t flags = X509_get_extension_flags(x);

	if (flags & EXFLAG_INVALID)
		return unfit(why, "its extensions cannot be read");
	if (use == FITNESS_ROOT)
		return X509_check_ca(x) == 1 ? 0 : unfit(why, "it is no CA certificate");
	if ((flags & EXFLAG_KUSAGE) && !(X509_get_key_usage(x) & KU_DIGITAL_SIGNATURE))
		return unfit(why, "its keyUsage is not for signatures");
	if ((flags & EXFLAG_XKUSAGE) && !(X509_get_extended_key_usage(x) & (XKU_CODE_SIGN | XKU_ANYEKU)))
		return unfit(why, "its extendedKeyUsage is not for code");
	return 0;
}

/* --- the dates --- */

static void describe_date(const ASN1_TIME *time, char ret[11])
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm) || strftime(ret, 11, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(ret, 11, "?");
}

static bool seconds_of(const ASN1_TIME *time, int64_t *ret)
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(time, &tm))
		return false;
	*ret = timegm(&tm);
	return true;
}

static int judge_dates(X509 *x, const struct fitness_clock *clock, char *why)
{
	int64_t begin, end;
	char date[11];

	if (!seconds_of(X509_get0_notBefore(x), &begin) || !seconds_of(X509_get0_notAfter(x), &end))
		return unfit(why, "its dates cannot be read");
	if (end <= clock->floor || (clock->sure && end <= clock->now)) {
		describe_date(X509_get0_notAfter(x), date);
		return unfit(why, "expired on %s", date);
	}
	if (clock->sure && begin > clock->now) {
		describe_date(X509_get0_notBefore(x), date);
		return unfit(why, "not valid before %s", date);
	}
	return 0;
}

/* --- all of it --- */

static int judge(X509 *x, enum fitness_use use, const struct fitness_clock *clock, char *why)
{
	int r = judge_key(x, use, why);

	if (r == 0)
		r = judge_purpose(x, use, why);
	return r == 0 ? judge_dates(x, clock, why) : r;
}

int fitness_judge(const char *pem, size_t n, enum fitness_use use, const struct fitness_clock *clock,
		  char why[FITNESS_MAX_WHY + 1])
{
	_cleanup_(BIO_free_allp) BIO *in = n <= INT_MAX ? BIO_new_mem_buf(pem, (int)n) : NULL;
	unsigned count = 0;
	int r = 0;

	if (!in)
		return -ENOMEM;
	while (r == 0) {
		_cleanup_(X509_freep) X509 *x = PEM_read_bio_X509(in, NULL, NULL, NULL);

		if (!x)
			break;
		count++;
		r = judge(x, use, clock, why);
	}
	/* See digest.c: the end of the text counts as an error, too. */
	ERR_clear_error();
	return count == 0 ? unfit(why, "no certificate") : r;
}
