#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A TCP server that is too busy to answer. */

/* The queue of this socket, which is bound, has one place, and that is taken: SYN stays unanswered, and comes again. */
void listener_fill(int fd);

/* The place is free. */
void listener_clear(int fd);
