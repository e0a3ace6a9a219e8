#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The TLS side of one connection: a context with our trust and our identity, and a record of what happened
 * in the handshake, so that a failure can be named. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SSL_MAX_FAILURE 64 /* bytes */

typedef struct ssl_ctx_st SSL_CTX;

struct ssl_config {
	const char *host;      /* the server's name, for SNI and the check of its certificate; or its address */
	bool host_is_address;  /* an IP address: checked against iPAddress names, no SNI */
	const char *alpn;      /* one protocol name, or NULL */
	const char *roots_pem; /* all that is trusted */
	const char *proof_pem; /* the roots of which ssl_proven() speaks */
	size_t proof_n;
	const char *certificate_pem;
	const char *key_uri;
	const char *pin;    /* or NULL */
	int64_t time_floor; /* s since 1970, surely past: an earlier clock is not set, what ended before has expired */
	bool clock_is_sure; /* somebody synchronises it */
};

struct ssl;

/* Everything is copied. AT_ERR_CONNECT never: 0, -EBADMSG (a certificate cannot be read), errors of key_load(). */
int ssl_new(struct ssl **ret, const struct ssl_config *config) _must_check_;
struct ssl *ssl_free(struct ssl *s);
DEFINE_CLEANUP(struct ssl *, ssl_free)

/* For one connection at a time; stays the property of s. */
SSL_CTX *ssl_context(struct ssl *s);

/* Forgets what happened: before the next attempt with the same context. */
void ssl_restart(struct ssl *s);

/* The connection has ended before the login: reads what the peer said last. The alert that explains the end may lie
 * unread behind a write that failed first. */
void ssl_last_word(struct ssl *s);

/* The login has succeeded: nothing more is kept for ssl_last_word(). */
void ssl_release(struct ssl *s);

/* At least one byte came from the peer or was taken by it: TCP was up. */
bool ssl_heard(const struct ssl *s);

/* The handshake is complete on our side. With TLS 1.3 our certificate may still be refused. */
bool ssl_established(const struct ssl *s);

/* "TLSv1.3 TLS_AES_256_GCM_SHA384" of the handshake that is complete; "": none. */
const char *ssl_suite(const struct ssl *s);

/* What went wrong, in at most SSL_MAX_FAILURE bytes: a hint where to look, or "TLS failed: " and OpenSSL's reason.
 * NULL: nothing seen. */
const char *ssl_failure(const struct ssl *s);

/* The server's certificate is not valid yet, by a clock that is not set or that nobody synchronises. */
bool ssl_clock_behind(const struct ssl *s);

/* The server was verified by one of the roots in proof_pem. */
bool ssl_proven(const struct ssl *s);
