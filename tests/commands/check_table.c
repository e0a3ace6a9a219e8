/* SPDX-License-Identifier: Apache-2.0 */
#include "commands/commands.h"

#include "fake/suite.h"
#include "util/macro.h"

#include <ctype.h>
#include <string.h>

/* What the guide says of each command, told once more: suffix, parameter, needs. */
static const struct {
	const char *name;
	enum at_suffix suffix;
	enum at_arity param;
	unsigned needs;
} guide[] = {
	{ "", AT_SUFFIX_NONE, AT_NONE, 0 },                                          /* 3.6.3 */
	{ "CONNECT?", AT_SUFFIX_NONE, AT_NONE, 0 },                                  /* 3.7.1 */
	{ "CONNECT", AT_SUFFIX_NONE, AT_NONE, 0 },                                   /* 3.7.2 */
	{ "DISCONNECT", AT_SUFFIX_NONE, AT_NONE, 0 },                                /* 3.7.3 */
	{ "SLEEP", AT_SUFFIX_MODE, AT_MAY, AT_DISCONNECTED },                        /* 3.7.4 */
	{ "CONFMODE", AT_SUFFIX_NONE, AT_MAY, 0 },                                   /* 3.7.5 */
	{ "RESET", AT_SUFFIX_NONE, AT_NONE, 0 },                                     /* 3.7.6 */
	{ "FACTORY_RESET", AT_SUFFIX_NONE, AT_NONE, 0 },                             /* 3.7.7 */
	{ "SEND", AT_SUFFIX_TOPIC, AT_MAY, AT_CONNECTED | AT_VALID_TOPIC },          /* 4.1.4 */
	{ "GET", AT_SUFFIX_GET, AT_NONE, 0 },                                        /* 4.1.5 - 4.1.7 */
	{ "SUBSCRIBE", AT_SUFFIX_TOPIC, AT_NONE, AT_CONNECTED | AT_VALID_FILTER },   /* 4.1.8 */
	{ "UNSUBSCRIBE", AT_SUFFIX_TOPIC, AT_NONE, AT_CONNECTED | AT_VALID_FILTER }, /* 4.1.9 */
	{ "CONF?", AT_SUFFIX_NONE, AT_MUST, 0 },                                     /* 5.2 */
	{ "CONF", AT_SUFFIX_NONE, AT_MUST, 0 },                                      /* 5.2 */
	{ "EVENT?", AT_SUFFIX_NONE, AT_NONE, 0 },                                    /* 7.2.1 */
	{ "DIAG", AT_SUFFIX_NONE, AT_MUST, 0 },                                      /* 7.3 */
	{ "OTA?", AT_SUFFIX_NONE, AT_NONE, 0 },                                      /* 8.2.1 */
	{ "OTA", AT_SUFFIX_NONE, AT_MUST, 0 },                                       /* 8.2.2 */
	{ "OTW", AT_SUFFIX_NONE, AT_MAY, 0 },                                        /* 8.13.1 */
	{ "TIME?", AT_SUFFIX_NONE, AT_NONE, 0 },                                     /* 9.1.1 */
	{ "WHERE?", AT_SUFFIX_NONE, AT_NONE, 0 },                                    /* 9.1.2 */
};

static const struct at_command *find(const char *name)
{
	for (const struct at_command *c = commands; c->name; c++) {
		if (strcmp(c->name, name) == 0)
			return c;
	}
	return NULL;
}

START_TEST(as_the_guide_says)
{
	const struct at_command *c = find(guide[_i].name);

	ck_assert_msg(c != NULL, "%s", guide[_i].name);
	ck_assert_int_eq((int)c->suffix, (int)guide[_i].suffix);
	ck_assert_int_eq((int)c->param, (int)guide[_i].param);
	ck_assert_uint_eq(c->needs, guide[_i].needs);
}
END_TEST

/* Each row is sound, and stands once. */
START_TEST(rows)
{
	size_t count = 0;

	for (const struct at_command *c = commands; c->name; c++, count++) {
		ck_assert_uint_le(strlen(c->name), 32); /* guide 3.4.2 */
		for (const char *p = c->name; *p; p++)
			ck_assert(isupper((unsigned char)*p) || *p == '_' || (*p == '?' && p[1] == '\0'));
		ck_assert_ptr_eq(find(c->name), c);
		ck_assert(c->run);
		ck_assert_uint_ge(c->seconds, 1);
		ck_assert_uint_le(c->seconds, 120); /* guide 3.6.2 */
		ck_assert_ptr_nonnull(at_error_text((int)c->fallback));
		ck_assert_int_eq(c->takes_body != NULL, strcmp(c->name, "CONF") == 0);
		ck_assert_int_eq(c->takes_line, strcmp(c->name, "OTW") == 0);
		/* Given up too early, a write on a slow disk would be refused and done all the same. */
		if (c->run == cmd_conf || c->run == cmd_factory_reset)
			ck_assert_uint_ge(c->seconds, 30);
	}
	ck_assert_uint_ge(count, ELEMENTS(guide));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("table");
	TCase *tc = tcase_create("table");

	tcase_add_loop_test(tc, as_the_guide_says, 0, ELEMENTS(guide));
	tcase_add_test(tc, rows);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
