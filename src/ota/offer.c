/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/offer.h"

#include "cloud/streams.h"
#include "crypto/cert.h"
#include "crypto/signature.h"
#include "ota/container.h"
#include "ota/version.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static int _printf_(2, 3) refuse(char *reason, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(reason, DOCUMENT_MAX_REASON + 1, format, ap);
	va_end(ap);
	return -EPERM;
}

struct offer_rules offer_rules(const struct settings *settings, const struct dict *dict, const struct epoch *epoch)
{
	return (struct offer_rules){
		.settings = settings,
		.dict = dict,
		.clock = { .now = time(NULL), .floor = epoch_floor(epoch), .sure = epoch_is_sure(epoch) },
	};
}

/* --- signatures --- */

/* The certificate that a signature is checked with, and whether there has to be one. */
struct offer_signer {
	const char *name;
	const char *pem;
	size_t n;
	bool required;
};

static struct offer_signer signer_of(const struct document *d, const struct offer_rules *rules)
{
	struct offer_signer s = { .name = "OTAcertificate", .required = true };

	if (d->type == DOCUMENT_MODULE_IMAGE) {
		s.pem = dict_get(rules->dict, KEY_OTACERTIFICATE, &s.n);
	} else {
		s.name = "HOTAcertificate";
		s.pem = dict_get(rules->dict, KEY_HOTACERTIFICATE, &s.n);
		s.required = s.n > 0 && rules->settings->require_host_signature;
	}
	return s;
}

/* Of a signature that is there, or has to be. */
static int judge_signer(const struct offer_signer *s, const struct offer_rules *rules, char *reason)
{
	char why[FITNESS_MAX_WHY + 1];
	int r = fitness_judge(s->pem, s->n, FITNESS_CODE, &rules->clock, why);

	if (r < 0)
		return refuse(reason, "%s was not looked at: %s", s->name, strerror(-r));
	return r > 0 ? refuse(reason, "%s: %s", s->name, why) : 0;
}

/* Is there a signature that could be good? */
static int judge_signature(const struct document *d, const struct offer_signer *s, const struct offer_rules *rules,
			   char *reason)
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
	return judge_signer(s, rules, reason);
}

/* What is signed of it. */
static int signed_digest(const struct document *d, const unsigned char *digest, unsigned char ret[IMAGE_DIGEST])
{
	struct container c = { .size = d->size };

	memcpy(ret, digest, IMAGE_DIGEST);
	if (!d->wire)
		return 0;
	memcpy(c.digest, digest, sizeof(c.digest));
	memcpy(c.manufacturer, d->manufacturer, sizeof(c.manufacturer));
	memcpy(c.model, d->model, sizeof(c.model));
	memcpy(c.version, d->version, sizeof(c.version));
	return container_digest(&c, ret);
}

int offer_verify(const struct document *d, const struct offer_rules *rules, const unsigned char digest[IMAGE_DIGEST],
		 char reason[DOCUMENT_MAX_REASON + 1])
{
	const struct offer_signer signer = signer_of(d, rules);
	enum signature_kind kind = d->digest == DOCUMENT_SHA256_RSA ? SIGNATURE_RSA : SIGNATURE_ECDSA;
	unsigned char of[IMAGE_DIGEST];
	const char *why = "";
	int r;

	r = judge_signature(d, &signer, rules, reason);
	if (r < 0 || signer.n == 0 || d->digest == DOCUMENT_UNSIGNED)
		return r;
	r = signed_digest(d, digest, of);
	if (r == 0)
		r = signature_verify(signer.pem, signer.n, kind, of, d->signature, d->signature_n, &why);
	if (r < 0)
		return refuse(reason, "The signature was not looked at: %s", strerror(-r));
	return r ? refuse(reason, "Invalid signature, by %s: %s", signer.name, why) : 0;
}

/* --- certificates --- */

enum key_id offer_key(enum document_type type)
{
	switch (type) {
	case DOCUMENT_OTA_CERTIFICATE:
		return KEY_OTACERTIFICATE;
	case DOCUMENT_ROOT_CERTIFICATE:
		return KEY_ROOTCA;
	default:
		return KEY_HOTACERTIFICATE;
	}
}

