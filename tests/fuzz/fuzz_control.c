/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes on the control socket: whatever comes, cut anywhere, is requests, or bad ones. */
#include "fuzz/fuzz.h"

#include "control/request.h"

#include <string.h>

/* The requests of the bytes in pieces of this size. */
static size_t requests(const uint8_t *data, size_t n, size_t piece, enum request *to)
{
	struct request_reader reader = { .n = 0 };
	size_t found = 0;

	for (size_t at = 0; at < n;) {
		size_t k = piece < n - at ? piece : n - at, used;
		enum request request = REQUEST_NONE;

		used = request_feed(&reader, data + at, k, &request);
		FUZZ_HOLDS(used >= 1 && used <= k);
		FUZZ_HOLDS(request != REQUEST_NONE || used == k);
		FUZZ_HOLDS(reader.n <= sizeof(reader.line));
		if (request != REQUEST_NONE)
			to[found++] = request;
		at += used;
	}
	return found;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	enum request *whole = calloc(n + 1, sizeof(*whole)), *pieces = calloc(n + 1, sizeof(*pieces));
	size_t count = requests(data, n, n, whole);

	for (size_t piece = 1; piece < 40; piece += 7) {
		FUZZ_HOLDS(requests(data, n, piece, pieces) == count);
		FUZZ_HOLDS(memcmp(whole, pieces, count * sizeof(*whole)) == 0);
	}
	free(pieces);
	free(whole);
	return 0;
}
