/* SPDX-License-Identifier: Apache-2.0 */
/* SEND, GET, SUBSCRIBE, UNSUBSCRIBE (guide 4.1). */
#include "commands/commands.h"
#include "module/module.h"
#include "util/macro.h"

/* The acknowledgement is in, or will not come. */
static int message_finished(struct at_call *call, struct module *m, int r)
{
	(void)call;
	(void)m;
	return r;
}

int cmd_send(struct at_call *call, struct module *m)
{
	size_t n;
	const char *topic = dict_topic(m->dict, (unsigned)call->suffix, &n);

	return connection_publish(m->connection, topic, n, call->param, call->param_n,
				  (int)dict_number(m->dict, KEY_QOS_ID), at_later(call, message_finished));
}

int cmd_subscribe(struct at_call *call, struct module *m)
{
	size_t n;
	const char *filter = dict_topic(m->dict, (unsigned)call->suffix, &n);

	return connection_subscribe(m->connection, filter, n, at_later(call, message_finished));
}

int cmd_unsubscribe(struct at_call *call, struct module *m)
{
	size_t n;
	const char *filter = dict_topic(m->dict, (unsigned)call->suffix, &n);

	return connection_unsubscribe(m->connection, filter, n, at_later(call, message_finished));
}

int cmd_get(struct at_call *call, struct module *m)
{
	bool indexed = call->has_suffix && call->suffix > 0;
	_cleanup_(freep) struct message *message = NULL;
	int r;

	message = messages_pop(m->messages, call->has_suffix ? (unsigned)call->suffix : MESSAGES_ANY);
	if (!message)
		return 0;
	m->overrun = false;
	if (indexed)
		return at_ok_bytes(call, message_payload(message), message->payload_n);
	r = at_ok_bytes(call, message_topic(message), message->topic_n);
	if (r < 0)
		return r;
	return at_line(call, message_payload(message), message->payload_n);
}
