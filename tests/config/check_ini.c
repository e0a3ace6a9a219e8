/* SPDX-License-Identifier: Apache-2.0 */
#include "config/ini.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <stdio.h>
#include <string.h>

/* What came, a line each: "1 [Section]", "2 Section.Key=Value", "3 !". */
struct seen {
	char text[8000];
	size_t n;
};

static void on_section(void *userdata, unsigned line, const char *name)
{
	struct seen *s = userdata;

	s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, "%u [%s]\n", line, name);
}

static void on_pair(void *userdata, unsigned line, const char *section, const char *key, const char *value)
{
	struct seen *s = userdata;

	s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, "%u %s.%s=%s\n", line, section, key, value);
}

static void on_problem(void *userdata, unsigned line, const char *text)
{
	struct seen *s = userdata;

	ck_assert_uint_gt(strlen(text), 10);
	s->n += (size_t)snprintf(s->text + s->n, sizeof(s->text) - s->n, "%u !\n", line);
}

static const struct ini_sink sink = { on_section, on_pair, on_problem };

static const struct {
	const char *text, *seen;
} rows[] = {
	{ "", "" },
	{ "\n\n", "" },
	{ "# a\n; b\n  # c\n\t;d", "" },
	{ "[A]\nk=v\n", "1 [A]\n2 A.k=v\n" },
	{ "[A]\r\nk=v\r\n", "1 [A]\n2 A.k=v\n" },
	{ "[A]\nk=v", "1 [A]\n2 A.k=v\n" },
	{ "\xef\xbb\xbf[A]\nk=v", "1 [A]\n2 A.k=v\n" },
	{ "[A]\n\xef\xbb\xbfk=v", "1 [A]\n2 A.\xef\xbb\xbfk=v\n" },
	{ "k=v\n", "1 .k=v\n" },
	{ "[]\nk=v\n", "1 []\n2 .k=v\n" },
	/* white space */
	{ "  [A]  \n\tk \t=  v w\t \n", "1 [A]\n2 A.k=v w\n" },
	{ "[ A ]\n", "1 [ A ]\n" },
	/* values hold everything else */
	{ "[A]\nk=\n", "1 [A]\n2 A.k=\n" },
	{ "[A]\nk==:=v\n", "1 [A]\n2 A.k==:=v\n" },
	{ "[A]\nk=a;b # c ; d\n", "1 [A]\n2 A.k=a;b # c ; d\n" },
	{ "[A]\nk= ; d\n", "1 [A]\n2 A.k=; d\n" },
	{ "[A]\nk=\"q\" 'r' \\\nl=\\\n", "1 [A]\n2 A.k=\"q\" 'r' \\\n3 A.l=\\\n" },
	{ "[A]\nk=[B]\n", "1 [A]\n2 A.k=[B]\n" },
	{ "[A]\nk=\xc3\xa9\xff\n", "1 [A]\n2 A.k=\xc3\xa9\xff\n" },
	/* no line goes on in the next one */
	{ "[A]\nk=v\n w=x\n  y\n", "1 [A]\n2 A.k=v\n3 A.w=x\n4 !\n" },
	{ "[A]\nk=v\n\n\nl=w\n", "1 [A]\n2 A.k=v\n5 A.l=w\n" },
	/* bad lines */
	{ "[A]\nk\n", "1 [A]\n2 !\n" },
	{ "[A]\n=v\n", "1 [A]\n2 !\n" },
	{ "[A]\n =v\n", "1 [A]\n2 !\n" },
	{ "[A]\nk: v\n", "1 [A]\n2 !\n" },
	{ "[A]\nk: v=w\n", "1 [A]\n2 !\n" },
	{ "[A]\n\x01k=v\nl=\x7f\nm=w\n", "1 [A]\n2 !\n3 !\n4 A.m=w\n" },
	{ "[A]\nk=v\rw\n", "1 [A]\n2 !\n" },
	/* behind a bad header nobody knows where we are */
	{ "[A]\nk=v\n[B\nl=w\n[C]\nm=x\n", "1 [A]\n2 A.k=v\n3 !\n4 ?.l=w\n5 [C]\n6 C.m=x\n" },
	{ "[A] # c\nk=v\n", "1 !\n2 ?.k=v\n" },
	{ "[A]]\nk=v\n", "1 !\n2 ?.k=v\n" },
	{ "[A][B]\nk=v\n", "1 !\n2 ?.k=v\n" },
	{ "[\nk=v\n", "1 !\n2 ?.k=v\n" },
	{ "]\n", "1 !\n" },
};

