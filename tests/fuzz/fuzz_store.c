/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "config/store.h"
#include "util/buf.h"

#include <string.h>

#define TITLE "expresslink-dictionary 1"

/* Sound entries are written again: the new text has to be all sound, and to hold the same. */
static void rewrite(void *userdata, const char *key, const void *value, size_t n)
{
	struct buf *out = userdata;

	FUZZ_HOLDS(key[0] != '\0' && strlen(key) <= STORE_MAX_KEY);
	FUZZ_HOLDS(store_entry(out, key, value, n) == 0);
}

static void make_sound(const void *text, size_t n, struct buf *out)
{
	buf_init(out, 4 * n + 4096);
	FUZZ_HOLDS(store_header(out, TITLE) == 0);
	(void)store_parse(TITLE, text, n, rewrite, out);
	FUZZ_HOLDS(store_end(out) == 0);
}

static void count(void *userdata, const char *key, const void *value, size_t n)
{
	(void)key;
	(void)value;
	(void)n;
	(*(unsigned *)userdata)++;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf once, twice;
	unsigned first = 0, second = 0;

	make_sound(data, n, &once);
	(void)store_parse(TITLE, data, n, count, &first);
	FUZZ_HOLDS(store_parse(TITLE, buf_head(&once), buf_used(&once), count, &second) == 0);
	FUZZ_HOLDS(first == second);

	make_sound(buf_head(&once), buf_used(&once), &twice);
	FUZZ_HOLDS(buf_used(&once) == buf_used(&twice));
	FUZZ_HOLDS(memcmp(buf_head(&once), buf_head(&twice), buf_used(&once)) == 0);
	buf_done(&once);
	buf_done(&twice);
	return 0;
}
