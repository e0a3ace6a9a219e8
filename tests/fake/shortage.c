/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/shortage.h"

#include "util/macro.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#define MOST 5000 /* allocations in one step: more would be a loop without end */

/* Of this thread only: others may write files meanwhile. */
static _Thread_local unsigned countdown; /* 0: no more failures */
static _Thread_local bool failed;

static bool fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
int __real_vasprintf(char **ret, const char *format, va_list ap);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
int __wrap_vasprintf(char **ret, const char *format, va_list ap) _printf_(2, 0);
int __wrap_asprintf(char **ret, const char *format, ...) _printf_(2, 3);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
	return fails() ? NULL : __real_calloc(count, n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return fails() ? NULL : __real_strndup(text, n);
}

int __wrap_vasprintf(char **ret, const char *format, va_list ap)
{
	return fails() ? -1 : __real_vasprintf(ret, format, ap);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list ap;
	int n;

	if (fails())
		return -1;
	va_start(ap, format);
	n = __real_vasprintf(ret, format, ap);
	va_end(ap);
	return n;
}

bool shortage_struck(void)
{
	return failed;
}

unsigned shortage_pause(void)
{
	unsigned rest = countdown;

	countdown = 0;
	return rest;
}

void shortage_go_on(unsigned rest)
{
	countdown = rest;
}

void shortage_exhaust(int (*step)(void))
{
	unsigned n;
	int r;

	for (n = 1; n < MOST; n++) {
		countdown = n;
		failed = false;
		r = step();
		countdown = 0;
		if (!failed) {
			ck_assert_int_eq(r, 0);
			break;
		}
		ck_assert_msg(r <= 0, "allocation %u: %d", n, r);
	}
	ck_assert_uint_lt(n, MOST);
	ck_assert_uint_gt(n, 1); /* something was tried */
}
