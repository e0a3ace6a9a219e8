#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* May an update be taken (guide 8.3 - 8.5, 8.10)? Once before it is fetched, and once when it is there. Pure. */

#include "config/dict.h"
#include "config/epoch.h"
#include "config/settings.h"
#include "crypto/fitness.h"
#include "ota/document.h"
#include "ota/image.h"
#include "util/macro.h"

#include <stdbool.h>

#define OFFER_MAX_CERTIFICATE (32 * 1024) /* bytes of a file with a certificate, or with roots */

struct offer_rules {
	const struct settings *settings;
	const struct dict *dict;
	struct fitness_clock clock;
};

/* By the clock of now. */
struct offer_rules offer_rules(const struct settings *settings, const struct dict *dict, const struct epoch *epoch);

/* What can be said ahead of the download (guide 8.5). 0; -EPERM, and reason says why not: one line for the job and the
 * log. */
int offer_judge(const struct document *d, const struct offer_rules *rules,
		char reason[DOCUMENT_MAX_REASON + 1]) _must_check_;

/* The image has this digest: is it signed as it has to be? As above. */
int offer_verify(const struct document *d, const struct offer_rules *rules, const unsigned char digest[IMAGE_DIGEST],
		 char reason[DOCUMENT_MAX_REASON + 1]) _must_check_;

/* A certificate's file has come: is it one, and fit for its purpose? ret: malloc()ed, canonical PEM. As above. Whether
 * it may follow the present one is for the dictionary to judge. */
int offer_read_certificate(const struct document *d, const struct offer_rules *rules, const void *data, size_t n,
			   char **ret, size_t *ret_n, char reason[DOCUMENT_MAX_REASON + 1]) _must_check_;

/* The key that a certificate's job is for. */
enum key_id offer_key(enum document_type type);

/* Do two documents speak of the same image? An address that is good for a while only, and texts, may differ. */
bool offer_is_same(const struct document *a, const struct document *b);
