#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* In place of ota/record.c: a disk that is done with a record when the test says so. */

#include "ota/record.h"

#include <stdbool.h>

struct fake_keeper {
	struct record disk; /* what a power cut leaves */
	unsigned waiting;   /* writes that wait for fake_keeper_done() */
	bool at_once;       /* each is done before keeper_save() returns, with result */
	int result;
	unsigned saves;
};

/* Its disk outlives keepers. */
struct fake_keeper *fake_keeper(void);
void fake_keeper_clear(void);

/* The oldest write is done. */
void fake_keeper_done(int r);
