/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/name.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <string.h>

DEFINE_CLEANUP(BIO *, BIO_free_all)

/* Bytes of the UTF-8 character that begins so. */
static size_t character_size(unsigned char first)
{
	if (first < 0xc0)
		return 1;
	if (first < 0xe0)
		return 2;
	return first < 0xf0 ? 3 : 4;
}

/* C0, DEL, and C1, which begins with 0xc2 in UTF-8. */
static bool is_control(const unsigned char *c, size_t n)
{
	return c[0] < ' ' || c[0] == 0x7f || (n == 2 && c[0] == 0xc2 && c[1] < 0xa0);
}

static void copy_text(const unsigned char *text, size_t n, char *ret, size_t size)
{
	size_t at = 0, k;

	for (size_t i = 0; i < n; i += k) {
		bool control;

		k = character_size(text[i]);
		if (k > n - i)
			break;
		control = is_control(text + i, k);
		if (at + (control ? 1 : k) > size - 1)
			break;
		if (control) {
			ret[at++] = '?';
		} else {
			memcpy(ret + at, text + i, k);
			at += k;
		}
	}
	ret[at] = '\0';
}

bool name_common(const X509_NAME *name, char *ret, size_t size)
{
	int i = X509_NAME_get_index_by_NID(name, NID_commonName, -1);
	unsigned char *utf8 = NULL;
	int n = -1;

	if (i >= 0)
		n = ASN1_STRING_to_UTF8(&utf8, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, i)));
	if (n < 0) {
		ERR_clear_error(); /* or the TLS call that we are in would find it */
		return false;
	}
	copy_text(utf8, (size_t)n, ret, size);
	OPENSSL_free(utf8);
	return true;
}

static int whole_name(const X509_NAME *name, char *ret, size_t size)
{
	_cleanup_(BIO_free_allp) BIO *out = BIO_new(BIO_s_mem());
	char *data;
	long n;

	if (!out || X509_NAME_print_ex(out, name, 0, XN_FLAG_RFC2253) < 0) {
		ERR_clear_error();
		return -ENOMEM;
	}
	n = BIO_get_mem_data(out, &data);
	copy_text((const unsigned char *)data, n > 0 ? (size_t)n : 0, ret, size);
	return 0;
}

int name_text(const X509_NAME *name, char *ret, size_t size)
{
	return name_common(name, ret, size) ? 0 : whole_name(name, ret, size);
}
