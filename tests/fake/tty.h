#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of at/tty.c: a serial line in memory, and the host at its other end. */

#include "at/tty.h"

#include <stdbool.h>
#include <stddef.h>

/* The one that was made last; NULL after it is freed. */
struct tty *fake_tty(void);

/* The host sends. on_bytes() runs at once; while the module has paused reading, they wait. */
void fake_tty_send(struct tty *t, const void *data, size_t n);
void fake_tty_say(struct tty *t, const char *text);

/* What the host has received and not yet taken; a NUL follows the n bytes. Valid until the next call or turn. */
const char *fake_tty_received(struct tty *t, size_t *ret_n);

/* Forgets it. */
void fake_tty_take(struct tty *t);

/* How many bytes the line takes in each turn of the loop: 0 is a host that doesn't read, SIZE_MAX (the default) one
 * that always does. Fewer than were written leave in later turns. */
void fake_tty_set_pace(struct tty *t, size_t bytes);

/* What waits in the module because of that, and how many writes were tried. */
size_t fake_tty_waiting(const struct tty *t);
unsigned fake_tty_writes(const struct tty *t);

/* Whether the UART is empty for tty_when_sent() (true) or holds the answer back (false). */
void fake_tty_set_sent(struct tty *t, bool sent);

/* What tty_start() will return. */
void fake_tty_set_start(int r);

bool fake_tty_paused(const struct tty *t);
bool fake_tty_is_shut(const struct tty *t);

/* The line is lost and back. */
void fake_tty_lose(struct tty *t);
