/* SPDX-License-Identifier: Apache-2.0 */
/* EVENT? (guide 7.2.1). */
#include "commands/commands.h"
#include "module/module.h"

#include <stdio.h>
#include <string.h>

int cmd_event_query(struct at_call *call, struct module *m)
{
	char text[32 + 1 + EVENT_MAX_DETAIL];
	struct event e;
	size_t n;

	if (!events_pop(m->events, &e))
		return 0;
	n = (size_t)snprintf(text, sizeof(text), "%d %u %s%s", (int)e.code, e.parameter, event_name(e.code),
			     e.detail_n > 0 ? " " : "");
	memcpy(text + n, e.detail, e.detail_n);
	return at_ok_bytes(call, text, n + e.detail_n);
}
