#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What services of the cloud say: JSON objects, read strictly. A member that is null counts as absent. Pure. */

#include "util/macro.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAYLOAD_MAX      (128 * 1024) /* bytes: the limit of AWS IoT for a message */
#define PAYLOAD_MAX_CODE 64           /* "InvalidStateTransition" */

/* NULL: the bytes are more than PAYLOAD_MAX, or are not one JSON object and nothing else, or there is no memory.
 * Otherwise for cJSON_Delete(). A NUL in a text, and half of a surrogate pair, have become 0x01. */
cJSON *payload_parse(const void *payload, size_t n) _must_check_;
DEFINE_CLEANUP(cJSON *, cJSON_Delete)

/* The same, though members of that name in objects of the object may hold what cannot be read, such as more levels
 * than cJSON takes: they are left out then, so that the rest can be acted upon. quoted: "\"name\"", with a name of a
 * letter or more. */
cJSON *payload_parse_without(const void *payload, size_t n, const char *quoted) _must_check_;

/* NULL: absent, or no text. */
const char *payload_text(const cJSON *object, const char *name);

/* False, and ret as it was, unless it is a whole number from 0 on, written as a number or as text. */
bool payload_number(const cJSON *object, const char *name, int64_t *ret);

/* The token of the question that this answers; NULL: there is none. */
const char *payload_token(const cJSON *object);

/* Whether the answer belongs to a question with this token; may_lack: also one without a token, as a service that could
 * not read the question sends. */
bool payload_answers(const cJSON *object, const char *token, bool may_lack);

/* Why a question was refused, in either of the forms that services use, as printable ASCII; "Rejected" when they don't
 * say. */
void payload_code(const cJSON *object, char ret[PAYLOAD_MAX_CODE + 1]);

/* The same question may well be answered later. */
bool payload_is_busy(const char *code);
