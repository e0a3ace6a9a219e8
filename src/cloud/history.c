/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/history.h"

#include "util/log.h"
#include "util/timer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

struct history {
	uint64_t count; /* ever noted */
	struct history_entry ring[HISTORY_MAX];
};

static struct history_entry *history_at(struct history *h, uint64_t number)
{
	return &h->ring[number % HISTORY_MAX];
}

static void history_log(const char *endpoint, const struct attempt_report *report, const struct fault *fault)
{
	char hint[4] = "", numbers[5][24];
	const uint64_t values[] = { report->tries, report->name_ms, report->tcp_ms, report->tls_ms, report->jobs_ms };
	const struct log_field fields[] = {
		{ "EXPRESSLINK_ENDPOINT", endpoint },
		{ "EXPRESSLINK_ADDRESS", report->address },
		{ "EXPRESSLINK_HINT", hint },
		{ "EXPRESSLINK_DETAIL", fault ? fault->detail : "" },
		{ "EXPRESSLINK_ADDRESSES", numbers[0] },
		{ "EXPRESSLINK_NAME_MSEC", numbers[1] },
		{ "EXPRESSLINK_TCP_MSEC", numbers[2] },
		{ "EXPRESSLINK_LOGIN_MSEC", numbers[3] },
		{ "EXPRESSLINK_JOBS_MSEC", numbers[4] },
		{ "EXPRESSLINK_TLS", report->tls },
	};

	for (size_t i = 0; i < ELEMENTS(values); i++)
		(void)snprintf(numbers[i], sizeof(numbers[i]), "%llu", (unsigned long long)values[i]);
	if (fault) {
		(void)snprintf(hint, sizeof(hint), "%d", (int)fault->hint);
		log_record(LOG_WARNING, fields, ELEMENTS(fields), "Not connected, hint %s: %s", hint, fault->detail);
		return;
	}
	log_record(LOG_INFO, fields, ELEMENTS(fields),
		   "Connected to %s at %s, %s: name %s ms, TCP %s ms, TLS and login %s ms, Jobs %s ms", endpoint,
		   report->address, report->tls, numbers[1], numbers[2], numbers[3], numbers[4]);
}

void history_note(struct history *h, const char *endpoint, const struct attempt_report *report,
		  const struct fault *fault)
{
	static const struct attempt_report nothing;
	struct history_entry *entry;

	history_log(endpoint, report ? report : &nothing, fault);
	if (!report)
		return;
	entry = history_at(h, ++h->count);
	*entry = (struct history_entry){
		.number = h->count,
		.at = time(NULL),
		.report = *report,
		.connected = !fault,
		.connected_ms = timer_now(),
	};
	(void)snprintf(entry->endpoint, sizeof(entry->endpoint), "%s", endpoint);
	if (fault)
		entry->fault = *fault;
}

void history_ended(struct history *h, const char *reason)
{
	struct history_entry *entry = history_at(h, h->count);

	if (h->count == 0 || !entry->connected || entry->lost_at != 0)
		return;
	entry->lost_at = time(NULL);
	(void)snprintf(entry->reason, sizeof(entry->reason), "%s", reason);
}

const struct history_entry *history_get(const struct history *h, unsigned i)
{
	if (i >= h->count || i >= HISTORY_MAX)
		return NULL;
	return history_at((struct history *)h, h->count - i);
}

int history_new(struct history **ret)
{
	struct history *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	*ret = h;
	return 0;
}

struct history *history_free(struct history *h)
{
	free(h);
	return NULL;
}
