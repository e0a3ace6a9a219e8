/* SPDX-License-Identifier: Apache-2.0 */
/* AT (guide 3.6.3), TIME? (9.1.1), WHERE? (9.1.2). */
#include "board/clock.h"
#include "board/fix.h"
#include "board/gpsd.h"
#include "commands/commands.h"
#include "module/module.h"

#include <stdio.h>
#include <time.h>

int cmd_at(struct at_call *call, struct module *m)
{
	(void)call;
	(void)m;
	return 0;
}

/* "date YYYY/MM/DD time hh:mm:ss.xx" where a host wants the words, and a space. */
static int write_time(const struct module *m, const struct timespec *time, char ret[CLOCK_TEXT + 16])
{
	char text[CLOCK_TEXT];
	int r = clock_format(time, text);

	if (r < 0)
		return r;
	if (m->settings->time_labels)
		(void)snprintf(ret, CLOCK_TEXT + 16, "date %.10s time %s", text, text + 11);
	else
		(void)snprintf(ret, CLOCK_TEXT + 16, "%s", text);
	return 0;
}

/* r: 0: the clock is right. */
static int time_finished(struct at_call *call, struct module *m, int r)
{
	const char *source = "SNTP";
	char text[CLOCK_TEXT + 16];
	struct timespec now;

	if (r == 0) {
		(void)clock_gettime(CLOCK_REALTIME, &now);
	} else if (r == AT_ERR_TIME) {
		gpsd_ask(m->gpsd);
		r = gpsd_time(m->gpsd, &now) ? 0 : r;
		source = "GPS";
	}
	if (r == 0)
		r = write_time(m, &now, text);
	return r ? r : at_ok(call, "%s %s", text, source);
}

int cmd_time_query(struct at_call *call, struct module *m)
{
	clock_ask(m->clock, at_later(call, time_finished));
	return 0;
}

int cmd_where_query(struct at_call *call, struct module *m)
{
	char time[CLOCK_TEXT + 16], place[FIX_TEXT];
	struct fix fix;
	int r;

	gpsd_ask(m->gpsd);
	if (!gpsd_fix(m->gpsd, &fix, NULL))
		return AT_ERR_LOCATION;
	r = write_time(m, &fix.time, time);
	if (r < 0)
		return r;
	fix_text(&fix, place);
	return at_ok(call, "%s %s GPS", time, place);
}
