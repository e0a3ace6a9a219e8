/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/container.h"

#include "util/utf8.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* No text begins like this, and a line that changes ends of lines or drops the eighth bit is found out. */
static const unsigned char magic[8] = { 0x89, 'E', 'L', 'I', '\r', '\n', 0x1a, '\n' };

#define FORMAT 1

/* Where things stand. Numbers have their highest byte first; what is not used is 0. */
enum offset {
	AT_MAGIC = 0,
	AT_FORMAT = 8,
	AT_HEADER = 12, /* its size */
	AT_SIZE = 16,   /* 8 bytes */
	AT_DIGEST = 24,
	AT_MANUFACTURER = 56,
	AT_MODEL = 120,
	AT_VERSION = 184,
	AT_SIGNED = 248, /* the end of what the signature covers */
	AT_KIND = 248,
	AT_SIGNATURE_N = 252,
	AT_SIGNATURE = 256,
	AT_CHECK = CONTAINER_HEADER - DIGEST_SIZE, /* the digest of all before: damage is no forgery */
};

enum kind {
	KIND_ECDSA = 1,
	KIND_RSA = 2,
};

static void put(unsigned char *to, unsigned bytes, uint64_t value)
{
	for (unsigned i = bytes; i > 0; i--, value >>= 8)
		to[i - 1] = (unsigned char)value;
}

static uint64_t get(const unsigned char *from, unsigned bytes)
{
	uint64_t value = 0;

	for (unsigned i = 0; i < bytes; i++)
		value = value << 8 | from[i];
	return value;
}

/* As utf8_printable() leaves it. */
static bool is_text(const char *text, size_t n)
{
	char shown[CONTAINER_MAX_TEXT + 1];

	return n <= CONTAINER_MAX_TEXT && utf8_printable(text, n, shown, sizeof(shown)) == n &&
	       memcmp(shown, text, n) == 0;
}

/* --- to bytes --- */

static bool put_text(unsigned char *to, const char *text)
{
	size_t n = strlen(text);

	if (!is_text(text, n))
		return false;
	memcpy(to, text, n);
	return true;
}

static int format_signed(const struct container *c, unsigned char ret[CONTAINER_HEADER])
{
	memset(ret, 0, CONTAINER_HEADER);
	memcpy(ret + AT_MAGIC, magic, sizeof(magic));
	put(ret + AT_FORMAT, 4, FORMAT);
	put(ret + AT_HEADER, 4, CONTAINER_HEADER);
	put(ret + AT_SIZE, 8, c->size);
	memcpy(ret + AT_DIGEST, c->digest, DIGEST_SIZE);
	if (c->size == 0 || c->size > CONTAINER_MAX_PAYLOAD || !put_text(ret + AT_MANUFACTURER, c->manufacturer) ||
	    !put_text(ret + AT_MODEL, c->model) || !put_text(ret + AT_VERSION, c->version))
		return -EINVAL;
	return 0;
}

int container_digest(const struct container *c, unsigned char ret[DIGEST_SIZE])
{
	unsigned char header[CONTAINER_HEADER];
	int r = format_signed(c, header);

	return r == 0 ? digest_bytes(header, AT_SIGNED, ret) : r;
}

int container_format(const struct container *c, unsigned char ret[CONTAINER_HEADER])
{
	int r = format_signed(c, ret);

	if (r == 0 && (c->signature_n == 0 || c->signature_n > CONTAINER_MAX_SIGNATURE))
		r = -EINVAL;
	if (r < 0)
		return r;
	put(ret + AT_KIND, 4, c->kind == SIGNATURE_RSA ? KIND_RSA : KIND_ECDSA);
	put(ret + AT_SIGNATURE_N, 4, c->signature_n);
	memcpy(ret + AT_SIGNATURE, c->signature, c->signature_n);
	return digest_bytes(ret, AT_CHECK, ret + AT_CHECK);
}

/* --- and back --- */

static bool is_zero(const unsigned char *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (data[i] != 0)
			return false;
	}
	return true;
}

static bool get_text(const unsigned char *from, char ret[CONTAINER_MAX_TEXT + 1])
{
	size_t n = strnlen((const char *)from, CONTAINER_MAX_TEXT);

	if (!is_zero(from + n, CONTAINER_MAX_TEXT - n) || !is_text((const char *)from, n))
		return false;
	memcpy(ret, from, n);
	ret[n] = '\0';
	return true;
}

static bool get_signature(const unsigned char *header, struct container *ret)
{
	uint64_t kind = get(header + AT_KIND, 4), n = get(header + AT_SIGNATURE_N, 4);

	if ((kind != KIND_ECDSA && kind != KIND_RSA) || n == 0 || n > CONTAINER_MAX_SIGNATURE)
		return false;
	if (!is_zero(header + AT_SIGNATURE + n, AT_CHECK - AT_SIGNATURE - (size_t)n))
		return false;
	ret->kind = kind == KIND_RSA ? SIGNATURE_RSA : SIGNATURE_ECDSA;
	ret->signature_n = (size_t)n;
	memcpy(ret->signature, header + AT_SIGNATURE, (size_t)n);
	return true;
}

static int parse(const unsigned char *header, struct container *ret, const char **ret_why)
{
	unsigned char check[DIGEST_SIZE];
	int r;

	*ret_why = "not an image made by expresslinkctl image sign";
	if (memcmp(header + AT_MAGIC, magic, sizeof(magic)) != 0)
		return -EBADMSG;
	r = digest_bytes(header, AT_CHECK, check);
	if (r < 0)
		return r;
	*ret_why = "its header is damaged";
	if (memcmp(header + AT_CHECK, check, sizeof(check)) != 0)
		return -EBADMSG;
	*ret_why = "of a format that is not known here";
	if (get(header + AT_FORMAT, 4) != FORMAT || get(header + AT_HEADER, 4) != CONTAINER_HEADER)
		return -EBADMSG;
	*ret_why = "its header makes no sense";
	*ret = (struct container){ .size = get(header + AT_SIZE, 8) };
	if (ret->size == 0 || ret->size > CONTAINER_MAX_PAYLOAD ||
	    !get_text(header + AT_MANUFACTURER, ret->manufacturer) || !get_text(header + AT_MODEL, ret->model) ||
	    !get_text(header + AT_VERSION, ret->version) || !get_signature(header, ret))
		return -EBADMSG;
	memcpy(ret->digest, header + AT_DIGEST, DIGEST_SIZE);
	return 0;
}

int container_parse(const unsigned char header[CONTAINER_HEADER], struct container *ret, const char **ret_why)
{
	struct container c;
	const char *why;
	int r = parse(header, &c, &why);

	if (r == 0)
		*ret = c;
	else if (r == -EBADMSG)
		*ret_why = why;
	return r;
}
