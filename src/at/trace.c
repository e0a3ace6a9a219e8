/* SPDX-License-Identifier: Apache-2.0 */
#include "at/trace.h"

#include "util/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define MASK "=***"

static bool trace_wanted(const struct trace *t)
{
	return t->fn || log_enabled(LOG_DEBUG);
}

static void trace_show(const struct trace *t, enum trace_side side, const void *shown, size_t shown_n, size_t n)
{
	if (t->fn)
		t->fn(t->userdata, side, shown, shown_n, n);
}

/* How much of the line may be shown. A passphrase is written by CONF Passphrase=... (guide 5, Table 2), and a key may
 * be pasted where a certificate is wanted: whatever is misspelt about that, nothing behind such a word is shown. */
static size_t before_secret(const uint8_t *data, size_t n)
{
	static const char *const words[] = { "passphrase", "pass", "phrase", "private key" };

	for (size_t i = 0; i < n; i++) {
		for (size_t w = 0; w < ELEMENTS(words); w++) {
			size_t k = strlen(words[w]);

			if (k <= n - i && strncasecmp((const char *)data + i, words[w], k) == 0)
				return i + k;
		}
	}
	return n;
}

void trace_command(const struct trace *t, const uint8_t *data, size_t n)
{
	uint8_t text[2 + TRACE_MAX + sizeof(MASK)] = "AT";
	size_t k = n < TRACE_MAX - 2 ? n : TRACE_MAX - 2, shown;

	if (!trace_wanted(t))
		return;
	shown = before_secret(data, k);
	if (shown > 0)
		memcpy(text + 2, data, shown);
	if (shown < k) {
		memcpy(text + 2 + shown, MASK, sizeof(MASK));
		n = k = shown + strlen(MASK);
	}
	log_bytes("host:  ", text, 2 + k);
	trace_show(t, TRACE_HOST, text, 2 + k < TRACE_MAX ? 2 + k : TRACE_MAX, 2 + n);
}

void trace_note(const struct trace *t, const char *format, ...)
{
	char text[TRACE_MAX];
	va_list ap;
	int n;

	if (!trace_wanted(t))
		return;
	va_start(ap, format);
	n = vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	if (n < 0 || (size_t)n >= sizeof(text))
		return;
	log_debug("host:   %s", text);
	trace_show(t, TRACE_HOST, text, (size_t)n, (size_t)n);
}

void trace_answer(const struct trace *t, const void *data, size_t n)
{
	if (!trace_wanted(t))
		return;
	log_bytes("module:", data, n);
	trace_show(t, TRACE_MODULE, data, n < TRACE_MAX ? n : TRACE_MAX, n);
}
