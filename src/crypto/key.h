#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The module's private key: a PEM file, or a URI of an OpenSSL 3 store (pkcs11:, handle:). It is never copied
 * anywhere else and never logged. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

typedef struct evp_pkey_st EVP_PKEY;

/* uri: a path (absolute, no scheme) or a URI. pin: NULL, or the token's PIN. ret: EVP_PKEY_free() it.
 * 0; -ENOENT, -EACCES: no such file; -EBADMSG: no private key in it; -ENOTSUP: no provider for this scheme. */
int key_load(const char *uri, const char *pin, EVP_PKEY **ret) _must_check_;

/* Does this private key belong to the certificate? 0, -EKEYREJECTED, or as above. */
int key_matches_cert(const char *uri, const char *pin, const char *cert_pem, size_t n) _must_check_;
