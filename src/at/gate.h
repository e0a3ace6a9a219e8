#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The order of checks that every command passes before it runs. */

#include "at/call.h"
#include "at/command.h"
#include "at/line.h"
#include "at/request.h"
#include "at/server.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct gate {
	const struct at_command *table;
	const struct at_world *world;
	struct module *m;
};

/* The row of this word, or NULL. */
const struct at_command *gate_find(const struct gate *g, const struct at_request *request);

/* Does this command (NULL: none) with this parameter announce a pasted certificate? */
bool gate_announces_body(const struct at_command *command, const struct at_request *request);

/* What comes behind the data of a LINE_COMMAND that waits for its turn? */
enum line_follows gate_follows(const struct gate *g, const uint8_t *data, size_t n);

/* Checks everything but what run() itself checks, unescapes the parameter in its place and fills the call, in which
 * gate_find() has set the command. 0, or the error of the first check that failed, -errno if one could not be made. */
int gate_check(const struct gate *g, struct at_request *request, struct at_call *call) _must_check_;
