/* SPDX-License-Identifier: Apache-2.0 */
#include "at/trace.h"

#include "fake/suite.h"

#include <stdio.h>
#include <string.h>

static enum trace_side side;
static char shown[TRACE_MAX + 1];
static size_t shown_n, total;
static unsigned calls;

static void on_trace(void *userdata, enum trace_side from, const void *data, size_t data_n, size_t n)
{
	ck_assert_ptr_eq(userdata, &calls);
	ck_assert_uint_le(data_n, TRACE_MAX);
	calls++;
	side = from;
	memcpy(shown, data, data_n);
	shown[data_n] = '\0';
	shown_n = data_n;
	total = n;
}

static void setup(void)
{
	calls = 0;
}

static const struct trace trace = { on_trace, &calls };

static void command(const char *text)
{
	trace_command(&trace, (const uint8_t *)text, strlen(text));
}

START_TEST(a_command)
{
	command("+CONNECT");
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq((int)side, (int)TRACE_HOST);
	ck_assert_str_eq(shown, "AT+CONNECT");
	ck_assert_uint_eq(total, 10);
	trace_command(&trace, NULL, 0);
	ck_assert_str_eq(shown, "AT");
	ck_assert_uint_eq(total, 2);
}
END_TEST

START_TEST(an_answer)
{
	trace_answer(&trace, "OK\0\r\n", 5);
	ck_assert_int_eq((int)side, (int)TRACE_MODULE);
	ck_assert_uint_eq(shown_n, 5);
	ck_assert_int_eq(memcmp(shown, "OK\0\r\n", 5), 0);
	ck_assert_uint_eq(total, 5);
}
END_TEST

START_TEST(a_note)
{
	trace_note(&trace, "a certificate of %d bytes", 12);
	ck_assert_int_eq((int)side, (int)TRACE_HOST);
	ck_assert_str_eq(shown, "a certificate of 12 bytes");
}
END_TEST

START_TEST(secrets)
{
	static const char *const rows[][2] = {
		{ "+CONF Passphrase=geheim", "AT+CONF Passphrase=***" },
		{ "+conf PASSPHRASE geheim", "AT+conf PASSPHRASE=***" },
		{ "+CONF Passphrse=geheim", "AT+CONF Pass=***" },
		{ "+CONF aphrase=geheim", "AT+CONF aphrase=***" },
		{ "+CONF RootCA=-----BEGIN EC PRIVATE KEY-----\\AMHcgeheim",
		  "AT+CONF RootCA=-----BEGIN EC PRIVATE KEY=***" },
		{ "+CONF? Passphrase", "AT+CONF? Passphrase" },
	};

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		command(rows[i][0]);
		ck_assert_str_eq(shown, rows[i][1]);
		/* Nor how long it is. */
		ck_assert_uint_eq(total, strlen(rows[i][1]));
	}
}
END_TEST

START_TEST(long_ones_are_cut)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	command(text);
	ck_assert_uint_eq(shown_n, TRACE_MAX);
	ck_assert_uint_eq(total, 2 + sizeof(text) - 1);
	trace_answer(&trace, text, sizeof(text) - 1);
	ck_assert_uint_eq(shown_n, TRACE_MAX);
	ck_assert_uint_eq(total, sizeof(text) - 1);
}
END_TEST

/* The word at the very end of what is shown. */
START_TEST(a_secret_at_the_edge)
{
	for (size_t before = TRACE_MAX - 30; before < TRACE_MAX + 10; before++) {
		char text[1000] = "";

		memset(text, 'x', before);
		strcat(text, "passphrase=geheim");
		command(text);
		ck_assert_ptr_null(strstr(shown, "geheim"));
		ck_assert_ptr_null(strstr(shown, "=g"));
	}
}
END_TEST

START_TEST(nobody_listens)
{
	const struct trace nothing = { 0 };

	trace_command(&nothing, (const uint8_t *)"+X", 2);
	trace_answer(&nothing, "OK", 2);
	trace_note(&nothing, "note");
	ck_assert_uint_eq(calls, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace");
	TCase *tc = tcase_create("trace");

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, a_command);
	tcase_add_test(tc, an_answer);
	tcase_add_test(tc, a_note);
	tcase_add_test(tc, secrets);
	tcase_add_test(tc, long_ones_are_cut);
	tcase_add_test(tc, a_secret_at_the_edge);
	tcase_add_test(tc, nobody_listens);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
