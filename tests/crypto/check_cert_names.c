/* SPDX-License-Identifier: Apache-2.0 */
/* crypto/cert.c: what a certificate says of itself, and the name that its thing has. */
#include "crypto/cert.h"

#include "fake/pki.h"
#include "fake/suite.h"

#include <errno.h>
#include <openssl/err.h>
#include <string.h>

static struct pki *ca;

static void setup(void)
{
	ca = pki_ca("Vendor CA");
}

/* Nothing may stay in OpenSSL's queue. */
static void teardown(void)
{
	ck_assert_uint_eq(ERR_peek_error(), 0);
	pki_free(ca);
}

START_TEST(tells_what_it_says)
{
	_cleanup_(pki_freep) struct pki *named = pki_make(&(struct pki_order){
		.name = "d\xc3\xa9vice\n1", .issuer = ca, .serial = "00ABCDEF0123", .expired = true });
	_cleanup_(pki_freep) struct pki *unnamed = pki_make(&(struct pki_order){ .ca = true, .serial = "0" });
	struct cert_info info;

	ck_assert_int_eq(cert_info(named->pem, strlen(named->pem), &info), 0);
	ck_assert_str_eq(info.common_name, "d\xc3\xa9vice?1");
	ck_assert_str_eq(info.issuer, "Vendor CA");
	ck_assert_str_eq(info.serial, "abcdef0123");
	ck_assert(!info.ca);
	ck_assert_uint_eq(strlen(info.not_before), 20);
	ck_assert_int_lt(strcmp(info.not_before, info.not_after), 0);
	ck_assert_int_eq(info.not_after[19], 'Z');
	ck_assert_int_eq(info.not_after[10], 'T');

	ck_assert_int_eq(cert_info(unnamed->pem, strlen(unnamed->pem), &info), 0);
	ck_assert_str_eq(info.common_name, "");
	ck_assert_str_eq(info.issuer, "O=nobody");
	ck_assert_str_eq(info.serial, "");
	ck_assert(info.ca);
	ck_assert_int_lt(cert_info("x", 1, &info), 0);
}
END_TEST

START_TEST(long_names_are_cut)
{
	char name[65];
	struct cert_info info;

	memset(name, 'n', 64);
	name[64] = '\0';
	_cleanup_(pki_freep) struct pki *p = pki_make(&(struct pki_order){ .name = name });
	ck_assert_int_eq(cert_info(p->pem, strlen(p->pem), &info), 0);
	ck_assert_str_eq(info.common_name, name);
	ck_assert_str_eq(info.issuer, name);
}
END_TEST

/* 64 characters are more bytes than there is room for; none is cut in two. */
START_TEST(wide_names_are_cut)
{
	struct cert_info info;
	char name[193] = "";

	for (unsigned i = 0; i < 64; i++)
		strcat(name, "\xe2\x82\xac");
	_cleanup_(pki_freep) struct pki *p = pki_make(&(struct pki_order){ .name = name });
	ck_assert_int_eq(cert_info(p->pem, strlen(p->pem), &info), 0);
	ck_assert_uint_eq(strlen(info.common_name), 63);
	ck_assert_uint_eq(strlen(info.issuer), 126);
	ck_assert_uint_eq(strlen(info.serial), 32);
}
END_TEST

#define UUID "01234567-89ab-4def-8123-456789abcdef"

static const struct {
	const char *name, *serial, *thing;
} things[] = {
	{ UUID, "0123456789AB4DEF8123456789ABCDEF", UUID },
	{ "F1234567-89AB-4DEF-8123-456789ABCDEF", "F123456789AB4DEF8123456789ABCDEF",
	  "F1234567-89AB-4DEF-8123-456789ABCDEF" },
	{ "00000000-0000-4def-8123-456789abcdef", "4DEF8123456789ABCDEF", "00000000-0000-4def-8123-456789abcdef" },
	{ UUID, "0123456789AB4DEF8123456789ABCDEE", "0123456789ab4def8123456789abcdee" },
	{ "device", "F123456789AB4DEF8123456789ABCDEF", "f123456789ab4def8123456789abcdef" },
	{ NULL, "1", "00000000000000000000000000000001" },
	{ NULL, "0", "00000000000000000000000000000000" },
	{ "0123456789ab4def8123456789abcdef", "123456789AB4DEF8123456789ABCDEF", "0123456789ab4def8123456789abcdef" },
	{ "01234567_89ab_4def_8123_456789abcdef", "0123456789AB4DEF8123456789ABCDEF",
	  "0123456789ab4def8123456789abcdef" },
	{ "0123456g-89ab-4def-8123-456789abcdef", "0123456789AB4DEF8123456789ABCDEF",
	  "0123456789ab4def8123456789abcdef" },
	{ UUID, "0123456789AB4DEF8123456789ABCDEF01234567", "0123456789ab4def8123456789abcdef01234567" },
};

/* guide 10.1.3.1 */
START_TEST(names_the_thing)
{
	_cleanup_(pki_freep) struct pki *p =
		pki_make(&(struct pki_order){ .name = things[_i].name, .serial = things[_i].serial, .issuer = ca });
	const char *thing = things[_i].thing;
	char name[65];

	/* Only whole bytes of serial number have their zero. */
	if (strlen(thing) > 32 && thing[8] != '-')
		thing++;
	ck_assert_int_eq(cert_thing_name(p->pem, strlen(p->pem), name), 0);
	ck_assert_str_eq(name, thing);
}
END_TEST

START_TEST(too_long_serials_name_nothing)
{
	char serial[67], name[65];

	memset(serial, 'F', 66);
	serial[66] = '\0';
	_cleanup_(pki_freep) struct pki *p = pki_make(&(struct pki_order){ .name = "x", .serial = serial });
	ck_assert_int_lt(cert_thing_name(p->pem, strlen(p->pem), name), 0);
	ck_assert_int_lt(cert_thing_name("x", 1, name), 0);

	/* 65 digits, 64 digits */
	serial[0] = '0';
	_cleanup_(pki_freep) struct pki *less = pki_make(&(struct pki_order){ .name = "x", .serial = serial });
	ck_assert_int_eq(cert_thing_name(less->pem, strlen(less->pem), name), -ERANGE);
	serial[1] = '0';
	_cleanup_(pki_freep) struct pki *fits = pki_make(&(struct pki_order){ .name = "x", .serial = serial });
	ck_assert_int_eq(cert_thing_name(fits->pem, strlen(fits->pem), name), 0);
	ck_assert_uint_eq(strlen(name), 64);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cert_names");
	TCase *c = tcase_create("cert_names");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, tells_what_it_says);
	tcase_add_test(c, long_names_are_cut);
	tcase_add_test(c, wide_names_are_cut);
	tcase_add_loop_test(c, names_the_thing, 0, ELEMENTS(things));
	tcase_add_test(c, too_long_serials_name_nothing);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
