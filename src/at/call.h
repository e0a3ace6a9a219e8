#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What a handler knows of the command that it runs, and how it answers. */

#include "at/command.h"
#include "util/done.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct at_call {
	const struct at_command *command;
	bool has_suffix;
	uint64_t suffix;
	const uint8_t *param; /* unescaped, may hold NUL; valid until the command is answered */
	size_t param_n;
};

typedef int (*at_finished_fn)(struct at_call *call, struct module *m, int r);
typedef int (*at_body_fn)(struct at_call *call, struct module *m, const uint8_t *body, size_t n);
typedef void (*at_then_fn)(struct module *m);

/* First line of a success. All return 0, or -errno when the answer does not fit. */
int at_ok(struct at_call *call, const char *format, ...) _printf_(2, 3);
int at_ok_bytes(struct at_call *call, const void *data, size_t n);

/* One more line; counted. at_counted() shows the count even if it stays 0. */
int at_line(struct at_call *call, const void *data, size_t n);
void at_counted(struct at_call *call);

/* ERR<error> [hint] TEXT detail; hint -1: none. Returns error. */
int at_hint(struct at_call *call, enum at_error error, int hint, const char *format, ...) _printf_(4, 5);

/* The command is answered when the completion is called, also before run() returned: finished() then fills
 * the reply and returns what run() would. At the row's deadline the host gets the fallback, and a completion that
 * comes after it, or after a reset, is dropped. */
struct done at_later(struct at_call *call, at_finished_fn finished);

/* The command goes on when the pasted certificate is complete: fn gets its text, which lives as long as the call
 * and is not to be kept. A paste broken off answers ERR4 without fn. Returns 0. */
int at_body(struct at_call *call, at_body_fn fn);

/* fn runs when the answer has left the UART. */
void at_then(struct at_call *call, at_then_fn fn);
