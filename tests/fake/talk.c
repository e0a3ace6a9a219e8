/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/talk.h"

#include "at/call.h"
#include "fake/timer.h"
#include "util/log.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static struct talk *talk_of(struct module *m)
{
	return container_of(m, struct talk, module);
}

static unsigned max_topic(struct module *m)
{
	(void)m;
	return 16;
}

static int topic(struct module *m, unsigned index, unsigned needs)
{
	(void)m;
	(void)needs;
	return index == 3 ? AT_ERR_UNDEFINED : 0;
}

static bool connected(struct module *m)
{
	return m->connected;
}

static void on_line(struct module *m)
{
	m->lines++;
}

static void on_turn(struct module *m, bool begins)
{
	m->turns += begins;
	m->turns_open += begins ? 1 : -1;
	ck_assert(m->turns_open == 0 || m->turns_open == 1);
}

static const struct at_world world = {
	.max_topic = max_topic,
	.topic = topic,
	.connected = connected,
	.on_line = on_line,
	.on_turn = on_turn,
};

static int cmd_at(struct at_call *call, struct module *m)
{
	(void)call;
	(void)m;
	return 0;
}

static int cmd_echo(struct at_call *call, struct module *m)
{
	if (m->turns_open != 1) /* ck_assert() is slow, and this runs very often */
		ck_abort_msg("outside of a turn");
	return at_ok_bytes(call, call->param, call->param_n);
}

static int cmd_later(struct at_call *call, struct module *m)
{
	m->done = at_later(call, NULL);
	return 0;
}

static int cmd_blob(struct at_call *call, struct module *m)
{
	return at_line(call, m->blob, sizeof(m->blob));
}

static void afterwards(struct module *m)
{
	struct talk *t = talk_of(m);

	m->then++;
	if (!m->reset_then)
		return;
	at_server_hold(t->server);
	at_server_release(t->server);
}

static int cmd_reset(struct at_call *call, struct module *m)
{
	(void)m;
	at_then(call, afterwards);
	return 0;
}

static int cmd_slow(struct at_call *call, struct module *m)
{
	(void)call;
	(void)m;
	fake_timer_pass(50);
	return 0;
}

static int body_here(struct at_call *call, struct module *m, const uint8_t *body, size_t n)
{
	(void)m;
	(void)body;
	return at_ok(call, "%.*s %zu", (int)call->param_n, (const char *)call->param, n);
}

static int cmd_conf(struct at_call *call, struct module *m)
{
	(void)m;
	if (call->param[0] == 'R')
		return AT_ERR_KEY_READONLY;
	if (call->param_n > 4 && memcmp(call->param + call->param_n - 4, "=pem", 4) == 0)
		return at_body(call, body_here);
	return 0;
}

static bool takes_body(const uint8_t *param, size_t n)
{
	return n > 4 && memcmp(param + n - 4, "=pem", 4) == 0;
}

static size_t raw_bytes(void *userdata, const void *data, size_t n)
{
	struct talk *t = userdata;
	const char *x = memchr(data, 'x', n);
	size_t k = x ? (size_t)(x - (const char *)data) + 1 : n;

	ck_assert_ptr_eq(t->tty, fake_tty()); /* it is ours */
	(void)snprintf(t->raw + strlen(t->raw), sizeof(t->raw) - strlen(t->raw), "%.*s", (int)k, (const char *)data);
	if (x)
		at_server_raw_end(t->server, t->raw[0] == '!' ? AT_ERR_OTA : 0, "DONE");
	return k;
}

static void raw_gap(void *userdata)
{
	struct talk *t = userdata;

	(void)raw_bytes(t, "<gap>", 5);
	at_server_raw_end(t->server, AT_ERR_OTA, "");
}

static void raw_begin(struct module *m)
{
	struct talk *t = talk_of(m);
	const struct at_raw events = { .on_bytes = raw_bytes, .on_gap = raw_gap, .userdata = t };

	t->raw[0] = '\0';
	at_server_raw(t->server, &events);
	if (t->server)
		at_server_raw_send(t->server, "C", 1);
}

static int cmd_line(struct at_call *call, struct module *m)
{
	(void)m;
	if (call->param_n > 0)
		return AT_ERR_PARAMETER;
	at_then(call, raw_begin);
	return 0;
}

static const struct at_command table[] = {
	{ .name = "", .run = cmd_at },
	{ .name = "ECHO", .param = AT_MAY, .run = cmd_echo },
	{ .name = "SEND", .suffix = AT_SUFFIX_TOPIC, .param = AT_MAY, .needs = AT_CONNECTED, .run = cmd_echo },
	{ .name = "LATER", .param = AT_MAY, .fallback = AT_ERR_NO_CONNECTION, .seconds = 20, .run = cmd_later },
	{ .name = "BLOB", .fallback = AT_ERR_PARAMETER, .run = cmd_blob },
	{ .name = "RESET", .run = cmd_reset },
	{ .name = "SLOW", .run = cmd_slow },
	{ .name = "CONF", .param = AT_MUST, .run = cmd_conf, .takes_body = takes_body },
	{ .name = "LINE", .param = AT_MAY, .run = cmd_line, .takes_line = true },
	{ 0 },
};

void talk_make(struct talk *t)
{
	log_set_level(LOG_EMERG);
	memset(t, 0, sizeof(*t));
	ck_assert_int_ge(sd_event_new(&t->event), 0);
	ck_assert_int_eq(at_server_new(&t->server, t->event, table, &world, &t->module, "/dev/none", "/none"), 0);
	t->tty = fake_tty();
	ck_assert_ptr_nonnull(t->tty);
	ck_assert_int_eq(at_server_start(t->server), 0);
}

void talk_done(struct talk *t)
{
	t->server = at_server_free(t->server);
	ck_assert_ptr_null(fake_tty());
	t->event = sd_event_unref(t->event);
}

void talk_loop(struct talk *t)
{
	int r;

	do
		r = sd_event_run(t->event, 0);
	while (r > 0);
	ck_assert_int_eq(r, 0);
}

void talk_say(struct talk *t, const char *text)
{
	fake_tty_say(t->tty, text);
}

void talk_expect(struct talk *t, const char *text)
{
	talk_loop(t);
	ck_assert_str_eq(fake_tty_received(t->tty, NULL), text);
	fake_tty_take(t->tty);
}
