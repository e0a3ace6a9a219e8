#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What a server means that answers with an error. */

#include "cloud/fetch.h"

#include <stddef.h>

/* Of a status that is neither 200 nor 206, nor a redirect that can be followed. */
enum fetch_word answer_verdict(long status);

/* What follows <NAME> in AWS's XML, up to the next tag: as much as fits of it, or up to what is not printable ASCII. */
void answer_element(const char *xml, const char *name, char *ret, size_t size);
