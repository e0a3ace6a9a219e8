#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Tables that man/expresslink-datasheet.7 draws from the source. */

#include <stddef.h>

#define SHEET_MAX_ROW 512

/* The table behind the comment `.\" <name>:` has these rows, in any order, and a head. What differs fails the test. */
void sheet_compare(const char *name, char rows[][SHEET_MAX_ROW], size_t n);
