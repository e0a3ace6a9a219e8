/* SPDX-License-Identifier: Apache-2.0 */
#include "util/utf8.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

static const struct {
	const char *in, *out;
} texts[] = {
	{ "", "" },
	{ "v1.2.3", "v1.2.3" },
	{ "  two words  ", "two words" },
	{ "    ", "" },
	{ "a\tb\r\nc", "a?b??c" },
	{ "\x1b[2J\x7f", "?[2J?" },
	{ "back\\slash \"quote\"", "back\\slash \"quote\"" },
	{ "Gr\xc3\xbc\xc3\x9f"
	  "e",
	  "Gr\xc3\xbc\xc3\x9f"
	  "e" },
	{ "\xe2\x82\xac \xf0\x9f\x9a\x80", "\xe2\x82\xac \xf0\x9f\x9a\x80" },
	{ "\xc2\x85\xc2\xa0\xc2\xad", "?\xc2\xa0?" }, /* NEL, NBSP, SHY */
	{ "\xe2\x80\xae"
	  "abc\xe2\x81\xa6\xe2\x80\x8b\xe2\x80\xa8",
	  "?abc???" }, /* RLO, LRI, ZWSP, LS */
	{ "\xef\xbb\xbf"
	  "bom\xef\xbf\xbe\xef\xbf\xbf\xef\xbf\xbd",
	  "?bom??\xef\xbf\xbd" },                                  /* BOM, noncharacters */
	{ "\xee\x80\x80\xf3\xa0\x80\xa1\xf4\x8f\xbf\xbd", "???" }, /* private, tag, private */
	/* no UTF-8 */
	{ "\x80\xbf", "??" },
	{ "\xc3", "?" },
	{ "\xc3(", "?(" },
	{ "\xe2\x82", "??" },
	{ "\xe2\x82"
	  "a",
	  "??a" },
	{ "\xf0\x9f\x9a", "???" },
	{ "\xc0\xaf\xc1\xbf", "????" }, /* not the shortest */
	{ "\xe0\x80\xaf\xe0\x9f\xbf", "??????" },
	{ "\xf0\x80\x80\xaf", "????" },
	{ "\xed\xa0\x80\xed\xbf\xbf", "??????" }, /* surrogates */
	{ "\xf4\x90\x80\x80", "????" },           /* beyond U+10FFFF */
	{ "\xf8\x88\x80\x80\x80\xfe\xff", "???????" },
};

START_TEST(only_what_can_be_printed)
{
	char out[64];
	size_t n = utf8_printable(texts[_i].in, strlen(texts[_i].in), out, sizeof(out));

	ck_assert_str_eq(out, texts[_i].out);
	ck_assert_uint_eq(n, strlen(out));
}
END_TEST

static size_t encode(uint32_t c, char ret[5])
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const uint8_t lead[] = { 0, 0, 0xc0, 0xe0, 0xf0 };

	for (size_t i = n; i-- > 1; c >>= 6)
		ret[i] = (char)(0x80 | (c & 0x3f));
	ret[0] = (char)(lead[n] | c);
	ret[n] = '\0';
	return n;
}

/* Unicode: controls (Cc), formatting characters (Cf) and selectors, separators of lines, surrogates, private use,
 * what is no character. */
static const struct {
	uint32_t first, last;
} unseen[] = {
	{ 0, 0x1f },          { 0x7f, 0x9f },       { 0xad, 0xad },       { 0x61c, 0x61c },
	{ 0x200b, 0x200f },   { 0x2028, 0x202e },   { 0x2060, 0x206f },   { 0xd800, 0xf8ff },
	{ 0xfe00, 0xfe0f },   { 0xfeff, 0xfeff },   { 0xfff0, 0xfffb },   { 0xfffe, 0xffff },
	{ 0x1fffe, 0x1ffff }, { 0x2fffe, 0x2ffff }, { 0xdfffe, 0xe0fff }, { 0xefffe, 0x10ffff },
};

static void is_shown(uint32_t c, bool shown)
{
	char in[5], out[8];
	size_t n = encode(c, in);

	(void)utf8_printable(in, n, out, sizeof(out));
	ck_assert_msg(strcmp(out, shown ? in : c >= 0xd800 && c <= 0xdfff ? "???" : "?") == 0, "U+%04X", c);
}

START_TEST(what_is_not_seen)
{
	uint32_t first = unseen[_i].first, last = unseen[_i].last;

	if (first > 0 && first - 1 != ' ')
		is_shown(first - 1, true);
	is_shown(first, false);
	is_shown(last, false);
	if (last < 0x10ffff && last + 1 != ' ')
		is_shown(last + 1, true);
}
END_TEST

START_TEST(a_nul_is_a_character_too)
{
	char out[8];

	ck_assert_uint_eq(utf8_printable("a\0b", 3, out, sizeof(out)), 3);
	ck_assert_str_eq(out, "a?b");
}
END_TEST

START_TEST(cuts_between_characters)
{
	static const char text[] = "a\xe2\x82\xac"
				   "b c";
	static const char *const cut[] = { "",
					   "a",
					   "a",
					   "a",
					   "a\xe2\x82\xac",
					   "a\xe2\x82\xac"
					   "b",
					   "a\xe2\x82\xac"
					   "b" };

	for (size_t room = 0; room < ELEMENTS(cut); room++) {
		char out[16];

		memset(out, 0x55, sizeof(out));
		ck_assert_uint_eq(utf8_printable(text, strlen(text), out, room + 1), strlen(cut[room]));
		ck_assert_str_eq(out, cut[room]);
		for (size_t i = room + 1; i < sizeof(out); i++)
			ck_assert_int_eq(out[i], 0x55);
	}
}
END_TEST

/* What came out stays as it is, whatever went in. */
START_TEST(twice_is_once)
{
	uint32_t x = 1;

	for (unsigned round = 0; round < 20000; round++) {
		char in[24], once[24], twice[24];
		size_t n;

		for (size_t i = 0; i < sizeof(in); i++) {
			x = x * 1664525 + 1013904223;
			/* Mostly bytes that begin or go on with something. */
			in[i] = (char)(x >> 24 | (x & 0x300 ? 0x80 : 0));
		}
		n = utf8_printable(in, sizeof(in), once, sizeof(once));
		ck_assert_uint_lt(n, sizeof(once));
		ck_assert_uint_eq(utf8_printable(once, n, twice, sizeof(twice)), n);
		ck_assert_mem_eq(once, twice, n + 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("utf8");
	TCase *c = tcase_create("utf8");

	tcase_add_loop_test(c, only_what_can_be_printed, 0, ELEMENTS(texts));
	tcase_add_loop_test(c, what_is_not_seen, 0, ELEMENTS(unseen));
	tcase_add_test(c, a_nul_is_a_character_too);
	tcase_add_test(c, cuts_between_characters);
	tcase_add_test(c, twice_is_once);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
