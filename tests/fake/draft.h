#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Job documents from their text, or from some members of it. */

#include "ota/document.h"

/* Members of the file; of afr_ota, for each way that it may come. */
#define DRAFT_FILE "\"filesize\":1000,\"fileid\":0,\"fileType\":202"
#define DRAFT_MQTT "\"protocols\":[\"MQTT\"],\"streamname\":\"s\""
#define DRAFT_HTTP "\"protocols\":[\"HTTP\"]"

/* The members of the root, of afr_ota, and of the file, each with a comma behind it or empty: the text, until the next
 * call. */
const char *draft_text(const char *root, const char *ota, const char *file);

/* What document_parse() says of the text; draft_accepted() expects that it takes it. */
int draft_parse(const char *text, struct document *ret, char reason[DOCUMENT_MAX_REASON + 1]);
struct document draft_accepted(const char *text);
