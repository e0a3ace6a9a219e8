/* SPDX-License-Identifier: Apache-2.0 */
#include "crypto/digest.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <string.h>

/* FIPS 180-2, appendix B. */
static const struct {
	const char *text;
	unsigned char digest[DIGEST_SIZE + 1];
} known[] = {
	{ "", "\xe3\xb0\xc4\x42\x98\xfc\x1c\x14\x9a\xfb\xf4\xc8\x99\x6f\xb9\x24"
	      "\x27\xae\x41\xe4\x64\x9b\x93\x4c\xa4\x95\x99\x1b\x78\x52\xb8\x55" },
	{ "abc", "\xba\x78\x16\xbf\x8f\x01\xcf\xea\x41\x41\x40\xde\x5d\xae\x22\x23"
		 "\xb0\x03\x61\xa3\x96\x17\x7a\x9c\xb4\x10\xff\x61\xf2\x00\x15\xad" },
	{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
	  "\x24\x8d\x6a\x61\xd2\x06\x38\xb8\xe5\xc0\x26\x93\x0c\x3e\x60\x39"
	  "\xa3\x3c\xe4\x59\x64\xff\x21\x67\xf6\xec\xed\xd4\x19\xdb\x06\xc1" },
};

/* In two pieces, cut anywhere; each finish is a new start. */
START_TEST(knows_the_standard)
{
	_cleanup_(digest_freep) struct digest *d = NULL;
	size_t n = strlen(known[_i].text);

	ck_assert_int_eq(digest_new(&d), 0);
	for (size_t cut = 0; cut <= n; cut++) {
		unsigned char got[DIGEST_SIZE];

		ck_assert_int_eq(digest_add(d, known[_i].text, cut), 0);
		ck_assert_int_eq(digest_add(d, known[_i].text + cut, n - cut), 0);
		ck_assert_int_eq(digest_finish(d, got), 0);
		ck_assert_mem_eq(got, known[_i].digest, DIGEST_SIZE);
	}
}
END_TEST

START_TEST(forgets_at_a_new_start)
{
	_cleanup_(digest_freep) struct digest *d = NULL;
	unsigned char got[DIGEST_SIZE];

	ck_assert_int_eq(digest_new(&d), 0);
	ck_assert_int_eq(digest_add(d, "something else", 14), 0);
	ck_assert_int_eq(digest_restart(d), 0);
	ck_assert_int_eq(digest_add(d, "abc", 3), 0);
	ck_assert_int_eq(digest_finish(d, got), 0);
	ck_assert_mem_eq(got, known[1].digest, DIGEST_SIZE);
}
END_TEST

START_TEST(two_at_a_time)
{
	_cleanup_(digest_freep) struct digest *a = NULL, *b = NULL;
	unsigned char got[DIGEST_SIZE];

	ck_assert_int_eq(digest_new(&a), 0);
	ck_assert_int_eq(digest_new(&b), 0);
	ck_assert_int_eq(digest_add(a, "a", 1), 0);
	ck_assert_int_eq(digest_add(b, "ab", 2), 0);
	ck_assert_int_eq(digest_add(a, "bc", 2), 0);
	ck_assert_int_eq(digest_add(b, "c", 1), 0);
	ck_assert_int_eq(digest_finish(a, got), 0);
	ck_assert_mem_eq(got, known[1].digest, DIGEST_SIZE);
	ck_assert_int_eq(digest_finish(b, got), 0);
	ck_assert_mem_eq(got, known[1].digest, DIGEST_SIZE);
}
END_TEST

START_TEST(looks_ahead)
{
	_cleanup_(digest_freep) struct digest *d = NULL;
	unsigned char got[DIGEST_SIZE];

	ck_assert_int_eq(digest_new(&d), 0);
	ck_assert_int_eq(digest_add(d, "a", 1), 0);
	ck_assert_int_eq(digest_ahead(d, "bc", 2, got), 0);
	ck_assert_mem_eq(got, known[1].digest, DIGEST_SIZE);
	ck_assert_int_eq(digest_add(d, "bc", 2), 0);
	ck_assert_int_eq(digest_ahead(d, NULL, 0, got), 0);
	ck_assert_mem_eq(got, known[1].digest, DIGEST_SIZE);
	memset(got, 0, sizeof(got));
	ck_assert_int_eq(digest_finish(d, got), 0);
	ck_assert_mem_eq(got, known[1].digest, DIGEST_SIZE);
}
END_TEST

START_TEST(free_takes_null)
{
	ck_assert_ptr_null(digest_free(NULL));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("digest");
	TCase *c = tcase_create("digest");

	tcase_add_loop_test(c, knows_the_standard, 0, ELEMENTS(known));
	tcase_add_test(c, forgets_at_a_new_start);
	tcase_add_test(c, two_at_a_time);
	tcase_add_test(c, looks_ahead);
	tcase_add_test(c, free_takes_null);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
