/* SPDX-License-Identifier: Apache-2.0 */
#include "module/state.h"

#include "util/macro.h"

#define FRESH (ACTION_CLOSE | ACTION_CLEAR_EVENTS | ACTION_CLEAR_MESSAGES | ACTION_RESET_KEYS | ACTION_CLEAR_BACKOFF)

struct row {
	enum state state;
	enum happening happening;
	struct transition transition;
};

static const struct row rows[] = {
	{ STATE_BOOTING, HAPPEN_BOOTED, { STATE_ACTIVE, ACTION_STARTUP } },
	{ STATE_BOOTING, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },

	{ STATE_HELD, HAPPEN_RST_HIGH, { STATE_ACTIVE, ACTION_RELEASE | ACTION_STARTUP } },

	{ STATE_ACTIVE, HAPPEN_CONNECT, { STATE_CONNECTING, 0 } },
	{ STATE_ACTIVE, HAPPEN_DISCONNECT, { STATE_ACTIVE, 0 } },
	{ STATE_ACTIVE, HAPPEN_RESET, { STATE_ACTIVE, FRESH | ACTION_STARTUP } },
	{ STATE_ACTIVE, HAPPEN_SLEEP, { STATE_SLEEPING, ACTION_CLEAR_EVENTS } },
	{ STATE_ACTIVE, HAPPEN_SLEEP_DEEP, { STATE_DEEP_SLEEP, ACTION_CLEAR_EVENTS | ACTION_SHUT } },
	{ STATE_ACTIVE, HAPPEN_OTW, { STATE_OTW, 0 } },
	{ STATE_ACTIVE, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },

	{ STATE_CONNECTING, HAPPEN_CONNECTED, { STATE_CONNECTED, 0 } },
	{ STATE_CONNECTING, HAPPEN_FAILED, { STATE_ACTIVE, 0 } },
	{ STATE_CONNECTING, HAPPEN_DISCONNECT, { STATE_ACTIVE, ACTION_CLOSE } },
	{ STATE_CONNECTING, HAPPEN_RESET, { STATE_ACTIVE, FRESH | ACTION_STARTUP } },
	{ STATE_CONNECTING, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },

	{ STATE_CONNECTED, HAPPEN_LOST, { STATE_ACTIVE, ACTION_CONLOST } },
	{ STATE_CONNECTED, HAPPEN_DISCONNECT, { STATE_ACTIVE, ACTION_CLOSE } },
	{ STATE_CONNECTED, HAPPEN_RESET, { STATE_ACTIVE, FRESH | ACTION_STARTUP } },
	{ STATE_CONNECTED, HAPPEN_OTW, { STATE_OTW_CONNECTED, 0 } },
	{ STATE_CONNECTED, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },

	{ STATE_SLEEPING, HAPPEN_WAKE, { STATE_ACTIVE, ACTION_STARTUP } },
	{ STATE_SLEEPING, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },

	{ STATE_DEEP_SLEEP, HAPPEN_WAKE, { STATE_ACTIVE, ACTION_OPEN | ACTION_STARTUP } },
	{ STATE_DEEP_SLEEP, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_OPEN | ACTION_HOLD } },

	/* No command can come: the line is not read for commands. */
	{ STATE_OTW, HAPPEN_OTW_END, { STATE_ACTIVE, 0 } },
	{ STATE_OTW, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },

	{ STATE_OTW_CONNECTED, HAPPEN_LOST, { STATE_OTW, ACTION_CONLOST } },
	{ STATE_OTW_CONNECTED, HAPPEN_OTW_END, { STATE_CONNECTED, 0 } },
	{ STATE_OTW_CONNECTED, HAPPEN_RST_LOW, { STATE_HELD, FRESH | ACTION_HOLD } },
};

bool state_next(enum state state, enum happening happening, struct transition *ret)
{
	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		if (rows[i].state == state && rows[i].happening == happening) {
			*ret = rows[i].transition;
			return true;
		}
	}
	return false;
}

bool state_is_up(enum state state)
{
	return state == STATE_CONNECTED || state == STATE_OTW_CONNECTED;
}

const char *state_name(enum state state)
{
	static const char *const names[STATE_COUNT] = {
		[STATE_BOOTING] = "booting",
		[STATE_HELD] = "held",
		[STATE_ACTIVE] = "active",
		[STATE_CONNECTING] = "connecting",
		[STATE_CONNECTED] = "connected",
		[STATE_SLEEPING] = "sleeping",
		[STATE_DEEP_SLEEP] = "deep sleep",
		[STATE_OTW] = "otw",
		[STATE_OTW_CONNECTED] = "otw connected",
	};

	return names[state];
}

const char *happening_name(enum happening happening)
{
	static const char *const names[HAPPEN_COUNT] = {
		[HAPPEN_BOOTED] = "booted",   [HAPPEN_RST_LOW] = "RST low",       [HAPPEN_RST_HIGH] = "RST high",
		[HAPPEN_CONNECT] = "CONNECT", [HAPPEN_CONNECTED] = "connected",   [HAPPEN_FAILED] = "not connected",
		[HAPPEN_LOST] = "lost",       [HAPPEN_DISCONNECT] = "DISCONNECT", [HAPPEN_RESET] = "RESET",
		[HAPPEN_SLEEP] = "SLEEP0",    [HAPPEN_SLEEP_DEEP] = "SLEEP1",     [HAPPEN_WAKE] = "wake",
		[HAPPEN_OTW] = "OTW",         [HAPPEN_OTW_END] = "OTW ends",
	};

	return names[happening];
}
