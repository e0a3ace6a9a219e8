#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* What support would ask first, each a line: ok, warning or FAIL, and what to do about it. */

#include "config/settings.h"
#include "ctl/where.h"
#include "util/macro.h"

#include <stdbool.h>
#include <sys/types.h>

typedef struct cJSON cJSON;

enum verdict {
	CHECK_OK,
	CHECK_WARNING,
	CHECK_FAIL,
};

struct check {
	struct where where;
	cJSON *status;             /* of the running module; NULL: it does not run, or refuses */
	struct settings *settings; /* NULL: they cannot be had */
	pid_t pid;                 /* of the running module; 0 */
	const char *device;        /* "": not known */
	uid_t user;                /* whom the module runs as, or will */
	bool user_known;
	bool failed;
};

void check_say(struct check *c, enum verdict verdict, const char *topic, const char *format, ...) _printf_(4, 5);

/* More about the last line. */
void check_detail(const char *format, ...) _printf_(1, 2);

void check_device(struct check *c);
void check_pins(struct check *c);
void check_certificates(struct check *c);
void check_state(struct check *c);
void check_cloud(struct check *c);

/* May the module's user do that (R_OK, W_OK, X_OK) with the file? ret_group: the group that may, if any. */
bool check_rights(const struct check *c, const char *path, int mode, const char **ret_group);
const char *check_user_name(const struct check *c);
