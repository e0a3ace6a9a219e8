/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cork.h"

#include "util/buf.h"

#include <errno.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdlib.h>

#define CORK_LIMIT (64 * 1024)
#define CORK_TYPE  (BIO_TYPE_FILTER | 0x7f) /* only a label: none of OpenSSL's own */

struct cork {
	BIO_METHOD *method;
	BIO *bio; /* of the connection; NULL: none */
	struct buf out;
	bool corked;
};

void cork_flush(struct cork *c)
{
	BIO *next = c->bio ? BIO_next(c->bio) : NULL;

	while (next && buf_used(&c->out) > 0) {
		int n = BIO_write(next, buf_head(&c->out), (int)buf_used(&c->out));

		if (n > 0) {
			buf_consume(&c->out, (size_t)n);
			continue;
		}
		/* A broken connection is found out by whoever reads from it. */
		if (!BIO_should_retry(next))
			buf_clear(&c->out);
		return;
	}
}

static int on_write(BIO *bio, const char *data, int n)
{
	struct cork *c = BIO_get_data(bio);
	int k;

	BIO_clear_retry_flags(bio);
	if (n <= 0)
		return 0;
	if (!c->corked && buf_used(&c->out) == 0) {
		k = BIO_write(BIO_next(bio), data, n);
		BIO_copy_next_retry(bio);
		return k;
	}
	if (buf_room(&c->out) < (size_t)n)
		cork_flush(c);
	if (buf_append(&c->out, data, (size_t)n) < 0) {
		BIO_set_retry_write(bio);
		return -1;
	}
	if (!c->corked)
		cork_flush(c);
	return n;
}

static long on_ctrl(BIO *bio, int command, long number, void *pointer)
{
	if (command == BIO_CTRL_FLUSH && !((struct cork *)BIO_get_data(bio))->corked)
		cork_flush(BIO_get_data(bio));
	return BIO_next(bio) ? BIO_ctrl(BIO_next(bio), command, number, pointer) : 0;
}

static int on_create(BIO *bio)
{
	BIO_set_init(bio, 1);
	return 1;
}

static int on_destroy(BIO *bio)
{
	struct cork *c = BIO_get_data(bio);

	if (c && c->bio == bio)
		c->bio = NULL;
	return 1;
}

int cork_new(struct cork **ret)
{
	_cleanup_(cork_freep) struct cork *c = NULL;

	c = calloc(1, sizeof(*c));
	if (!c)
		return -ENOMEM;
	buf_init(&c->out, CORK_LIMIT);
	c->method = BIO_meth_new(CORK_TYPE, "cork");
	if (!c->method || BIO_meth_set_write(c->method, on_write) != 1 || BIO_meth_set_ctrl(c->method, on_ctrl) != 1 ||
	    BIO_meth_set_create(c->method, on_create) != 1 || BIO_meth_set_destroy(c->method, on_destroy) != 1)
		return -ENOMEM;
	*ret = TAKE_PTR(c);
	return 0;
}

struct cork *cork_free(struct cork *c)
{
	if (!c)
		return NULL;
	BIO_meth_free(c->method);
	buf_done(&c->out);
	free(c);
	return NULL;
}

int cork_install(struct cork *c, SSL *connection)
{
	BIO *socket = SSL_get_wbio(connection), *bio;

	buf_clear(&c->out);
	c->corked = false;
	bio = BIO_new(c->method);
	if (!bio)
		return -ENOMEM;
	BIO_set_data(bio, c);
	c->bio = bio;

	/* Reading goes on past us; the socket now has two users. */
	if (BIO_up_ref(socket) != 1) {
		BIO_free(bio);
		return -ENOMEM;
	}
	SSL_set0_wbio(connection, BIO_push(bio, socket));
	return 0;
}

void cork_set(struct cork *c, bool corked)
{
	if (!c->bio)
		return;
	c->corked = corked;
	if (!corked)
		cork_flush(c);
}

bool cork_pending(const struct cork *c)
{
	return c->bio && !c->corked && buf_used(&c->out) > 0;
}
