/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/sheet.h"

#include "util/macro.h"

#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool next_line(FILE *sheet, char line[SHEET_MAX_ROW])
{
	if (!fgets(line, SHEET_MAX_ROW, sheet))
		return false;
	line[strcspn(line, "\n")] = '\0';
	return true;
}

/* A last cell that may be broken stands in lines of its own, between T{ and T}. */
static void join_cell(FILE *sheet, char row[SHEET_MAX_ROW])
{
	char line[SHEET_MAX_ROW];
	size_t n = strlen(row);

	if (n < 2 || strcmp(row + n - 2, "T{") != 0)
		return;
	row[n - 2] = '\0';
	while (next_line(sheet, line) && strcmp(line, "T}") != 0) {
		ck_assert_uint_lt(strlen(row) + strlen(line), SHEET_MAX_ROW);
		strcat(row, line);
	}
}

void sheet_compare(const char *name, char rows[][SHEET_MAX_ROW], size_t n)
{
	const char *folder = getenv("abs_top_srcdir");
	char path[4096], begin[64], line[SHEET_MAX_ROW];
	_cleanup_(freep) bool *found = calloc(n + 1, sizeof(*found));
	size_t said = 0;
	FILE *sheet;

	ck_assert_ptr_nonnull(found);
	(void)snprintf(path, sizeof(path), "%s/man/expresslink-datasheet.7", folder ? folder : "..");
	(void)snprintf(begin, sizeof(begin), ".\\\" %s:", name);
	sheet = fopen(path, "re");
	ck_assert_msg(sheet != NULL, "%s: is abs_top_srcdir set?", path);
	do
		ck_assert_msg(next_line(sheet, line), "%s: no table of %s", path, name);
	while (strncmp(line, begin, strlen(begin)) != 0);

	while (next_line(sheet, line) && strcmp(line, ".TE") != 0) {
		size_t i = 0;

		if (!strchr(line, '|') || strncmp(line, "tab(", 4) == 0 || said++ == 0)
			continue;
		join_cell(sheet, line);
		while (i < n && (found[i] || strcmp(rows[i], line) != 0))
			i++;
		ck_assert_msg(i < n, "%s says: %s", path, line);
		found[i] = true;
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(found[i], "%s does not say: %s", path, rows[i]);
	(void)fclose(sheet);
}
