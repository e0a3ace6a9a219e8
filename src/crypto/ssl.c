/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/ssl.h"

#include "crypto/key.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct ssl {
	SSL_CTX *ctx;
	char *server_name; /* for SNI; NULL: none */
	STACK_OF(X509) *proof;
	SSL *connection; /* ours too, until the login: the MQTT library drops its own at the first error */
	int fd;          /* a second descriptor of its socket, for the same reason */
	bool heard;
	bool established;
	bool proven;
	time_t floor;
	bool clock_is_sure;
	bool clock_behind;
	const char *failure;
	char reason[SSL_MAX_FAILURE + 1]; /* what failure points to, if it is no text of ours */
	char suite[64];
};

/* Strictly what the file says: no terminal prompt for a passphrase. */
static int no_passphrase(char *text, int size, int writing, void *userdata)
{
	(void)text;
	(void)size;
	(void)writing;
	(void)userdata;
	return -1;
}

struct ssl *ssl_free(struct ssl *s)
{
	if (!s)
		return NULL;
	ssl_release(s);
	SSL_CTX_free(s->ctx);
	sk_X509_pop_free(s->proof, X509_free);
	free(s->server_name);
	free(s);
	return NULL;
}

SSL_CTX *ssl_context(struct ssl *s)
{
	return s->ctx;
}

void ssl_release(struct ssl *s)
{
	SSL_free(s->connection);
	s->connection = NULL;
	if (s->fd >= 0)
		(void)close(s->fd);
	s->fd = -1;
}

void ssl_restart(struct ssl *s)
{
	ssl_release(s);
	s->heard = false;
	s->established = false;
	s->proven = false;
	s->clock_behind = false;
	s->failure = NULL;
	s->suite[0] = '\0';
}

void ssl_last_word(struct ssl *s)
{
	char byte;

	if (!s->connection)
		return;
	s->heard =
		BIO_number_read(SSL_get_rbio(s->connection)) > 0 || BIO_number_written(SSL_get_wbio(s->connection)) > 0;
	ERR_clear_error();
	if (s->heard && s->fd >= 0 && SSL_set_fd(s->connection, s->fd) == 1)
		(void)SSL_read(s->connection, &byte, 1);
	ERR_clear_error();
	ssl_release(s);
}

bool ssl_heard(const struct ssl *s)
{
	return s->heard;
}

bool ssl_established(const struct ssl *s)
{
	return s->established;
}

const char *ssl_suite(const struct ssl *s)
{
	return s->suite;
}

const char *ssl_failure(const struct ssl *s)
{
	return s->failure;
}

bool ssl_clock_behind(const struct ssl *s)
{
	return s->clock_behind;
}

bool ssl_proven(const struct ssl *s)
{
	return s->proven;
}

static void ssl_fail(struct ssl *s, const char *text)
{
	if (!s->failure)
		s->failure = text;
}

static const char *verify_text(int error)
{
	switch (error) {
	case X509_V_ERR_CERT_NOT_YET_VALID:
		return "Server certificate not yet valid: check clock";
	case X509_V_ERR_CERT_HAS_EXPIRED:
		return "Server certificate expired";
	case X509_V_ERR_HOSTNAME_MISMATCH:
	case X509_V_ERR_IP_ADDRESS_MISMATCH:
		return "Server certificate is for another name: check Endpoint";
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT:
	case X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_UNABLE_TO_VERIFY_LEAF_SIGNATURE:
		return "Server certificate not trusted: check RootCA";
	case X509_V_ERR_INVALID_PURPOSE:
		return "Server certificate is not for servers";
	default:
		return X509_verify_cert_error_string(error);
	}
}

static struct ssl *ssl_of(const SSL *connection)
{
	return SSL_CTX_get_app_data(SSL_get_SSL_CTX(connection));
}

/* Not with X509_cmp_time(): the library's time_t may be narrower than ours. */
static bool ends_by(const X509 *x, time_t floor)
{
	struct tm end;

	return ASN1_TIME_to_tm(X509_get0_notAfter(x), &end) == 1 && timegm(&end) <= floor;
}

static int on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *connection = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());
	struct ssl *s = ssl_of(connection);
	X509 *x = X509_STORE_CTX_get_current_cert(store);

	if (ok && x && ends_by(x, s->floor)) {
		X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_HAS_EXPIRED);
		ok = 0;
	}
	if (ok)
		return 1;
	if (X509_STORE_CTX_get_error(store) == X509_V_ERR_CERT_NOT_YET_VALID &&
	    (time(NULL) < s->floor || !s->clock_is_sure)) {
		s->clock_behind = true;
		ssl_fail(s, "Clock not set: check time synchronisation");
	}
	ssl_fail(s, verify_text(X509_STORE_CTX_get_error(store)));
	return 0;
}

