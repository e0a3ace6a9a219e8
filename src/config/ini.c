/* SPDX-License-Identifier: Apache-2.0 */
#include "config/ini.h"

#include "util/macro.h"

#include <ini.h>
#include <stdbool.h>
#include <string.h>

#define NOWHERE "[" INI_NOWHERE "]"

struct reader {
	const char *next, *end;
	unsigned line;
	unsigned reported; /* the last line with a problem */
	const struct ini_sink *sink;
	void *userdata;
};

static void problem(struct reader *r, const char *text)
{
	r->reported = r->line;
	r->sink->problem(r->userdata, r->line, text);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool has_control(const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (((unsigned char)p[i] < ' ' && p[i] != '\t') || p[i] == 0x7f)
			return true;
	}
	return false;
}

static bool check_section(struct reader *r, const char *p, size_t n)
{
	char name[INI_LINE + 1];

	if (p[n - 1] != ']') {
		problem(r, "expected [Section] and nothing behind it");
		return false;
	}
	memcpy(name, p + 1, n - 2);
	name[n - 2] = '\0';
	if (strchr(name, ']')) {
		problem(r, "expected [Section] and nothing behind it");
		return false;
	}
	r->sink->section(r->userdata, r->line, name);
	return true;
}

static bool check_pair(struct reader *r, const char *p, size_t n)
{
	const char *equals = memchr(p, '=', n);
	const char *colon = memchr(p, ':', n);

	if (!equals || equals == p || (colon && colon < equals)) {
		problem(r, "expected Key=Value, [Section], or a comment that begins with # or ;");
		return false;
	}
	return true;
}

/* Is this line, without white space around it, for the library? */
static bool check_line(struct reader *r, const char *p, size_t n)
{
	if (n == 0 || *p == '#' || *p == ';')
		return false;
	if (n > INI_LINE) {
		problem(r, "line is too long");
		return false;
	}
	if (has_control(p, n)) {
		problem(r, "line has a control character");
		return false;
	}
	return *p == '[' ? check_section(r, p, n) : check_pair(r, p, n);
}

/* The library's fgets(). It never sees a line that it would understand differently. */
static char *read_line(char *str, int size, void *userdata)
{
	struct reader *r = userdata;
	const char *p = r->next, *stop;
	size_t n;

	if (p == r->end)
		return NULL;
	stop = memchr(p, '\n', (size_t)(r->end - p));
	r->next = stop ? stop + 1 : r->end;
	stop = stop ? stop : r->end;
	r->line++;

	if (r->line == 1 && stop - p >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
		p += 3;
	if (stop > p && stop[-1] == '\r')
		stop--;
	while (p < stop && is_blank(*p))
		p++;
	while (p < stop && is_blank(stop[-1]))
		stop--;
	n = (size_t)(stop - p);
	if (!check_line(r, p, n) || n + 2 > (size_t)size) {
		/* Behind a bad header nobody knows which section this is. */
		bool header = n && *p == '[';

		p = NOWHERE;
		n = header ? strlen(NOWHERE) : 0;
	}
	memcpy(str, p, n);
	memcpy(str + n, "\n", 2);
	return str;
}

#if INI_HANDLER_LINENO
static int on_pair(void *userdata, const char *section, const char *key, const char *value, _unused_ int line)
#else
static int on_pair(void *userdata, const char *section, const char *key, const char *value)
#endif
{
	struct reader *r = userdata;

	r->sink->pair(r->userdata, r->line, section, key, value);
	return 1;
}

void ini_read(const void *text, size_t n, const struct ini_sink *sink, void *userdata)
{
	struct reader r = { .next = text, .end = (const char *)text + n, .sink = sink, .userdata = userdata };
	int line;

	if (n == 0)
		return;

	/* Switches that Debian adds to the library. */
	ini_allow_multiline = false;
	ini_allow_inline_comments = false;
	ini_allow_no_value = false;
	ini_use_stack = true;
	ini_max_line = INI_LINE + 3;
	ini_stop_on_first_error = false;

	line = ini_parse_stream(read_line, &r, on_pair, &r);
	if (line > 0 && !r.reported) {
		r.line = (unsigned)line;
		problem(&r, "not understood");
	}
}
