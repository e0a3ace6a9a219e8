#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Which module a command is about: its folders and settings. */

#include "util/macro.h"

#include <limits.h>
#include <stdbool.h>

struct where {
	char runtime[PATH_MAX];  /* where the control socket is */
	char state[PATH_MAX];    /* where the dictionary is */
	char settings[PATH_MAX]; /* the file */
	const char *unit;        /* for hints: "expresslinkd", "expresslinkd@NAME" */
	char unit_text[NAME_MAX + 16];
	bool settings_given;
	bool json;
};

#define WHERE_HELP                                                                          \
	"  -i, --instance NAME  the module that expresslinkd@NAME.service runs\n"           \
	"      --runtime DIR    its run-time folder (default: $RUNTIME_DIRECTORY, else\n"   \
	"                       " WHERE_RUNTIME ")\n"                                       \
	"      --state DIR      its state folder (default: $STATE_DIRECTORY, else\n"        \
	"                       " WHERE_STATE ")\n"                                         \
	"  -c, --config FILE    its settings (default: those of the running module, else\n" \
	"                       " WHERE_SETTINGS ")\n"                                      \
	"  -h, --help           this text"

#define WHERE_RUNTIME  "/run/expresslinkd"
#define WHERE_STATE    "/var/lib/expresslinkd"
#define WHERE_SETTINGS SYSCONFDIR "/expresslinkd/expresslinkd.conf"

/* Reads the options of a command; help: its text; json: does it have --json? 0: go on; else the exit status + 1. */
int where_parse(struct where *ret, int argc, char **argv, const char *help, bool json) _must_check_;
