/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

struct digest {
	EVP_MD *type; /* fetched once: the library looks it up at every start otherwise */
	EVP_MD_CTX *ctx, *copy;
};

/* Errors that stay in OpenSSL's queue would be taken for those of the next TLS call. */
static int result(int good)
{
	ERR_clear_error();
	return good == 1 ? 0 : -ENOMEM;
}

int digest_new(struct digest **ret)
{
	_cleanup_(digest_freep) struct digest *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return -ENOMEM;
	d->type = EVP_MD_fetch(NULL, "SHA256", NULL);
	d->ctx = EVP_MD_CTX_new();
	d->copy = EVP_MD_CTX_new();
	if (!d->type || !d->ctx || !d->copy)
		return result(0);
	r = digest_restart(d);
	if (r < 0)
		return r;
	*ret = TAKE_PTR(d);
	return 0;
}

struct digest *digest_free(struct digest *d)
{
	if (!d)
		return NULL;
	EVP_MD_CTX_free(d->ctx);
	EVP_MD_CTX_free(d->copy);
	EVP_MD_free(d->type);
	free(d);
	return NULL;
}

int digest_restart(struct digest *d)
{
	return result(EVP_DigestInit_ex(d->ctx, d->type, NULL));
}

int digest_add(struct digest *d, const void *data, size_t n)
{
	return result(EVP_DigestUpdate(d->ctx, data, n));
}

int digest_ahead(struct digest *d, const void *data, size_t n, unsigned char ret[DIGEST_SIZE])
{
	return result(EVP_MD_CTX_copy_ex(d->copy, d->ctx) == 1 && EVP_DigestUpdate(d->copy, data, n) == 1 &&
		      EVP_DigestFinal_ex(d->copy, ret, NULL) == 1);
}

int digest_finish(struct digest *d, unsigned char ret[DIGEST_SIZE])
{
	unsigned char value[DIGEST_SIZE];
	int r = result(EVP_DigestFinal_ex(d->ctx, value, NULL));

	if (r == 0)
		r = digest_restart(d);
	if (r == 0)
		memcpy(ret, value, DIGEST_SIZE);
	return r;
}

int digest_bytes(const void *data, size_t n, unsigned char ret[DIGEST_SIZE])
{
	_cleanup_(digest_freep) struct digest *d = NULL;
	int r = digest_new(&d);

	if (r == 0)
		r = digest_add(d, data, n);
	return r == 0 ? digest_finish(d, ret) : r;
}
