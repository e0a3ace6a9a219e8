#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* EDGE. The serial line (guide 1.2.3, 1.2.4, 3.1.1): a tty at 115200 8N1, raw, or a pty behind a symlink. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct tty;

/* bytes: what came in; drained: the write queue was emptied into the kernel after having been full beyond
 * TTY_BUSY, or tty_when_sent() was asked for. Both run from the loop. */
struct tty_events {
	void (*on_bytes)(void *userdata, const void *data, size_t n);
	void (*on_room)(void *userdata);
	void (*on_sent)(void *userdata);
	void *userdata;
};

#define TTY_BUSY  (64 * 1024)  /* answers waiting to be read by the host: more commands wait */

/* device: as in the settings, "pty:PATH" or the path of a tty; relative pty paths lie in runtime_dir. */
int tty_new(struct tty **ret, sd_event *event, const char *device, const char *runtime_dir,
	    const struct tty_events *events) _must_check_;
struct tty *tty_free(struct tty *t);
DEFINE_CLEANUP(struct tty *, tty_free)

/* Opens, locks and sets the line. -EBUSY: another program holds it. A tty that is unplugged later is opened again
 * when it returns. Logs one line that says what is wrong. 0 or -errno. */
int tty_start(struct tty *t) _must_check_;

/* Hands an answer over; never blocks. Writing is attempted at the end of the turn of the loop, in one piece with
 * others. The queue is unbounded by itself: whoever looks at tty_busy() before a command keeps it below TTY_BUSY plus
 * one answer. */
struct buf;
struct buf *tty_out(struct tty *t);
void tty_flush(struct tty *t);

/* Answers pile up because the host does not read. */
bool tty_busy(const struct tty *t);

/* Calls on_sent() once everything has left the UART. */
void tty_when_sent(struct tty *t);
