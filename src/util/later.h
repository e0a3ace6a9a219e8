#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Completions whose result is known already, but which must not be called before their caller has returned. */

#include "util/done.h"
#include "util/macro.h"

#include <systemd/sd-event.h>

struct later;

int later_new(struct later **ret, sd_event *event) _must_check_;

/* What was not called yet is not called any more. */
struct later *later_free(struct later *l);
DEFINE_CLEANUP(struct later *, later_free)

/* done is called with r from the loop, in the order of these calls; when there is no memory for that, at once. */
void later_call(struct later *l, struct done done, int r);
