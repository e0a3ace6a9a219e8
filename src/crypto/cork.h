#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Many small TLS records, one write: between cork_set(true) and cork_set(false) what a connection writes is put aside,
 * as far as the socket is sure to take it, and then handed over in one piece. Whoever was told that it is sent need not
 * fear a kill or a close: it does not stay here. */

#include "util/macro.h"

#include <stdbool.h>

typedef struct ssl_st SSL;

struct cork;

int cork_new(struct cork **ret) _must_check_;

/* After the connection that it was put into. */
struct cork *cork_free(struct cork *c);
DEFINE_CLEANUP(struct cork *, cork_free)

/* Puts itself, empty, between an established connection and its socket. One connection at a time. 0 or -ENOMEM. */
int cork_install(struct cork *c, SSL *connection) _must_check_;

/* Without a connection these do nothing. */
void cork_set(struct cork *c, bool corked);

/* Bytes were put aside that the socket did not take yet: call cork_flush() when it can be written. */
bool cork_pending(const struct cork *c);
void cork_flush(struct cork *c);
