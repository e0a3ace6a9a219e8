/* SPDX-License-Identifier: Apache-2.0 */
#include "at/request.h"

#include "fake/suite.h"

#include <check.h>
#include <string.h>

#define NONE        (-1)
#define HUGE_SUFFIX (-2)

static const struct {
	const char *line;
	const char *word; /* NULL: no word, or too long */
	int64_t suffix;
	bool separated;
	const char *param;
} cases[] = {
	{ "", "", NONE, true, "" },
	{ "+", NULL, NONE, true, "" },
	{ "+ ", NULL, NONE, true, "" },
	{ "+ X", NULL, NONE, true, "X" },
	{ "+5", NULL, 5, true, "" },
	{ "+?", NULL, NONE, false, "" },
	{ "+!", NULL, NONE, false, "" },
	{ "+CONNECT", "CONNECT", NONE, true, "" },
	{ "+connect", "CONNECT", NONE, true, "" },
	{ "+CoNnEcT?", "CONNECT?", NONE, true, "" },
	{ "+CONNECT!", "CONNECT!", NONE, true, "" },
	{ "+CONNECT??", "CONNECT?", NONE, false, "" },
	{ "+CONNECT?!", "CONNECT?", NONE, false, "" },
	{ "+CONNECT?5", "CONNECT?", 5, true, "" },
	{ "+CONNECT ?", "CONNECT", NONE, true, "?" },
	{ "+FACTORY_RESET", "FACTORY_RESET", NONE, true, "" },
	{ "+_", "_", NONE, true, "" },
	{ "+SEND1", "SEND", 1, true, "" },
	{ "+SEND1 ", "SEND", 1, true, "" },
	{ "+SEND1 x", "SEND", 1, true, "x" },
	{ "+SEND1  x ", "SEND", 1, true, " x " },
	{ "+SEND01 x", "SEND", 1, true, "x" },
	{ "+SEND1x", "SEND", 1, false, "" },
	{ "+SEND1x y", "SEND", 1, false, "" },
	{ "+SEND1\tx", "SEND", 1, false, "" },
	{ "+SEND1?", "SEND", 1, false, "" },
	{ "+SEND 1", "SEND", NONE, true, "1" },
	{ "+SEND\x80", "SEND", NONE, false, "" },
	{ "+SEND-1", "SEND", NONE, false, "" },
	{ "+SEND1 a\\Ab", "SEND", 1, true, "a\\Ab" },
	{ "+SEND1 AT+SEND2 x", "SEND", 1, true, "AT+SEND2 x" },
	{ "+SLEEP9A", "SLEEP", 9, false, "" },
	{ "+GET00", "GET", 0, true, "" },
	{ "+GET4294967297", "GET", 4294967297, true, "" },
	{ "+GET99999999999999999999999", "GET", HUGE_SUFFIX, true, "" },
	{ "+GET99999999999999999999999x", "GET", HUGE_SUFFIX, false, "" },
	{ "+CONF? Version", "CONF?", NONE, true, "Version" },
	{ "+CONF?Version", "CONF?", NONE, false, "" },
	{ "+abcdefghijklmnopqrstuvwxyzabcdef", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", NONE, true, "" },
	{ "+abcdefghijklmnopqrstuvwxyzabcdefg", NULL, NONE, true, "" },
	{ "+abcdefghijklmnopqrstuvwxyzabcde?", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDE?", NONE, true, "" },
	{ "+abcdefghijklmnopqrstuvwxyzabcdef?", NULL, NONE, true, "" },
	{ "+abcdefghijklmnopqrstuvwxyzabcdef12 x", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF", 12, true, "x" },
	{ "+@", NULL, NONE, false, "" },
	{ "+[", NULL, NONE, false, "" },
	{ "+`", NULL, NONE, false, "" },
	{ "+{", NULL, NONE, false, "" },
	{ "+\xc1", NULL, NONE, false, "" },
};

START_TEST(parses)
{
	struct at_request request;
	uint8_t line[64];
	size_t n = strlen(cases[_i].line);

	memset(&request, 0xaa, sizeof(request));
	memcpy(line, cases[_i].line, n);
	request_parse(line, n, &request);
	ck_assert_int_eq(request.word_ok, cases[_i].word != NULL);
	ck_assert_str_eq(request.word, cases[_i].word ? cases[_i].word : "");
	ck_assert_int_eq(request.has_suffix, cases[_i].suffix != NONE);
	if (request.has_suffix)
		ck_assert_uint_eq(request.suffix,
				  cases[_i].suffix == HUGE_SUFFIX ? UINT64_MAX : (uint64_t)cases[_i].suffix);
	ck_assert_int_eq(request.separated, cases[_i].separated);
	ck_assert_uint_eq(request.param_n, strlen(cases[_i].param));
	ck_assert_mem_eq(request.param, cases[_i].param, request.param_n);
	ck_assert(request.param >= line && request.param + request.param_n == line + n);
	ck_assert_mem_eq(line, cases[_i].line, n);
}
END_TEST

START_TEST(parameter_of_every_byte)
{
	struct at_request request;
	uint8_t line[3 + 256];

	memcpy(line, "+X ", 3);
	for (unsigned i = 0; i < 256; i++)
		line[3 + i] = (uint8_t)i;
	request_parse(line, sizeof(line), &request);
	ck_assert_str_eq(request.word, "X");
	ck_assert_ptr_eq(request.param, line + 3);
	ck_assert_uint_eq(request.param_n, 256);
}
END_TEST

START_TEST(very_long_word)
{
	struct at_request request;
	uint8_t line[5118];

	memset(line, 'a', sizeof(line));
	line[0] = '+';
	request_parse(line, sizeof(line), &request);
	ck_assert(!request.word_ok);
	ck_assert_str_eq(request.word, "");
	ck_assert(request.separated);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("request");
	TCase *tc = tcase_create("request");

	tcase_add_loop_test(tc, parses, 0, ELEMENTS(cases));
	tcase_add_test(tc, parameter_of_every_byte);
	tcase_add_test(tc, very_long_word);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
