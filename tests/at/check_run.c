/* SPDX-License-Identifier: Apache-2.0 */
#include "at/run.h"

#include "fake/suite.h"
#include "fake/timer.h"
#include "util/log.h"

#include <errno.h>
#include <string.h>

/* The module plays the lower floors: it keeps the completion that a command asked for. */
struct module {
	struct run run;
	struct done done, stale;
	int run_r, last_r, finished_with;
	unsigned finished, then, freed, answers;
	bool early, again, reset_inside;
	char text[256]; /* all answers */
};

static struct module m;
static sd_event *event;

static int finished(struct at_call *call, struct module *mod, int r)
{
	mod->finished++;
	mod->finished_with = r;
	if (mod->again) {
		mod->again = false;
		mod->stale = mod->done;
		mod->done = at_later(call, finished);
		return at_ok(call, "first ");
	}
	if (r)
		return r;
	return at_ok(call, "%.*s finished", (int)call->param_n, (const char *)call->param);
}

static void afterwards(struct module *mod)
{
	mod->then++;
}

static int cmd_later(struct at_call *call, struct module *mod)
{
	mod->done = at_later(call, finished);
	if (mod->early)
		done_call(&mod->done, 0);
	if (mod->reset_inside) {
		run_reset(&mod->run);
		(void)at_ok(call, "written for nobody");
	}
	return mod->run_r;
}

static int cmd_plain_later(struct at_call *call, struct module *mod)
{
	mod->done = at_later(call, NULL);
	return 0;
}

static int cmd_now(struct at_call *call, struct module *mod)
{
	at_then(call, afterwards);
	if (mod->run_r)
		return mod->run_r;
	return at_ok(call, "now");
}

static int cmd_connect(struct at_call *call, struct module *mod)
{
	return at_hint(call, AT_ERR_CONNECT, mod->run_r, "%s", "Name not found");
}

static int body_here(struct at_call *call, struct module *mod, const uint8_t *body, size_t n)
{
	if (mod->early) {
		mod->done = at_later(call, finished);
		return 0;
	}
	return at_ok_bytes(call, body, n);
}

static int cmd_body(struct at_call *call, struct module *mod)
{
	(void)mod;
	return at_body(call, body_here);
}

static bool is_pem(const uint8_t *param, size_t n)
{
	return n == 3 && memcmp(param, "pem", 3) == 0;
}

static int cmd_lines(struct at_call *call, struct module *mod)
{
	(void)mod;
	at_counted(call);
	(void)at_ok_bytes(call, "a\nb", 3);
	return call->param_n > 0 ? at_line(call, call->param, call->param_n) : 0;
}

static const struct at_command table[] = {
	{ .name = "LATER", .param = AT_MAY, .fallback = AT_ERR_NO_CONNECTION, .seconds = 20, .run = cmd_later },
	{ .name = "PLAIN", .fallback = AT_ERR_CONNECT, .seconds = 30, .run = cmd_plain_later },
	{ .name = "NOW", .fallback = AT_ERR_MODE, .seconds = 1, .run = cmd_now },
	{ .name = "CONNECT", .fallback = AT_ERR_CONNECT, .seconds = 30, .run = cmd_connect },
	{ .name = "BODY",
	  .param = AT_MUST,
	  .fallback = AT_ERR_PARAMETER,
	  .seconds = 3,
	  .run = cmd_body,
	  .takes_body = is_pem },
	{ .name = "LINES", .param = AT_MAY, .fallback = AT_ERR_PARAMETER, .seconds = 3, .run = cmd_lines },
	{ 0 },
};

static const struct at_world world = { 0 };
static const struct gate gate = { .table = table, .world = &world, .m = &m };

static void on_answer(void *userdata, int r)
{
	struct module *mod = userdata;
	struct buf out;

	ck_assert_ptr_eq(mod, &m);
	buf_init(&out, 1000);
	ck_assert_int_eq(reply_write(&mod->run.reply, r, &out), 0);
	ck_assert_uint_lt(buf_used(&out) + strlen(mod->text), sizeof(mod->text));
	strncat(mod->text, (const char *)buf_head(&out), buf_used(&out));
	buf_done(&out);
	mod->answers++;
	mod->last_r = r;
}

static void on_free(void *userdata)
{
	struct module *mod = userdata;

	ck_assert_int_ne(mod->run.state, RUN_RUNNING);
	mod->freed++;
}

static void setup(void)
{
	const struct run_events events = { .on_answer = on_answer, .on_free = on_free, .userdata = &m };

	log_set_level(LOG_EMERG);
	memset(&m, 0, sizeof(m));
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(run_init(&m.run, event, &gate, &events), 0);
}

