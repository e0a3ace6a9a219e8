/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/topics.h"

#include "fake/rig.h"
#include "fake/suite.h"
#include "util/macro.h"

#include <string.h>

static struct rig rig;

static void setup(void)
{
	rig_make_dict(&rig, NULL);
}

static void teardown(void)
{
	rig_done(&rig);
}

/* n: 0: all of the text. */
static const struct {
	const char *text;
	size_t n;
	bool name, filter;
} valid[] = {
	{ "data", 0, true, true },
	{ "a/b/c", 0, true, true },
	{ "/", 0, true, true },
	{ "a//b", 0, true, true },
	{ " ", 0, true, true },
	{ "$aws/things/thing/shadow/update", 0, true, true },
	{ "\xc3\xbc/\xe2\x82\xac/\xf0\x9f\x98\x80", 0, true, true },
	{ "", 0, false, false },
	{ "#", 0, false, true },
	{ "+", 0, false, true },
	{ "a/#", 0, false, true },
	{ "a/+/c", 0, false, true },
	{ "+/+", 0, false, true },
	{ "a/+", 0, false, true },
	{ "a#", 0, false, false },
	{ "#/a", 0, false, false },
	{ "a/#/b", 0, false, false },
	{ "a+", 0, false, false },
	{ "+a", 0, false, false },
	{ "a/b+/c", 0, false, false },
	{ "a\0b", 3, false, false },
	{ "a\xff", 0, false, false },
	{ "\xc3", 0, false, false },
	{ "\xed\xa0\x80", 0, false, false }, /* a surrogate */
	{ "\xc0\x80", 0, false, false },     /* NUL made longer */
};

START_TEST(validity)
{
	size_t n = valid[_i].n ? valid[_i].n : strlen(valid[_i].text);

	ck_assert_int_eq(topic_is_name(valid[_i].text, n), valid[_i].name);
	ck_assert_int_eq(topic_is_filter(valid[_i].text, n), valid[_i].filter);
}
END_TEST

/* clang-format off */
static const struct {
	const char *filter, *topic;
	bool matches;
} matches[] = {
	{ "a", "a", true },
	{ "a", "b", false },
	{ "a", "ab", false },
	{ "ab", "a", false },
	{ "a/b", "a/b", true },
	{ "a/b", "a/b/", false },
	{ "a/+", "a/b", true },
	{ "a/+", "a/", true },
	{ "a/+", "a/b/c", false },
	{ "+/b", "a/b", true },
	{ "a/#", "a/b/c", true },
	{ "a/#", "a", true },
	{ "a/#", "ab", false },
	{ "#", "a/b", true },
	{ "#", "$aws/x", false },
	{ "+/x", "$aws/x", false },
	{ "$aws/#", "$aws/x", true },
	{ "A", "a", false },
	{ "a/#/b", "a/x/b", false },
	{ "a+", "ab", false },
};
/* clang-format on */

START_TEST(matching)
{
	const char *filter = matches[_i].filter;

	ck_assert_int_eq(topic_matches(filter, strlen(filter), matches[_i].topic), matches[_i].matches);
}
END_TEST

START_TEST(odd_filters_match_nothing)
{
	char longest[TOPICS_MAX + 1];

	ck_assert(!topic_matches("a\0b", 3, "a"));
	ck_assert(!topic_matches("a\0", 2, "a"));
	ck_assert(topic_matches("ab", 1, "a"));
	memset(longest, 'x', sizeof(longest));
	ck_assert(!topic_matches(longest, TOPICS_MAX, "x"));
	longest[TOPICS_MAX - 1] = '\0';
	ck_assert(topic_matches(longest, TOPICS_MAX - 1, longest));
}
END_TEST

/* Guide 4.1.1.1. */
START_TEST(lowest_index)
{
	ck_assert_uint_eq(topics_index(rig.dict, 16, "data"), 0);
	ck_assert_int_eq(rig_set(&rig, "Topic7", "data"), 0);
	ck_assert_int_eq(rig_set(&rig, "Topic3", "state/#"), 0);
	ck_assert_int_eq(rig_set(&rig, "Topic16", "#"), 0);
	ck_assert_uint_eq(topics_index(rig.dict, 16, "data"), 7);
	ck_assert_uint_eq(topics_index(rig.dict, 16, "state/one"), 3);
	ck_assert_uint_eq(topics_index(rig.dict, 16, "other"), 16);
	ck_assert_uint_eq(topics_index(rig.dict, 15, "other"), 0);
	ck_assert_uint_eq(topics_index(rig.dict, 16, "$aws/x"), 0);
	ck_assert_int_eq(rig_set(&rig, "Topic1", "da+"), 0); /* no filter */
	ck_assert_uint_eq(topics_index(rig.dict, 16, "data"), 7);
	ck_assert_int_eq(rig_set(&rig, "Topic1", "+"), 0);
	ck_assert_uint_eq(topics_index(rig.dict, 16, "data"), 1);
	ck_assert_int_eq(rig_set(&rig, "Topic1", ""), 0);
	ck_assert_uint_eq(topics_index(rig.dict, 16, "data"), 7);
}
END_TEST

