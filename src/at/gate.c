/* SPDX-License-Identifier: Apache-2.0 */
#include "at/gate.h"

#include "at/escape.h"

#include <string.h>
#include <strings.h>

const struct at_command *gate_find(const struct gate *g, const struct at_request *request)
{
	if (!request->word_ok)
		return NULL;
	for (const struct at_command *c = g->table; c->name; c++)
		if (c->name[0] == request->word[0] && strcmp(c->name, request->word) == 0)
			return c;
	return NULL;
}

bool gate_announces_body(const struct at_command *command, const struct at_request *request)
{
	return command && command->takes_body && request->param_n > 0 &&
	       command->takes_body(request->param, request->param_n);
}

/* Asked for every command, true for hardly any. */
static bool may_be_followed(const struct gate *g, const uint8_t *data, size_t n)
{
	for (const struct at_command *c = g->table; c->name; c++) {
		if ((c->takes_body || c->takes_line) && n > strlen(c->name) &&
		    strncasecmp((const char *)data + 1, c->name, strlen(c->name)) == 0)
			return true;
	}
	return false;
}

enum line_follows gate_follows(const struct gate *g, const uint8_t *data, size_t n)
{
	const struct at_command *command;
	struct at_request request;

	if (!may_be_followed(g, data, n))
		return LINE_NOTHING;
	/* Parsing changes nothing, but hands out a pointer that may. */
	request_parse((uint8_t *)(uintptr_t)data, n, &request);
	command = gate_find(g, &request);
	if (command && command->takes_line)
		return LINE_BYTES;
	return gate_announces_body(command, &request) ? LINE_PASTE : LINE_NOTHING;
}

/* Guide 3.2.2, 3.2.3: what stands between the word and the parameter. */
static int check_suffix(const struct gate *g, const struct at_request *request, const struct at_command *command)
{
	bool mode = command->suffix == AT_SUFFIX_MODE;
	bool topic = command->suffix == AT_SUFFIX_TOPIC || command->suffix == AT_SUFFIX_GET;

	if (command->suffix == AT_SUFFIX_NONE && request->has_suffix)
		return AT_ERR_PARAMETER;
	if (command->suffix == AT_SUFFIX_TOPIC && !request->has_suffix)
		return AT_ERR_PARAMETER;
	if (!request->separated)
		return mode && request->has_suffix ? AT_ERR_PARAMETER : AT_ERR_PARSE;
	if (!topic || !request->has_suffix)
		return 0;
	if (request->suffix > g->world->max_topic(g->m))
		return AT_ERR_RANGE;
	if (request->suffix == 0 && command->suffix == AT_SUFFIX_TOPIC)
		return AT_ERR_RANGE;
	return 0;
}

static int check_param(const struct gate *g, struct at_request *request, struct at_call *call)
{
	const struct at_command *command = call->command;
	int r;

	r = escape_decode(request->param, request->param_n, &call->param_n);
	if (r)
		return r;
	call->param = request->param;
	if (command->param == AT_NONE && call->param_n > 0)
		return AT_ERR_PARAMETER;
	if (command->param == AT_MUST && call->param_n == 0)
		return AT_ERR_PARAMETER;
	return command->check ? command->check(call, g->m) : 0;
}

static int check_state(const struct gate *g, const struct at_call *call)
{
	const struct at_command *command = call->command;
	bool topic = command->suffix == AT_SUFFIX_TOPIC || command->suffix == AT_SUFFIX_GET;
	int r;

	if (topic && call->has_suffix && call->suffix > 0) {
		r = g->world->topic(g->m, (unsigned)call->suffix, command->needs & (AT_VALID_TOPIC | AT_VALID_FILTER));
		if (r)
			return r;
	}
	if ((command->needs & AT_CONNECTED) && !g->world->connected(g->m))
		return AT_ERR_NO_CONNECTION;
	if ((command->needs & AT_DISCONNECTED) && g->world->connected(g->m))
		return AT_ERR_ACTIVE;
	return 0;
}

int gate_check(const struct gate *g, struct at_request *request, struct at_call *call)
{
	int r;

	if (!call->command)
		return AT_ERR_COMMAND;
	r = check_suffix(g, request, call->command);
	if (r)
		return r;
	call->has_suffix = request->has_suffix;
	call->suffix = request->suffix;
	r = check_param(g, request, call);
	if (r)
		return r;
	return check_state(g, call);
}
