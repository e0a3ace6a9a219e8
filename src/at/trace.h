#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The dialogue with the host as it may be shown: in the debug log, and to who asks for it. Secrets are masked here and
 * nowhere else. */

#include "util/macro.h"

#include <stddef.h>
#include <stdint.h>

#define TRACE_MAX 256 /* bytes that are shown of a command or an answer */

enum trace_side {
	TRACE_HOST,
	TRACE_MODULE,
};

/* shown: at most TRACE_MAX bytes of a dialogue of n bytes, masked. */
typedef void (*trace_fn)(void *userdata, enum trace_side side, const void *shown, size_t shown_n, size_t n);

struct trace {
	trace_fn fn; /* or NULL */
	void *userdata;
};

/* Behind "AT"; only looked at. */
void trace_command(const struct trace *t, const uint8_t *data, size_t n);

/* What has come instead of a command. */
void trace_note(const struct trace *t, const char *format, ...) _printf_(2, 3);

void trace_answer(const struct trace *t, const void *data, size_t n);
