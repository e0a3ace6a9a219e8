/* SPDX-License-Identifier: Apache-2.0 */
#include "config/store.h"

#include "util/num.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define END "end"

struct word {
	const char *text;
	size_t n;
};

/* Start with 0 and pass the result on to go on. */
static uint32_t crc32(uint32_t crc, const void *data, size_t n)
{
	/* one entry per half byte, of the reflected polynomial 0xEDB88320 */
	static const uint32_t table[16] = {
		0x00000000, 0x1db71064, 0x3b6e20c8, 0x26d930ac, 0x76dc4190, 0x6b6b51f4, 0x4db26158, 0x5005713c,
		0xedb88320, 0xf00f9344, 0xd6d6a3e8, 0xcb61b38c, 0x9b64c2b0, 0x86d3d2d4, 0xa00ae278, 0xbdbdf21c,
	};
	const uint8_t *p = data;

	crc = ~crc;
	for (size_t i = 0; i < n; i++) {
		crc ^= p[i];
		crc = table[crc & 15] ^ (crc >> 4);
		crc = table[crc & 15] ^ (crc >> 4);
	}
	return ~crc;
}

static uint32_t crc32_entry(const char *key, size_t key_n, const void *value, size_t n)
{
	uint32_t crc = crc32(0, key, key_n);

	crc = crc32(crc, " ", 1);
	return crc32(crc, value, n);
}

static int from_hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static bool is_plain(uint8_t c)
{
	return c > ' ' && c < 0x7f && c != '%';
}

/* The bytes up to the next space; *line goes behind it. */
static bool next_word(struct word *line, struct word *ret)
{
	const char *space = line->n ? memchr(line->text, ' ', line->n) : NULL;

	if (!space)
		return false;
	*ret = (struct word){ line->text, (size_t)(space - line->text) };
	line->text += ret->n + 1;
	line->n -= ret->n + 1;
	return ret->n > 0;
}

static bool parse_crc(const struct word *w, uint32_t *ret)
{
	uint32_t crc = 0;

	if (w->n != 8)
		return false;
	for (size_t i = 0; i < w->n; i++) {
		int digit = from_hex(w->text[i]);

		if (digit < 0)
			return false;
		crc = crc << 4 | (uint32_t)digit;
	}
	*ret = crc;
	return true;
}

/* Undoes %XX; out has room for all of in. */
static bool decode(const struct word *in, char *out, size_t *ret_n)
{
	size_t n = 0;

	for (size_t i = 0; i < in->n; i++) {
		char c = in->text[i];

		if (c == '%') {
			int high, low;

			if (in->n - i < 3)
				return false;
			high = from_hex(in->text[i + 1]);
			low = from_hex(in->text[i + 2]);
			if (high < 0 || low < 0)
				return false;
			c = (char)(high << 4 | low);
			i += 2;
		} else if (!is_plain((uint8_t)c)) {
			return false;
		}
		out[n++] = c;
	}
	*ret_n = n;
	return true;
}

static bool is_key(const struct word *w)
{
	if (w->n > STORE_MAX_KEY)
		return false;
	for (size_t i = 0; i < w->n; i++) {
		if (!is_plain((uint8_t)w->text[i]))
			return false;
	}
	return true;
}

/* One line with an entry, into value (room for the whole line). */
static bool parse_entry(struct word line, char key[STORE_MAX_KEY + 1], char *value, size_t *ret_n)
{
	struct word name, length, sum;
	uint64_t expected;
	uint32_t crc;

	if (!next_word(&line, &name) || !next_word(&line, &length) || !next_word(&line, &sum))
		return false;
	if (!is_key(&name) || num_parse(length.text, length.n, &expected) < 0 || !parse_crc(&sum, &crc))
		return false;
	if (!decode(&line, value, ret_n) || *ret_n != expected)
		return false;
	if (crc32_entry(name.text, name.n, value, *ret_n) != crc)
		return false;
	memcpy(key, name.text, name.n);
	key[name.n] = '\0';
	return true;
}

/* The last line says how many bytes precede it and sums them up, so that a file that was cut
 * between two lines is not taken for a whole one. */
static bool parse_end(struct word line, const char *text, size_t n)
{
	struct word name, length;
	uint64_t expected;
	uint32_t crc;

	if (!next_word(&line, &name) || !next_word(&line, &length))
		return false;
	if (num_parse(length.text, length.n, &expected) < 0 || !parse_crc(&line, &crc))
		return false;
	return expected == n && crc == crc32(0, text, n);
}

static bool is_end(const struct word *line)
{
	return line->n > strlen(END) && memcmp(line->text, END " ", strlen(END " ")) == 0;
}

/* The line at offset without its newline; false if there is no whole line. */
static bool line_at(const char *text, size_t n, size_t offset, struct word *ret)
{
	const char *newline = offset < n ? memchr(text + offset, '\n', n - offset) : NULL;

	if (!newline)
		return false;
	*ret = (struct word){ text + offset, (size_t)(newline - text) - offset };
	return true;
}

/* The bytes of the first line, its newline too; 0: it is another one. */
static size_t skip_title(const char *title, const char *text, size_t n)
{
	size_t title_n = strlen(title);

	if (n <= title_n || memcmp(text, title, title_n) != 0 || text[title_n] != '\n')
		return 0;
	return title_n + 1;
}

unsigned store_parse(const char *title, const void *data, size_t n, store_entry_fn entry, void *userdata)
{
	_cleanup_(freep) char *value = malloc(n + 1);
	char key[STORE_MAX_KEY + 1];
	const char *text = data;
	size_t offset = skip_title(title, text, n), value_n;
	bool ended = false;
	struct word line;
	unsigned bad = offset == 0;

	if (!value)
		return 1;
	for (; line_at(text, n, offset, &line); offset += line.n + 1) {
		if (is_end(&line) && !ended && offset + line.n + 1 == n)
			ended = parse_end(line, text, offset);
		else if (parse_entry(line, key, value, &value_n))
			entry(userdata, key, value, value_n);
		else
			bad++;
	}
	return bad + !ended;
}

int store_header(struct buf *out, const char *title)
{
	int r = buf_append(out, title, strlen(title));

	return r < 0 ? r : buf_append(out, "\n", 1);
}

int store_entry(struct buf *out, const char *key, const void *value, size_t n)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *bytes = value;
	size_t key_n = strlen(key);
	char head[STORE_MAX_KEY + 40];
	uint8_t *start, *p;
	int k, r;

	assert(key_n > 0 && key_n <= STORE_MAX_KEY);

	if (n > STORE_MAX_FILE)
		return -ENOBUFS;
	k = snprintf(head, sizeof(head), "%s %zu %08" PRIX32 " ", key, n, crc32_entry(key, key_n, value, n));
	r = buf_append(out, head, (size_t)k);
	if (r < 0)
		return r;
	r = buf_reserve(out, 3 * n + 1, &start);
	if (r < 0)
		return r;

	p = start;
	for (size_t i = 0; i < n; i++) {
		if (is_plain(bytes[i])) {
			*p++ = bytes[i];
			continue;
		}
		*p++ = '%';
		*p++ = (uint8_t)digits[bytes[i] >> 4];
		*p++ = (uint8_t)digits[bytes[i] & 15];
	}
	*p++ = '\n';
	buf_commit(out, (size_t)(p - start));
	return 0;
}

int store_end(struct buf *out)
{
	size_t n = buf_used(out);
	char line[40];
	int k = snprintf(line, sizeof(line), END " %zu %08" PRIX32 "\n", n, crc32(0, buf_head(out), n));

	return buf_append(out, line, (size_t)k);
}
