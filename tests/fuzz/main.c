/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over files, without a fuzzer: fuzz_NAME [FILE|FOLDER]..., by default over its corpus. */

#include "fuzz/fuzz.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static int run_file(const char *path)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	size_t n = 0;

	if (!file) {
		perror(path);
		return 0;
	}
	for (;;) {
		uint8_t *more = realloc(data, n + 65536);

		if (!more)
			abort();
		data = more;
		size_t got = fread(data + n, 1, 65536, file);
		n += got;
		if (got == 0)
			break;
	}
	fclose(file);

	/* Exactly as large as the input, so that a sanitizer sees the first byte read behind it. */
	uint8_t *exact = malloc(n ? n : 1);
	if (!exact)
		abort();
	memcpy(exact, data, n);
	free(data);
	LLVMFuzzerTestOneInput(exact, n);
	free(exact);
	return 1;
}

static int run(const char *path)
{
	struct stat st;
	struct dirent *entry;
	int ran = 0;
	DIR *folder;

	if (stat(path, &st) < 0) {
		perror(path);
		return 0;
	}
	if (!S_ISDIR(st.st_mode))
		return run_file(path);
	folder = opendir(path);
	while (folder && (entry = readdir(folder))) {
		char inner[PATH_MAX];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(inner, sizeof(inner), "%s/%s", path, entry->d_name);
		ran += run(inner);
	}
	if (folder)
		closedir(folder);
	return ran;
}

int main(int argc, char **argv)
{
	const char *top = getenv("abs_top_srcdir");
	const char *name = strstr(argv[0], "fuzz_");
	char corpus[PATH_MAX];
	int ran = 0;

	for (int i = 1; i < argc; i++)
		ran += run(argv[i]);
	if (argc == 1 && name) {
		snprintf(corpus, sizeof(corpus), "%s/tests/fuzz/corpus/%s", top ? top : ".", name + strlen("fuzz_"));
		ran = run(corpus);
	}
	printf("%d inputs\n", ran);
	return ran > 0 ? 0 : 1;
}
