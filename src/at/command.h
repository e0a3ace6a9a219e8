#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* One command: a row of the table. What can be checked before a handler runs is a column. */

#include "at/error.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct at_call;
struct module;

enum at_suffix {
	AT_SUFFIX_NONE,  /* a digit behind the word: ERR4 */
	AT_SUFFIX_TOPIC, /* required, 1..MaxTopic (ERR7), a defined topic (ERR8) */
	AT_SUFFIX_GET,   /* as above, but absent and 0 are allowed */
	AT_SUFFIX_MODE,  /* may be there, any number; junk behind its digits is ERR4 (guide 3.7.4, example 4) */
};

enum at_arity {
	AT_NONE, /* a parameter: ERR4 */
	AT_MAY,
	AT_MUST, /* none: ERR4 */
};

enum at_needs {
	AT_CONNECTED = 1 << 0,    /* else ERR6 */
	AT_DISCONNECTED = 1 << 1, /* else ERR18 */
	AT_VALID_TOPIC = 1 << 2,  /* Topic# can be published to, else ERR4 */
	AT_VALID_FILTER = 1 << 3, /* Topic# can be subscribed to, else ERR4 */
};

struct at_command {
	const char *name; /* upper case, with its '?'; "" is AT alone */
	enum at_suffix suffix;
	enum at_arity param;
	unsigned needs;
	enum at_error fallback; /* what the host reads when run() gives -errno */
	unsigned seconds;       /* response time promised in the datasheet (guide 3.6.2); the server enforces it */

	/* Optional: judges the parameter's value before the state is looked at. 0 or an at_error. */
	int (*check)(struct at_call *call, struct module *m);

	/* 0: answered by what it put into the reply, or later (at_later(), at_body()); at_error; -errno. */
	int (*run)(struct at_call *call, struct module *m);

	/* Optional: does this parameter announce a pasted certificate? */
	bool (*takes_body)(const uint8_t *param, size_t n);

	/* Once it is answered, what comes may be no lines any more: see at_server_raw(). */
	bool takes_line;
};
