#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A helper program: gets bytes on stdin, gives bytes on stdout, and is killed when its time is over. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct child;

/* r: 0 and the bytes of stdout after exit status 0; -ETIME when it was killed at its deadline; -EFBIG when
 * it wrote more than allowed; -EIO when it died of a signal, and its exit status when that is not 0. output lives
 * until the function returns; it may call child_free() and child_start(). */
typedef void (*child_fn)(void *userdata, int r, const void *output, size_t n);

/* Starts the helper called name (found beside the daemon when that is not installed, else in libexec) with
 * the n bytes of input (at most 4096) on its stdin, then end of file. The process inherits nothing else but
 * stderr. -errno when it can't be started. */
int child_start(struct child **ret, sd_event *event, const char *name, const void *input, size_t n, size_t max_output,
		uint64_t timeout_ms, child_fn fn, void *userdata) _must_check_;

/* The same for a helper that speaks as long as it has something to say: its stdout is a socket that keeps messages
 * apart, of at most max bytes each (a longer one: -EFBIG). message: false leaves it there until child_go_on(); may call
 * child_free(), and the bytes are gone then. While none is left there the helper is killed when it was silent for so
 * long. fn gets no output. */
typedef bool (*child_message_fn)(void *userdata, const void *data, size_t n);
int child_listen(struct child **ret, sd_event *event, const char *name, const void *input, size_t n, size_t max,
		 uint64_t silence_ms, child_message_fn message, child_fn fn, void *userdata) _must_check_;
void child_go_on(struct child *c);

/* Kills and reaps a child that still runs; its function is not called. */
struct child *child_free(struct child *c);
DEFINE_CLEANUP(struct child *, child_free)
