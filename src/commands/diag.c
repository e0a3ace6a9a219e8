/* SPDX-License-Identifier: Apache-2.0 */
/* DIAG (guide 7.3). */
#include "commands/commands.h"
#include "commands/words.h"
#include "module/module.h"
#include "util/file.h"
#include "util/macro.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct diag_word {
	const char *name;
	int (*run)(struct at_call *call, struct module *m, const struct word *rest);
};

/* Resident memory in KiB, 0 if the kernel does not tell. */
static unsigned long memory_kib(void)
{
	_cleanup_(freep) char *status = NULL;
	const char *line;
	size_t n;

	if (file_read("/proc/self/status", 16384, &status, &n) < 0)
		return 0;
	line = strstr(status, "VmRSS:");
	return line ? strtoul(line + strlen("VmRSS:"), NULL, 10) : 0;
}

static int diag_info(struct at_call *call, struct module *m, const struct word *rest)
{
	struct connection_stats cloud;
	struct at_server_stats at;
	size_t version_n;
	const char *version = dict_get(m->dict, KEY_VERSION, &version_n);

	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	connection_get_stats(m->connection, &cloud);
	at_server_get_stats(m->server, &at);
	return at_ok(call,
		     "version=%.*s uptime=%llu memory=%lu state=%s messages=%u/%u bytes=%zu/%zu events=%u/%u "
		     "commands=%llu errors=%llu connects=%llu/%llu losses=%llu sent=%llu received=%llu lost=%llu "
		     "writes=%llu damaged=%u",
		     (int)version_n, version, (unsigned long long)(timer_now() - m->started) / 1000, memory_kib(),
		     state_name(m->state), messages_used(m->messages), m->settings->message_queue,
		     messages_bytes(m->messages), m->settings->message_bytes, events_used(m->events),
		     m->settings->event_queue, (unsigned long long)at.commands, (unsigned long long)at.errors,
		     (unsigned long long)cloud.connects, (unsigned long long)cloud.attempts,
		     (unsigned long long)cloud.losses, (unsigned long long)cloud.sent,
		     (unsigned long long)cloud.received, (unsigned long long)m->messages_lost,
		     (unsigned long long)dict_writes(m->dict), dict_damaged(m->dict));
}

static const struct diag_word words[] = {
	{ "INFO", diag_info },
};

int cmd_diag(struct at_call *call, struct module *m)
{
	struct word rest = { .data = call->param, .n = call->param_n };
	struct word first = word_next(&rest);

	for (size_t i = 0; i < ELEMENTS(words); i++) {
		if (word_is(&first, words[i].name))
			return words[i].run(call, m, &rest);
	}
	return AT_ERR_PARAMETER;
}
