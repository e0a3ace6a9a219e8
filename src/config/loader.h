#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What settings.c and named.c share while the settings are loaded. */

#include "config/setting.h"
#include "config/settings.h"
#include "util/macro.h"

#include <stdbool.h>

#define LOADER_TEXT 512 /* bytes of a problem's text */

/* Where a setting was named. */
struct origin {
	char *file; /* NULL: nowhere */
	unsigned line;
	unsigned generation; /* number of the file */
	bool refused;
};

struct loader {
	struct settings *s;
	const char *main_file;
	const char *file; /* the one being read */
	unsigned generation;
	struct origin origins[SETTING_MAX];
	settings_report_fn report;
	void *userdata;
	unsigned problems;
	int error; /* -errno that is no problem of the settings */
};

/* A problem of the setting, reported for the line where it was made. */
void loader_say(struct loader *l, const struct setting *row, const char *format, ...) _printf_(3, 4);
