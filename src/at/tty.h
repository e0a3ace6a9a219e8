#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* EDGE. The serial line (guide 1.2.3, 1.2.4, 3.1.1): what comes and goes over at/port.h, and its loss and return. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <systemd/sd-event.h>

struct tty;

/* on_bytes: what came in. on_gap: the line was lost, what comes next does not go on with what came before. on_room: the
 * write queue, which was not empty after a tty_flush(), is empty now. on_sent: see tty_when_sent(). All run from the
 * loop, none may free the tty. */
struct tty_events {
	void (*on_bytes)(void *userdata, const void *data, size_t n);
	void (*on_gap)(void *userdata);
	void (*on_room)(void *userdata);
	void (*on_sent)(void *userdata);
	void *userdata;
};

#define TTY_BUSY (64 * 1024) /* answers waiting to be read by the host: more commands wait */

/* device, runtime_dir: see port_new(). */
int tty_new(struct tty **ret, sd_event *event, const char *device, const char *runtime_dir,
	    const struct tty_events *events) _must_check_;
struct tty *tty_free(struct tty *t);
DEFINE_CLEANUP(struct tty *, tty_free)

/* Opens the port. -EBUSY: another program holds it. A tty that is unplugged later is opened again
 * when it returns. Logs one line that says what is wrong. 0 or -errno. */
int tty_start(struct tty *t) _must_check_;

/* The write queue: answers are appended here, and tty_flush() writes as many of them at once as the kernel takes; the
 * rest follows by itself. Never blocks. Whoever looks at tty_busy() before a command always finds room for one more
 * answer. While an unplugged tty is away, what is flushed is lost. */
struct buf;
struct buf *tty_out(struct tty *t);
void tty_flush(struct tty *t);

/* Forgets what was not yet sent, here and as far as possible in the kernel, a tty_when_sent(), and what has come and
 * was not read yet. */
void tty_discard(struct tty *t);

/* Stops and goes on reading: for a reader that is able to keep up but wants others to have their turn. */
void tty_pause(struct tty *t, bool paused);

/* Answers pile up because the host does not read. */
bool tty_busy(const struct tty *t);

/* Calls on_sent() once everything has left the UART, or that has been stuck for seconds; never at once. */
void tty_when_sent(struct tty *t);

/* Closes the line; whatever comes until tty_open() is lost. A pty stays, for its host, but nobody listens. Discards
 * what was not yet sent. A tty that is not there at tty_open() is waited for, like one that is lost. */
void tty_shut(struct tty *t);
void tty_open(struct tty *t);
