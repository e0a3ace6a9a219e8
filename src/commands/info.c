/* SPDX-License-Identifier: Apache-2.0 */
/* AT (guide 3.6.3), TIME? (9.1.1), WHERE? (9.1.2). */
#include "board/clock.h"
#include "commands/commands.h"
#include "module/module.h"

int cmd_at(struct at_call *call, struct module *m)
{
	(void)call;
	(void)m;
	return 0;
}

static int time_finished(struct at_call *call, struct module *m, int r)
{
	char text[CLOCK_TEXT];

	if (r == 0)
		r = clock_text(text);
	if (r)
		return r;
	if (m->settings->time_labels)
		return at_ok(call, "date %.10s time %s SNTP", text, text + 11);
	return at_ok(call, "%s SNTP", text);
}

int cmd_time_query(struct at_call *call, struct module *m)
{
	clock_ask(m->clock, at_later(call, time_finished));
	return 0;
}

int cmd_where_query(struct at_call *call, struct module *m)
{
	(void)call;
	(void)m;
	return AT_ERR_LOCATION; /* no receiver is attached */
}
