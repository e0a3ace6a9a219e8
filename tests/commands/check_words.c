/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/words.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <errno.h>
#include <string.h>

static struct word of(const char *text)
{
	return (struct word){ .data = (const uint8_t *)text, .n = strlen(text) };
}

START_TEST(compares)
{
	struct word w = of("Pem");

	ck_assert(word_is(&w, "pem"));
	ck_assert(word_is(&w, "PEM"));
	ck_assert(!word_is(&w, "pe"));
	ck_assert(!word_is(&w, "pemm"));
	ck_assert(!word_is(&w, "pen"));
	w.n = 0;
	ck_assert(word_is(&w, ""));
	ck_assert(!word_is(&w, "pem"));

	/* The length counts, not a NUL. */
	w = (struct word){ .data = (const uint8_t *)"pe\0", .n = 3 };
	ck_assert(!word_is(&w, "pe"));
}
END_TEST

static void assert_word(struct word w, const char *text)
{
	ck_assert_uint_eq(w.n, strlen(text));
	if (w.n > 0)
		ck_assert_mem_eq(w.data, text, w.n);
}

START_TEST(takes_apart)
{
	struct word rest = of("READ 10 20");

	assert_word(word_next(&rest), "READ");
	assert_word(rest, "10 20");
	assert_word(word_next(&rest), "10");
	assert_word(word_next(&rest), "20");
	assert_word(rest, "");
	assert_word(word_next(&rest), "");
}
END_TEST

START_TEST(takes_spaces)
{
	struct word rest = of("SEEK  5");

	assert_word(word_next(&rest), "SEEK");
	assert_word(rest, " 5");
	rest = of(" X");
	assert_word(word_next(&rest), "");
	assert_word(rest, "X");
	rest = of("X ");
	assert_word(word_next(&rest), "X");
	assert_word(rest, "");
	rest = (struct word){ .data = NULL, .n = 0 };
	assert_word(word_next(&rest), "");
	assert_word(rest, "");
}
END_TEST

static const struct {
	const char *text;
	int r;
	uint64_t value;
} numbers[] = {
	{ "0", 0, 0 },
	{ "10", 0, 10 },
	{ "   10", 0, 10 },
	{ "0010", 0, 10 },
	{ "18446744073709551615", 0, UINT64_MAX },
	{ "18446744073709551616", 0, UINT64_MAX },
	{ "99999999999999999999999999999999", 0, UINT64_MAX },
	{ "", -EINVAL, 0 },
	{ "   ", -EINVAL, 0 },
	{ "10 ", -EINVAL, 0 },
	{ "1 0", -EINVAL, 0 },
	{ "-1", -EINVAL, 0 },
	{ "+1", -EINVAL, 0 },
	{ "0x10", -EINVAL, 0 },
	{ "\t1", -EINVAL, 0 },
};

START_TEST(counts)
{
	struct word w = of(numbers[_i].text);
	uint64_t value = 0;

	ck_assert_int_eq(word_number(&w, &value), numbers[_i].r);
	if (numbers[_i].r == 0)
		ck_assert_uint_eq(value, numbers[_i].value);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("words");
	TCase *tc = tcase_create("words");

	tcase_add_test(tc, compares);
	tcase_add_test(tc, takes_apart);
	tcase_add_test(tc, takes_spaces);
	tcase_add_loop_test(tc, counts, 0, ELEMENTS(numbers));
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
