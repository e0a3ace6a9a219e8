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
};

void parties_init(struct parties *p);
void parties_done(struct parties *p);

/* Shows this certificate, speaks this version only, and wants a certificate of whom it trusts. */
SSL_CTX *parties_server(const struct parties *p, const struct pki *shown, int version);
