/* SPDX-License-Identifier: Apache-2.0 */
/* DIAG (guide 7.3): its words, and those that the machine itself can answer. */
#include "commands/diag.h"

#include "board/network.h"
#include "config/setting.h"
#include "module/module.h"
#include "util/file.h"
#include "util/log.h"
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
		     "writes=%llu damaged=%u ota=%d gpsd=%s",
		     (int)version_n, version, (unsigned long long)(timer_now() - m->started) / 1000, memory_kib(),
		     state_name(m->state), messages_used(m->messages), m->settings->message_queue,
		     messages_bytes(m->messages), m->settings->message_bytes, events_used(m->events),
		     m->settings->event_queue, (unsigned long long)at.commands, (unsigned long long)at.errors,
		     (unsigned long long)cloud.connects, (unsigned long long)cloud.attempts,
		     (unsigned long long)cloud.losses, (unsigned long long)cloud.sent,
		     (unsigned long long)cloud.received, (unsigned long long)m->messages_lost,
		     (unsigned long long)dict_writes(m->dict), dict_damaged(m->dict),
		     (int)ota_state(updates_ota(m->updates)),
		     !*m->settings->gpsd          ? "none"
		     : gpsd_is_connected(m->gpsd) ? "up"
						  : "down");
}

/* The level of the log: asked for, or set until the restart. */
static int diag_log(struct at_call *call, struct module *m, const struct word *rest)
{
	const struct setting *row = setting_find("Log", "Level");
	struct word left = *rest, level = word_next(&left);
	const char *present = row->words[0];

	(void)m;
	if (left.n > 0)
		return AT_ERR_PARAMETER;
	for (int i = 0; row->words[i]; i++) {
		int priority = (int)row->min + i;

		if (level.n > 0 && word_is(&level, row->words[i])) {
			log_notice("Log level %s", row->words[i]);
			log_set_level(priority);
			return 0;
		}
		if (log_enabled(priority))
			present = row->words[i];
	}
	return level.n > 0 ? AT_ERR_PARAMETER : at_ok(call, "%s", present);
}

static int on_line(void *userdata, const char *line, size_t n)
{
	return at_line(userdata, line, n);
}

static int diag_network(struct at_call *call, struct module *m, const struct word *rest)
{
	(void)m;
	if (rest->n > 0)
		return AT_ERR_PARAMETER;
	return network_describe(on_line, call);
}

/* Of access points: there is no radio. */
static int diag_scan(struct at_call *call, struct module *m, const struct word *rest)
{
	(void)call;
	(void)m;
	(void)rest;
	return AT_ERR_MODE;
}

static const struct diag_word words[] = {
	{ "DNS", diag_dns },   { "INFO", diag_info }, { "LOG", diag_log }, { "NETWORK", diag_network },
	{ "PING", diag_ping }, { "SCAN", diag_scan }, { "TLS", diag_tls },
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
