/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/handshake.h"

#include "crypto/name.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct handshake {
	struct ssl *s;
	SSL *connection;
	int result;    /* of the last step */
	bool accepted; /* the server has answered our last message */
	size_t shown, count;
	struct handshake_certificate certificates[HANDSHAKE_MAX_CERTIFICATES];
};

static void describe_name(const X509_NAME *name, char ret[HANDSHAKE_MAX_NAME + 1])
{
	if (name_text(name, ret, HANDSHAKE_MAX_NAME + 1) < 0 || !ret[0])
		(void)snprintf(ret, HANDSHAKE_MAX_NAME + 1, "?");
}

static void describe_date(const ASN1_TIME *date, char ret[11])
{
	struct tm tm;

	if (!ASN1_TIME_to_tm(date, &tm) || strftime(ret, 11, "%Y-%m-%d", &tm) == 0)
		(void)snprintf(ret, 11, "?");
}

static void handshake_note(struct handshake *h, const STACK_OF(X509) *chain)
{
	int n = sk_X509_num(chain);

	h->shown = n > 0 ? (size_t)n : 0;
	h->count = h->shown < HANDSHAKE_MAX_CERTIFICATES ? h->shown : HANDSHAKE_MAX_CERTIFICATES;
	for (size_t i = 0; i < h->count; i++) {
		const X509 *x = sk_X509_value(chain, (int)i);
		struct handshake_certificate *c = &h->certificates[i];

		describe_name(X509_get_subject_name(x), c->subject);
		describe_name(X509_get_issuer_name(x), c->issuer);
		describe_date(X509_get0_notBefore(x), c->not_before);
		describe_date(X509_get0_notAfter(x), c->not_after);
	}
	ERR_clear_error(); /* of what could not be read; the handshake goes on */
}

/* Here, because a chain that is refused is not kept. The verdict is that of ssl.c. */
static int on_verify(int ok, X509_STORE_CTX *store)
{
	const SSL *connection = X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx());

	struct handshake *h = SSL_get_app_data(connection);

	if (h->shown == 0)
		handshake_note(h, X509_STORE_CTX_get0_untrusted(store));
	return SSL_CTX_get_verify_callback(SSL_get_SSL_CTX(connection))(ok, store);
}

/* A ticket is sent by a server that is through with our certificate (RFC 8446, 4.6.1). */
static void on_message(int sent, int version, int type, const void *bytes, size_t n, SSL *connection, void *userdata)
{
	struct handshake *h = userdata;

	(void)sent; /* only servers do */
	(void)version;
	(void)connection;
	if (type == SSL3_RT_HANDSHAKE && n > 0 && *(const unsigned char *)bytes == SSL3_MT_NEWSESSION_TICKET)
		h->accepted = true;
}

static int handshake_result(struct handshake *h, int rc)
{
	switch (SSL_get_error(h->connection, rc)) {
	case SSL_ERROR_WANT_READ:
	case SSL_ERROR_WANT_WRITE:
		return -EAGAIN;
	case SSL_ERROR_SSL:
		return ERR_GET_REASON(ERR_peek_error()) == SSL_R_UNEXPECTED_EOF_WHILE_READING ? -ECONNRESET : -EPROTO;
	default:
		return -ECONNRESET;
	}
}

int handshake_step(struct handshake *h)
{
	int rc;

	if (h->result != -EAGAIN)
		return h->result;
	ERR_clear_error();
	rc = SSL_do_handshake(h->connection);
	h->result = rc == 1 ? 0 : handshake_result(h, rc);
	ERR_clear_error();
	if (h->result == 0 && SSL_version(h->connection) < TLS1_3_VERSION)
		h->accepted = true;
	return h->result;
}

int handshake_confirm(struct handshake *h)
{
	char bytes[4096];
	int rc, r;

	if (h->result != 0 || h->accepted)
		return h->result;
	ERR_clear_error();
	rc = SSL_read(h->connection, bytes, sizeof(bytes));
	r = rc > 0 ? -EAGAIN : handshake_result(h, rc);
	ERR_clear_error();
	if (h->accepted)
		return 0;
	if (r != -EAGAIN)
		h->result = r;
	return r;
}

bool handshake_wants_write(const struct handshake *h)
{
	return SSL_want_write(h->connection);
}

static void describe_alpn(const SSL *connection, char ret[HANDSHAKE_MAX_ALPN + 1])
{
	const unsigned char *alpn;
	unsigned i, n;

	SSL_get0_alpn_selected(connection, &alpn, &n);
	for (i = 0; i < n && i < HANDSHAKE_MAX_ALPN; i++)
		ret[i] = (char)(alpn[i] > ' ' && alpn[i] < 0x7f ? alpn[i] : '?');
	ret[i] = '\0';
}

void handshake_describe(const struct handshake *h, struct handshake_view *ret)
{
	*ret = (struct handshake_view){
		.shown = h->shown,
		.count = h->count,
	};
	memcpy(ret->certificates, h->certificates, sizeof(ret->certificates));
	describe_alpn(h->connection, ret->alpn);
}

int handshake_new(struct handshake **ret, struct ssl *s, int fd)
{
	_cleanup_(handshake_freep) struct handshake *h = NULL;

	h = calloc(1, sizeof(*h));
	if (!h)
		return -ENOMEM;
	h->s = s;
	h->result = -EAGAIN;
	h->connection = SSL_new(ssl_context(s));
	if (!h->connection || SSL_set_fd(h->connection, fd) != 1) {
		ERR_clear_error();
		return -ENOMEM;
	}
	SSL_set_connect_state(h->connection);
	(void)SSL_set_app_data(h->connection, h);
	SSL_set_verify(h->connection, SSL_VERIFY_PEER, on_verify);
	SSL_set_msg_callback(h->connection, on_message);
	SSL_set_msg_callback_arg(h->connection, h);

	/* One message for each call, however fast they come. */
	(void)SSL_clear_mode(h->connection, SSL_MODE_AUTO_RETRY);
	*ret = TAKE_PTR(h);
	return 0;
}

struct handshake *handshake_free(struct handshake *h)
{
	if (!h)
		return NULL;
	if (h->connection && h->result == 0)
		(void)SSL_shutdown(h->connection);
	ERR_clear_error();
	ssl_release(h->s); /* it has kept the connection, which knows of us */
	SSL_free(h->connection);
	free(h);
	return NULL;
}
