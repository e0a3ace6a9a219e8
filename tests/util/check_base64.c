/* SPDX-License-Identifier: Apache-2.0 */
#include "util/base64.h"

#include "fake/suite.h"

#include <errno.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <string.h>

static const struct {
	const char *text, *bytes; /* NULL: no base64 */
} cases[] = {
	{ "", "" },
	{ "Zg==", "f" },
	{ "Zm8=", "fo" },
	{ "Zm9v", "foo" },
	{ "Zm9vYg==", "foob" },
	{ "Zm9vYmE=", "fooba" },
	{ "Zm9vYmFy", "foobar" },
	{ "++//", "\xfb\xef\xff" },
	{ "Z", NULL },
	{ "Zg", NULL },
	{ "Zg=", NULL },
	{ "Zm9vYg=", NULL },
	{ "Zm9vYg===", NULL },
	{ "Zh==", NULL }, /* bits that no encoder sets */
	{ "Zm9=", NULL },
	{ "====", NULL },
	{ "Z===", NULL },
	{ "Zg=v", NULL },
	{ "=m9v", NULL },
	{ "Zg==Zm9v", NULL },
	{ "Zm8=Zm9v", NULL },
	{ " Zm9v", NULL },
	{ "Zm9v\n", NULL },
	{ "Zm9v\nZm9", NULL },
	{ "Zm-_", NULL },
	{ "Zm9.", NULL },
	{ "Zm9\xff", NULL },
	{ "\x80\x80\x80\x80", NULL },
};

START_TEST(decodes)
{
	const char *bytes = cases[_i].bytes;
	char ret[16];
	size_t n = 4711;
	int r = base64_decode(cases[_i].text, strlen(cases[_i].text), ret, sizeof(ret), &n);

	ck_assert_int_eq(r, bytes ? 0 : -EBADMSG);
	ck_assert_uint_eq(n, bytes ? strlen(bytes) : 4711);
	if (bytes && n > 0)
		ck_assert_mem_eq(ret, bytes, n);
}
END_TEST

START_TEST(a_nul_is_no_digit)
{
	char ret[16];
	size_t n;

	ck_assert_int_eq(base64_decode("Zm\0v", 4, ret, sizeof(ret), &n), -EBADMSG);
}
END_TEST

/* Not a byte behind what it was given, and not a byte too many read. */
START_TEST(texts)
{
	ck_assert(base64_is_text("", 0));
	ck_assert(base64_is_text("AZaz09+/=", 9));
	for (unsigned c = 0; c < 256; c++) {
		const char text[] = { 'A', (char)c, 'B' };
		bool digit = c && strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=", (int)c);

		ck_assert_msg(base64_is_text(text, sizeof(text)) == digit, "%#x", c);
	}
}
END_TEST

START_TEST(room)
{
	char ret[4] = "abc";
	char text[4] = { 'Z', 'm', '9', 'v' };
	size_t n = 0;

	ck_assert_int_eq(base64_decode(text, 4, ret, 2, &n), -ENOBUFS);
	ck_assert_int_eq(base64_decode("Zg==", 4, ret, 1, &n), 0);
	ck_assert_uint_eq(n, 1);
	ck_assert_mem_eq(ret, "fbc", 4);
	ck_assert_int_eq(base64_decode("Zg==", 4, ret, 0, &n), -ENOBUFS);
	ck_assert_int_eq(base64_decode(text, 4, ret, 3, &n), 0);
	ck_assert_uint_eq(n, 3);
	ck_assert_mem_eq(ret, "foo", 4);
}
END_TEST

/* Every byte value, and every length: as OpenSSL encodes it. */
START_TEST(as_openssl)
{
	unsigned char from[300], text[420], to[300];
	size_t n;
	int length;

	for (size_t i = 0; i < sizeof(from); i++)
		from[i] = (unsigned char)(i * 7);
	for (size_t size = 0; size <= sizeof(from); size++) {
		length = EVP_EncodeBlock(text, from, (int)size);
		ck_assert_uint_ge(BASE64_DECODED((size_t)length), size);
		ck_assert_int_eq(base64_decode((char *)text, (size_t)length, to, size, &n), 0);
		ck_assert_uint_eq(n, size);
		ck_assert_mem_eq(to, from, n);
	}
}
END_TEST

/* Any other character at any place. */
START_TEST(no_other_character)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	char text[12], ret[9];
	size_t n;

	for (int c = 0; c < 256; c++) {
		for (size_t i = 0; i < sizeof(text); i++) {
			bool digit = c && strchr(alphabet, c);

			memset(text, 'A', sizeof(text));
			text[i] = (char)c;
			if (c == '=' && i == sizeof(text) - 1)
				continue; /* padding */
			ck_assert_int_eq(base64_decode(text, sizeof(text), ret, sizeof(ret), &n), digit ? 0 : -EBADMSG);
		}
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("base64");
	TCase *tc = tcase_create("base64");

	tcase_add_loop_test(tc, decodes, 0, sizeof(cases) / sizeof(cases[0]));
	tcase_add_test(tc, a_nul_is_no_digit);
	tcase_add_test(tc, texts);
	tcase_add_test(tc, room);
	tcase_add_test(tc, as_openssl);
	tcase_add_test(tc, no_other_character);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