static void teardown(void)
{
	run_done(&m.run);
	event = sd_event_unref(event);
}

static void command(const char *line)
{
	run_command(&m.run, (const uint8_t *)line, strlen(line));
}

static void expect(const char *text)
{
	ck_assert_str_eq(m.text, text);
	m.text[0] = '\0';
}

/* At once, when what it waits for is there, or when its time is over; then the next one may come. */
static void answers(const char *line, const char *text)
{
	command(line);
	expect(text);
	ck_assert_int_eq(m.run.state, RUN_IDLE);
}

static void completes(int r, const char *text)
{
	done_call(&m.done, r);
	expect(text);
	ck_assert_int_eq(m.run.state, RUN_IDLE);
}

static void times_out_in(uint64_t ms)
{
	fake_timer_pass(ms - 1);
	expect("");
	fake_timer_pass(1);
	expect("ERR6 NO CONNECTION\r\n");
	ck_assert_int_eq(m.run.state, RUN_IDLE);
}

START_TEST(answered_now)
{
	answers("+LINES x", "OK1 a\\Ab\r\nx\r\n");
	answers("+LINES", "OK0 a\\Ab\r\n");
	answers("+NONE", "ERR3 COMMAND NOT FOUND\r\n");
	answers("+CONNECT", "ERR14 0 UNABLE TO CONNECT Name not found\r\n");
	ck_assert_uint_eq(m.answers, 4);
	/* No timer is touched by such commands. */
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(broken_is_the_fallback)
{
	m.run_r = -EIO;
	answers("+NOW", "ERR17 MODE NOT AVAILABLE\r\n");
	answers("+LATER", "ERR6 NO CONNECTION\r\n");
	done_call(&m.done, 0);
	expect("");
	ck_assert_uint_eq(m.finished, 0);
}
END_TEST

START_TEST(fallback_of_connect_has_a_hint)
{
	command("+PLAIN");
	completes(-ENOMEM, "ERR14 3 UNABLE TO CONNECT Module lacks resources: see its log\r\n");
	ck_assert_int_eq(m.last_r, AT_ERR_CONNECT);
}
END_TEST

START_TEST(answered_later)
{
	command("+LATER a\\\\b");
	ck_assert_int_eq(m.run.state, RUN_PENDING);
	expect("");
	completes(0, "OK a\\\\b finished\r\n");
	ck_assert_uint_eq(m.freed, 1);
	command("+LATER");
	completes(AT_ERR_SIGNATURE, "ERR23 INVALID SIGNATURE\r\n");
	ck_assert_int_eq(m.finished_with, AT_ERR_SIGNATURE);
	command("+LATER");
	completes(-ECANCELED, "ERR6 NO CONNECTION\r\n");
	ck_assert_int_eq(m.finished_with, -ECANCELED);
	command("+PLAIN");
	completes(0, "OK\r\n");
	command("+PLAIN");
	completes(AT_ERR_TIME, "ERR15 TIME NOT AVAILABLE\r\n");
	ck_assert_uint_eq(m.freed, 5);
}
END_TEST

START_TEST(completed_before_it_returned)
{
	m.early = true;
	answers("+LATER x", "OK x finished\r\n");
	ck_assert_uint_eq(m.finished, 1);
	/* The error that run() returns counts more. */
	m.run_r = AT_ERR_OTA;
	answers("+LATER x", "ERR21 INVALID OTA UPDATE\r\n");
	ck_assert_uint_eq(m.finished, 1);
}
END_TEST

START_TEST(later_again)
{
	m.again = true;
	command("+LATER x");
	done_call(&m.done, 0);
	expect("");
	ck_assert_int_eq(m.run.state, RUN_PENDING);
	m.stale.fn = m.done.fn;
	m.stale.who = m.done.who;
	m.stale.number = m.done.number - 1;
	done_call(&m.stale, 0);
	expect("");
	completes(0, "OK first x finished\r\n");
}
END_TEST

START_TEST(stale_completions)
{
	struct done first;

	command("+LATER first");
	first = m.done;
	run_reset(&m.run);
	ck_assert_int_eq(m.run.state, RUN_IDLE);
	done_call(&first, 0);
	expect("");
	command("+LATER first");
	first = m.done;
	run_reset(&m.run);
	command("+LATER second");
	done_call(&first, 0);
	expect("");
	ck_assert_int_eq(m.run.state, RUN_PENDING);
	first = m.done;
	completes(0, "OK second finished\r\n");
	/* The same one twice. */
	done_call(&first, 0);
	expect("");
	ck_assert_uint_eq(m.finished, 1);
}
END_TEST

START_TEST(reset_from_inside)
{
	m.reset_inside = true;
	command("+LATER");
	expect("");
	ck_assert_int_eq(m.run.state, RUN_IDLE);
	done_call(&m.done, 0);
	expect("");
	answers("+LINES", "OK0 a\\Ab\r\n");
}
END_TEST

START_TEST(deadline)
{
	struct done first;

	command("+LATER");
	first = m.done;
	times_out_in(20000);
	ck_assert_uint_eq(m.freed, 1);
	done_call(&first, 0);
	expect("");
	command("+LATER");
	done_call(&first, 0);
	expect("");
	completes(0, "OK  finished\r\n");
}
END_TEST

/* The timer stays armed over commands, yet each has its own time. */
START_TEST(deadline_of_each)
{
	command("+LATER");
	fake_timer_pass(15000);
	completes(0, "OK  finished\r\n");
	command("+LATER");
	times_out_in(20000);
	fake_timer_pass(100000);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	expect("");

	/* A shorter one behind a longer one. */
	command("+PLAIN");
	completes(0, "OK\r\n");
	command("+LATER");
	fake_timer_pass(20000);
	expect("ERR6 NO CONNECTION\r\n");
}
END_TEST

START_TEST(deadline_of_a_chain)
{
	m.again = true;
	command("+LATER");
	fake_timer_pass(15000);
	done_call(&m.done, 0);
	ck_assert_int_eq(m.run.state, RUN_PENDING);
	times_out_in(5000);
}
END_TEST

START_TEST(afterwards_when_sent)
{
	command("+NOW");
	expect("OK now\r\n");
	ck_assert_int_eq(m.run.state, RUN_SENDING);
	ck_assert_uint_eq(m.then, 0);
	run_sent(&m.run);
	ck_assert_uint_eq(m.then, 1);
	ck_assert_int_eq(m.run.state, RUN_IDLE);
	/* Not after an error, and not after a reset. */
	m.run_r = AT_ERR_ACTIVE;
	answers("+NOW", "ERR18 ACTIVE CONNECTION\r\n");
	m.run_r = 0;
	command("+NOW");
	run_reset(&m.run);
	ck_assert_int_eq(m.run.state, RUN_IDLE);
	ck_assert_ptr_null(m.run.then);
}
END_TEST

START_TEST(body)
{
	command("+BODY pem");
	ck_assert_int_eq(m.run.state, RUN_BODY);
	expect("");
	fake_timer_pass(100000); /* a paste has its own times, the reader's */
	expect("");
	run_body(&m.run, (const uint8_t *)"x\ny", 3);
	expect("OK x\\Ay\r\n");
	ck_assert_int_eq(m.run.state, RUN_IDLE);

	command("+BODY pem");
	run_body(&m.run, NULL, 0);
	expect("ERR4 PARAMETER ERROR\r\n");

	m.early = true;
	command("+BODY pem");
	run_body(&m.run, (const uint8_t *)"x", 1);
	ck_assert_int_eq(m.run.state, RUN_PENDING);
	expect("");
	completes(0, "OK pem finished\r\n");
	command("+BODY pem");
	run_body(&m.run, (const uint8_t *)"x", 1);
	fake_timer_pass(3000);
	expect("ERR4 PARAMETER ERROR\r\n");
}
END_TEST

START_TEST(no_body_without_announcement)
{
	answers("+BODY x", "ERR4 PARAMETER ERROR\r\n");
}
END_TEST

START_TEST(reset_drops_the_body)
{
	command("+BODY pem");
	run_reset(&m.run);
	ck_assert_int_eq(m.run.state, RUN_IDLE);
	ck_assert_ptr_null(m.run.on_body);
	answers("+LINES", "OK0 a\\Ab\r\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run");
	TCase *tc = tcase_create("run");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, answered_now);
	tcase_add_test(tc, broken_is_the_fallback);
	tcase_add_test(tc, fallback_of_connect_has_a_hint);
	tcase_add_test(tc, answered_later);
	tcase_add_test(tc, completed_before_it_returned);
	tcase_add_test(tc, later_again);
	tcase_add_test(tc, stale_completions);
	tcase_add_test(tc, reset_from_inside);
	tcase_add_test(tc, deadline);
	tcase_add_test(tc, deadline_of_each);
	tcase_add_test(tc, deadline_of_a_chain);
	tcase_add_test(tc, afterwards_when_sent);
	tcase_add_test(tc, body);
	tcase_add_test(tc, no_body_without_announcement);
	tcase_add_test(tc, reset_drops_the_body);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
