/* SPDX-License-Identifier: Apache-2.0 */
#include "at/gate.h"

#include "fake/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

/* The module: topic 1 is fit for all, 2 for subscriptions only, 3 is empty, 4 for messages only. */
struct module {
	bool connected;
	unsigned topics_asked;
};

static unsigned max_topic(struct module *m)
{
	(void)m;
	return 16;
}

static int topic(struct module *m, unsigned index, unsigned needs)
{
	m->topics_asked++;
	if (index == 3)
		return AT_ERR_UNDEFINED;
	if (index == 2 && (needs & AT_VALID_TOPIC))
		return AT_ERR_PARAMETER;
	if (index == 4 && (needs & AT_VALID_FILTER))
		return AT_ERR_PARAMETER;
	ck_assert_uint_eq(needs & ~(unsigned)(AT_VALID_TOPIC | AT_VALID_FILTER), 0);
	return 0;
}

static bool connected(struct module *m)
{
	return m->connected;
}

static const struct at_world world = { .max_topic = max_topic, .topic = topic, .connected = connected };

/* Parameter "bad" is no value; "broken": could not be judged. */
static int check(struct at_call *call, struct module *m)
{
	(void)m;
	if (call->param_n == 6 && memcmp(call->param, "broken", 6) == 0)
		return -EIO;
	return call->param_n == 3 && memcmp(call->param, "bad", 3) == 0 ? AT_ERR_KEY_UNKNOWN : 0;
}

static bool takes_body(const uint8_t *param, size_t n)
{
	return n >= 4 && memcmp(param + n - 4, "=pem", 4) == 0;
}

static const struct at_command table[] = {
	{ .name = "" },
	{ .name = "PLAIN" },
	{ .name = "PLAIN?", .param = AT_MUST },
	{ .name = "MAY", .param = AT_MAY, .check = check },
	{ .name = "MUST", .param = AT_MUST, .check = check, .takes_body = takes_body },
	{ .name = "SEND",
	  .suffix = AT_SUFFIX_TOPIC,
	  .param = AT_MAY,
	  .needs = AT_CONNECTED | AT_VALID_TOPIC,
	  .check = check },
	{ .name = "SUB", .suffix = AT_SUFFIX_TOPIC, .needs = AT_CONNECTED | AT_VALID_FILTER },
	{ .name = "GET", .suffix = AT_SUFFIX_GET },
	{ .name = "LINE", .param = AT_MAY, .takes_line = true },
	{ .name = "SLEEP", .suffix = AT_SUFFIX_MODE, .param = AT_MAY, .needs = AT_DISCONNECTED, .check = check },
	{ 0 },
};

enum { ANY, OFF, ON };

