/* SPDX-License-Identifier: Apache-2.0 */
#include "util/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define LOG_MAX_LINE  2048
#define LOG_MAX_BYTES 256

/* The one global of the house: every room logs, none should have to carry this along. */
static int log_level = LOG_INFO;
static bool log_prefixes;
static int log_journal = -1;
static unsigned log_lost; /* lines that a journal that hangs did not take */

void log_set_level(int priority)
{
	log_level = priority;
}

bool log_enabled(int priority)
{
	return priority <= log_level;
}

/* The journal's own protocol, a few lines: sd_journal_sendv() waits for a journal that hangs. */
static void log_connect(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (strlen(path) >= sizeof(address.sun_path))
		return;
	memcpy(address.sun_path, path, strlen(path) + 1);
	log_journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (log_journal < 0 || connect(log_journal, (struct sockaddr *)&address, sizeof(address)) == 0)
		return;
	(void)close(log_journal);
	log_journal = -1;
}

void log_open(const char *journal)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	if (!stream || sscanf(stream, "%llu:%llu", &device, &inode) != 2)
		return;
	if (fstat(STDERR_FILENO, &st) < 0)
		return;
	log_prefixes = st.st_dev == (dev_t)device && st.st_ino == (ino_t)inode;
	if (log_prefixes)
		log_connect(journal);
}

/* A log that cannot be written must not stop the module, nor must a journal that hangs. */
static bool log_out(const char *line, size_t n)
{
	ssize_t k = -1;

	if (log_prefixes)
		k = send(STDERR_FILENO, line, n, MSG_NOSIGNAL | MSG_DONTWAIT);
	if (!log_prefixes || (k < 0 && errno == ENOTSOCK))
		k = write(STDERR_FILENO, line, n);
	return k >= 0;
}

static void log_put(const char *line, size_t n)
{
	char gap[64];
	int k;

	if (log_lost > 0) {
		k = snprintf(gap, sizeof(gap), "<%d>%u lines of this log are missing here\n", LOG_WARNING, log_lost);
		if (log_out(gap, (size_t)k))
			log_lost = 0;
	}
	if (log_lost > 0 || !log_out(line, n))
		log_lost += log_prefixes;
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

	log_put(line, n);
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

/* Appends a field; one that does not fit is left out whole. */
static size_t log_add(char *text, size_t used, size_t size, const char *name, const char *value)
{
	int n = snprintf(text + used, size - used, "%s=%s", name, value);
	size_t end;

	if (n < 0 || (size_t)n + 1 >= size - used)
		return used;
	end = used + (size_t)n;
	for (size_t i = used; i < end; i++) {
		if (text[i] < ' ' || text[i] > '~')
			text[i] = '?';
	}
	text[end] = '\n';
	return end + 1;
}

static bool log_send(int priority, const struct log_field *fields, size_t count, const char *message)
{
	const char number[] = { (char)('0' + priority), '\0' };
	char text[2 * LOG_MAX_LINE];
	size_t used = 0;

	if (log_journal < 0)
		return false;
	used = log_add(text, used, sizeof(text), "MESSAGE", message);
	used = log_add(text, used, sizeof(text), "PRIORITY", number);
	used = log_add(text, used, sizeof(text), "SYSLOG_IDENTIFIER", program_invocation_short_name);
	for (size_t i = 0; i < count; i++)
		used = log_add(text, used, sizeof(text), fields[i].name, fields[i].value);
	return send(log_journal, text, used, MSG_NOSIGNAL) == (ssize_t)used;
}

void log_record(int priority, const struct log_field *fields, size_t count, const char *format, ...)
{
	char message[LOG_MAX_LINE / 2];
	va_list ap;

	if (!log_enabled(priority))
		return;
	va_start(ap, format);
	(void)vsnprintf(message, sizeof(message), format, ap);
	va_end(ap);
	if (!log_send(priority, fields, count, message))
		log_write(priority, "%s", message);
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

size_t log_printable(const void *data, size_t n, char *ret, size_t size)
{
	static const char hex[] = "0123456789ABCDEF";
	const uint8_t *bytes = data;
	size_t used = 0;

	for (size_t i = 0; i < n && used + 4 < size; i++) {
		if (bytes[i] >= 0x20 && bytes[i] < 0x7f) {
			ret[used++] = (char)bytes[i];
			continue;
		}
		ret[used++] = '\\';
		ret[used++] = 'x';
		ret[used++] = hex[bytes[i] >> 4];
		ret[used++] = hex[bytes[i] & 15];
	}
	ret[used] = '\0';
	return used;
}

void log_bytes(const char *what, const void *data, size_t n)
{
	char text[4 * LOG_MAX_BYTES + 5];

	(void)log_printable(data, n < LOG_MAX_BYTES ? n : LOG_MAX_BYTES, text, sizeof(text));
	log_debug("%s %s%s", what, text, n > LOG_MAX_BYTES ? "..." : "");
}
