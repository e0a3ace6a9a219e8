#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and certificates that the operator names. All return 0, or the exit status after one line on stderr. */

#include "crypto/key.h"
#include "util/macro.h"

#include <stddef.h>

int load_no_memory(void);

/* Exactly one certificate in PEM form, without the text that some tools put before it. */
int load_certificate(const char *path, char **ret, size_t *ret_n) _must_check_;

/* A path is made absolute; everything else with a scheme is a URI. */
int load_key_uri(const char *key, char **ret) _must_check_;

/* The first line of a file; NULL without one. */
int load_pin(const char *path, char **ret) _must_check_;

/* What key_load() and key_matches_cert() have returned. */
int load_key_error(const char *key, int r);

int load_key(const char *key, const char *pin_file, EVP_PKEY **ret) _must_check_;
