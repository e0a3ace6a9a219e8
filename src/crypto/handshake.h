#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One TLS handshake and nothing behind it, to learn what the server shows and says. Why it fails is told by
 * ssl_failure(), in the words of every other connection. */

#include "crypto/ssl.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define HANDSHAKE_MAX_CERTIFICATES 6  /* that are described */
#define HANDSHAKE_MAX_NAME         42 /* bytes; longer ones are cut */
#define HANDSHAKE_MAX_ALPN         32

struct handshake;

struct handshake_certificate {
	char subject[HANDSHAKE_MAX_NAME + 1]; /* common name, or the whole name; no control characters */
	char issuer[HANDSHAKE_MAX_NAME + 1];
	char not_before[11]; /* 2026-11-23; "?": cannot be read */
	char not_after[11];
};

struct handshake_view {
	char alpn[HANDSHAKE_MAX_ALPN + 1]; /* "": none */

	/* As the server showed them, itself first, verified or not. */
	size_t shown;
	size_t count; /* of them described */
	struct handshake_certificate certificates[HANDSHAKE_MAX_CERTIFICATES];
};

/* s: restarted, and for this connection only; it outlives h. fd: connected, non-blocking, stays the caller's. */
int handshake_new(struct handshake **ret, struct ssl *s, int fd) _must_check_;

/* Says goodbye to the server if all went well. fd is not closed. */
struct handshake *handshake_free(struct handshake *h);
DEFINE_CLEANUP(struct handshake *, handshake_free)

/* 0: complete on our side; -EAGAIN: again when the socket is ready; -ECONNRESET: the server has closed; -EPROTO: it
 * failed otherwise, see ssl_failure(). What failed stays failed. */
int handshake_step(struct handshake *h) _must_check_;

/* After handshake_step() has returned 0: has the server accepted our certificate? Under TLS 1.3 that shows only in what
 * it says next, and there are servers that say nothing. Results as above, 0: yes. */
int handshake_confirm(struct handshake *h) _must_check_;

/* After -EAGAIN: what the socket is to be ready for. */
bool handshake_wants_write(const struct handshake *h);

void handshake_describe(const struct handshake *h, struct handshake_view *ret);
