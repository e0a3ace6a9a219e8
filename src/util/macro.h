#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Small helpers of the language that every room uses. */

#include <stddef.h>

#define _cleanup_(f)   __attribute__((cleanup(f)))
#define _must_check_   __attribute__((warn_unused_result))
#define _printf_(f, a) __attribute__((format(printf, f, a)))
#define _unused_       __attribute__((unused))

#define ELEMENTS(array) (sizeof(array) / sizeof((array)[0]))

#define container_of(ptr, type, member) ((type *)((char *)(ptr) - offsetof(type, member)))

/* Hands a pointer over: yields it and leaves NULL behind. */
#define TAKE_PTR(p)                         \
	({                                  \
		__typeof__(p) _taken = (p); \
		(p) = NULL;                 \
		_taken;                     \
	})

/* Makes func##p(), to be used as _cleanup_(func##p). func() accepts NULL. */
#define DEFINE_CLEANUP(type, func)                   \
	static inline _unused_ void func##p(type *p) \
	{                                            \
		func(*p);                            \
	}

/* A cleanup for memory of malloc(). */
static inline _unused_ void freep(void *p)
{
	extern void free(void *ptr);

	free(*(void **)p);
}
