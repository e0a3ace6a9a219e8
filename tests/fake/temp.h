#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Folders and files for one test. Whatever fails aborts the test. */

#include "util/macro.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A new empty folder under $TMPDIR; temp_remove() takes it away with all that is in it, and frees the text. */
char *temp_dir(void);
void temp_remove(char *dir);
DEFINE_CLEANUP(char *, temp_remove)

/* dir/name in memory that lives until the next but 15 calls. */
const char *temp_path(const char *dir, const char *name);

void temp_write(const char *dir, const char *name, const void *data, size_t n, mode_t mode);
void temp_text(const char *dir, const char *name, const char *text); /* mode 0600 */

/* Whatever it is, also a link that leads nowhere. */
bool temp_exists(const char *dir, const char *name);

/* Writes into a file that is there. */
void temp_change(const char *dir, const char *name, off_t offset, const void *data, size_t n);

/* The whole file, a NUL behind it; NULL if there is none. The caller frees it. ret_n may be NULL. */
char *temp_read(const char *dir, const char *name, size_t *ret_n);
