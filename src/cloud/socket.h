#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What the MQTT library does not tell or set of its TCP socket. */

#include "util/macro.h"

#include <stdint.h>

/* After these epoll events on a connecting socket: 1: the connection stands; 0: not yet; -errno: it failed. */
int socket_state(int fd, uint32_t revents) _must_check_;

/* Data that nobody acknowledges ends the connection within seconds; our own acknowledgements are not delayed during the
 * login. As far as the kernel lets us. */
void socket_tune(int fd, unsigned seconds);
