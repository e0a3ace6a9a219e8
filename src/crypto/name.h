#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The names in a certificate as text for people and logs: whoever wrote it chose the bytes. */

#include "util/macro.h"

#include <openssl/x509.h>
#include <stdbool.h>
#include <stddef.h>

/* The common name in UTF-8; control characters become '?', a longer one is cut between two characters. false: there
 * is none, ret stays as it is. */
bool name_common(const X509_NAME *name, char *ret, size_t size) _must_check_;

/* The common name, or the whole name if it has none. 0 or -ENOMEM. */
int name_text(const X509_NAME *name, char *ret, size_t size) _must_check_;
