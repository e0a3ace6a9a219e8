/* SPDX-License-Identifier: Apache-2.0 */
#include "util/hex.h"

#include "fake/suite.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

START_TEST(every_byte)
{
	char text[513], want[513];
	unsigned char bytes[256], back[257];

	for (unsigned i = 0; i < 256; i++) {
		bytes[i] = (unsigned char)i;
		(void)snprintf(want + 2 * i, 3, "%02x", i);
	}
	hex_encode(bytes, 256, text);
	ck_assert_str_eq(text, want);
	back[256] = 0x55;
	ck_assert_int_eq(hex_decode(text, 512, back), 0);
	ck_assert_mem_eq(back, bytes, 256);
	ck_assert_int_eq(back[256], 0x55);
}
END_TEST

START_TEST(every_length)
{
	unsigned char bytes[100];
	char text[2 * sizeof(bytes) + 2], lower[2 * sizeof(bytes) + 1], upper[2 * sizeof(bytes) + 1];

	for (unsigned i = 0; i < sizeof(bytes); i++) {
		bytes[i] = (unsigned char)(171 * i + 15);
		(void)snprintf(lower + 2 * i, 3, "%02x", bytes[i]);
		(void)snprintf(upper + 2 * i, 3, "%02X", bytes[i]);
	}
	for (size_t n = 0; n <= sizeof(bytes); n++) {
		memset(text, 'x', sizeof(text));
		hex_encode(bytes, n, text);
		ck_assert_uint_eq(strlen(text), 2 * n);
		ck_assert_mem_eq(text, lower, 2 * n);
		ck_assert_int_eq(text[2 * n + 1], 'x');
		hex_encode_upper(bytes, n, text);
		ck_assert_uint_eq(strlen(text), 2 * n);
		ck_assert_mem_eq(text, upper, 2 * n);
	}
}
END_TEST

START_TEST(nothing)
{
	char text[] = "x";

	hex_encode(NULL, 0, text);
	ck_assert_str_eq(text, "");
	ck_assert_int_eq(hex_decode("", 0, NULL), 0);
}
END_TEST

START_TEST(every_character)
{
	unsigned char byte;

	for (unsigned c = 0; c < 256; c++) {
		bool digit = c != 0 && strchr("0123456789abcdef", (int)c) != NULL;
		char high[2] = { (char)c, '0' }, low[2] = { '0', (char)c };

		ck_assert_int_eq(hex_decode(high, 2, &byte), digit ? 0 : -EINVAL);
		ck_assert_int_eq(hex_decode(low, 2, &byte), digit ? 0 : -EINVAL);
	}
	ck_assert_int_eq(hex_decode("0", 1, &byte), -EINVAL);
	ck_assert_int_eq(hex_decode("000", 3, &byte), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hex");
	TCase *c = tcase_create("hex");

	tcase_add_test(c, every_byte);
	tcase_add_test(c, every_length);
	tcase_add_test(c, nothing);
	tcase_add_test(c, every_character);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
