/* SPDX-License-Identifier: Apache-2.0 */
#include "at/escape.h"

#include "at/error.h"

#include "fake/suite.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static const struct {
	const char *raw;
	size_t raw_n;
	const char *text; /* NULL: no such escape */
	size_t text_n;
} decodes[] = {
	{ "", 0, "", 0 },
	{ "plain", 5, "plain", 5 },
	{ "\\A", 2, "\n", 1 },
	{ "\\D", 2, "\r", 1 },
	{ "\\\\", 2, "\\", 1 },
	{ "a\\Ab\\Dc\\\\d", 10, "a\nb\rc\\d", 7 },
	{ "\\\\A", 3, "\\A", 2 },
	{ "\\\\\\A", 4, "\\\n", 2 },
	{ "\\A\\A\\A", 6, "\n\n\n", 3 },
	{ "\0\\A\0", 4, "\0\n\0", 3 },
	{ "\x80\xff\\D\x01", 5, "\x80\xff\r\x01", 4 },
	{ "\\", 1, NULL, 0 },
	{ "abc\\", 4, NULL, 0 },
	{ "\\\\\\", 3, NULL, 0 },
	{ "\\a", 2, NULL, 0 },
	{ "\\d", 2, NULL, 0 },
	{ "\\n", 2, NULL, 0 },
	{ "\\B", 2, NULL, 0 },
	{ "\\ ", 2, NULL, 0 },
	{ "\\\0", 2, NULL, 0 },
	{ "\\\xff", 2, NULL, 0 },
	{ "ok\\A\\x", 6, NULL, 0 },
};

START_TEST(decode)
{
	uint8_t data[32];
	size_t n = 4711;
	int r;

	memcpy(data, decodes[_i].raw, decodes[_i].raw_n);
	r = escape_decode(data, decodes[_i].raw_n, &n);
	if (!decodes[_i].text) {
		ck_assert_int_eq(r, AT_ERR_ESCAPE);
		ck_assert_uint_eq(n, 4711);
		return;
	}
	ck_assert_int_eq(r, 0);
	ck_assert_uint_eq(n, decodes[_i].text_n);
	ck_assert_mem_eq(data, decodes[_i].text, n);
}
END_TEST

/* Of all pairs that begin with a backslash three are legal. */
START_TEST(only_three_pairs)
{
	unsigned legal = 0;

	for (unsigned c = 0; c < 256; c++) {
		uint8_t data[2] = { '\\', (uint8_t)c };
		size_t n;

		legal += escape_decode(data, 2, &n) == 0;
	}
	ck_assert_uint_eq(legal, 3);
}
END_TEST

START_TEST(encode)
{
	struct buf b;

	buf_init(&b, 100);
	ck_assert_int_eq(escape_encode(&b, "a\nb\rc\\d\0\xff", 9), 0);
	ck_assert_uint_eq(buf_used(&b), 12);
	ck_assert_mem_eq(buf_head(&b), "a\\Ab\\Dc\\\\d\0\xff", 12);
	ck_assert_int_eq(escape_encode(&b, "more", 4), 0);
	ck_assert_uint_eq(buf_used(&b), 16);
	ck_assert_int_eq(escape_encode(&b, "", 0), 0);
	ck_assert_uint_eq(buf_used(&b), 16);
	buf_done(&b);
}
END_TEST

START_TEST(encode_all_or_nothing)
{
	struct buf b;

	buf_init(&b, 10);
	ck_assert_int_eq(escape_encode(&b, "1234\n\n\n\n", 8), -ENOBUFS);
	ck_assert_uint_eq(buf_used(&b), 0);
	ck_assert_int_eq(escape_encode(&b, "123456\n\n", 8), 0);
	ck_assert_uint_eq(buf_used(&b), 10);
	buf_done(&b);
}
END_TEST

START_TEST(every_byte_comes_back)
{
	uint8_t all[512];
	struct buf b;
	size_t n;

	for (unsigned i = 0; i < 512; i++)
		all[i] = (uint8_t)(i < 256 ? i : 511 - i);
	buf_init(&b, 2000);
	ck_assert_int_eq(escape_encode(&b, all, sizeof(all)), 0);
	ck_assert_uint_eq(buf_used(&b), 512 + 2 * 3);
	ck_assert_ptr_null(memchr(buf_head(&b), '\n', buf_used(&b)));
	ck_assert_ptr_null(memchr(buf_head(&b), '\r', buf_used(&b)));
	ck_assert_int_eq(escape_decode(b.data + b.start, buf_used(&b), &n), 0);
	ck_assert_uint_eq(n, sizeof(all));
	ck_assert_mem_eq(b.data + b.start, all, n);
	buf_done(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("escape");
	TCase *tc = tcase_create("escape");

	tcase_add_loop_test(tc, decode, 0, ELEMENTS(decodes));
	tcase_add_test(tc, only_three_pairs);
	tcase_add_test(tc, encode);
	tcase_add_test(tc, encode_all_or_nothing);
	tcase_add_test(tc, every_byte_comes_back);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
