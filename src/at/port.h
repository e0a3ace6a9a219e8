#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* EDGE. What the module's end of the serial line is plugged into: a tty at 115200 8N1, or a pty behind a symlink
 * (guide 1.2.3, 1.2.4, 3.1.1). */

#include "util/macro.h"

#include <stdbool.h>

struct port;

/* device: as in the settings, "pty:PATH" or the path of a tty; relative pty paths lie in runtime_dir.
 * Touches nothing. */
int port_new(struct port **ret, const char *device, const char *runtime_dir) _must_check_;
struct port *port_free(struct port *p);
DEFINE_CLEANUP(struct port *, port_free)

/* Opens, locks and sets the line; not open before. 0; -EBUSY: another program holds it; -EEXIST: something that is no
 * symlink is in the way of a pty's; -errno. */
int port_open(struct port *p) _must_check_;
void port_close(struct port *p);

/* Nonblocking; -1 while it is closed. */
int port_fd(const struct port *p);

bool port_is_pty(const struct port *p);

/* Of the tty or of the symlink, and where that points to ("" for a tty). */
const char *port_path(const struct port *p);
const char *port_slave(const struct port *p);

/* Throws away what the kernel has not yet sent and what it has received; only the latter. */
void port_discard(struct port *p);
void port_discard_input(struct port *p);

/* Has all that was written left the UART? Not tcdrain(), which would stop the loop. */
bool port_sent(const struct port *p);
