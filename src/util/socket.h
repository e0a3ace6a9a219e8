#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* TCP: a connection of our own, and what the MQTT library does not tell or set of its socket. */

#include "util/macro.h"

#include <stdint.h>

/* A non-blocking socket that connects to a numeric address, which may have a scope (fe80::1%eth0). 0 or -errno. The
 * caller closes it. */
int socket_connect(const char *address, uint16_t port, int *ret_fd) _must_check_;

/* After these epoll events on a connecting socket: 1: the connection stands; 0: not yet; -errno: it failed. */
int socket_state(int fd, uint32_t revents) _must_check_;

/* Data that nobody acknowledges ends the connection within seconds; our own acknowledgements are not delayed during the
 * login. As far as the kernel lets us. */
void socket_tune(int fd, unsigned seconds);

/* After so long without a word from the other end it is asked whether it is still there, without waking us; one that is
 * gone is found out in the same time again. */
void socket_keep(int fd, unsigned seconds);
