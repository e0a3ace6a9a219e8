#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Shuts the process in that speaks to strangers: what it has open by then is all that it ever has. The layers do not
 * rely on each other, for not every kernel has each of them:
 *
 *   no new privileges   no program that is set-uid or has capabilities gives any
 *   limits              no file grows, few descriptors, bounded memory, no core (which would hold a URL, a secret)
 *   Landlock            no path of any file, no TCP but to one port, no signals and abstract sockets of others
 *                       (Linux 5.13; ports since 6.7, the last since 6.12)
 *   seccomp             no call that opens, changes or runs a file, makes a process, looks into one, ends,
 *                       signals, limits or slows one; of sockets those of TCP only, that connect: not to the daemon
 *
 * Alone each leaves something: Landlock the control socket, seccomp the ports and addresses that TCP connects to. */

#include "util/macro.h"

#include <stdint.h>

enum {
	CONFINE_LANDLOCK = 1 << 0,
	CONFINE_SECCOMP = 1 << 1,
	CONFINE_ALL = CONFINE_LANDLOCK | CONFINE_SECCOMP,
};

/* layers: of the two that not every kernel has. port: the one that is still to be connected to. Which of them are in
 * force; never fails. */
unsigned confine(unsigned layers, uint16_t port);

/* The limits. Behind what is still to be said: stderr may be a file, which must not grow then. */
void confine_limits(void);
