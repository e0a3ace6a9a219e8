/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ask.h"
#include "ctl/ctl.h"
#include "ctl/show.h"
#include "ctl/where.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define SHOWN 256 /* bytes of a command or an answer, at most */

static const char help_text[] = "Usage: expresslinkctl monitor [OPTION]...\n"
				"Shows what the host says (>), what the module answers (<), and what happens to\n"
				"the module (*), live, until it is interrupted. Passphrases are masked.\n\n"
				"      --json           for programs: an object in each line\n" WHERE_HELP;

static void show_time(double at_ms)
{
	time_t at = (time_t)(at_ms / 1000);
	char text[32];
	struct tm tm;

	if (localtime_r(&at, &tm) && strftime(text, sizeof(text), "%F %T", &tm) > 0)
		printf("%s.%03.0f ", text, at_ms - (double)at * 1000);
}

static void show_bytes(const char *mark, const cJSON *record)
{
	double n = ask_number(record, "bytes");

	printf("%s %s", mark, ask_text(record, "text"));
	if (n > SHOWN)
		printf("... (%.0f bytes)", n);
	putchar('\n');
}

static void show_event(const cJSON *record)
{
	const char *detail = ask_text(record, "detail");

	printf("* event %.0f %.0f %s%s%s\n", ask_number(record, "code"), ask_number(record, "parameter"),
	       ask_text(record, "name"), *detail ? " " : "", detail);
}

static void show_record(const cJSON *record)
{
	const char *type = ask_text(record, "type");

	if (strcmp(type, "lost") == 0) {
		printf("* %.0f records are missing here: this terminal is too slow\n", ask_number(record, "count"));
		return;
	}
	show_time(ask_number(record, "at_ms"));
	if (strcmp(type, "host") == 0) {
		show_bytes(">", record);
	} else if (strcmp(type, "module") == 0) {
		show_bytes("<", record);
	} else if (strcmp(type, "event") == 0) {
		show_event(record);
	} else if (strcmp(type, "connection") == 0) {
		printf("* connection ");
		show_attempt(record);
	} else if (strcmp(type, "update") == 0) {
		printf("* update ");
		show_update_end(record);
	} else {
		printf("* %s %s\n", type, ask_text(record, type));
	}
}

int ctl_monitor(int argc, char **argv)
{
	_cleanup_(ask_done) struct ask a;
	struct where where;
	int r;

	ask_init(&a);
	r = where_parse(&where, argc, argv, help_text, true);
	if (r)
		return r - 1;
	r = ask_open(&a, where.runtime, "monitor");
	while (r == 0) {
		_cleanup_(ask_forgetp) cJSON *record = NULL;
		_cleanup_(freep) char *text = NULL;

		r = ask_next(&a, -1, &record, &text);
		if (r < 0)
			break;
		if (*ask_text(record, "error"))
			return ask_error(where.runtime, -EPERM, record);
		if (where.json)
			(void)puts(text);
		else
			show_record(record);
		if (fflush(stdout))
			return ctl_error("cannot write to standard output");
	}
	return ask_error(where.runtime, r, NULL);
}
