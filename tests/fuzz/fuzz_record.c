/* SPDX-License-Identifier: Apache-2.0 */
/* The record of the update, whatever bytes it is: damaged, or the same again when it is written. The input is what
 * stands in the lines; the checksums, which no fuzzer finds, are put there. */
#include "fuzz/fuzz.h"

#include "config/store.h"
#include "ota/record.h"

#include <errno.h>
#include <string.h>

#define TITLE "expresslink-update 1"

static void check(const void *text, size_t n)
{
	struct record record, again;
	char *once, *twice;
	size_t once_n, twice_n;
	int r = record_parse(text, n, &record);

	FUZZ_HOLDS(r == 0 || r == -EBADMSG);
	if (r < 0)
		return;
	FUZZ_HOLDS(record.results_n <= RECORD_MAX_RESULTS);
	FUZZ_HOLDS(record.document.signature_n <= DOCUMENT_MAX_SIGNATURE);
	FUZZ_HOLDS(record.phase == RECORD_NOTHING ||
		   (record.document.size > 0 && record.document.size <= IMAGE_MAX_SIZE));
	FUZZ_HOLDS(record_format(&record, &once, &once_n) == 0);
	FUZZ_HOLDS(record_parse(once, once_n, &again) == 0);
	FUZZ_HOLDS(record_format(&again, &twice, &twice_n) == 0);
	FUZZ_HOLDS(once_n == twice_n && memcmp(once, twice, once_n) == 0);
	free(once);
	free(twice);
}

/* "<key> <value>" lines as they would be stored. */
static void add_line(struct buf *out, const char *line, size_t n)
{
	const char *space = memchr(line, ' ', n);
	char key[STORE_MAX_KEY + 1];
	size_t key_n = space ? (size_t)(space - line) : 0;

	if (key_n == 0 || key_n > STORE_MAX_KEY)
		return;
	for (size_t i = 0; i < key_n; i++) {
		if (line[i] <= ' ' || line[i] > '~' || line[i] == '%')
			return;
	}
	memcpy(key, line, key_n);
	key[key_n] = '\0';
	FUZZ_HOLDS(store_entry(out, key, space + 1, n - key_n - 1) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const char *line = (const char *)data, *end = line + n;
	struct buf out;

	check(data, n);
	buf_init(&out, 64 * n + 4096);
	FUZZ_HOLDS(store_header(&out, TITLE) == 0);
	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));

		if (!newline)
			newline = end;
		add_line(&out, line, (size_t)(newline - line));
		line = newline + 1;
	}
	FUZZ_HOLDS(store_end(&out) == 0);
	check(buf_head(&out), buf_used(&out));
	buf_done(&out);
	return 0;
}
