/* SPDX-License-Identifier: Apache-2.0 */
/* expresslinkd-resolve as it is built, through the pipe that the daemon speaks to it. */

#include "fake/suite.h"
#include "util/child.h"
#include "util/macro.h"
#include "util/resolve.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define HELPER "../../src/expresslinkd-resolve" /* from the folder of this program */

static sd_event *event;
static unsigned calls;
static int result;
static char output[4096];

static void on_finish(void *userdata, int r, const void *data, size_t n)
{
	(void)userdata;
	calls++;
	result = r;
	(void)snprintf(output, sizeof(output), "%.*s", (int)n, n > 0 ? (const char *)data : "");
}

static void setup(void)
{
	ck_assert_int_eq(setenv("RES_OPTIONS", "attempts:1 timeout:1", 1), 0);
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	sd_event_unref(event);
}

static void ask(const void *host, size_t n)
{
	struct child *child;

	ck_assert_int_eq(child_start(&child, event, HELPER, host, n, sizeof(output) - 1, 60000, on_finish, NULL), 0);
	while (calls == 0)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	child_free(child);
}

static const struct {
	const char *host, *address;
} known[] = {
	{ "localhost", NULL },
	{ "192.0.2.1", "192.0.2.1\n" },
	{ "2001:db8:0::1", "2001:db8::1\n" },
};

START_TEST(knows)
{
	struct addresses found;

	ask(known[_i].host, strlen(known[_i].host));
	ck_assert_int_eq(result, 0);
	if (known[_i].address)
		ck_assert_str_eq(output, known[_i].address);
	resolve_parse(output, strlen(output), &found);
	ck_assert_uint_ge(found.count, 1);
	ck_assert(known[_i].address || strcmp(found.text[0], "127.0.0.1") == 0 || strcmp(found.text[0], "::1") == 0);
}
END_TEST

/* No name server is asked for names like these. */
static const char *const unknown[] = {
	"",
	"name..with..holes",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.longer.than.a.label.may.be",
};

START_TEST(does_not_know)
{
	ask(unknown[_i], strlen(unknown[_i]));
	ck_assert_int_ge(result, 1);
	ck_assert_int_le(result, 2);
	ck_assert_str_eq(output, "");
}
END_TEST

START_TEST(long_names)
{
	char host[4096];

	memset(host, 'h', sizeof(host));
	ask(host, sizeof(host));
	ck_assert_int_ge(result, 1);
	ck_assert_int_le(result, 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *tc = tcase_create("resolve");

	tcase_set_timeout(tc, 60);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, knows, 0, ELEMENTS(known));
	tcase_add_loop_test(tc, does_not_know, 0, ELEMENTS(unknown));
	tcase_add_test(tc, long_names);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
