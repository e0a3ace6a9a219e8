/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/key.h"

#include "util/file.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/provider.h>
#include <openssl/store.h>
#include <openssl/ui.h>
#include <openssl/x509.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE (64 * 1024)

DEFINE_CLEANUP(BIO *, BIO_free_all)
DEFINE_CLEANUP(EVP_PKEY *, EVP_PKEY_free)
DEFINE_CLEANUP(X509 *, X509_free)

static inline void store_closep(OSSL_STORE_CTX **store)
{
	if (*store)
		(void)OSSL_STORE_close(*store);
}

static inline void ui_freep(UI_METHOD **method)
{
	UI_destroy_method(*method);
}

/* In OpenSSL's place it would ask on the terminal. */
static int give_pin(char *ret, int size, _unused_ int writing, void *userdata)
{
	const char *pin = userdata;
	size_t n = pin ? strlen(pin) : 0;

	if (!pin || size < 0 || n > (size_t)size)
		return -1;
	memcpy(ret, pin, n);
	return (int)n;
}

static void *pin_data(const char *pin)
{
	union {
		const char *in;
		void *out;
	} u = { pin };

	return u.out;
}

/* A plain PKCS #8 key, decoded as the kind it says it is. PEM_read_bio_PrivateKey() would set up decoders for every
 * kind and form there is, which takes four times as long and is most of a start. NULL: something else. */
static EVP_PKEY *read_plain(BIO *in)
{
	char *name = NULL, *header = NULL;
	PKCS8_PRIV_KEY_INFO *info;
	const ASN1_OBJECT *kind;
	unsigned char *der = NULL;
	const unsigned char *p;
	EVP_PKEY *key = NULL;
	long n = 0;

	if (PEM_read_bio(in, &name, &header, &der, &n) == 1 && strcmp(name, PEM_STRING_PKCS8INF) == 0) {
		p = der;
		info = d2i_PKCS8_PRIV_KEY_INFO(NULL, &p, n);
		p = der;
		if (info && PKCS8_pkey_get0(&kind, NULL, NULL, NULL, info) == 1)
			key = d2i_PrivateKey(OBJ_obj2nid(kind), NULL, &p, n);
		PKCS8_PRIV_KEY_INFO_free(info);
	}
	OPENSSL_clear_free(der, (size_t)n);
	OPENSSL_free(name);
	OPENSSL_free(header);
	return key;
}

static int load_file(const char *path, const char *pin, EVP_PKEY **ret)
{
	_cleanup_(BIO_free_allp) BIO *in = NULL;
	EVP_PKEY *key = NULL;
	char *data;
	size_t n;
	int r;

	r = file_read(path, MAX_FILE, &data, &n);
	if (r < 0)
		return r == -EFBIG ? -EBADMSG : r;
	in = BIO_new_mem_buf(data, (int)n);
	if (in)
		key = read_plain(in);
	if (in && !key && BIO_reset(in) == 1)
		key = PEM_read_bio_PrivateKey(in, NULL, give_pin, pin_data(pin));
	r = key ? 0 : in ? -EBADMSG : -ENOMEM;
	explicit_bzero(data, n);
	free(data);
	if (r == 0)
		*ret = key;
	return r;
}

/* Providers that openssl.cnf need not name, by the scheme that they serve. */
static void load_provider(const char *uri)
{
	static const char *const providers[][2] = {
		{ "pkcs11:", "pkcs11" },
		{ "handle:", "tpm2" },
	};

	for (size_t i = 0; i < ELEMENTS(providers); i++) {
		if (strncmp(uri, providers[i][0], strlen(providers[i][0])) != 0)
			continue;
		if (!OSSL_PROVIDER_available(NULL, providers[i][1]))
			(void)OSSL_PROVIDER_try_load(NULL, providers[i][1], 1);
	}
}

/* OpenSSL takes any URI for the name of a file first; only where it is one does that error say something. */
static int open_error(const char *uri)
{
	bool is_file = strncmp(uri, "file:", 5) == 0;
	int r = -ENOTSUP;

	for (unsigned long e = ERR_get_error(); e; e = ERR_get_error()) {
		if (is_file && ERR_SYSTEM_ERROR(e) && ERR_GET_REASON(e) > 0)
			r = -ERR_GET_REASON(e);
	}
	return r;
}

static int load_uri(const char *uri, const char *pin, EVP_PKEY **ret)
{
	_cleanup_(ui_freep) UI_METHOD *ui = UI_UTIL_wrap_read_pem_callback(give_pin, 0);
	_cleanup_(store_closep) OSSL_STORE_CTX *store = NULL;
	EVP_PKEY *key = NULL;

	if (!ui)
		return -ENOMEM;
	load_provider(uri);
	store = OSSL_STORE_open(uri, ui, pin_data(pin), NULL, NULL);
	if (!store)
		return open_error(uri);
	if (!OSSL_STORE_expect(store, OSSL_STORE_INFO_PKEY))
		return -ENOTSUP;

	while (!key && !OSSL_STORE_eof(store)) {
		OSSL_STORE_INFO *info = OSSL_STORE_load(store);

		if (!info && OSSL_STORE_error(store))
			break;
		if (info && OSSL_STORE_INFO_get_type(info) == OSSL_STORE_INFO_PKEY)
			key = OSSL_STORE_INFO_get1_PKEY(info);
		OSSL_STORE_INFO_free(info);
	}
	if (!key)
		return -EBADMSG;
	*ret = key;
	return 0;
}

int key_load(const char *uri, const char *pin, EVP_PKEY **ret)
{
	int r = *uri == '/' ? load_file(uri, pin, ret) : load_uri(uri, pin, ret);

	/* What stays in OpenSSL's queue would be taken for an error of the next TLS call. */
	ERR_clear_error();
	return r;
}

int key_matches_cert(const char *uri, const char *pin, const char *cert_pem, size_t n)
{
	_cleanup_(EVP_PKEY_freep) EVP_PKEY *key = NULL;
	_cleanup_(BIO_free_allp) BIO *in = NULL;
	_cleanup_(X509_freep) X509 *cert = NULL;
	int r;

	r = key_load(uri, pin, &key);
	if (r < 0)
		return r;
	in = n <= MAX_FILE ? BIO_new_mem_buf(cert_pem, (int)n) : NULL;
	cert = in ? PEM_read_bio_X509(in, NULL, NULL, NULL) : NULL;
	r = cert && X509_check_private_key(cert, key) == 1 ? 0 : -EKEYREJECTED;
	ERR_clear_error();
	return r;
}