int offer_read_certificate(const struct document *d, const struct offer_rules *rules, const void *data, size_t n,
			   char **ret, size_t *ret_n, char reason[DOCUMENT_MAX_REASON + 1])
{
	bool roots = d->type == DOCUMENT_ROOT_CERTIFICATE;
	_cleanup_(freep) char *pem = NULL;
	char why[FITNESS_MAX_WHY + 1];
	size_t pem_n;
	int r;

	r = cert_from_file(data, n, roots, &pem, &pem_n);
	if (r > 0)
		return refuse(reason, "The file is no certificate in PEM or DER form%s", roots ? ", nor several" : "");
	if (r == 0)
		r = fitness_judge(pem, pem_n, roots ? FITNESS_ROOT : FITNESS_CODE, &rules->clock, why);
	if (r > 0)
		return refuse(reason, "The certificate cannot be used: %s", why);
	if (r < 0)
		return refuse(reason, "The certificate was not looked at: %s", strerror(-r));
	*ret = TAKE_PTR(pem);
	*ret_n = pem_n;
	return 0;
}

/* --- ahead of the download --- */

/* As far as the job says what it brings, and the settings what this is. */
static int judge_module(const struct document *d, const struct offer_rules *rules, char *reason)
{
	const struct settings *settings = rules->settings;
	const char *running;
	size_t n;

	if (*settings->manufacturer && *d->manufacturer && strcmp(settings->manufacturer, d->manufacturer) != 0)
		return refuse(reason, "Made for manufacturer %s", d->manufacturer);
	if (*settings->model && *d->model && strcmp(settings->model, d->model) != 0)
		return refuse(reason, "Made for model %s", d->model);
	running = dict_get(rules->dict, KEY_VERSION, &n);
	switch (version_compare(d->version, running)) {
	case VERSION_OLDER:
		return refuse(reason, "Version %s is older than %s, which is running", d->version, running);
	case VERSION_SAME:
		return refuse(reason, "Version %s is running already", d->version);
	default:
		return 0;
	}
}

static int judge_type(const struct document *d, const struct offer_rules *rules, char *reason)
{
	uint64_t largest = document_is_certificate(d->type) ? OFFER_MAX_CERTIFICATE : rules->settings->max_image_size;
	size_t n;

	if (d->type == DOCUMENT_MODULE_IMAGE)
		return judge_module(d, rules, reason);
	if (d->size > largest)
		return refuse(reason, "%" PRIu64 " bytes, %s %" PRIu64, d->size,
			      d->type == DOCUMENT_HOST_IMAGE ? "MaxImageSize is" : "a certificate has at most",
			      largest);
	if (d->type != DOCUMENT_OTA_CERTIFICATE)
		return 0;
	(void)dict_get(rules->dict, KEY_OTACERTIFICATE, &n);
	return n == 0 ? refuse(reason, "No OTAcertificate to verify the new one with") : 0;
}

int offer_judge(const struct document *d, const struct offer_rules *rules, char reason[DOCUMENT_MAX_REASON + 1])
{
	const struct offer_signer signer = signer_of(d, rules);
	int r;

	r = judge_type(d, rules, reason);

	/* What comes over the wire is not fetched, and its signature is there to be verified. */
	if (r < 0 || d->wire)
		return r;
	if (!*d->url && d->size > STREAMS_MAX_SIZE)
		return refuse(reason, "More than a stream carries, and not offered over HTTPS");

	/* A certificate is signed in itself, see Table 5. */
	return document_is_certificate(d->type) ? 0 : judge_signature(d, &signer, rules, reason);
}

bool offer_is_same(const struct document *a, const struct document *b)
{
	return a->type == b->type && a->size == b->size && a->file == b->file && strcmp(a->stream, b->stream) == 0 &&
	       a->digest == b->digest && a->signature_n == b->signature_n &&
	       memcmp(a->signature, b->signature, a->signature_n) == 0;
}