START_TEST(sees)
{
	struct seen s = { 0 };

	ini_read(rows[_i].text, strlen(rows[_i].text), &sink, &s);
	ck_assert_str_eq(s.text, rows[_i].seen);
}
END_TEST

START_TEST(every_cut_is_harmless)
{
	static const char text[] = "\xef\xbb\xbf# c\n[Aaaa]\r\nkey = value ; x\n [B\n:=\n\x01\n[C]\n  x=y\n";

	for (size_t n = 0; n <= strlen(text); n++) {
		_cleanup_(freep) char *exact = malloc(n + 1);
		struct seen s = { 0 };

		memcpy(exact, text, n);
		exact[n] = 'k';
		ini_read(exact, n, &sink, &s);
	}
}
END_TEST

START_TEST(refuses_nul)
{
	struct seen s = { 0 };

	ini_read("[A]\nk=v\0w\nl=x\n", 14, &sink, &s);
	ck_assert_str_eq(s.text, "1 [A]\n2 !\n3 A.l=x\n");
}
END_TEST

START_TEST(bounds_the_line)
{
	char text[INI_LINE + 100], expected[INI_LINE + 100];
	struct seen s = { 0 };
	size_t n;

	/* As long as can be, */
	n = (size_t)sprintf(text, "[A]\nk=");
	memset(text + n, 'v', INI_LINE - 2);
	n += INI_LINE - 2;
	strcpy(text + n, " \nl=w\n");
	sprintf(expected, "1 [A]\n2 A.k=%.*s\n3 A.l=w\n", INI_LINE - 2, text + strlen("[A]\nk="));
	ini_read(text, strlen(text), &sink, &s);
	ck_assert_str_eq(s.text, expected);

	/* and one byte more. */
	s = (struct seen){ 0 };
	strcpy(text + n, "v\nl=w\n");
	ini_read(text, strlen(text), &sink, &s);
	ck_assert_str_eq(s.text, "1 [A]\n2 !\n3 A.l=w\n");

	/* A comment may be of any length. */
	s = (struct seen){ 0 };
	text[4] = '#';
	ini_read(text, strlen(text), &sink, &s);
	ck_assert_str_eq(s.text, "1 [A]\n3 A.l=w\n");
}
END_TEST

START_TEST(long_sections_are_not_cut_into_known_ones)
{
	struct seen s = { 0 };
	char text[300], name[201];

	memset(name, 'S', 200);
	name[200] = '\0';
	sprintf(text, "[%s]\nk=v\n", name);
	ini_read(text, strlen(text), &sink, &s);
	ck_assert_int_eq(strncmp(s.text, "1 [SSSS", 7), 0);
	ck_assert_ptr_nonnull(strstr(s.text, name));
	ck_assert_ptr_nonnull(strstr(s.text, "\n2 SSSSSSSSSS"));
	ck_assert_ptr_nonnull(strstr(s.text, "S.k=v\n"));
}
END_TEST

START_TEST(empty_takes_no_memory)
{
	struct seen s = { 0 };

	ini_read(NULL, 0, &sink, &s);
	ck_assert_str_eq(s.text, "");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ini");
	TCase *c = tcase_create("ini");

	tcase_add_loop_test(c, sees, 0, ELEMENTS(rows));
	tcase_add_test(c, every_cut_is_harmless);
	tcase_add_test(c, refuses_nul);
	tcase_add_test(c, bounds_the_line);
	tcase_add_test(c, long_sections_are_not_cut_into_known_ones);
	tcase_add_test(c, empty_takes_no_memory);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
