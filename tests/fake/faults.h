#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* A disk that fails, and the power that does. The linker puts this in the place of what writes to files: a test names
 * faults.c as a source of its own, and $(FAULTS) among its LDFLAGS. */

#include <stdbool.h>
#include <stdint.h>

/* From now on: the n-th write, sync, reservation or new file fails with error. */
void faults_arm(unsigned n, int error);

/* No more of that. Did it come to that? */
bool faults_disarm(void);

/* Every write writes no more bytes than that; 0: all of them. */
void faults_short(unsigned n);

/* Who wants to sync waits, until it is let go. */
void faults_hold(bool hold);

/* The disk has so many free bytes; UINT64_MAX: as many as it has. */
void faults_room(uint64_t bytes);

/* There is power, and from now on it is remembered what was written and not synced. */
void faults_watch(void);

/* The power fails: of those bytes some stay, some are lost, some are anything. seed decides. The files need to be open
 * still; whoever goes on writing to them, does so in vain. */
void faults_cut(uint32_t seed);
