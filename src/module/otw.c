/* SPDX-License-Identifier: Apache-2.0 */
#include "module/otw.h"

#include "at/server.h"
#include "module/module.h"

static void on_send(void *userdata, const void *data, size_t n)
{
	struct module *m = userdata;

	at_server_raw_send(m->server, data, n);
}

static void on_taken(void *userdata)
{
	struct module *m = userdata;

	at_server_raw_answer(m->server, 0, "");
}

/* The tool that sends blocks expects this word; after XMODEM the answer is that of guide 8.13.1.4. */
static void on_ended(void *userdata, int r)
{
	struct module *m = userdata;

	module_happen(m, HAPPEN_OTW_END);
	at_server_raw_end(m->server, r, m->otw_blocks ? "COMPLETE" : "");
}

static size_t on_bytes(void *userdata, const void *data, size_t n)
{
	struct module *m = userdata;

	return ota_wire_bytes(updates_ota(m->updates), data, n);
}

static void on_gap(void *userdata)
{
	struct module *m = userdata;

	ota_wire_lost(updates_ota(m->updates));
}

int otw_open(struct module *m, const struct wire_form *form)
{
	const struct wire_events events = {
		.send = on_send,
		.taken = on_taken,
		.ended = on_ended,
		.userdata = m,
	};
	struct transition t;
	int r;

	if (!state_next(m->state, HAPPEN_OTW, &t))
		return AT_ERR_OTA;
	r = ota_wire_open(updates_ota(m->updates), form, &events);
	if (r)
		return r;
	m->otw_blocks = form->block > 0;
	module_happen(m, HAPPEN_OTW);
	return 0;
}

void otw_begin(struct module *m)
{
	const struct at_raw raw = { .on_bytes = on_bytes, .on_gap = on_gap, .userdata = m };

	ota_wire_go(updates_ota(m->updates));
	at_server_raw(m->server, &raw);
}
