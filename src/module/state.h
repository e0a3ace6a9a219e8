#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* The run states (guide 2, figure 2) as one table: state and happening give the next state and what is to be done.
 * Pure. RESET, RST, SLEEP and a lost connection are decided here and nowhere else. */

#include <stdbool.h>
#include <stddef.h>

enum state {
	STATE_BOOTING,
	STATE_HELD, /* RST is low */
	STATE_ACTIVE,
	STATE_CONNECTING,
	STATE_CONNECTED,
	STATE_SLEEPING,
	STATE_DEEP_SLEEP,    /* the serial line is closed */
	STATE_OTW,           /* it brings an image (guide 8.13) ... */
	STATE_OTW_CONNECTED, /* ... beside a connection */
	STATE_COUNT,
};

enum happening {
	HAPPEN_BOOTED,
	HAPPEN_RST_LOW,
	HAPPEN_RST_HIGH,
	HAPPEN_CONNECT,   /* the host asks for it */
	HAPPEN_CONNECTED, /* it succeeded */
	HAPPEN_FAILED,    /* it did not */
	HAPPEN_LOST,
	HAPPEN_DISCONNECT,
	HAPPEN_RESET,      /* RESET, FACTORY_RESET */
	HAPPEN_SLEEP,      /* mode 0; its answer has left the UART */
	HAPPEN_SLEEP_DEEP, /* mode 1; the same */
	HAPPEN_WAKE,       /* a command, the duration's end, the WAKE pin */
	HAPPEN_OTW,        /* OTW is about to be answered */
	HAPPEN_OTW_END,    /* its last answer is about to be given */
	HAPPEN_COUNT,
};

enum action {
	ACTION_CLOSE = 1 << 0,        /* the connection */
	ACTION_CLEAR_EVENTS = 1 << 1, /* guide 7.2.1.3 */
	ACTION_CLEAR_MESSAGES = 1 << 2,
	ACTION_RESET_KEYS = 1 << 3, /* those of Table 3 */
	ACTION_CLEAR_BACKOFF = 1 << 4,
	ACTION_CONLOST = 1 << 5, /* queue the event */
	ACTION_STARTUP = 1 << 6, /* queue the event, after everything else */
	ACTION_HOLD = 1 << 7,    /* deafen the serial line */
	ACTION_RELEASE = 1 << 8,
	ACTION_SHUT = 1 << 9, /* close the serial line */
	ACTION_OPEN = 1 << 10,
};

struct transition {
	enum state next;
	unsigned actions;
};

/* False: this does not happen in this state, nothing changes. */
bool state_next(enum state state, enum happening happening, struct transition *ret);

/* Is there a connection? */
bool state_is_up(enum state state);

const char *state_name(enum state state);
const char *happening_name(enum happening happening);
