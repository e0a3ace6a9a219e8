#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Messages of the cloud for the module itself: copied while the library calls back, handed on from the loop, in their
 * order. Bounded: what does not fit is lost, as on the way. */

#include "util/macro.h"

#include <stddef.h>
#include <systemd/sd-event.h>

#define INBOX_MAX_BYTES (1024 * 1024)

struct inbox;

typedef void (*inbox_fn)(void *userdata, const char *topic, const void *payload, size_t n);

int inbox_new(struct inbox **ret, sd_event *event, inbox_fn fn, void *userdata) _must_check_;
struct inbox *inbox_free(struct inbox *i);
DEFINE_CLEANUP(struct inbox *, inbox_free)

/* Copies. 0, -ENOSPC, -ENOMEM. */
int inbox_put(struct inbox *i, const char *topic, const void *payload, size_t n) _must_check_;

/* The connection is up: hands on what comes, and what came since inbox_clear(). An answer may overtake the last
 * acknowledgement that CONNECT waits for. */
void inbox_open(struct inbox *i);

/* The connection has ended: what was not handed on is forgotten. What comes from now on waits for inbox_open(), as it
 * does in the beginning. May be called from within fn. */
void inbox_clear(struct inbox *i);
