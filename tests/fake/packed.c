/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/packed.h"

#include <check.h>
#include <string.h>

void packed_digest(const struct packed *p, unsigned char ret[DIGEST_SIZE])
{
	struct digest *d;

	ck_assert_int_eq(digest_new(&d), 0);
	ck_assert_int_eq(digest_add(d, p->payload, p->n), 0);
	ck_assert_int_eq(digest_finish(d, ret), 0);
	digest_free(d);
}

static void set(char *to, const char *text)
{
	if (text)
		strcpy(to, text);
}

void packed_make(const struct packed *p, uint8_t *ret)
{
	struct container c = { .size = p->n, .signature_n = 70 };
	unsigned char digest[DIGEST_SIZE];

	set(c.manufacturer, p->manufacturer);
	set(c.model, p->model);
	set(c.version, p->version);
	if (!p->no_digest)
		packed_digest(p, c.digest);
	ck_assert_int_eq(container_digest(&c, digest), 0);
	if (p->signer)
		ck_assert_int_eq(signature_make(p->signer->key, digest, &c.kind, c.signature, &c.signature_n), 0);
	ck_assert_int_eq(container_format(&c, ret), 0);
	memcpy(ret + CONTAINER_HEADER, p->payload, p->n);
}
