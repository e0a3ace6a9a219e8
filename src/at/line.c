/* SPDX-License-Identifier: Apache-2.0 */
#include "at/line.h"

#include "util/base64.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MAX_DATA (LINE_MAX_COMMAND - 2) /* without the "AT" */

/* In the backlog a record begins with its kind in the upper byte and, below, the number of bytes that follow it, or
 * for LINE_OVERFLOW how many of them stand there in a row. */
#define HEAD       sizeof(uint32_t)
#define HEAD_COUNT 0xffffffU

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

enum mode {
	MODE_COMMANDS,
	MODE_BODY,    /* a paste is collected */
	MODE_REFUSED, /* a paste was refused before its first byte */
	MODE_SWALLOW, /* a paste is thrown away */
	MODE_STOPPED, /* what follows may be no lines */
};

/* What has been seen of the line that comes in, in MODE_COMMANDS. */
enum seen {
	SEEN_NOISE,
	SEEN_A,
	SEEN_AT,
	SEEN_COMMAND,
	SEEN_TOO_LONG,
};

struct line_reader {
	line_follows_fn follows;
	void *userdata;
	enum mode mode;

	enum seen seen;
	size_t n; /* of the command that comes in */
	uint8_t data[MAX_DATA];

	struct buf body; /* the paste: checked lines, each with its LF, and the one that comes in */
	size_t checked;  /* bytes of the former */
	size_t end_seen; /* in MODE_SWALLOW: how much of "-----END " has been seen in this line */

	struct buf backlog; /* whole records */
	size_t taken;       /* bytes of it that line_next() has handed out */
	bool ends_overflow; /* its last record is a LINE_OVERFLOW */
};

int line_reader_new(struct line_reader **ret, line_follows_fn follows, void *userdata)
{
	_cleanup_(line_reader_freep) struct line_reader *r = NULL;

	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->follows = follows;
	r->userdata = userdata;
	buf_init(&r->body, LINE_MAX_BODY);
	buf_init(&r->backlog, LINE_BACKLOG + LINE_MAX_BODY);
	*ret = TAKE_PTR(r);
	return 0;
}

struct line_reader *line_reader_free(struct line_reader *r)
{
	if (!r)
		return NULL;
	buf_done(&r->body);
	buf_done(&r->backlog);
	free(r);
	return NULL;
}

static bool is_eol(uint8_t c)
{
	return c == '\n' || c == '\r';
}

static size_t find_eol(const uint8_t *data, size_t n)
{
	size_t i = 0;

	while (i < n && !is_eol(data[i]))
		i++;
	return i;
}

/* The backlog. A command is let in only if two more heads fit behind it: one for its paste and one for the overflow
 * of what follows. The text of a paste has room of its own, so one that was announced is never lost for want of it. */

static void drop_taken(struct line_reader *r)
{
	buf_consume(&r->backlog, r->taken);
	r->taken = 0;
	if (buf_used(&r->backlog) == 0)
		r->ends_overflow = false;
}

static uint32_t head_at(const struct line_reader *r, size_t offset)
{
	uint32_t head;

	memcpy(&head, r->backlog.data + r->backlog.start + offset, HEAD);
	return head;
}

static bool push(struct line_reader *r, enum line_kind kind, const void *data, size_t n, size_t count)
{
	uint32_t head = (uint32_t)kind << 24 | (uint32_t)count;
	uint8_t *to;

	if (buf_reserve(&r->backlog, HEAD + n, &to) < 0)
		return false;
	memcpy(to, &head, HEAD);
	if (n > 0)
		memcpy(to + HEAD, data, n);
	buf_commit(&r->backlog, HEAD + n);
	r->ends_overflow = kind == LINE_OVERFLOW;
	return true;
}

static void push_overflow(struct line_reader *r)
{
	uint32_t head;
	size_t at;

	if (!r->ends_overflow) {
		(void)push(r, LINE_OVERFLOW, NULL, 0, 1);
		return;
	}
	at = buf_used(&r->backlog) - HEAD;
	head = head_at(r, at);
	if ((head & HEAD_COUNT) < HEAD_COUNT)
		head++;
	memcpy(r->backlog.data + r->backlog.start + at, &head, HEAD);
}

static void push_body(struct line_reader *r, size_t n)
{
	if (!push(r, LINE_BODY, buf_head(&r->body), n, n))
		(void)push(r, LINE_BODY, NULL, 0, 0);
}

