/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/cork.h"

#include "util/buf.h"

#include <errno.h>
#include <linux/sock_diag.h>
#include <openssl/bio.h>
#include <openssl/ssl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>

#define CORK_LIMIT (64 * 1024)
#define CORK_TYPE  (BIO_TYPE_FILTER | 0x7f) /* only a label: none of OpenSSL's own */

struct cork {
	BIO_METHOD *method;
	BIO *bio; /* of the connection; NULL: none */
	struct buf out;
	size_t room; /* of the socket, when corked first met a write */
	bool measured;
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

/* How much the socket is sure to take now. Half of it goes to what the kernel keeps beside the bytes. */
static size_t socket_room(BIO *socket)
{
	uint32_t info[SK_MEMINFO_VARS] = { 0 };
	socklen_t size = sizeof(info);
	size_t size_now, queued;
	int fd = -1;

	(void)BIO_get_fd(socket, &fd);
	if (getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &size) < 0)
		return CORK_LIMIT;
	size_now = info[SK_MEMINFO_SNDBUF];
	queued = info[SK_MEMINFO_WMEM_QUEUED];
	if (queued >= size_now)
		return 0;
	return (size_now - queued) / 2 < CORK_LIMIT ? (size_now - queued) / 2 : CORK_LIMIT;
}

static bool has_room(struct cork *c, BIO *socket, size_t n)
{
	if (!c->measured)
		c->room = socket_room(socket);
	c->measured = true;
	return buf_used(&c->out) + n <= c->room;
}

static int on_write(BIO *bio, const char *data, int n)
{
	struct cork *c = BIO_get_data(bio);
	int k;

	BIO_clear_retry_flags(bio);
	if (n <= 0)
		return 0;
	if (c->corked && has_room(c, BIO_next(bio), (size_t)n) && buf_append(&c->out, data, (size_t)n) == 0)
		return n;
	cork_flush(c);
	c->measured = false;
	if (buf_used(&c->out) > 0) {
		BIO_set_retry_write(bio);
		return -1;
	}
	k = BIO_write(BIO_next(bio), data, n);
	BIO_copy_next_retry(bio);
	return k;
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
	c->measured = false;
	if (!corked)
		cork_flush(c);
}

bool cork_pending(const struct cork *c)
{
	return c->bio && !c->corked && buf_used(&c->out) > 0;
}
