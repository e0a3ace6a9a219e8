/* SPDX-License-Identifier: Apache-2.0 */
#include "at/server.h"

#include "at/call.h"
#include "at/line.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "fake/tty.h"
#include "util/log.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define B "-----BEGIN CERTIFICATE-----\n"
#define E "-----END CERTIFICATE-----\n"

struct module {
	struct at_server *server;
	struct tty *tty;
	struct done done;
	bool connected;
	unsigned lines, then, turns;
	int turns_open; /* begun and not ended */
	bool reset_then;
	uint8_t blob[128 * 1024];
};

static struct module m;
static sd_event *event;

static unsigned max_topic(struct module *mod)
{
	(void)mod;
	return 16;
}

static int topic(struct module *mod, unsigned index, unsigned needs)
{
	(void)mod;
	(void)needs;
	return index == 3 ? AT_ERR_UNDEFINED : 0;
}

static bool connected(struct module *mod)
{
	return mod->connected;
}

static void on_line(struct module *mod)
{
	mod->lines++;
}

static void on_turn(struct module *mod, bool begins)
{
	mod->turns += begins;
	mod->turns_open += begins ? 1 : -1;
	ck_assert(mod->turns_open == 0 || mod->turns_open == 1);
}

static const struct at_world world = {
	.max_topic = max_topic,
	.topic = topic,
	.connected = connected,
	.on_line = on_line,
	.on_turn = on_turn,
};

static int cmd_at(struct at_call *call, struct module *mod)
{
	(void)call;
	(void)mod;
	return 0;
}

static int cmd_echo(struct at_call *call, struct module *mod)
{
	if (mod->turns_open != 1) /* ck_assert() is slow, and this runs very often */
		ck_abort_msg("outside of a turn");
	return at_ok_bytes(call, call->param, call->param_n);
}

static int cmd_later(struct at_call *call, struct module *mod)
{
	mod->done = at_later(call, NULL);
	return 0;
}

static int cmd_blob(struct at_call *call, struct module *mod)
{
	return at_line(call, mod->blob, sizeof(mod->blob));
}

static void afterwards(struct module *mod)
{
	mod->then++;
	if (!mod->reset_then)
		return;
	at_server_hold(mod->server);
	at_server_release(mod->server);
}

static int cmd_reset(struct at_call *call, struct module *mod)
{
	(void)mod;
	at_then(call, afterwards);
	return 0;
}

static int cmd_slow(struct at_call *call, struct module *mod)
{
	(void)call;
	(void)mod;
	fake_timer_pass(50);
	return 0;
}

static int body_here(struct at_call *call, struct module *mod, const uint8_t *body, size_t n)
{
	(void)mod;
	(void)body;
	return at_ok(call, "%.*s %zu", (int)call->param_n, (const char *)call->param, n);
}

