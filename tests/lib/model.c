/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded into expresslinkctl: the machine's device tree has the model that the file in TEST_MODEL tells. */

#include <dlfcn.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

int open(const char *path, int flags, ...)
{
	int (*real)(const char *, int, ...) = (int (*)(const char *, int, ...))dlsym(RTLD_NEXT, "open");
	const char *model = getenv("TEST_MODEL");
	mode_t mode = 0;
	va_list ap;

	if (flags & O_CREAT) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	return real(model && strcmp(path, "/proc/device-tree/model") == 0 ? model : path, flags, mode);
}