static const struct {
	const char *topic;
	bool own;
} owned[] = {
	{ "$aws/things/thing/jobs/notify", true },
	{ "$aws/things/thing/jobs/notify-next", true },
	{ "$aws/things/thing/jobs/$next/get/accepted", true },
	{ "$aws/things/thing/jobs/$next/get/rejected", true },
	{ "$aws/things/thing/jobs/get/accepted", true },
	{ "$aws/things/thing/jobs/job-1/get/accepted", true },
	{ "$aws/things/thing/jobs/job-1/get", false },
	{ "$aws/things/thing/jobs/job-1/update/rejected", true },
	{ "$aws/things/thing/jobs/job-1/update", false },
	{ "$aws/things/thing/jobs/start-next/accepted", false },
	{ "$aws/things/other/jobs/notify", false },
	{ "$aws/things/thing/streams/s-1/data/json", true },
	{ "$aws/things/thing/streams/s-1/rejected/json", true },
	{ "$aws/things/thing/streams/s-1/data/cbor", false },
	{ "$aws/things/thing/streams/s-1/data", false },
	{ "$aws/things/other/streams/s-1/data/json", false },
	{ "", false },
	{ "$aws/things/thing/shadow/update/delta", false },
	{ "thing", false },
	{ "thing/expresslink_config", false },
};

START_TEST(own_traffic)
{
	ck_assert_int_eq(topics_is_own("thing", owned[_i].topic), owned[_i].own);
}
END_TEST

START_TEST(own_filters)
{
	bool staging = _i == 0;
	char own[TOPICS_OWN + 1][TOPICS_MAX];

	topics_jobs("thing", own);
	topics_streams("thing", own[TOPICS_JOBS]);
	topics_defender("thing", own[TOPICS_JOBS + 1]);
	topics_onboarding("thing", own[TOPICS_JOBS + 2]);
	for (size_t i = 0; i < ELEMENTS(own); i++)
		ck_assert(topic_is_filter(own[i], strlen(own[i])));
	for (size_t i = 0; i < TOPICS_JOBS; i++) {
		ck_assert(topics_is_own_filter("thing", staging, own[i]));
		ck_assert(!topics_is_own_filter("other", staging, own[i]));
	}
	ck_assert_str_eq(own[0], "$aws/things/thing/jobs/notify");
	ck_assert_str_eq(own[TOPICS_JOBS], "$aws/things/thing/streams/+/+/json");
	ck_assert_str_eq(own[TOPICS_JOBS + 1], "$aws/things/thing/defender/metrics/json/+");
	ck_assert_int_eq(topics_is_own_filter("thing", staging, "thing/expresslink_config"), staging);
	ck_assert(!topics_is_own_filter("thing", staging, "$aws/things/thing/jobs/$next/get/accepted"));
	ck_assert(!topics_is_own_filter("thing", staging, "#"));
	ck_assert(!topics_is_own_filter("thing", staging, ""));
}
END_TEST

/* The longest name that a thing may have. */
START_TEST(own_filters_of_a_long_name)
{
	char own[TOPICS_OWN + 1][TOPICS_MAX], name[129];

	memset(name, 'n', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	topics_jobs(name, own);
	topics_streams(name, own[TOPICS_JOBS]);
	topics_defender(name, own[TOPICS_JOBS + 1]);
	topics_onboarding(name, own[TOPICS_JOBS + 2]);
	for (size_t i = 0; i < ELEMENTS(own); i++)
		ck_assert_uint_lt(strlen(own[i]), TOPICS_MAX - 1);
	ck_assert(topics_is_own_filter(name, true, own[4]));
	ck_assert_uint_eq(strlen(own[TOPICS_JOBS]), strlen(name) + strlen("$aws/things//streams/+/+/json"));
}
END_TEST

START_TEST(defender_topic)
{
	ck_assert(topics_is_defender("thing", "$aws/things/thing/defender/metrics/json/accepted"));
	ck_assert(topics_is_defender("thing", "$aws/things/thing/defender/metrics/json/rejected"));
	ck_assert(!topics_is_defender("thing", "$aws/things/thing/defender/metrics/json"));
	ck_assert(!topics_is_defender("thing", "$aws/things/thing/defender/metrics/cbor/accepted"));
	ck_assert(!topics_is_defender("thing", "$aws/things/other/defender/metrics/json/accepted"));
	ck_assert(!topics_is_defender("thing", "aws/things/thing/defender/metrics/json/accepted"));
	ck_assert(!topics_is_defender("thing", ""));
}
END_TEST

/* Guide 10.3.1.1; without the space that the guide prints. */
START_TEST(onboarding_topic)
{
	ck_assert(topics_is_onboarding("thing", "thing/expresslink_config"));
	ck_assert(!topics_is_onboarding("thing", "thing /expresslink_config"));
	ck_assert(!topics_is_onboarding("thing", "other/expresslink_config"));
	ck_assert(!topics_is_onboarding("thing", "thing/expresslink_config/x"));
	ck_assert(!topics_is_onboarding("+", "thing/expresslink_config"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("topics");
	TCase *tc = tcase_create("topics");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, validity, 0, ELEMENTS(valid));
	tcase_add_loop_test(tc, matching, 0, ELEMENTS(matches));
	tcase_add_test(tc, odd_filters_match_nothing);
	tcase_add_test(tc, lowest_index);
	tcase_add_loop_test(tc, own_traffic, 0, ELEMENTS(owned));
	tcase_add_loop_test(tc, own_filters, 0, 2);
	tcase_add_test(tc, defender_topic);
	tcase_add_test(tc, onboarding_topic);
	tcase_add_test(tc, own_filters_of_a_long_name);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
