/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into expresslinkctl: the machine's device tree has the model that the file in TEST_MODEL tells. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int open64(const char *path, int flags, ...);

static int real_open(const char *name, const char *path, int flags, va_list ap)
{
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, name);
	const char *model = getenv("TEST_MODEL");
	mode_t mode = flags & O_CREAT ? va_arg(ap, mode_t) : 0;

	return real(model && strcmp(path, "/proc/device-tree/model") == 0 ? model : path, flags, mode);
}

int open(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = real_open("open", path, flags, ap);
	va_end(ap);
	return fd;
}

/* What a program with 64-bit offsets calls. */
int open64(const char *path, int flags, ...)
{
	va_list ap;
	int fd;

	va_start(ap, flags);
	fd = real_open("open64", path, flags, ap);
	va_end(ap);
	return fd;
}