static void end_command(struct line_reader *r)
{
	enum line_follows follows = r->follows ? r->follows(r->userdata, r->data, r->n) : LINE_NOTHING;

	if (buf_used(&r->backlog) + r->n + 3 * HEAD > LINE_BACKLOG || !push(r, LINE_COMMAND, r->data, r->n, r->n)) {
		push_overflow(r);
		if (follows == LINE_PASTE)
			r->mode = MODE_REFUSED;
	} else if (follows != LINE_NOTHING) {
		r->mode = follows == LINE_PASTE ? MODE_BODY : MODE_STOPPED;
	}
}

static size_t feed_command(struct line_reader *r, const uint8_t *data, size_t n)
{
	size_t eol = find_eol(data, n);

	if (r->seen == SEEN_COMMAND && eol > MAX_DATA - r->n)
		r->seen = SEEN_TOO_LONG;
	if (r->seen == SEEN_COMMAND) {
		memcpy(r->data + r->n, data, eol);
		r->n += eol;
	}
	if (eol == n)
		return n;
	if (r->seen == SEEN_COMMAND)
		end_command(r);
	else
		push_overflow(r);
	r->seen = SEEN_NOISE;
	return eol + 1;
}

/* Up to the '+' of the first "AT+", or over the EOL. */
static size_t feed_noise(struct line_reader *r, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		uint8_t c = data[i];

		if (c == 'A' || c == 'a') {
			r->seen = SEEN_A;
		} else if (r->seen == SEEN_A && (c == 'T' || c == 't')) {
			r->seen = SEEN_AT;
		} else if (r->seen == SEEN_AT && c == '+') {
			r->n = 0;
			r->seen = SEEN_COMMAND;
			return i;
		} else if (r->seen == SEEN_AT && is_eol(c)) {
			r->n = 0;
			r->seen = SEEN_NOISE;
			end_command(r);
			return i + 1;
		} else {
			r->seen = SEEN_NOISE;
		}
	}
	return n;
}

/* The paste (guide 8.11.2). Whatever is pasted, its last line has this; what stands before it in the line doesn't
 * matter. */
static const char end_mark[] = "-----END ";
#define END_MARK   (sizeof(end_mark) - 1)
#define END_DASHES 5

static void seek_end(struct line_reader *r, const uint8_t *data, size_t n)
{
	for (size_t i = 0; i < n && r->end_seen < END_MARK; i++) {
		if (data[i] == (uint8_t)end_mark[r->end_seen])
			r->end_seen++;
		else if (data[i] == '-')
			r->end_seen = r->end_seen == END_DASHES ? END_DASHES : 1;
		else
			r->end_seen = 0;
	}
}

static void swallow_eol(struct line_reader *r)
{
	if (r->end_seen == END_MARK)
		r->mode = MODE_COMMANDS;
	r->end_seen = 0;
}

static size_t feed_swallow(struct line_reader *r, const uint8_t *data, size_t n)
{
	size_t eol = find_eol(data, n);

	seek_end(r, data, eol);
	if (eol == n)
		return n;
	swallow_eol(r);
	return eol + 1;
}

static void body_clear(struct line_reader *r)
{
	buf_clear(&r->body);
	r->checked = 0;
}

/* What has come is forgotten, with the half line at its end in mind. */
static void body_swallow(struct line_reader *r)
{
	r->mode = MODE_SWALLOW;
	r->end_seen = 0;
	if (buf_used(&r->body) > 0)
		seek_end(r, buf_head(&r->body) + r->checked, buf_used(&r->body) - r->checked);
	body_clear(r);
}

static void body_break_off(struct line_reader *r)
{
	push_body(r, 0);
	body_swallow(r);
}

#define IS_TEXT(line, n, text) ((n) == sizeof(text) - 1 && memcmp(line, text, n) == 0)

/* Judges the line that has just ended. False: no PEM. */
static bool body_line(struct line_reader *r)
{
	const uint8_t *line = buf_head(&r->body) + r->checked;
	size_t n = buf_used(&r->body) - r->checked;

	while (n > 0 && (line[n - 1] == ' ' || line[n - 1] == '\t'))
		n--;
	buf_truncate(&r->body, r->checked + n);
	if (n == 0)
		return true;
	if (r->checked > 0 && IS_TEXT(line, n, END)) {
		push_body(r, buf_used(&r->body));
		body_clear(r);
		r->mode = MODE_COMMANDS;
		return true;
	}
	if (r->checked > 0 ? !base64_is_text(line, n) : !IS_TEXT(line, n, BEGIN))
		return false;
	if (buf_append(&r->body, "\n", 1) < 0)
		return false;
	r->checked = buf_used(&r->body);
	return true;
}