static const struct {
	const char *line;
	int connected;
	int r;
} cases[] = {
	{ "", ANY, 0 },
	{ "+PLAIN", ANY, 0 },
	{ "+plain", ANY, 0 },
	{ "+PLAIN ", ANY, 0 },
	{ "+PLAIN? x", ANY, 0 },
	{ "+SEND1", ON, 0 },
	{ "+SEND1 ", ON, 0 },
	{ "+SEND16 x", ON, 0 },
	{ "+SEND01 x", ON, 0 },
	{ "+SUB2", ON, 0 },
	{ "+SEND4 x", ON, 0 },
	{ "+GET", ANY, 0 },
	{ "+GET0", ANY, 0 },
	{ "+GET00", ANY, 0 },
	{ "+GET16", ANY, 0 },
	{ "+SLEEP", OFF, 0 },
	{ "+SLEEP 10", OFF, 0 },
	{ "+SLEEP0", OFF, 0 },
	{ "+SLEEP99999999999999999999999 10", OFF, 0 },

	/* Each check by itself. */
	{ "+", ANY, AT_ERR_COMMAND },
	{ "+ X", ANY, AT_ERR_COMMAND },
	{ "+NONE", ANY, AT_ERR_COMMAND },
	{ "+PLAI", ANY, AT_ERR_COMMAND },
	{ "+PLAINX", ANY, AT_ERR_COMMAND },
	{ "+PLAIN!", ANY, AT_ERR_COMMAND },
	{ "+MAY?", ANY, AT_ERR_COMMAND },
	{ "+PLAIN5", ANY, AT_ERR_PARAMETER },
	{ "+PLAIN?5", ANY, AT_ERR_PARAMETER },
	{ "+SEND hello", ON, AT_ERR_PARAMETER },
	{ "+SUB", ON, AT_ERR_PARAMETER },
	{ "+PLAIN??", ANY, AT_ERR_PARSE },
	{ "+PLAIN\t", ANY, AT_ERR_PARSE },
	{ "+PLAIN=1", ANY, AT_ERR_PARSE },
	{ "+SEND1x", ON, AT_ERR_PARSE },
	{ "+GETx1", ANY, AT_ERR_COMMAND },
	{ "+GET-1", ANY, AT_ERR_PARSE },
	{ "+GET1\t", ANY, AT_ERR_PARSE },
	{ "+SLEEP\t5", OFF, AT_ERR_PARSE },
	{ "+SLEEP9A", OFF, AT_ERR_PARAMETER },
	{ "+SLEEP9\t", OFF, AT_ERR_PARAMETER },
	{ "+SLEEP99999999999999999999999x", OFF, AT_ERR_PARAMETER },
	{ "+SEND0", ON, AT_ERR_RANGE },
	{ "+SUB0", ON, AT_ERR_RANGE },
	{ "+SEND17", ON, AT_ERR_RANGE },
	{ "+SEND4294967297", ON, AT_ERR_RANGE },
	{ "+SEND18446744073709551617", ON, AT_ERR_RANGE },
	{ "+GET17", ANY, AT_ERR_RANGE },
	{ "+MAY \\x", ANY, AT_ERR_ESCAPE },
	{ "+PLAIN now", ANY, AT_ERR_PARAMETER },
	{ "+PLAIN  ", ANY, AT_ERR_PARAMETER },
	{ "+PLAIN?", ANY, AT_ERR_PARAMETER },
	{ "+PLAIN? ", ANY, AT_ERR_PARAMETER },
	{ "+MUST", ANY, AT_ERR_PARAMETER },
	{ "+MAY bad", ANY, AT_ERR_KEY_UNKNOWN },
	{ "+MAY broken", ANY, -EIO },
	{ "+SEND3 x", ON, AT_ERR_UNDEFINED },
	{ "+SEND2 x", ON, AT_ERR_PARAMETER },
	{ "+SUB4", ON, AT_ERR_PARAMETER },
	{ "+GET3", ANY, AT_ERR_UNDEFINED },
	{ "+GET2", ANY, 0 },
	{ "+SEND1 x", OFF, AT_ERR_NO_CONNECTION },
	{ "+SUB1", OFF, AT_ERR_NO_CONNECTION },
	{ "+SLEEP 5", ON, AT_ERR_ACTIVE },

	/* Two at once: the first in the order counts. */
	{ "+NONE5", ANY, AT_ERR_COMMAND },
	{ "+NONEx\\y", ANY, AT_ERR_COMMAND },
	{ "+NONE\t", ANY, AT_ERR_COMMAND },
	{ "+PLAIN5x", ANY, AT_ERR_PARAMETER },
	{ "+SEND\tx", ON, AT_ERR_PARAMETER },
	{ "+SEND0x", ON, AT_ERR_PARSE },
	{ "+SEND17\t", ON, AT_ERR_PARSE },
	{ "+GET17x", ANY, AT_ERR_PARSE },
	{ "+PLAIN\t\\x", ANY, AT_ERR_PARSE },
	{ "+SEND17 \\x", ON, AT_ERR_RANGE },
	{ "+SEND17 bad", OFF, AT_ERR_RANGE },
	{ "+GET17 now", ANY, AT_ERR_RANGE },
	{ "+PLAIN \\x", ANY, AT_ERR_ESCAPE },
	{ "+SUB3 \\", OFF, AT_ERR_ESCAPE },
	{ "+SEND3 \\x", OFF, AT_ERR_ESCAPE },
	{ "+SUB3 now", OFF, AT_ERR_PARAMETER },
	{ "+GET3 now", ANY, AT_ERR_PARAMETER },
	{ "+SEND3 bad", OFF, AT_ERR_KEY_UNKNOWN },
	{ "+SLEEP bad", ON, AT_ERR_KEY_UNKNOWN },
	{ "+SLEEP9A", ON, AT_ERR_PARAMETER },
	{ "+SEND3 x", OFF, AT_ERR_UNDEFINED },
	{ "+SEND2 x", OFF, AT_ERR_PARAMETER },
};

