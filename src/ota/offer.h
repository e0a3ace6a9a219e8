#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* May an update be taken (guide 8.3 - 8.5, 8.10)? Once before it is fetched, and once when it is there. Pure. */

#include "config/dict.h"
#include "config/settings.h"
#include "ota/document.h"
#include "ota/image.h"
#include "util/macro.h"

#include <stdbool.h>

/* What can be said ahead of the download (guide 8.5). 0; -EPERM, and reason says why not: one line for the job and the
 * log. */
int offer_judge(const struct document *d, const struct settings *settings, const struct dict *dict,
		char reason[DOCUMENT_MAX_REASON + 1]) _must_check_;

/* The image has this digest: is it signed as it has to be? As above. */
int offer_verify(const struct document *d, const struct settings *settings, const struct dict *dict,
		 const unsigned char digest[IMAGE_DIGEST], char reason[DOCUMENT_MAX_REASON + 1]) _must_check_;

/* Do two documents speak of the same image? An address that is good for a while only, and texts, may differ. */
bool offer_is_same(const struct document *a, const struct document *b);
