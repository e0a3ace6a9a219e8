#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Who takes part in a TLS connection: a module with its identity, and servers for it. */

#include "crypto/ssl.h"
#include "fake/pki.h"

#include <openssl/ssl.h>

struct parties {
	char *dir;                     /* has device.key */
	struct pki *root, *other_root; /* of servers; the module trusts the first one */
	struct pki *vendor, *device;   /* of the module: its CA, itself */
	const struct pki *trusted;     /* whose certificates servers want: the vendor's */
	struct ssl_config config;      /* of the module, for the server "localhost" */
	char seen_peer[64];            /* whose certificate the server of parties_talk() got */
};

/* More turns than any handshake needs. */
#define PARTIES_ROUNDS 20

void parties_init(struct parties *p);
void parties_done(struct parties *p);

/* Shows this certificate, speaks this version only, and wants a certificate of whom it trusts. */
SSL_CTX *parties_server(const struct parties *p, const struct pki *shown, int version);

/* Joins both in memory. What is written to the BIO that this returns, the client reads behind what the server says. */
BIO *parties_join(SSL *client, SSL *server);

/* Both sides take turns until nothing can come any more. */
void parties_turns(SSL *client, SSL *server);

/* A connection of the module's, from its beginning to its end. */
void parties_talk(struct parties *p, struct ssl *s, SSL_CTX *server_ctx);
