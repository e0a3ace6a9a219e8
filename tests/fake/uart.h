#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* at/tty.c on ptys of the kernel's, and the host at the other end. Programs that use it link the sources of UART
 * (tests/Makefile.am). */

#include "at/tty.h"
#include "util/buf.h"

#include <systemd/sd-event.h>

struct uart {
	const struct uart *self; /* the events have to name this one */
	sd_event *event;
	struct tty *tty;
	struct buf got; /* what the module received */
	unsigned room, sent, gaps;
	char *folder;   /* has to be empty in the end */
	char path[256]; /* of the port */
};

void uart_make(struct uart *u);
void uart_done(struct uart *u);

/* A tty of these events, most often &u->tty: what tty_start() says of it. */
int uart_start(struct uart *u, struct tty **ret, const char *device, const char *runtime_dir);

/* path = folder/name */
const char *uart_path(struct uart *u, const char *name);

/* The module's tty is a pty, and the host opens it. */
void uart_start_pty(struct uart *u);
int uart_open_host(const struct uart *u);

/* A tty for the module, at path: the slave of a pty whose master, which this returns, is the host. */
int uart_open_cable(struct uart *u, const char *name);

/* One turn of the loop. */
void uart_turn(struct uart *u);

/* The module gets this text and no more; it answers. */
void uart_receive(struct uart *u, const char *text);
void uart_answer(struct uart *u, const char *text);

/* The host writes; it gets this text and no more; the line is set as it should be. */
void uart_write(int host, const char *text);
void uart_expect(int host, const char *text);
void uart_expect_settings(int host);
