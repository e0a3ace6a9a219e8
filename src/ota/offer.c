/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/offer.h"

#include "cloud/streams.h"
#include "crypto/signature.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static int _printf_(2, 3) refuse(char *reason, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(reason, DOCUMENT_MAX_REASON + 1, format, ap);
	va_end(ap);
	return -EPERM;
}

/* The certificate that a signature is checked with, and whether there has to be one. */
struct offer_signer {
	const char *name;
	const char *pem;
	size_t n;
	bool required;
};

static struct offer_signer signer_of(const struct document *d, const struct settings *settings, const struct dict *dict)
{
	struct offer_signer s = { .name = "OTAcertificate", .required = true };

	if (d->type == DOCUMENT_MODULE_IMAGE) {
		s.pem = dict_get(dict, KEY_OTACERTIFICATE, &s.n);
	} else {
		s.name = "HOTAcertificate";
		s.pem = dict_get(dict, KEY_HOTACERTIFICATE, &s.n);
		s.required = s.n > 0 && settings->require_host_signature;
	}
	return s;
}

/* Is there a signature that could be good? */
static int judge_signature(const struct document *d, const struct offer_signer *s, char *reason)
{
	if (s->n == 0)
		return s->required ? refuse(reason, "No %s to verify the signature with", s->name) : 0;
	if (d->digest == DOCUMENT_UNSIGNED)
		return s->required ? refuse(reason, "No signature, which is required") : 0;
	if (d->digest == DOCUMENT_SHA1)
		return refuse(reason, "A signature over SHA-1 is not accepted");
	if (d->digest == DOCUMENT_OTHER)
		return refuse(reason, "The signature is of an unknown kind");
	if (d->signature_n == 0)
		return refuse(reason, "The signature cannot be read");
	return 0;
}

static int judge_type(const struct document *d, const struct settings *settings, char *reason)
{
	switch (d->type) {
	case DOCUMENT_HOST_IMAGE:
		if (d->size > settings->max_image_size)
			return refuse(reason, "%" PRIu64 " bytes, MaxImageSize is %" PRIu64, d->size,
				      settings->max_image_size);
		return 0;
	case DOCUMENT_MODULE_IMAGE:
		if (*settings->manufacturer && *d->manufacturer && strcmp(settings->manufacturer, d->manufacturer) != 0)
			return refuse(reason, "Made for manufacturer %s", d->manufacturer);
		if (*settings->model && *d->model && strcmp(settings->model, d->model) != 0)
			return refuse(reason, "Made for model %s", d->model);
		return 0;
	default:
		return refuse(reason, "fileType %d is not taken by this release", (int)d->type);
	}
}

int offer_judge(const struct document *d, const struct settings *settings, const struct dict *dict,
		char reason[DOCUMENT_MAX_REASON + 1])
{
	const struct offer_signer signer = signer_of(d, settings, dict);
	int r;

	r = judge_type(d, settings, reason);
	if (r < 0)
		return r;
	if (!*d->stream)
		return refuse(reason, "Not offered over MQTT, and HTTPS is not in this release");
	return judge_signature(d, &signer, reason);
}

int offer_verify(const struct document *d, const struct settings *settings, const struct dict *dict,
		 const unsigned char digest[IMAGE_DIGEST], char reason[DOCUMENT_MAX_REASON + 1])
{
	const struct offer_signer signer = signer_of(d, settings, dict);
	enum signature_kind kind = d->digest == DOCUMENT_SHA256_RSA ? SIGNATURE_RSA : SIGNATURE_ECDSA;
	const char *why;
	int r;

	r = judge_signature(d, &signer, reason);
	if (r < 0 || signer.n == 0 || d->digest == DOCUMENT_UNSIGNED)
		return r;
	r = signature_verify(signer.pem, signer.n, kind, digest, d->signature, d->signature_n, &why);
	if (r < 0)
		return refuse(reason, "The signature was not looked at: %s", strerror(-r));
	return r ? refuse(reason, "Invalid signature, by %s: %s", signer.name, why) : 0;
}

bool offer_is_same(const struct document *a, const struct document *b)
{
	return a->type == b->type && a->size == b->size && a->file == b->file && strcmp(a->stream, b->stream) == 0 &&
	       a->digest == b->digest && a->signature_n == b->signature_n &&
	       memcmp(a->signature, b->signature, a->signature_n) == 0;
}
