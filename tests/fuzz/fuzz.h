#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What every fuzz target defines: libFuzzer calls it, or main.c for each file of the corpus. */

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

/* What holds for any input. Not assert(): it has to stay in every build. */
#define FUZZ_HOLDS(expression)                                                                \
	do {                                                                                  \
		if (!(expression)) {                                                          \
			fprintf(stderr, "%s:%d: not: %s\n", __FILE__, __LINE__, #expression); \
			abort();                                                              \
		}                                                                             \
	} while (0)
