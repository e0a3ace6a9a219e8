/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/name.h"

#include "fake/suite.h"

#include <openssl/err.h>
#include <string.h>

DEFINE_CLEANUP(X509_NAME *, X509_NAME_free)

static void add(X509_NAME *name, int nid, int type, const void *bytes, int n)
{
	ck_assert_int_eq(X509_NAME_add_entry_by_NID(name, nid, type, bytes, n, -1, 0), 1);
}

static const struct {
	const char *bytes, *text;
	int n;
	size_t size;
} names[] = {
	{ "server", "server", 6, 64 },
	{ "", "", 0, 64 },
	{ "a\0b\r\n\x1b[1m\x7f", "a?b???[1m?", 10, 64 },
	{ "M\xc3\xbcller \xe6\x97\xa5\xf0\x9f\x98\x80", "M\xc3\xbcller \xe6\x97\xa5\xf0\x9f\x98\x80", 15, 64 },
	{ "\xc2\x9b\x31m\xc2\xa0", "?1m\xc2\xa0", 6, 64 }, /* a control sequence of one character */
	{ "abcdef", "abc", 6, 4 },
	{ "ab\xc3\xbc", "ab", 4, 4 },
	{ "a\xe6\x97\xa5", "a", 4, 4 },
	{ "abcdef", "", 6, 1 },
};

START_TEST(common_name)
{
	_cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
	char text[64];

	add(name, NID_organizationName, V_ASN1_UTF8STRING, "house", 5);
	ck_assert(!name_common(name, text, sizeof(text)));
	add(name, NID_commonName, V_ASN1_UTF8STRING, names[_i].bytes, names[_i].n);
	memset(text, '#', sizeof(text));
	ck_assert(name_common(name, text, names[_i].size));
	ck_assert_str_eq(text, names[_i].text);
	for (size_t i = names[_i].size; i < sizeof(text); i++)
		ck_assert_int_eq(text[i], '#');
	ck_assert_int_eq(name_text(name, text, names[_i].size), 0);
	ck_assert_str_eq(text, names[_i].text);
}
END_TEST

START_TEST(whole_name)
{
	_cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
	char text[64], small[6];

	ck_assert_int_eq(name_text(name, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "");
	add(name, NID_countryName, V_ASN1_PRINTABLESTRING, "DE", 2);
	add(name, NID_organizationName, V_ASN1_UTF8STRING, "a\nb", 3);
	ck_assert_int_eq(name_text(name, text, sizeof(text)), 0);
	ck_assert_str_eq(text, "O=a\\0Ab,C=DE");
	ck_assert_int_eq(name_text(name, small, sizeof(small)), 0);
	ck_assert_str_eq(small, "O=a\\0");
}
END_TEST

/* Nothing of it stays behind for the next TLS call. */
START_TEST(broken_utf8)
{
	_cleanup_(X509_NAME_freep) X509_NAME *name = X509_NAME_new();
	ASN1_STRING *bytes = ASN1_STRING_type_new(V_ASN1_UTF8STRING);
	char text[64] = "#";

	add(name, NID_commonName, V_ASN1_UTF8STRING, "xx", 2);
	ck_assert_int_eq(ASN1_STRING_set(bytes, "\xff\xfe", 2), 1);
	ck_assert_int_eq(X509_NAME_ENTRY_set_data(X509_NAME_get_entry(name, 0), V_ASN1_UTF8STRING, bytes->data, 2), 1);
	ASN1_STRING_free(bytes);
	ck_assert(!name_common(name, text, sizeof(text)));
	ck_assert_str_eq(text, "#");
	(void)!name_text(name, text, sizeof(text));
	for (size_t i = 0; text[i]; i++)
		ck_assert(text[i] >= ' ' && text[i] < 0x7f);
	ck_assert_uint_eq(ERR_peek_error(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("name");
	TCase *tc = tcase_create("name");

	tcase_add_loop_test(tc, common_name, 0, ELEMENTS(names));
	tcase_add_test(tc, whole_name);
	tcase_add_test(tc, broken_utf8);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
