#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* URLs that an update can be fetched from. Pure. */

#include "util/macro.h"

#define URL_SCHEME   "https://" /* in any case */
#define URL_MAX      2048
#define URL_MAX_HOST 253

/* The host of an https URL of at most URL_MAX printable characters, in ret. 0; -EINVAL: it is none. */
int url_host(const char *url, char ret[URL_MAX_HOST + 1]) _must_check_;
