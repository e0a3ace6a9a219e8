#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Threads for what has to wait: with a small stack, and with every signal blocked, for those are for the loop. */

#include "util/macro.h"

#include <pthread.h>

/* 0, or -errno when no thread could be made. */
int thread_start(pthread_t *ret, void *(*run)(void *arg), void *arg) _must_check_;