static struct module module;

static int pass(const char *line, struct at_call *call)
{
	static uint8_t data[256];
	const struct gate gate = { .table = table, .world = &world, .m = &module };
	struct at_request request;
	size_t n = strlen(line);

	memcpy(data, line, n);
	request_parse(data, n, &request);
	*call = (struct at_call){ .command = gate_find(&gate, &request) };
	return gate_check(&gate, &request, call);
}

START_TEST(order)
{
	struct at_call call;

	if (cases[_i].connected != OFF) {
		module.connected = true;
		ck_assert_int_eq(pass(cases[_i].line, &call), cases[_i].r);
	}
	if (cases[_i].connected != ON) {
		module.connected = false;
		ck_assert_int_eq(pass(cases[_i].line, &call), cases[_i].r);
	}
}
END_TEST

START_TEST(fills_the_call)
{
	struct at_call call;

	module.connected = true;
	ck_assert_int_eq(pass("+SEND007 a\\Ab", &call), 0);
	ck_assert_str_eq(call.command->name, "SEND");
	ck_assert(call.has_suffix);
	ck_assert_uint_eq(call.suffix, 7);
	ck_assert_uint_eq(call.param_n, 3);
	ck_assert_mem_eq(call.param, "a\nb", 3);
	ck_assert_int_eq(pass("+GET", &call), 0);
	ck_assert(!call.has_suffix);
	ck_assert_uint_eq(call.param_n, 0);
	module.connected = false;
	ck_assert_int_eq(pass("+SLEEP99999999999999999999999", &call), 0);
	ck_assert_uint_eq(call.suffix, UINT64_MAX);
}
END_TEST

START_TEST(asks_only_for_addressed_topics)
{
	struct at_call call;

	module.topics_asked = 0;
	ck_assert_int_eq(pass("+GET", &call), 0);
	ck_assert_int_eq(pass("+GET0", &call), 0);
	ck_assert_int_eq(pass("+SLEEP3", &call), 0);
	ck_assert_uint_eq(module.topics_asked, 0);
	ck_assert_int_eq(pass("+GET1", &call), 0);
	ck_assert_uint_eq(module.topics_asked, 1);
}
END_TEST

START_TEST(what_follows)
{
	const struct gate gate = { .table = table, .world = &world, .m = &module };
	static const char *const yes[] = { "+MUST X=pem", "+must X=pem", "+MUST5 X=pem" };
	static const char *const no[] = {
		"",
		"+",
		"+MUST",
		"+MUST ",
		"+MUST X=pe",
		"+MUST\tX=pem",
		"+MUSTY X=pem",
		"+MUST? X=pem",
		"+MAY X=pem",
		"+NONE X=pem",
		"+MUS X=pem",
	};

	for (size_t i = 0; i < ELEMENTS(yes); i++)
		ck_assert_msg(gate_follows(&gate, (const uint8_t *)yes[i], strlen(yes[i])) == LINE_PASTE, "%s", yes[i]);
	for (size_t i = 0; i < ELEMENTS(no); i++)
		ck_assert_msg(gate_follows(&gate, (const uint8_t *)no[i], strlen(no[i])) == LINE_NOTHING, "%s", no[i]);
	ck_assert_int_eq(gate_follows(&gate, (const uint8_t *)"+line 5", 7), LINE_BYTES);
	ck_assert_int_eq(gate_follows(&gate, (const uint8_t *)"+LINES", 6), LINE_NOTHING);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("gate");
	TCase *tc = tcase_create("gate");

	tcase_add_loop_test(tc, order, 0, ELEMENTS(cases));
	tcase_add_test(tc, fills_the_call);
	tcase_add_test(tc, asks_only_for_addressed_topics);
	tcase_add_test(tc, what_follows);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