static const char *alert_text(int description)
{
	switch (description) {
	case SSL_AD_UNKNOWN_CA:
	case SSL_AD_BAD_CERTIFICATE:
	case SSL_AD_CERTIFICATE_UNKNOWN:
	case SSL_AD_UNSUPPORTED_CERTIFICATE:
	case SSL_AD_ACCESS_DENIED:
	case SSL_AD_DECRYPT_ERROR:
		return "Our certificate was refused: check its registration";
	case SSL_AD_CERTIFICATE_EXPIRED:
		return "Our certificate has expired, says the server";
	case SSL_AD_CERTIFICATE_REVOKED:
		return "Our certificate is revoked, says the server";
	case SSL_AD_HANDSHAKE_FAILURE:
		return "Server refused the handshake: check Certificate";
	case SSL_AD_PROTOCOL_VERSION:
		return "Server does not speak TLS 1.2 or later";
	case SSL_AD_UNRECOGNIZED_NAME:
		return "Server does not know this name: check Endpoint";
	case TLS1_AD_NO_APPLICATION_PROTOCOL:
		return "Server refused ALPN: check the port of Endpoint";
	default:
		return "Server ended TLS with an alert";
	}
}

static void ssl_finish(struct ssl *s, const SSL *connection)
{
	STACK_OF(X509) *chain = SSL_get0_verified_chain(connection);
	X509 *root = chain ? sk_X509_value(chain, sk_X509_num(chain) - 1) : NULL;

	s->established = true;
	(void)snprintf(s->suite, sizeof(s->suite), "%s %s", SSL_get_version(connection),
		       SSL_get_cipher_name(connection));
	for (int i = 0; root && i < sk_X509_num(s->proof); i++)
		s->proven = s->proven || X509_cmp(sk_X509_value(s->proof, i), root) == 0;
}

/* The MQTT library is given the numeric address and would send that as SNI. Here, before the ClientHello is built, the
 * name is put right. */
static void ssl_begin(struct ssl *s, SSL *connection)
{
	(void)SSL_set_tlsext_host_name(connection, s->server_name);
	if (s->connection || SSL_up_ref(connection) != 1)
		return;
	s->connection = connection;
	s->fd = fcntl(SSL_get_fd(connection), F_DUPFD_CLOEXEC, 3);
}

static bool is_of_tls(unsigned long error)
{
	return ERR_GET_LIB(error) == ERR_LIB_SSL && !(ERR_GET_REASON(error) & ERR_RFLAG_COMMON);
}

/* The oldest error is the cause, unless it lies below TLS and TLS has a word for it. OpenSSL 3.2 and later put a second
 * one of TLS upon the first, which says less. 0: none. */
static unsigned long cause(void)
{
	unsigned long oldest = ERR_peek_error(), newest = ERR_peek_last_error();

	return !is_of_tls(oldest) && is_of_tls(newest) ? newest : oldest;
}

static const char *tls_text(int reason)
{
	switch (reason) {
	case SSL_R_WRONG_VERSION_NUMBER:
		return "Server does not speak TLS: check Endpoint and its port";
	case SSL_R_UNSUPPORTED_PROTOCOL:
	case SSL_R_VERSION_TOO_LOW:
	case SSL_R_WRONG_SSL_VERSION:
		return alert_text(SSL_AD_PROTOCOL_VERSION);
	default:
		return NULL;
	}
}

/* It was us who found fault; the queue of errors says with what. */
static void ssl_fail_here(struct ssl *s)
{
	unsigned long error = cause();
	const char *reason =
		ERR_reason_error_string(error); /* none for an error of the system: that is the network's */
	const char *text = is_of_tls(error) ? tls_text(ERR_GET_REASON(error)) : NULL;

	if (s->failure || !reason)
		return;
	if (is_of_tls(error) && ERR_GET_REASON(error) == SSL_R_UNEXPECTED_EOF_WHILE_READING)
		return;
	if (!text) {
		(void)snprintf(s->reason, sizeof(s->reason), "TLS failed: %s", reason);
		text = s->reason;
	}
	ssl_fail(s, text);
}

static void on_info(const SSL *connection, int where, int value)
{
	struct ssl *s = ssl_of(connection);

	/* The callback's type says const, the connection is ours. */
	if ((where & SSL_CB_HANDSHAKE_START) && !s->established)
		ssl_begin(s, (SSL *)(uintptr_t)connection);
	if ((where & SSL_CB_HANDSHAKE_DONE) && !s->established)
		ssl_finish(s, connection);
	if ((where & SSL_CB_READ_ALERT) == SSL_CB_READ_ALERT && (value & 0xff) != SSL_AD_CLOSE_NOTIFY)
		ssl_fail(s, alert_text(value & 0xff));

	/* Some failures are told to the server, behind the handshake as well; some only end it. */
	if ((where & SSL_CB_WRITE_ALERT) == SSL_CB_WRITE_ALERT && value >> 8 == SSL3_AL_FATAL)
		ssl_fail_here(s);
	if (where == SSL_CB_CONNECT_EXIT && value < 0)
		ssl_fail_here(s);
}

