/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/parties.h"

#include "fake/temp.h"

#include <check.h>
#include <openssl/err.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

void parties_init(struct parties *p)
{
	(void)signal(SIGPIPE, SIG_IGN); /* as main() does */
	*p = (struct parties){ .dir = temp_dir(),
			       .root = pki_ca("Server CA"),
			       .other_root = pki_ca("Other CA"),
			       .vendor = pki_ca("Vendor CA") };
	p->trusted = p->vendor;
	p->device = pki_leaf("device", p->vendor);
	temp_write(p->dir, "device.key", p->device->key_pem, strlen(p->device->key_pem), 0600);
	p->config = (struct ssl_config){
		.host = "localhost",
		.roots_pem = p->root->pem,
		.proof_pem = p->root->pem,
		.proof_n = strlen(p->root->pem),
		.certificate_pem = p->device->pem,
		.key_uri = strdup(temp_path(p->dir, "device.key")),
	};
	ck_assert_ptr_nonnull(p->config.key_uri);
}

void parties_done(struct parties *p)
{
	free((char *)(uintptr_t)p->config.key_uri);
	pki_free(p->device);
	pki_free(p->vendor);
	pki_free(p->other_root);
	pki_free(p->root);
	temp_remove(p->dir);
}

SSL_CTX *parties_server(const struct parties *p, const struct pki *shown, int version)
{
	SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

	ck_assert_ptr_nonnull(ctx);
	ck_assert_int_eq(SSL_CTX_use_certificate(ctx, shown->cert), 1);
	ck_assert_int_eq(SSL_CTX_use_PrivateKey(ctx, shown->key), 1);
	ck_assert_int_eq(SSL_CTX_set_min_proto_version(ctx, version), 1);
	ck_assert_int_eq(SSL_CTX_set_max_proto_version(ctx, version), 1);
	ck_assert_int_eq(X509_STORE_add_cert(SSL_CTX_get_cert_store(ctx), p->trusted->cert), 1);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	return ctx;
}

BIO *parties_join(SSL *client, SSL *server)
{
	BIO *near, *far;

	ck_assert_int_eq(BIO_new_bio_pair(&near, 0, &far, 0), 1);
	SSL_set_bio(client, near, near);
	SSL_set_bio(server, far, far);
	SSL_set_connect_state(client);
	SSL_set_accept_state(server);
	return far;
}

void parties_turns(SSL *client, SSL *server)
{
	char byte;

	for (unsigned i = 0; i < PARTIES_ROUNDS; i++) {
		(void)SSL_do_handshake(client);
		(void)SSL_do_handshake(server);
		(void)SSL_read(client, &byte, 1);
	}
}

static void note_peer(struct parties *p, SSL *server)
{
	X509 *peer = SSL_get0_peer_certificate(server);

	p->seen_peer[0] = '\0';
	if (peer)
		(void)X509_NAME_get_text_by_NID(X509_get_subject_name(peer), NID_commonName, p->seen_peer,
						sizeof(p->seen_peer));
}

void parties_talk(struct parties *p, struct ssl *s, SSL_CTX *server_ctx)
{
	SSL *client = SSL_new(ssl_context(s)), *server = SSL_new(server_ctx);

	ck_assert_ptr_nonnull(client);
	ck_assert_ptr_nonnull(server);
	(void)parties_join(client, server);

	/* The MQTT library does this with the address that it was given. */
	ck_assert_int_eq(SSL_set_tlsext_host_name(client, "127.0.0.1"), 1);
	parties_turns(client, server);
	note_peer(p, server);
	SSL_free(client);
	SSL_free(server);
	ERR_clear_error();
}
