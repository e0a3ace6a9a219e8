/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/ask.h"

#include "control/protocol.h"
#include "ctl/ctl.h"
#include "util/local.h"
#include "util/timer.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define MAX_LINE (2 * CONTROL_ANSWER)

void ask_init(struct ask *a)
{
	*a = (struct ask){ .fd = -1 };
}

void ask_done(struct ask *a)
{
	if (a->fd >= 0)
		(void)close(a->fd);
	free(a->line);
	ask_init(a);
}

void ask_forget(cJSON *answer)
{
	cJSON_Delete(answer);
}

int ask_open(struct ask *a, const char *runtime, const char *request)
{
	char line[CONTROL_REQUEST + 2];
	int n = snprintf(line, sizeof(line), "%s\n", request);
	int r = local_connect(runtime, CONTROL_SOCKET, &a->fd);
	ssize_t sent;

	if (r < 0)
		return r;
	sent = send(a->fd, line, (size_t)n, MSG_NOSIGNAL);
	/* Who is refused at once still has an answer to read. */
	if (sent < 0)
		return errno == EPIPE ? 0 : -errno;
	return sent == n ? 0 : -EIO;
}

static int ask_read(struct ask *a, int timeout_ms)
{
	struct pollfd p = { .fd = a->fd, .events = POLLIN };
	ssize_t n;
	int r;

	if (a->size - a->n < CONTROL_ANSWER / 4) {
		char *longer = a->size < MAX_LINE ? realloc(a->line, a->size + CONTROL_ANSWER / 2) : NULL;

		if (!longer)
			return -ENOMEM;
		a->line = longer;
		a->size += CONTROL_ANSWER / 2;
	}
	r = poll(&p, 1, timeout_ms);
	if (r <= 0)
		return r == 0 ? -ETIME : -errno;
	n = recv(a->fd, a->line + a->n, a->size - a->n, 0);
	if (n <= 0)
		return n == 0 || errno == ECONNRESET ? -EPIPE : -errno;
	a->n += (size_t)n;
	return 0;
}

static int ask_take(struct ask *a, size_t n, cJSON **ret, char **ret_text)
{
	_cleanup_(freep) char *text = strndup(a->line, n);
	cJSON *json = text ? cJSON_ParseWithLength(text, n) : NULL;

	a->n -= n + 1;
	memmove(a->line, a->line + n + 1, a->n);
	if (!text)
		return -ENOMEM;
	if (!cJSON_IsObject(json)) {
		cJSON_Delete(json);
		return -EBADMSG;
	}
	*ret = json;
	if (ret_text)
		*ret_text = TAKE_PTR(text);
	return 0;
}

int ask_next(struct ask *a, int timeout_ms, cJSON **ret, char **ret_text)
{
	uint64_t end = timer_now() + (uint64_t)(timeout_ms < 0 ? 0 : timeout_ms);

	for (;;) {
		const char *eol = a->n > 0 ? memchr(a->line, '\n', a->n) : NULL;
		uint64_t now = timer_now();
		int r;

		if (eol)
			return ask_take(a, (size_t)(eol - a->line), ret, ret_text);
		r = ask_read(a, timeout_ms < 0 ? -1 : now < end ? (int)(end - now) : 0);
		if (r < 0)
			return r;
	}
}

int ask_once(const char *runtime, const char *request, int timeout_ms, cJSON **ret, char **ret_text)
{
	_cleanup_(ask_done) struct ask a;
	int r;

	*ret = NULL;
	ask_init(&a);
	r = ask_open(&a, runtime, request);
	if (r == 0)
		r = ask_next(&a, timeout_ms, ret, ret_text);
	if (r == 0 && *ask_text(*ret, "error"))
		r = -EPERM;
	return r;
}

int ask_error(const char *runtime, int r, const cJSON *answer)
{
	switch (r) {
	case -ENOENT:
	case -ECONNREFUSED:
		return ctl_error("no module answers in %s: is expresslinkd running?", runtime);
	case -EACCES:
		return ctl_error("%s: only root, the module's own user and members of the socket's group may ask",
				 runtime);
	case -EPERM:
		return ctl_error("the module in %s refuses: %s", runtime, ask_text(answer, "error"));
	case -ETIME:
		return ctl_error("the module in %s does not answer: it hangs, or is stopped", runtime);
	case -EPIPE:
		return ctl_error("the module in %s has hung up", runtime);
	default:
		return ctl_error("the module in %s: %s", runtime, strerror(-r));
	}
}

const char *ask_text(const cJSON *object, const char *name)
{
	const char *text = cJSON_GetStringValue(cJSON_GetObjectItemCaseSensitive(object, name));

	return text ? text : "";
}

double ask_number(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsNumber(item) ? item->valuedouble : 0;
}
