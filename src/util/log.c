/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LOG_MAX_LINE  2048
#define LOG_MAX_BYTES 256

/* The one global of the house: every room logs, none should have to carry this along. */
static int log_level = LOG_INFO;
static bool log_prefixes;

void log_set_level(int priority)
{
	log_level = priority;
}

bool log_enabled(int priority)
{
	return priority <= log_level;
}

void log_open(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return;
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	log_prefixes = st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
}

static void _printf_(2, 0) log_vwrite(int priority, const char *format, va_list ap)
{
	char line[LOG_MAX_LINE];
	size_t n = 0;
	int r;

	if (log_prefixes)
		n = (size_t)snprintf(line, sizeof(line), "<%d>", priority);
	r = vsnprintf(line + n, sizeof(line) - n, format, ap);
	if (r < 0)
		return;
	n += (size_t)r;
	if (n > sizeof(line) - 1)
		n = sizeof(line) - 1;
	line[n++] = '\n';

	/* A log that cannot be written must not stop the module. */
	if (write(STDERR_FILENO, line, n) < 0)
		return;
}

void log_write(int priority, const char *format, ...)
{
	int saved = errno;
	va_list ap;

	if (!log_enabled(priority))
		return;
	va_start(ap, format);
	log_vwrite(priority, format, ap);
	va_end(ap);
	errno = saved;
}

int log_errno(int r, const char *format, ...)
{
	char text[LOG_MAX_LINE / 2];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	log_error("%s: %s", text, strerror(r < 0 ? -r : r));
	return r;
}

void log_bytes(const char *what, const void *data, size_t n)
{
	static const char hex[] = "0123456789ABCDEF";
	char text[4 * LOG_MAX_BYTES + 1];
	const uint8_t *bytes = data;
	size_t used = 0;

	for (size_t i = 0; i < n && i < LOG_MAX_BYTES; i++) {
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f) {
			text[used++] = (char)bytes[i];
			continue;
		}
		text[used++] = '\\';
		text[used++] = 'x';
		text[used++] = hex[bytes[i] >> 4];
		text[used++] = hex[bytes[i] & 15];
	}
	text[used] = '\0';
	log_debug("%s %s%s", what, text, n > LOG_MAX_BYTES ? "..." : "");
}
