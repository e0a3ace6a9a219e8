#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Onboarding (guide 10.3.1.1): what the staging account says on the endpoint-update topic. Pure. */

#include "config/endpoint.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>

#define ONBOARD_MAX_PAYLOAD 4096

/* Reads {"Endpoint": "value"}, other members besides it allowed. False, and the message is an ordinary one, unless it
 * is a JSON object whose Endpoint is a host name or address with an optional port that differs from the present one. */
bool onboard_parse(const void *payload, size_t n, const void *present, size_t present_n,
		   char ret[ENDPOINT_MAX + 1]) _must_check_;
