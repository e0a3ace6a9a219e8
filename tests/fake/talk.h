#pragma once
/* SPDX-License-Identifier: Apache-2.0 */
/* at/server.c with commands for tests, and the host that talks to it. The line and the clock are stand-ins. */

#include "at/server.h"
#include "fake/tty.h"
#include "util/done.h"

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-event.h>

/* Around a pasted certificate. */
#define TALK_PEM_BEGIN "-----BEGIN CERTIFICATE-----\n"
#define TALK_PEM_END   "-----END CERTIFICATE-----\n"

/* What the commands see, and note:
 *     AT              does nothing
 *     AT+ECHO x       says its parameter
 *     AT+SEND<n> x    like ECHO, while connected; topic 3 is undefined
 *     AT+LATER        is answered with done_call(&done, …), within 20 s
 *     AT+BLOB         says blob
 *     AT+RESET        counts in then when its answer has left; with reset_then the server is held and released
 *     AT+SLOW         takes 50 ms
 *     AT+CONF X=pem   takes a certificate; R=pem is refused
 *     AT+LINE         takes the line; with a parameter it is refused */
struct module {
	struct done done;
	bool connected;
	unsigned lines, then, turns;
	int turns_open; /* begun and not ended */
	bool reset_then;
	uint8_t blob[128 * 1024];
};

struct talk {
	sd_event *event;
	struct at_server *server;
	struct tty *tty;
	struct module module;

	/* What came as bytes since AT+LINE; "<gap>" where the line was lost. An 'x' among them ends it, and is the last
	 * that is taken. */
	char raw[256];
};

void talk_make(struct talk *t);
void talk_done(struct talk *t);

/* Until nothing more happens by itself. */
void talk_loop(struct talk *t);

void talk_say(struct talk *t, const char *text);

/* What the host has got, when nothing more happens. */
void talk_expect(struct talk *t, const char *text);
