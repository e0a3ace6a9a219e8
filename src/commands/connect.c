/* SPDX-License-Identifier: Apache-2.0 */
/* CONNECT, CONNECT?, DISCONNECT (guide 3.7.1 - 3.7.3), CONFMODE (3.7.5). */
#include "commands/commands.h"
#include "module/module.h"

#define CONFMODE_MAX_NAME 32 /* bytes of an SSID */

int cmd_connect_query(struct at_call *call, struct module *m)
{
	bool up = connection_is_up(m->connection);
	bool onboarded = dict_onboarded(m->dict);

	return at_ok(call, "%d %d %s %s", up, onboarded, up ? "CONNECTED" : "DISCONNECTED",
		     onboarded ? "CUSTOMER" : "STAGING");
}

static int connect_finished(struct at_call *call, struct module *m, int r)
{
	const struct fault *fault;

	if (r == 0) {
		module_happen(m, HAPPEN_CONNECTED);
		return at_ok(call, "1 CONNECTED");
	}
	module_happen(m, HAPPEN_FAILED);
	if (r < 0)
		return r;
	fault = connection_fault(m->connection);
	return at_hint(call, AT_ERR_CONNECT, (int)fault->hint, "%s", fault->detail);
}

int cmd_connect(struct at_call *call, struct module *m)
{
	if (connection_is_up(m->connection))
		return at_ok(call, "1 CONNECTED");
	module_happen(m, HAPPEN_CONNECT);
	connection_open(m->connection, at_later(call, connect_finished));
	return 0;
}

int cmd_disconnect(struct at_call *call, struct module *m)
{
	module_happen(m, HAPPEN_DISCONNECT);
	return at_ok(call, "0 DISCONNECTED");
}

int cmd_confmode(struct at_call *call, struct module *m)
{
	(void)m;
	return call->param_n > CONFMODE_MAX_NAME ? AT_ERR_PARAMETER : AT_ERR_MODE;
}
