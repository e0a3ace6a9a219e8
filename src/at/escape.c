/* SPDX-License-Identifier: Apache-2.0 */
#include "at/escape.h"

#include "at/error.h"

#include <stdbool.h>
#include <string.h>

int escape_decode(uint8_t *data, size_t n, size_t *ret_n)
{
	uint8_t *from, *to, *end = data + n;

	from = n > 0 ? memchr(data, '\\', n) : NULL;
	if (!from) {
		*ret_n = n;
		return 0;
	}
	to = from;
	while (from < end) {
		if (*from != '\\') {
			*to++ = *from++;
			continue;
		}
		if (end - from < 2)
			return AT_ERR_ESCAPE;
		switch (from[1]) {
		case 'A':
			*to++ = '\n';
			break;
		case 'D':
			*to++ = '\r';
			break;
		case '\\':
			*to++ = '\\';
			break;
		default:
			return AT_ERR_ESCAPE;
		}
		from += 2;
	}
	*ret_n = (size_t)(to - data);
	return 0;
}

static char escape_letter(uint8_t byte)
{
	switch (byte) {
	case '\n':
		return 'A';
	case '\r':
		return 'D';
	case '\\':
		return '\\';
	default:
		return '\0';
	}
}

/* memchr() looks at many bytes at once: in most of what hosts read there is nothing to escape. */
static bool is_plain(const void *data, size_t n)
{
	return n == 0 || (!memchr(data, '\n', n) && !memchr(data, '\r', n) && !memchr(data, '\\', n));
}

int escape_encode(struct buf *out, const void *data, size_t n)
{
	const uint8_t *bytes = data;
	size_t more = 0;
	uint8_t *to;
	int r;

	if (is_plain(data, n))
		return buf_append(out, data, n);
	for (size_t i = 0; i < n; i++)
		more += escape_letter(bytes[i]) != '\0';
	r = buf_reserve(out, n + more, &to);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		char letter = escape_letter(bytes[i]);

		if (letter)
			*to++ = '\\';
		*to++ = letter ? (uint8_t)letter : bytes[i];
	}
	buf_commit(out, n + more);
	return 0;
}
