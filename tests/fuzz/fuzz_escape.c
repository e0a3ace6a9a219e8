/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "at/error.h"
#include "at/escape.h"
#include "util/buf.h"

#include <string.h>

/* Any bytes, escaped: no CR, no LF, and back again to the same. */
static void round_trip(const uint8_t *data, size_t n)
{
	struct buf out;
	uint8_t *copy;
	size_t back;

	buf_init(&out, 2 * n + 1);
	FUZZ_HOLDS(escape_encode(&out, data, n) == 0);
	FUZZ_HOLDS(buf_used(&out) >= n && buf_used(&out) <= 2 * n);
	if (buf_used(&out) > 0) {
		FUZZ_HOLDS(!memchr(buf_head(&out), '\r', buf_used(&out)));
		FUZZ_HOLDS(!memchr(buf_head(&out), '\n', buf_used(&out)));
		copy = malloc(buf_used(&out));
		memcpy(copy, buf_head(&out), buf_used(&out));
		FUZZ_HOLDS(escape_decode(copy, buf_used(&out), &back) == 0);
		FUZZ_HOLDS(back == n && memcmp(copy, data, n) == 0);
		free(copy);
	}
	buf_done(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	uint8_t *copy = malloc(n + 1);
	size_t left = 0;
	int r;

	memcpy(copy, data, n);
	r = escape_decode(copy, n, &left);
	FUZZ_HOLDS(r == 0 || r == AT_ERR_ESCAPE);
	FUZZ_HOLDS(r || left <= n);
	if (r == 0)
		round_trip(copy, left);
	free(copy);
	round_trip(data, n);
	return 0;
}
