#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* Questions to a running module over its control socket. */

#include "util/macro.h"

#include <stddef.h>

typedef struct cJSON cJSON;

struct ask {
	int fd;
	char *line; /* what came and was not yet taken */
	size_t n, size;
};

#define ASK_MS 10000 /* for what takes the module no time */

void ask_init(struct ask *a);
void ask_done(struct ask *a);

/* Connects and asks. -ENOENT, -ECONNREFUSED: no module; -ETIME: it hangs; -EACCES: not allowed; -errno. */
int ask_open(struct ask *a, const char *runtime, const char *request) _must_check_;

/* The next line as JSON, and (unless NULL) its text. timeout_ms < 0: none. -ETIME; -EPIPE: the module has hung up;
 * -EBADMSG: no JSON. The caller deletes and frees them. */
int ask_next(struct ask *a, int timeout_ms, cJSON **ret, char **ret_text) _must_check_;

/* One question, one answer: as these two. -EPERM: the module refused, ret says why as {"error":...}. */
int ask_once(const char *runtime, const char *request, int timeout_ms, cJSON **ret, char **ret_text) _must_check_;

/* Says on stderr what went wrong. answer: may be NULL. Returns CTL_FAILURE. */
int ask_error(const char *runtime, int r, const cJSON *answer);

/* Members of an answer; "" or 0 when they are not there. */
const char *ask_text(const cJSON *object, const char *name);
double ask_number(const cJSON *object, const char *name);

void ask_forget(cJSON *answer);
DEFINE_CLEANUP(cJSON *, ask_forget)
