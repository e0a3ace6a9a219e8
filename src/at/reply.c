/* SPDX-License-Identifier: Apache-2.0 */
#include "at/reply.h"

#include "at/escape.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void reply_init(struct reply *r)
{
	*r = (struct reply){ 0 };
	buf_init(&r->first, REPLY_MAX);
	buf_init(&r->lines, REPLY_MAX);
}

void reply_done(struct reply *r)
{
	buf_done(&r->first);
	buf_done(&r->lines);
}

void reply_clear(struct reply *r)
{
	buf_clear(&r->first);
	buf_clear(&r->lines);
	r->count = 0;
	r->counted = false;
	r->hint[0] = '\0';
	r->detail[0] = '\0';
}

int reply_ok(struct reply *r, const void *data, size_t n)
{
	return escape_encode(&r->first, data, n);
}

int reply_line(struct reply *r, const void *data, size_t n)
{
	size_t before = buf_used(&r->lines);
	int k;

	k = escape_encode(&r->lines, data, n);
	if (k < 0)
		return k;
	k = buf_append(&r->lines, "\r\n", 2);
	if (k < 0) {
		buf_truncate(&r->lines, before);
		return k;
	}
	r->count++;
	return 0;
}

/* Not in the middle of a UTF-8 character: some hosts decode strictly. And no blank at the end. */
static size_t cut(const char *text, size_t n)
{
	if (n > REPLY_MAX_DETAIL) {
		n = REPLY_MAX_DETAIL;
		while (n > 0 && ((uint8_t)text[n] & 0xc0) == 0x80)
			n--;
	}
	while (n > 0 && text[n - 1] == ' ')
		n--;
	return n;
}

void reply_hint(struct reply *r, int hint, const char *format, va_list ap)
{
	char text[4 * REPLY_MAX_DETAIL] = "";
	size_t n;

	r->hint[0] = '\0';
	if (hint >= 0)
		(void)snprintf(r->hint, sizeof(r->hint), "%d", hint);
	if (format && vsnprintf(text, sizeof(text), format, ap) < 0)
		text[0] = '\0';
	n = cut(text, strlen(text));
	memcpy(r->detail, text, n);
	r->detail[n] = '\0';
}

static int write_ok(const struct reply *r, struct buf *out)
{
	char head[16];
	int k, n;

	if (r->count == 0 && !r->counted)
		n = snprintf(head, sizeof(head), "OK");
	else
		n = snprintf(head, sizeof(head), "OK%u", r->count);
	k = buf_append(out, head, (size_t)n);
	if (k < 0)
		return k;
	if (buf_used(&r->first) > 0) {
		k = buf_append(out, " ", 1);
		if (k < 0)
			return k;
		k = buf_append(out, buf_head(&r->first), buf_used(&r->first));
		if (k < 0)
			return k;
	}
	k = buf_append(out, "\r\n", 2);
	if (k < 0)
		return k;
	return buf_append(out, buf_head(&r->lines), buf_used(&r->lines));
}

/* Only ERR14 has a hint and a detail: of the other answers hosts know the text by heart. */
static int write_error(const struct reply *r, int error, struct buf *out)
{
	bool more = error == AT_ERR_CONNECT;
	char head[64];
	int k, n;

	n = snprintf(head, sizeof(head), "ERR%d %s%s%s%s", error, more ? r->hint : "", more && r->hint[0] ? " " : "",
		     at_error_text(error), more && r->detail[0] ? " " : "");
	k = buf_append(out, head, (size_t)n);
	if (k < 0)
		return k;
	if (more) {
		k = escape_encode(out, r->detail, strlen(r->detail));
		if (k < 0)
			return k;
	}
	return buf_append(out, "\r\n", 2);
}

int reply_write(const struct reply *r, int error, struct buf *out)
{
	size_t before = buf_used(out);
	int k;

	if (error == 0)
		k = write_ok(r, out);
	else if (at_error_text(error))
		k = write_error(r, error, out);
	else
		k = -EINVAL;
	if (k < 0)
		buf_truncate(out, before);
	return k;
}