static size_t feed_body(struct line_reader *r, const uint8_t *data, size_t n)
{
	size_t eol = find_eol(data, n);

	if (buf_append(&r->body, data, eol) < 0) {
		/* Too long: the rest of this line is swallowed by the caller's next round. */
		body_break_off(r);
		return 0;
	}
	if (eol == n)
		return n;
	if (buf_used(&r->body) > r->checked && !body_line(r)) {
		body_break_off(r);
		swallow_eol(r);
	}
	return eol + 1;
}

/* No paste begins like this: the host saw the refusal and goes on with commands. */
static size_t feed_refused(struct line_reader *r, const uint8_t *data, size_t n)
{
	size_t i = 0;

	while (i < n && (is_eol(data[i]) || data[i] == ' ' || data[i] == '\t'))
		i++;
	if (i == n)
		return n;
	r->mode = data[i] == '-' ? MODE_SWALLOW : MODE_COMMANDS;
	r->end_seen = 0;
	return i;
}

size_t line_feed(struct line_reader *r, const void *data, size_t n)
{
	const uint8_t *bytes = data;
	size_t all = n;

	drop_taken(r);
	while (n > 0 && r->mode != MODE_STOPPED) {
		size_t k;

		switch (r->mode) {
		case MODE_BODY:
			k = feed_body(r, bytes, n);
			break;
		case MODE_REFUSED:
			k = feed_refused(r, bytes, n);
			break;
		case MODE_SWALLOW:
			k = feed_swallow(r, bytes, n);
			break;
		default:
			k = r->seen < SEEN_COMMAND ? feed_noise(r, bytes, n) : feed_command(r, bytes, n);
			break;
		}
		bytes += k;
		n -= k;
	}
	return all - n;
}

bool line_stopped(const struct line_reader *r)
{
	return r->mode == MODE_STOPPED;
}

size_t line_go_on(struct line_reader *r, const void *data, size_t n, bool cut)
{
	size_t k;

	r->mode = MODE_COMMANDS;
	k = line_feed(r, data, n);
	if (cut && k == n && r->mode == MODE_COMMANDS)
		r->seen = SEEN_TOO_LONG;
	return k;
}

bool line_next(struct line_reader *r, struct line *ret)
{
	uint32_t head;

	drop_taken(r);
	if (buf_used(&r->backlog) == 0)
		return false;
	head = head_at(r, 0);
	ret->kind = (enum line_kind)(head >> 24);
	ret->data = r->backlog.data + r->backlog.start + HEAD;
	ret->n = head & HEAD_COUNT;
	if (ret->kind != LINE_OVERFLOW) {
		r->taken = HEAD + ret->n;
		return true;
	}
	if (ret->n > 1) {
		head--;
		memcpy(r->backlog.data + r->backlog.start, &head, HEAD);
	} else {
		r->taken = HEAD;
	}
	ret->n = 0;
	return true;
}

bool line_ready(const struct line_reader *r)
{
	return buf_used(&r->backlog) > r->taken;
}

void line_swallow(struct line_reader *r)
{
	uint32_t head;

	drop_taken(r);
	if (buf_used(&r->backlog) > 0) {
		head = head_at(r, 0);
		if (head >> 24 == LINE_BODY)
			buf_consume(&r->backlog, HEAD + (head & HEAD_COUNT));
	} else if (r->mode == MODE_BODY) {
		if (buf_used(&r->body) > 0)
			body_swallow(r);
		else
			r->mode = MODE_REFUSED;
	}
}

unsigned line_silence_ms(const struct line_reader *r)
{
	switch (r->mode) {
	case MODE_BODY:
		return LINE_BODY_SILENCE_MS;
	case MODE_REFUSED:
	case MODE_SWALLOW:
		return LINE_SWALLOW_SILENCE_MS;
	default:
		return 0;
	}
}

void line_silence(struct line_reader *r)
{
	drop_taken(r);
	if (r->mode == MODE_BODY)
		push_body(r, 0);
	body_clear(r);
	if (r->mode != MODE_STOPPED)
		r->mode = MODE_COMMANDS;
	r->seen = SEEN_NOISE;
}

void line_reset(struct line_reader *r)
{
	buf_clear(&r->backlog);
	body_clear(r);
	r->mode = MODE_COMMANDS;
	r->seen = SEEN_NOISE;
	r->taken = 0;
	r->ends_overflow = false;
}
