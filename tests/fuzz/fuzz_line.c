/* SPDX-License-Identifier: Apache-2.0 */
#include "fuzz/fuzz.h"

#include "at/line.h"
#include "util/buf.h"

#include <string.h>

/* Lines as text: kind, length, bytes. */
static void note(struct buf *out, const struct line *line)
{
	uint8_t kind = (uint8_t)line->kind;

	FUZZ_HOLDS(buf_append(out, &kind, 1) == 0);
	FUZZ_HOLDS(buf_append(out, &line->n, sizeof(line->n)) == 0);
	if (line->n > 0)
		FUZZ_HOLDS(buf_append(out, line->data, line->n) == 0);
}

static void judge(const struct line *line)
{
	switch (line->kind) {
	case LINE_COMMAND:
		FUZZ_HOLDS(line->n <= LINE_MAX_COMMAND);
		FUZZ_HOLDS(line->n == 0 || line->data[0] == '+');
		FUZZ_HOLDS(line->n == 0 || (!memchr(line->data, '\r', line->n) && !memchr(line->data, '\n', line->n)));
		break;
	case LINE_OVERFLOW:
		FUZZ_HOLDS(line->n == 0);
		break;
	case LINE_BODY:
		FUZZ_HOLDS(line->n <= LINE_MAX_BODY + 1);
		break;
	}
}

static enum line_follows follows(void *userdata, const uint8_t *data, size_t n)
{
	(void)userdata;
	if (n >= 4 && memcmp(data + n - 4, "=pem", 4) == 0)
		return LINE_PASTE;
	return n >= 4 && memcmp(data, "+OTW", 4) == 0 ? LINE_BYTES : LINE_NOTHING;
}

/* As if it had been refused; the line behind it is then the next one. */
static void go_on(struct line_reader *r, const uint8_t *data, size_t n, bool cut)
{
	while (line_stopped(r)) {
		size_t k = line_go_on(r, data, n, cut);

		FUZZ_HOLDS(k <= n && (k == n || line_stopped(r)));
		data += k;
		n -= k;
	}
}

/* The lines do not depend on how the bytes are cut. piece 0: all at once. */
static void read_in_pieces(const uint8_t *data, size_t n, size_t piece, struct buf *out)
{
	_cleanup_(line_reader_freep) struct line_reader *r = NULL;
	struct line line;

	FUZZ_HOLDS(line_reader_new(&r, follows, NULL) == 0);
	for (size_t at = 0; at < n;) {
		size_t part = piece && piece < n - at ? piece : n - at;

		go_on(r, data + at, 0, false);
		at += line_feed(r, data + at, part);
		while (line_next(r, &line)) {
			judge(&line);
			note(out, &line);
		}
		FUZZ_HOLDS(!line_ready(r));
	}
}

/* Whatever the server may do in between. The bytes say what. */
static void disturb(const uint8_t *data, size_t n)
{
	_cleanup_(line_reader_freep) struct line_reader *r = NULL;
	struct line line;

	FUZZ_HOLDS(line_reader_new(&r, follows, NULL) == 0);
	while (n > 1) {
		uint8_t step = data[0];
		size_t part = step % 64;

		data++;
		n--;
		part = part < n ? part : n;
		size_t took = line_feed(r, data, part);

		FUZZ_HOLDS(took == part || line_stopped(r));
		data += part;
		n -= part;
		if (step >= 64 && line_next(r, &line)) {
			judge(&line);
			if (step >= 192 && line.kind == LINE_COMMAND && follows(NULL, line.data, line.n) == LINE_PASTE)
				line_swallow(r);
		}
		if (step >= 128 && line_silence_ms(r) > 0)
			line_silence(r);
		if (step == 255)
			line_reset(r);
		if (step % 2)
			go_on(r, data - part + took, part - took, step % 4 == 1);
	}
	while (line_next(r, &line))
		judge(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct buf whole, cut;

	if (n > LINE_BACKLOG / 2)
		return 0;
	buf_init(&whole, 64 * n + 64);
	buf_init(&cut, 64 * n + 64);
	read_in_pieces(data, n, 0, &whole);
	read_in_pieces(data, n, n < 256 ? 1 : 1 + n % 61, &cut);
	FUZZ_HOLDS(buf_used(&whole) == buf_used(&cut));
	FUZZ_HOLDS(buf_used(&whole) == 0 || memcmp(buf_head(&whole), buf_head(&cut), buf_used(&whole)) == 0);
	buf_done(&whole);
	buf_done(&cut);
	disturb(data, n);
	return 0;
}
