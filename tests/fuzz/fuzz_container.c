/* SPDX-License-Identifier: Apache-2.0 */
/* The header of an image file, whatever bytes it is: refused, or the same again when it is written. Its checksum, which
 * no fuzzer finds, is put there. */
#include "fuzz/fuzz.h"

#include "crypto/digest.h"
#include "ota/container.h"

#include <errno.h>
#include <string.h>

static void check(const unsigned char header[CONTAINER_HEADER])
{
	struct container c = { 0 };
	unsigned char again[CONTAINER_HEADER], digest[DIGEST_SIZE];
	const char *why = NULL;
	int r = container_parse(header, &c, &why);

	FUZZ_HOLDS(r == 0 || (r == -EBADMSG && why));
	if (r < 0)
		return;
	FUZZ_HOLDS(c.size > 0 && c.size <= CONTAINER_MAX_PAYLOAD);
	FUZZ_HOLDS(c.signature_n > 0 && c.signature_n <= CONTAINER_MAX_SIGNATURE);
	FUZZ_HOLDS(strlen(c.version) <= CONTAINER_MAX_TEXT && strlen(c.model) <= CONTAINER_MAX_TEXT);
	FUZZ_HOLDS(container_digest(&c, digest) == 0);
	FUZZ_HOLDS(container_format(&c, again) == 0);
	FUZZ_HOLDS(memcmp(header, again, CONTAINER_HEADER) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	unsigned char header[CONTAINER_HEADER] = { 0 };
	struct digest *d;

	memcpy(header, data, n < sizeof(header) ? n : sizeof(header));
	check(header);
	FUZZ_HOLDS(digest_new(&d) == 0);
	FUZZ_HOLDS(digest_add(d, header, CONTAINER_HEADER - DIGEST_SIZE) == 0);
	FUZZ_HOLDS(digest_finish(d, header + CONTAINER_HEADER - DIGEST_SIZE) == 0);
	digest_free(d);
	check(header);
	return 0;
}
