/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/pki.h"

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DAY 86400L

#define NEED(what)                                           \
	do {                                                 \
		if (!(what)) {                               \
			fprintf(stderr, "pki: %s\n", #what); \
			ERR_print_errors_fp(stderr);         \
			abort();                             \
		}                                            \
	} while (0)

static char *take(BIO *bio)
{
	char *data, *text;
	long n = BIO_get_mem_data(bio, &data);

	NEED(n > 0);
	text = strndup(data, (size_t)n);
	NEED(text);
	BIO_free_all(bio);
	return text;
}

static char *cert_text(X509 *cert)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text;

	NEED(bio && PEM_write_bio_X509(bio, cert));
	text = take(bio);
	text[strlen(text) - 1] = '\0';
	return text;
}

static char *key_text(EVP_PKEY *key, const char *passphrase)
{
	BIO *bio = BIO_new(BIO_s_mem());
	int n = passphrase ? (int)strlen(passphrase) : 0;

	NEED(bio &&
	     PEM_write_bio_PKCS8PrivateKey(bio, key, passphrase ? EVP_aes_128_cbc() : NULL, passphrase, n, NULL, NULL));
	return take(bio);
}

static void set_serial(X509 *cert, const char *hex)
{
	BIGNUM *serial = NULL;

	if (hex) {
		NEED(BN_hex2bn(&serial, hex));
	} else {
		serial = BN_new();
		NEED(serial && BN_rand(serial, 128, BN_RAND_TOP_ONE, BN_RAND_BOTTOM_ANY));
	}
	NEED(BN_to_ASN1_INTEGER(serial, X509_get_serialNumber(cert)));
	BN_free(serial);
}

static void add_extension(X509 *cert, int nid, const char *value)
{
	X509_EXTENSION *e = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

	NEED(e && X509_add_ext(cert, e, -1));
	X509_EXTENSION_free(e);
}

static void add_padding(X509 *cert, size_t n)
{
	char *text = malloc(n + 1);

	NEED(text);
	memset(text, 'x', n);
	text[n] = '\0';
	add_extension(cert, NID_netscape_comment, text);
	free(text);
}

static void set_names(X509 *cert, const struct pki_order *o)
{
	const char *field = o->name ? "CN" : "O", *text = o->name ? o->name : "nobody";
	X509_NAME *subject = X509_get_subject_name(cert);

	NEED(X509_NAME_add_entry_by_txt(subject, field, MBSTRING_UTF8, (const unsigned char *)text, -1, -1, 0));
	if (o->issuer)
		subject = X509_get_subject_name(o->issuer->cert);
	NEED(X509_set_issuer_name(cert, subject));
}

static void set_dates(X509 *cert, bool expired, bool future)
{
	NEED(X509_gmtime_adj(X509_getm_notBefore(cert), expired ? -10 * DAY : future ? DAY : -DAY));
	NEED(X509_time_adj_ex(X509_getm_notAfter(cert), expired ? -1 : 4000, 0, NULL));
}

static EVP_PKEY *new_key(void)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");

	NEED(key);
	return key;
}

static void sign(X509 *cert, const struct pki_order *o, EVP_PKEY *own)
{
	EVP_PKEY *foreign = o->forged ? new_key() : NULL;

	NEED(X509_sign(cert,
		       foreign     ? foreign
		       : o->issuer ? o->issuer->key
				   : own,
		       o->digest ? EVP_get_digestbyname(o->digest) : EVP_sha256()));
	EVP_PKEY_free(foreign);
}

struct pki *pki_make(const struct pki_order *o)
{
	struct pki *p = calloc(1, sizeof(*p));
	X509 *cert = X509_new();

	NEED(p && cert);
	p->cert = cert;
	p->key = o->key_of ? o->key_of->key : o->key ? o->key : new_key();
	if (o->key_of)
		NEED(EVP_PKEY_up_ref(p->key));

	NEED(X509_set_version(cert, X509_VERSION_3));
	set_serial(cert, o->serial);
	set_names(cert, o);
	set_dates(cert, o->expired, o->future);
	NEED(X509_set_pubkey(cert, p->key));
	add_extension(cert, NID_basic_constraints, o->ca ? "critical,CA:TRUE" : "critical,CA:FALSE");
	if (o->names)
		add_extension(cert, NID_subject_alt_name, o->names);
	if (o->usage)
		add_extension(cert, NID_key_usage, o->usage);
	if (o->purpose)
		add_extension(cert, NID_ext_key_usage, o->purpose);
	if (o->padding)
		add_padding(cert, o->padding);
	sign(cert, o, p->key);

	p->pem = cert_text(cert);
	p->key_pem = key_text(p->key, NULL);
	return p;
}

struct pki *pki_free(struct pki *p)
{
	if (!p)
		return NULL;
	EVP_PKEY_free(p->key);
	X509_free(p->cert);
	free(p->pem);
	free(p->key_pem);
	free(p);
	return NULL;
}

struct pki *pki_ca(const char *name)
{
	return pki_make(&(struct pki_order){ .name = name, .ca = true });
}

struct pki *pki_leaf(const char *name, const struct pki *issuer)
{
	return pki_make(&(struct pki_order){ .name = name, .issuer = issuer });
}

struct pki *pki_server(const struct pki *issuer, const char *name, const char *names, bool expired)
{
	return pki_make(&(struct pki_order){ .name = name, .issuer = issuer, .names = names, .expired = expired });
}

char *pki_encrypted_key(const struct pki *p, const char *passphrase)
{
	return key_text(p->key, passphrase);
}

EVP_PKEY *pki_rsa(unsigned bits)
{
	char command[64];
	EVP_PKEY *key;
	FILE *f;

	(void)snprintf(command, sizeof(command), "openssl genrsa %u 2>/dev/null", bits);
	f = popen(command, "re");
	NEED(f);
	key = PEM_read_PrivateKey(f, NULL, NULL, NULL);
	NEED(key);
	NEED(pclose(f) == 0);
	return key;
}