/* CONF X=pem takes a certificate, CONF R=pem refuses it. */
static int cmd_conf(struct at_call *call, struct module *mod)
{
	(void)mod;
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

/* What came as bytes; "<gap>" where the line was lost. An 'x' among them ends it, and is the last that is taken. */
static char raw[256];

static size_t raw_bytes(void *userdata, const void *data, size_t n)
{
	const char *x = memchr(data, 'x', n);
	size_t k = x ? (size_t)(x - (const char *)data) + 1 : n;

	ck_assert_ptr_eq(userdata, &m);
	(void)snprintf(raw + strlen(raw), sizeof(raw) - strlen(raw), "%.*s", (int)k, (const char *)data);
	if (x)
		at_server_raw_end(m.server, raw[0] == '!' ? AT_ERR_OTA : 0, "DONE");
	return k;
}

static void raw_gap(void *userdata)
{
	(void)raw_bytes(userdata, "<gap>", 5);
	at_server_raw_end(m.server, AT_ERR_OTA, "");
}

static void raw_begin(struct module *mod)
{
	const struct at_raw events = { .on_bytes = raw_bytes, .on_gap = raw_gap, .userdata = mod };

	raw[0] = '\0';
	at_server_raw(m.server, &events);
	if (m.server)
		at_server_raw_send(m.server, "C", 1);
}

/* LINE takes the line, LINE with a parameter is refused. */
static int cmd_line(struct at_call *call, struct module *mod)
{
	(void)mod;
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

static void setup(void)
{
	log_set_level(LOG_EMERG);
	memset(&m, 0, sizeof(m));
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(at_server_new(&m.server, event, table, &world, &m, "/dev/none", "/none"), 0);
	m.tty = fake_tty();
	ck_assert_ptr_nonnull(m.tty);
	ck_assert_int_eq(at_server_start(m.server), 0);
}

static void teardown(void)
{
	m.server = at_server_free(m.server);
	ck_assert_ptr_null(fake_tty());
	event = sd_event_unref(event);
}

/* Until nothing more happens by itself. */
static void loop(void)
{
	int r;

	do
		r = sd_event_run(event, 0);
	while (r > 0);
	ck_assert_int_eq(r, 0);
}

static void say(const char *text)
{
	fake_tty_say(m.tty, text);
}

static void expect(const char *text)
{
	loop();
	ck_assert_str_eq(fake_tty_received(m.tty, NULL), text);
	fake_tty_take(m.tty);
}

/* Answers of the host's side, counted. */
static void count(unsigned *ret_ok, unsigned *ret_overflow)
{
	const char *text, *end;
	size_t n;

	text = fake_tty_received(m.tty, &n);
	*ret_ok = *ret_overflow = 0;
	/* No strstr(): with a sanitizer each would look at all the text. */
	for (; n > 0; n -= (size_t)(end + 1 - text), text = end + 1) {
		end = memchr(text, '\n', n);
		if (!end)
			ck_abort_msg("half a line");
		if (memcmp(text, "OK", 2) == 0)
			++*ret_ok;
		else if (end - text == 14 && memcmp(text, "ERR1 OVERFLOW\r", 14) == 0)
			++*ret_overflow;
		else
			ck_abort_msg("%.40s", text);
	}
	fake_tty_take(m.tty);
}

START_TEST(dialogue)
{
	static const struct {
		const char *in, *out;
	} cases[] = {
		{ "AT\r\n", "OK\r\n" },
		{ "abcdefAT\n", "OK\r\n" },
		{ "hello\nATX\n\n\r\r", "" },
		{ "at+echo a\\Ab\\\\\r", "OK a\\Ab\\\\\r\n" },
		{ "AT+ECHO \r", "OK\r\n" },
		{ "AT+NONE\n", "ERR3 COMMAND NOT FOUND\r\n" },
		{ "AT+SEND0x\n", "ERR2 PARSE ERROR\r\n" },
		{ "AT+SEND0 \\x\n", "ERR7 OUT OF RANGE\r\n" },
		{ "AT+SEND3 \\x\n", "ERR5 INVALID ESCAPE\r\n" },
		{ "AT+SEND3 x\n", "ERR8 PARAMETER UNDEFINED\r\n" },
		{ "AT+SEND1 x\n", "ERR6 NO CONNECTION\r\n" },
	};

	for (size_t i = 0; i < ELEMENTS(cases); i++) {
		say(cases[i].in);
		expect(cases[i].out);
	}
	m.connected = true;
	say("AT+SEND1 x\n");
	expect("OK x\r\n");
	ck_assert_uint_eq(m.lines, 11);
}
END_TEST

START_TEST(pipelined)
{
	unsigned before = fake_tty_writes(m.tty);

	say("AT\nAT+ECHO 1\r\nAT+NO\r\rhello\n\rAT+ECHO 2\nAT+ECHO 3");
	/* Before the loop turns again, and in one write. */
	ck_assert_str_eq(fake_tty_received(m.tty, NULL), "OK\r\nOK 1\r\nERR3 COMMAND NOT FOUND\r\nOK 2\r\n");
	ck_assert_uint_eq(m.turns, 1);
	ck_assert_int_eq(m.turns_open, 0);
	ck_assert_uint_eq(fake_tty_writes(m.tty), before + 1);
	fake_tty_take(m.tty);
	say("\n");
	expect("OK 3\r\n");
}
END_TEST

START_TEST(commands_wait_for_the_pending_one)
{
	say("AT+ECHO 1\nAT+LATER\nAT+ECHO 2\nAT+LATER\nAT+EC");
	expect("OK 1\r\n");
	done_call(&m.done, AT_ERR_TIME);
	expect("ERR15 TIME NOT AVAILABLE\r\nOK 2\r\n");
	say("HO 3\n");
	expect("");
	done_call(&m.done, 0);
	expect("OK\r\nOK 3\r\n");
}
END_TEST

START_TEST(deadline_then_the_next)
{
	say("AT+LATER\nAT+ECHO 2\n");
	expect("");
	fake_timer_pass(19999);
	expect("");
	fake_timer_pass(1);
	expect("ERR6 NO CONNECTION\r\nOK 2\r\n");
	done_call(&m.done, 0);
	expect("");
}
END_TEST

START_TEST(no_timer_for_simple_commands)
{
	say("AT\nAT+ECHO 1\nAT+NO\n");
	expect("OK\r\nOK 1\r\nERR3 COMMAND NOT FOUND\r\n");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(too_long)
{
	char *text = malloc(200000 + 20);

	ck_assert_ptr_nonnull(text);
	memset(text, 'x', 200000);
	memcpy(text, "AT+ECHO ", 8);
	fake_tty_send(m.tty, text, 200000);
	expect("");
	say("\nAT\n");
	expect("ERR1 OVERFLOW\r\nOK\r\n");
	fake_tty_send(m.tty, text, LINE_MAX_COMMAND);
	say("\r");
	loop();
	ck_assert_uint_eq(strlen(fake_tty_received(m.tty, NULL)), 3 + LINE_MAX_COMMAND - 8 + 2);
	fake_tty_take(m.tty);
	fake_tty_send(m.tty, text, LINE_MAX_COMMAND + 1);
	say("\r\n");
	expect("ERR1 OVERFLOW\r\n");
	free(text);
}
END_TEST

START_TEST(every_byte_comes_back)
{
	char in[8 + 256 + 1] = "AT+ECHO ";
	size_t n = 8, got;
	const char *text;

	for (unsigned i = 0; i < 256; i++)
		if (i != '\n' && i != '\r' && i != '\\')
			in[n++] = (char)i;
	in[n++] = '\r';
	fake_tty_send(m.tty, in, n);
	text = fake_tty_received(m.tty, &got);
	ck_assert_uint_eq(got, 3 + (n - 9) + 2);
	ck_assert_mem_eq(text + 3, in + 8, n - 9);
	ck_assert_mem_eq(text + got - 2, "\r\n", 2);
}
END_TEST

/* A host that writes much faster than its commands are run loses none: reading pauses. */
START_TEST(flood_with_reading)
{
	enum { COMMANDS = 100000 };
	unsigned ok, overflow;
	char *text = malloc(COMMANDS * 16), *to = text;

	ck_assert_ptr_nonnull(text);
	for (unsigned i = 0; i < COMMANDS; i++)
		to += sprintf(to, "AT\n");
	/* In pieces as a tty gives them; those that come while reading is paused wait in the kernel. */
	for (char *p = text; p < to; p += 4096)
		fake_tty_send(m.tty, p, to - p < 4096 ? (size_t)(to - p) : 4096);
	ck_assert(fake_tty_paused(m.tty));
	loop();
	ck_assert(!fake_tty_paused(m.tty));
	count(&ok, &overflow);
	ck_assert_uint_eq(ok, COMMANDS);
	ck_assert_uint_eq(overflow, 0);
	free(text);
}
END_TEST

/* A turn of the loop ends after some time, though commands are left. */
START_TEST(slow_commands_let_others_in)
{
	char text[20 * 8 + 1] = "";
	unsigned first, rest, overflow;

	for (unsigned i = 0; i < 20; i++)
		strcat(text, "AT+SLOW\n");
	say(text);
	count(&first, &overflow);
	ck_assert_uint_ge(first, 1);
	ck_assert_uint_le(first, 8);
	ck_assert(fake_tty_paused(m.tty));
	loop();
	count(&rest, &overflow);
	ck_assert_uint_eq(first + rest, 20);
	ck_assert(!fake_tty_paused(m.tty));
}
END_TEST

/* A host that does not read: memory stays bounded, and when it reads at last every command has its answer. */
START_TEST(flood_without_reading)
{
	unsigned ok, overflow;
	char piece[1024], *to = piece;

	for (unsigned i = 0; i < 40; i++)
		to += sprintf(to, "AT+ECHO abcdefghijklmnop\n");
	fake_tty_set_pace(m.tty, 0);
	for (unsigned i = 0; i < 1000; i++) {
		fake_tty_send(m.tty, piece, (size_t)(to - piece));
		loop();
		ck_assert(!fake_tty_paused(m.tty));
	}
	ck_assert_uint_gt(fake_tty_waiting(m.tty), TTY_BUSY);
	ck_assert_uint_lt(fake_tty_waiting(m.tty), TTY_BUSY + 100);
	fake_tty_set_pace(m.tty, 10000);
	loop();
	count(&ok, &overflow);
	ck_assert_uint_eq(ok + overflow, 40000);
	ck_assert_uint_ge(ok, 64 * 1024 / 25);
	say("AT\n");
	expect("OK\r\n");
}
END_TEST

START_TEST(large_answers_wait_for_the_host)
{
	const char *text;
	size_t n;

	memset(m.blob, '\n', sizeof(m.blob));
	fake_tty_set_pace(m.tty, 0);
	say("AT+BLOB\nAT+BLOB\nAT\n");
	loop();
	ck_assert_uint_eq(fake_tty_waiting(m.tty), 5 + 2 * sizeof(m.blob) + 2);
	fake_tty_set_pace(m.tty, 50000);
	loop();
	text = fake_tty_received(m.tty, &n);
	ck_assert_uint_eq(n, 2 * (5 + 2 * sizeof(m.blob) + 2) + 4);
	ck_assert_mem_eq(text + n - 8, "\\A\r\nOK\r\n", 8);
}
END_TEST

/* A line that takes few bytes at a time. */
START_TEST(small_writes)
{
	for (size_t pace = 1; pace <= 5; pace++) {
		fake_tty_set_pace(m.tty, pace);
		say("AT\nAT+ECHO 1\nAT+NO\nAT+ECHO abcdefghijkl\n");
		expect("OK\r\nOK 1\r\nERR3 COMMAND NOT FOUND\r\nOK abcdefghijkl\r\n");
	}
}
END_TEST

START_TEST(afterwards_when_the_answer_has_left)
{
	fake_tty_set_sent(m.tty, false);
	say("AT+RESET\nAT+ECHO 1\n");
	expect("OK\r\n");
	ck_assert_uint_eq(m.then, 0);
	fake_tty_set_sent(m.tty, true);
	expect("OK 1\r\n");
	ck_assert_uint_eq(m.then, 1);

	fake_tty_set_pace(m.tty, 0);
	say("AT+RESET\n");
	loop();
	ck_assert_uint_eq(m.then, 1);
	fake_tty_set_pace(m.tty, 1);
	expect("OK\r\n");
	ck_assert_uint_eq(m.then, 2);

	m.reset_then = true;
	say("AT+RESET\nAT+ECHO gone\n");
	expect("OK\r\n");
	say("AT+ECHO 2\n");
	expect("OK 2\r\n");
}
END_TEST

START_TEST(hold_forgets_everything)
{
	struct done old;

	say("AT+LATER\nAT+ECHO 1\nAT+EC");
	old = m.done;
	at_server_hold(m.server);
	say("AT+ECHO 2\nAT+ECHO");
	expect("");
	at_server_release(m.server);
	done_call(&old, 0);
	say(" 3\nAT+ECHO 4\n");
	expect("OK 4\r\n");

	/* Answers on their way, and what should follow them. */
	fake_tty_set_pace(m.tty, 0);
	say("AT+ECHO 5\nAT+RESET\n");
	at_server_hold(m.server);
	fake_tty_set_pace(m.tty, SIZE_MAX);
	expect("");
	at_server_release(m.server);
	ck_assert_uint_eq(m.then, 0);
	say("AT\n");
	expect("OK\r\n");
	fake_timer_pass(100000);
	expect("");

	/* A paste. */
	say("AT+CONF X=pem\n" B "MII");
	at_server_hold(m.server);
	at_server_release(m.server);
	say("AT\n");
	expect("OK\r\n");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(hold_during_a_flood)
{
	for (unsigned i = 0; i < 1000; i++)
		say("AT\nAT\nAT\nAT\nAT\nAT\nAT\nAT\n");
	say("AT+SLOW\nAT+SLOW\nAT+SLOW\nAT+SLOW\n");
	at_server_hold(m.server);
	ck_assert(!fake_tty_paused(m.tty));
	loop();
	fake_tty_take(m.tty);
	at_server_release(m.server);
	say("\nAT+ECHO 1\n");
	expect("OK 1\r\n");
}
END_TEST

/* The cable was pulled in the middle: what comes next begins anew. */
START_TEST(gap)
{
	say("AT+CONF X=pem\n" B "MII");
	fake_tty_lose(m.tty);
	say("AT+ECHO 3\n");
	expect("ERR4 PARAMETER ERROR\r\nOK 3\r\n");
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);

	say("AT+LATER\nAT+ECHO 1\nAT+ECHO half");
	fake_tty_lose(m.tty);
	say("AT+ECHO 2\n");
	expect("");
	done_call(&m.done, 0);
	expect("OK\r\nOK 1\r\nOK 2\r\n");
}
END_TEST

START_TEST(shut_and_opened)
{
	say("AT+LATER\nAT+ECHO 1\nAT+ECHO half");
	at_server_shut(m.server);
	ck_assert(fake_tty_is_shut(m.tty));
	say(" line\nAT+ECHO 2\n");
	done_call(&m.done, 0);
	fake_tty_lose(m.tty);
	ck_assert_str_eq(fake_tty_received(m.tty, NULL), "OK\r\n");
	fake_tty_take(m.tty);
	at_server_open(m.server);
	ck_assert(!fake_tty_is_shut(m.tty));
	expect("OK 1\r\n");
	say("AT+ECHO 3\n");
	expect("OK 3\r\n");

	/* RST in between. */
	at_server_shut(m.server);
	at_server_open(m.server);
	at_server_hold(m.server);
	say("AT\n");
	expect("");
	at_server_release(m.server);
	say("AT\n");
	expect("OK\r\n");
}
END_TEST

START_TEST(body)
{
	say("AT+CONF X=pem\r\n");
	expect("");
	say(B "MIIB\n");
	expect("");
	say(E "AT\n");
	expect("OK X=pem 58\r\nOK\r\n");
	say("AT+CONF X=pem\n" B "MIIB\n" E "AT+CONF Y=pem\r" B E "AT\n");
	expect("OK X=pem 58\r\nOK Y=pem 53\r\nOK\r\n");
	say("AT+LATER\nAT+CONF X=pem\n" B "MIIB\n" E "AT\n");
	expect("");
	done_call(&m.done, 0);
	expect("OK\r\nOK X=pem 58\r\nOK\r\n");
	ck_assert_uint_eq(m.lines, 8);
	fake_timer_pass(100000);
	expect("");
}
END_TEST

START_TEST(body_that_is_none)
{
	say("AT+CONF X=pem\nMIIB\n");
	expect("ERR4 PARAMETER ERROR\r\n");
	say("AT+ECHO 1\n");
	expect("");
	say(E "AT+ECHO 2\n");
	expect("OK 2\r\n");
	say("AT+CONF X=pem\n" B "M\nM M\nAT+ECHO 1\n");
	expect("ERR4 PARAMETER ERROR\r\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS - 1);
	say("AT+ECHO 1\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS - 1);
	say("AT+ECHO 1\n");
	expect("");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS);
	say("AT+ECHO 2\n");
	expect("OK 2\r\n");
}
END_TEST

START_TEST(body_that_never_ends)
{
	say("AT+CONF X=pem\n" B "MIIB\n");
	fake_timer_pass(LINE_BODY_SILENCE_MS - 1);
	say("M");
	fake_timer_pass(LINE_BODY_SILENCE_MS - 1);
	expect("");
	fake_timer_pass(1);
	expect("ERR4 PARAMETER ERROR\r\n");
	say("AT\n");
	expect("OK\r\n");
	say("AT+CONF X=pem\n");
	fake_timer_pass(LINE_BODY_SILENCE_MS);
	expect("ERR4 PARAMETER ERROR\r\n");
	say("AT+CONF X=pem\n" B);
	for (unsigned i = 0; i < 17; i++)
		for (unsigned j = 0; j < 16; j++)
			say("MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM\n");
	expect("ERR4 PARAMETER ERROR\r\n");
	say("AT\n" E "AT\n");
	expect("OK\r\n");
}
END_TEST

START_TEST(refused_body)
{
	/* Refused by the command, with and without the paste, in one piece and not. */
	say("AT+CONF R=pem\n");
	expect("ERR12 KEY READONLY\r\n");
	say(B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	expect("OK 2\r\n");
	say("AT+CONF R=pem\n" B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	expect("ERR12 KEY READONLY\r\nOK 2\r\n");
	/* In one piece nobody can tell a command from a bad paste. */
	say("AT+CONF R=pem\r\nAT+ECHO 1\n");
	expect("ERR12 KEY READONLY\r\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS);
	/* By the gate. */
	say("AT+CONF1 X=pem\n" B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	expect("ERR4 PARAMETER ERROR\r\nOK 2\r\n");
	say("AT+CONF \\x=pem\n" B "AT+ECHO 1\n" E "AT+ECHO 2\n");
	expect("ERR5 INVALID ESCAPE\r\nOK 2\r\n");
	/* No paste comes. */
	say("AT+CONF R=pem\r");
	expect("ERR12 KEY READONLY\r\n");
	say("\nAT+ECHO 2\n");
	expect("OK 2\r\n");
	say("AT+CONF R=pem\n");
	expect("ERR12 KEY READONLY\r\n");
	fake_timer_pass(LINE_SWALLOW_SILENCE_MS);
	say(B "AT+ECHO 1\n");
	expect("OK 1\r\n");
}
END_TEST

#define E21 "ERR21 INVALID OTA UPDATE\r\n"

START_TEST(bytes_instead_of_lines)
{
	say("AT+LINE\r");
	expect("OK\r\nC");
	say("\nAT+ECHO a\n");
	say("AT\n");
	expect("");
	ck_assert_str_eq(raw, "\nAT+ECHO a\nAT\n");
	at_server_raw_answer(m.server, 0, "");
	at_server_raw_send(m.server, "\x06", 1);
	expect("OK\r\n\x06");
	say("x");
	expect("OK DONE\r\n");
	say("AT+ECHO b\n");
	expect("OK b\r\n");

	/* Behind the last byte there are lines again. */
	say("AT+LINE\n");
	expect("OK\r\nC");
	say("!xAT+ECHO c\nAT");
	expect(E21 "OK c\r\n");
	say("\n");
	expect("OK\r\n");
}
END_TEST

START_TEST(bytes_before_the_answer_has_left)
{
	fake_tty_set_sent(m.tty, false);
	say("AT+ECHO a\nAT+LINE\nabAT\n");
	expect("OK a\r\nOK\r\n");
	say("cdxAT+ECHO d\n");
	expect("");
	fake_tty_set_sent(m.tty, true);
	expect("OK DONE\r\nCOK d\r\n");
	ck_assert_str_eq(raw, "abAT\ncdx");
}
END_TEST

START_TEST(line_that_is_not_taken)
{
	say("AT+LINE no\nAT+ECHO a\nAT+LINE5\r\nAT+ECHO b\n");
	expect("ERR4 PARAMETER ERROR\r\nOK a\r\nERR4 PARAMETER ERROR\r\nOK b\r\n");
	say("AT+LATER\nAT+LINE no\nAT+ECHO c\nAT+EC");
	expect("");
	done_call(&m.done, 0);
	expect("OK\r\nERR4 PARAMETER ERROR\r\nOK c\r\n");
	say("HO d\n");
	expect("OK d\r\n");
}
END_TEST

/* More than is kept: the line that lost a piece is told of, those before and behind are as ever. */
START_TEST(more_behind_than_is_kept)
{
	static char much[80000];

	memset(much, 'y', sizeof(much) - 1);
	say("AT+LATER\nAT+LINE no\nAT+ECHO a\nAT+ECHO ");
	say(much);
	say("\nAT+ECHO b\n");
	done_call(&m.done, 0);
	expect("OK\r\nERR4 PARAMETER ERROR\r\nOK a\r\n");
	say("\nAT+ECHO c\n");
	expect("ERR1 OVERFLOW\r\nOK c\r\n");
}
END_TEST

/* ... but for the bytes of a file, which no line has lost. */
START_TEST(more_bytes_than_are_kept)
{
	static char much[80000];

	memset(much, 'y', sizeof(much) - 1);
	fake_tty_set_sent(m.tty, false);
	say("AT+LINE\nab");
	say(much);
	say("cd");
	fake_tty_set_sent(m.tty, true);
	expect("OK\r\nC");
	say("ef");
	ck_assert_str_eq(raw, "abef");
	say("xAT+ECHO a\nAT+ECHO b\n");
	expect("OK DONE\r\nOK a\r\nOK b\r\n");

	/* The bytes end before it: it was a line again. */
	fake_tty_set_sent(m.tty, false);
	say("AT+LINE\nabxAT+ECHO a\nAT+ECHO ");
	say(much);
	fake_tty_set_sent(m.tty, true);
	expect("OK\r\nOK DONE\r\nCOK a\r\n");
	say("\nAT+ECHO b\n");
	expect("ERR1 OVERFLOW\r\nOK b\r\n");
}
END_TEST

/* Two that may be followed by bytes, and what is lost stands right behind the second one. */
START_TEST(lost_behind_another_one)
{
	static char much[80000];

	memset(much, 'y', sizeof(much) - 1);
	say("AT+LATER\nAT+LINE no\nAT+ECHO a\nAT+LINE no\n");
	say(much);
	done_call(&m.done, 0);
	expect("OK\r\nERR4 PARAMETER ERROR\r\nOK a\r\nERR4 PARAMETER ERROR\r\n");
	say("zAT+ECHO b\nAT+ECHO c\n");
	expect("ERR1 OVERFLOW\r\nOK c\r\n");
}
END_TEST

START_TEST(ends_of_the_bytes)
{
	struct at_server_stats stats;

	say("AT+LINE\nab");
	expect("OK\r\nC");
	fake_tty_lose(m.tty);
	expect(E21);
	ck_assert_str_eq(raw, "ab<gap>");

	/* Before the answer has left, or even before it. */
	fake_tty_set_sent(m.tty, false);
	say("AT+LINE\nab");
	fake_tty_lose(m.tty);
	say("AT+ECHO b\n");
	fake_tty_set_sent(m.tty, true);
	expect("OK\r\n" E21 "COK b\r\n");
	ck_assert_str_eq(raw, "<gap>");
	say("AT+LATER\nAT+LINE\n");
	fake_tty_lose(m.tty);
	say("AT+ECHO b\n");
	done_call(&m.done, 0);
	expect("OK\r\nOK\r\n" E21 "COK b\r\n");
	ck_assert_str_eq(raw, "<gap>");
	say("AT+LINE\nab");
	expect("OK\r\nC");
	at_server_hold(m.server);
	at_server_release(m.server);
	say("AT+ECHO c\n");
	expect("OK c\r\n");
	ck_assert_str_eq(raw, "ab");
	at_server_get_stats(m.server, &stats);
	ck_assert_uint_eq(stats.commands, 8);
	ck_assert_uint_eq(stats.errors, 3);
}
END_TEST

START_TEST(stats)
{
	struct at_server_stats s;

	say("AT\nAT+NO\nAT+ECHO 1\nhello\nAT+LATER\n");
	loop();
	at_server_get_stats(m.server, &s);
	ck_assert_uint_eq(s.commands, 3);
	ck_assert_uint_eq(s.errors, 1);
}
END_TEST

/* The trace shows the dialogue, but no passphrase and no key. */
START_TEST(trace_masks_secrets)
{
	static const char *const lines[] = {
		"AT+CONF Pass\\phrase=geheim\n",
		"AT+CONF Pass phrase=geheim\n",
		"AT+CONF Pasphrase=geheim\n",
		"AT+CONF Password=geheim\n",
		"AT+CONF OTAcertificate=-----BEGIN PRIVATE KEY-----\\Ageheim\\A-----END PRIVATE KEY-----\n",
		"AT+CONF RootCA=-----BEGIN EC PRIVATE KEY-----\\Ageheim\\A-----END EC PRIVATE KEY-----\n",
		"AT+CONF Passphrase=geheim\n",
		"AT+conf passphrase=geheim\r",
		"AT+CONF  PASSPHRASE = geheim\n",
		"AT+CONF5 Passphrase geheim\n",
		"AT+CONFPassphrase=geheim\n",
		"noise AT+CONF Passphrase=geheim\n",
	};
	char text[8192];
	int ends[2], old = dup(STDERR_FILENO);
	ssize_t n;

	ck_assert_int_eq(pipe(ends), 0);
	ck_assert_int_ge(dup2(ends[1], STDERR_FILENO), 0);
	log_set_level(LOG_DEBUG);
	say("AT+ECHO visible\n");
	for (size_t i = 0; i < ELEMENTS(lines); i++)
		say(lines[i]);
	say("AT+CONF X=pem\n" B "geheim\n" E);
	log_set_level(LOG_EMERG);
	(void)dup2(old, STDERR_FILENO);
	n = read(ends[0], text, sizeof(text) - 1);
	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	ck_assert_ptr_nonnull(strstr(text, "AT+ECHO visible"));
	ck_assert_ptr_nonnull(strstr(text, "OK visible"));
	ck_assert_ptr_nonnull(strstr(text, "***"));
	ck_assert_ptr_null(strstr(text, "geheim"));
	(void)close(ends[0]);
	(void)close(ends[1]);
	(void)close(old);
}
END_TEST

static char heard[1024];

static void on_dialogue(void *userdata, enum trace_side side, const void *shown, size_t shown_n, size_t n)
{
	size_t used = strlen(heard);

	ck_assert_ptr_eq(userdata, &m);
	ck_assert_uint_le(shown_n, n);
	(void)snprintf(heard + used, sizeof(heard) - used, "%s%.*s|", side == TRACE_HOST ? ">" : "<", (int)shown_n,
		       (const char *)shown);
}

/* Without the debug log. */
START_TEST(watched)
{
	at_server_watch(m.server, on_dialogue, &m);
	say("noise\nxAT+ECHO one\nAT+ECHO Passphrase=geheim\nAT+NO\n");
	ck_assert_ptr_eq(strstr(heard, ">AT+ECHO one|<OK one\r\n|>AT+ECHO Passphrase=***|<OK"), heard);
	ck_assert_ptr_nonnull(strstr(heard, "|>AT+NO|<ERR3 COMMAND NOT FOUND\r\n|"));
	at_server_watch(m.server, NULL, NULL);
	heard[0] = '\0';
	say("AT\n");
	ck_assert_str_eq(heard, "");
}
END_TEST

START_TEST(start_fails)
{
	fake_tty_set_start(-EBUSY);
	ck_assert_int_eq(at_server_start(m.server), -EBUSY);
	fake_tty_set_start(0);
	ck_assert_ptr_null(at_server_free(NULL));
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("server");
	TCase *tc = tcase_create("server");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, dialogue);
	tcase_add_test(tc, pipelined);
	tcase_add_test(tc, commands_wait_for_the_pending_one);
	tcase_add_test(tc, deadline_then_the_next);
	tcase_add_test(tc, no_timer_for_simple_commands);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, every_byte_comes_back);
	tcase_add_test(tc, flood_with_reading);
	tcase_add_test(tc, slow_commands_let_others_in);
	tcase_add_test(tc, flood_without_reading);
	tcase_add_test(tc, large_answers_wait_for_the_host);
	tcase_add_test(tc, small_writes);
	tcase_add_test(tc, afterwards_when_the_answer_has_left);
	tcase_add_test(tc, hold_forgets_everything);
	tcase_add_test(tc, hold_during_a_flood);
	tcase_add_test(tc, gap);
	tcase_add_test(tc, shut_and_opened);
	tcase_add_test(tc, body);
	tcase_add_test(tc, body_that_is_none);
	tcase_add_test(tc, body_that_never_ends);
	tcase_add_test(tc, refused_body);
	tcase_add_test(tc, bytes_instead_of_lines);
	tcase_add_test(tc, bytes_before_the_answer_has_left);
	tcase_add_test(tc, line_that_is_not_taken);
	tcase_add_test(tc, more_behind_than_is_kept);
	tcase_add_test(tc, more_bytes_than_are_kept);
	tcase_add_test(tc, lost_behind_another_one);
	tcase_add_test(tc, ends_of_the_bytes);
	tcase_add_test(tc, stats);
	tcase_add_test(tc, trace_masks_secrets);
	tcase_add_test(tc, watched);
	tcase_add_test(tc, start_fails);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return suite_run(suite());
}
