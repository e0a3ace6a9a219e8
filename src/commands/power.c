/* SPDX-License-Identifier: Apache-2.0 */
/* SLEEP (guide 3.7.4), RESET (3.7.6), FACTORY_RESET (3.7.7). */
#include "commands/commands.h"
#include "commands/words.h"
#include "module/module.h"

#define SLEEP_MAX_SECONDS 2592000 /* 30 days */

/* The duration in seconds, 0 if there is none. */
static int sleep_duration(const struct at_call *call, uint64_t *ret)
{
	struct word duration = { .data = call->param, .n = call->param_n };

	*ret = 0;
	if (call->param_n == 0)
		return 0;
	if (word_number(&duration, ret) < 0 || *ret == 0 || *ret > SLEEP_MAX_SECONDS)
		return AT_ERR_PARAMETER;
	return 0;
}

int check_sleep(struct at_call *call, struct module *m)
{
	uint64_t seconds;

	(void)m;
	return sleep_duration(call, &seconds);
}

/* While WAKE is low nothing sleeps (guide 1.2.6): the line is not even closed. */
static void sleep_enter(struct module *m)
{
	bool awake = !pins_high(m->pins, PIN_WAKE);

	module_happen(m, m->sleep_deep && !awake ? HAPPEN_SLEEP_DEEP : HAPPEN_SLEEP);
	if (awake)
		module_happen(m, HAPPEN_WAKE);
}

int cmd_sleep(struct at_call *call, struct module *m)
{
	int r;

	r = sleep_duration(call, &m->sleep_seconds);
	if (r)
		return r;

	/* Guide 3.7.4.7; and no module goes deaf for ever. */
	m->sleep_deep = call->has_suffix && call->suffix > 0 && module_may_wake(m);
	at_then(call, sleep_enter);
	return at_ok(call, "%d", m->sleep_deep);
}

int cmd_reset(struct at_call *call, struct module *m)
{
	(void)call;
	module_happen(m, HAPPEN_RESET);
	return 0;
}

static int factory_reset_finished(struct at_call *call, struct module *m, int r)
{
	(void)call;
	if (r == 0)
		module_happen(m, HAPPEN_RESET);
	return r;
}

int cmd_factory_reset(struct at_call *call, struct module *m)
{
	return dict_factory_reset(m->dict, at_later(call, factory_reset_finished));
}
