#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates for the operator: whose, by whom, until when. */

#include "control/json.h"

/* One object for each certificate of the text. */
void certificates_add(struct json *j, cJSON *array, const char *use, const char *pem, size_t n);