/* Every certificate of a PEM text; NULL if there is none. */
static STACK_OF(X509) *read_certificates(const char *pem, size_t n)
{
	STACK_OF(X509) *all = sk_X509_new_null();
	BIO *bio = BIO_new_mem_buf(pem, (int)n);
	X509 *x;

	while (all && bio && (x = PEM_read_bio_X509(bio, NULL, no_passphrase, NULL)) != NULL) {
		if (!sk_X509_push(all, x)) {
			X509_free(x);
			break;
		}
	}
	ERR_clear_error(); /* the end of the text is reported as an error */
	BIO_free(bio);
	if (all && sk_X509_num(all) == 0) {
		sk_X509_free(all);
		return NULL;
	}
	return all;
}

static int ssl_trust(struct ssl *s, const struct ssl_config *config)
{
	X509_STORE *store = SSL_CTX_get_cert_store(s->ctx);
	STACK_OF(X509) *roots;
	int r = 0;

	roots = read_certificates(config->roots_pem, strlen(config->roots_pem));
	if (!roots)
		return -EBADMSG;
	for (int i = 0; i < sk_X509_num(roots) && r == 0; i++)
		r = X509_STORE_add_cert(store, sk_X509_value(roots, i)) == 1 ? 0 : -ENOMEM;
	/* Mostly they are the same. */
	if (strlen(config->roots_pem) == config->proof_n &&
	    memcmp(config->roots_pem, config->proof_pem, config->proof_n) == 0) {
		s->proof = roots;
	} else {
		s->proof = read_certificates(config->proof_pem, config->proof_n);
		sk_X509_pop_free(roots, X509_free);
	}

	/* A root may be an intermediate that the user chose to trust. */
	(void)X509_STORE_set_flags(store, X509_V_FLAG_PARTIAL_CHAIN);
	return r;
}

static int ssl_identity(struct ssl *s, const struct ssl_config *config)
{
	STACK_OF(X509) *chain;
	EVP_PKEY *key = NULL;
	int r;

	chain = read_certificates(config->certificate_pem, strlen(config->certificate_pem));
	if (!chain)
		return -EBADMSG;
	r = key_load(config->key_uri, config->pin, &key);
	if (r == 0 && SSL_CTX_use_cert_and_key(s->ctx, sk_X509_value(chain, 0), key, NULL, 1) != 1)
		r = -EKEYREJECTED;
	EVP_PKEY_free(key);
	sk_X509_pop_free(chain, X509_free);
	return r;
}

static int ssl_server(struct ssl *s, const struct ssl_config *config)
{
	X509_VERIFY_PARAM *param = SSL_CTX_get0_param(s->ctx);
	unsigned char alpn[256];
	size_t n;

	X509_VERIFY_PARAM_set_hostflags(param, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	if (config->host_is_address) {
		if (X509_VERIFY_PARAM_set1_ip_asc(param, config->host) != 1)
			return -EINVAL;
	} else {
		if (X509_VERIFY_PARAM_set1_host(param, config->host, 0) != 1)
			return -EINVAL;
		s->server_name = strdup(config->host);
		if (!s->server_name)
			return -ENOMEM;
	}
	if (config->alpn) {
		n = strlen(config->alpn);
		if (n > sizeof(alpn) - 1)
			return -EINVAL;
		alpn[0] = (unsigned char)n;
		memcpy(alpn + 1, config->alpn, n);
		if (SSL_CTX_set_alpn_protos(s->ctx, alpn, (unsigned)n + 1) != 0)
			return -ENOMEM;
	}
	return 0;
}

int ssl_new(struct ssl **ret, const struct ssl_config *config)
{
	_cleanup_(ssl_freep) struct ssl *s = NULL;
	int r;

	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->fd = -1;
	s->floor = config->time_floor;
	s->clock_is_sure = config->clock_is_sure;
	s->ctx = SSL_CTX_new(TLS_client_method());
	if (!s->ctx || SSL_CTX_set_min_proto_version(s->ctx, TLS1_2_VERSION) != 1)
		return -ENOMEM;
	(void)SSL_CTX_set_app_data(s->ctx, s);
	SSL_CTX_set_info_callback(s->ctx, on_info);
	SSL_CTX_set_verify(s->ctx, SSL_VERIFY_PEER, on_verify);

	/* AWS IoT knows no session tickets. The library gives a partly written packet again from where it stopped,
	 * maybe at another address. */
	(void)SSL_CTX_set_options(s->ctx, SSL_OP_NO_TICKET | SSL_OP_NO_RENEGOTIATION);
	(void)SSL_CTX_set_session_cache_mode(s->ctx, SSL_SESS_CACHE_OFF);
	(void)SSL_CTX_set_mode(s->ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
	r = ssl_trust(s, config);
	if (r == 0)
		r = ssl_identity(s, config);
	if (r == 0)
		r = ssl_server(s, config);
	if (r) {
		ERR_clear_error(); /* or the next connection would find its own in the queue */
		return r;
	}
	*ret = TAKE_PTR(s);
	return 0;
}
