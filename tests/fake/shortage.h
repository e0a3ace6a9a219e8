#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out. The linker puts this in the place of malloc() and its like: a test names shortage.c as a source
 * of its own, and $(SHORTAGE) among its LDFLAGS. A leak is found by the sanitizer. */

#include <check.h>
#include <stdbool.h>

/* Runs step() with its n-th allocation failing, for every n, until none of them fails. It returns 0 or an error, and
 * has cleaned up. */
void shortage_exhaust(int (*step)(void));

/* Did an allocation of this step fail? */
bool shortage_struck(void);

/* There is enough meanwhile; what is still to come of this step afterwards. */
unsigned shortage_pause(void);
void shortage_go_on(unsigned rest);

/* For the steps: libcheck allocates, too. What is asked is looked at while there is enough: call first, ask then. */
#define shortage_must(what)                       \
	do {                                      \
		unsigned rest = shortage_pause(); \
		ck_assert(what);                  \
		shortage_go_on(rest);             \
	} while (0)
