#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Log lines on stderr, with a journal priority in front when the journal reads them. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <syslog.h>

/* The least important priority that is still written: LOG_ERR .. LOG_DEBUG. */
void log_set_level(int priority);
bool log_enabled(int priority);

#define LOG_JOURNAL "/run/systemd/journal/socket"

/* Looks whether stderr is the journal; if so, log_record() speaks to it through the socket at this path. Called once by
 * main(). */
void log_open(const char *journal);

void log_write(int priority, const char *format, ...) _printf_(2, 3);

#define log_error(...)   log_write(LOG_ERR, __VA_ARGS__)
#define log_warning(...) log_write(LOG_WARNING, __VA_ARGS__)
#define log_notice(...)  log_write(LOG_NOTICE, __VA_ARGS__)
#define log_info(...)    log_write(LOG_INFO, __VA_ARGS__)
#define log_debug(...)                                     \
	do {                                               \
		if (log_enabled(LOG_DEBUG))                \
			log_write(LOG_DEBUG, __VA_ARGS__); \
	} while (0)

struct log_field {
	const char *name;  /* upper-case letters and underscores */
	const char *value; /* any text; what is no printable ASCII becomes '?' */
};

/* Like log_write(); the journal gets the fields beside the text, another stderr only the text. */
void log_record(int priority, const struct log_field *fields, size_t count, const char *format, ...) _printf_(4, 5);

/* Writes "<text>: <strerror(-r)>" as an error and returns r, a negative errno. */
int log_errno(int r, const char *format, ...) _printf_(2, 3);

/* Bytes as text, everything unprintable as \xNN; as many as fit, and a NUL. Returns the text's length. */
size_t log_printable(const void *data, size_t n, char *ret, size_t size);

/* Debug trace of bytes, everything unprintable as \xNN, cut after 256 bytes.
 * Secrets never come here: the caller masks them. */
void log_bytes(const char *what, const void *data, size_t n);
