#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS side of a connection to an endpoint: this module's identity, what it trusts, what it knows of the time. */

#include "config/dict.h"
#include "config/endpoint.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "crypto/ssl.h"
#include "util/macro.h"

#define SECURE_PORT 8883 /* of an endpoint that names none */

/* endpoint: with its port. 0; errors of ssl_new() and of reading the PIN: the own key or certificate is unusable. */
int secure_new(struct ssl **ret, const struct settings *settings, const struct dict *dict, const struct epoch *epoch,
	       const struct endpoint *endpoint) _must_check_;
