/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/fetch.h"

#include "fake/child.h"
#include "fake/pull.h"
#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <string.h>

static struct pull h;

static void setup(void)
{
	pull_make(&h);
}

static void teardown(void)
{
	pull_done(&h);
}

START_TEST(all_of_it)
{
	ck_assert_int_eq(pull_start(&h, PULL_URL, 0), 0);
	fake_timer_pass(0);
	ck_assert_str_eq(fake_resolve()->host, "bucket.example");
	ck_assert(!fake_child()->running);
	fake_resolve_found("192.0.2.1\n2001:db8::1\nfe80::1%lo\n");
	ck_assert_str_eq(fake_child()->name, "expresslinkd-fetch");
	ck_assert_str_eq(fake_child()->input, PULL_URL "\n192.0.2.1,2001:db8::1\n/roots.pem\n0\n81927\n");
	ck_assert_uint_eq(fake_child()->max, FETCH_MAX_MESSAGE);
	pull_deliver(PULL_SIZE);
	ck_assert_uint_eq(h.complete, 0);
	pull_say(FETCH_WHOLE, "");
	ck_assert_uint_eq(h.complete, 1);
	ck_assert_uint_eq(h.failed, 0);
	ck_assert_uint_eq(h.have, PULL_SIZE);
	ck_assert(!fake_child()->running);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(from_where_it_was)
{
	pull_begin(&h, 12345);
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "\n12345\n81927\n"));
	pull_deliver(PULL_SIZE - 12345);
	pull_say(FETCH_WHOLE, "");
	ck_assert_uint_eq(h.complete, 1);
}
END_TEST

START_TEST(goes_on_after_a_cut)
{
	pull_begin(&h, 0);
	pull_deliver(100);
	pull_say(FETCH_BROKEN, "cut");
	ck_assert_uint_eq(h.failed, 0);
	pull_again();
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "\n100\n81927\n"));
	pull_deliver(PULL_SIZE - 100);
	pull_say(FETCH_WHOLE, "");
	ck_assert_uint_eq(h.complete, 1);
}
END_TEST

START_TEST(stopped_by_what_it_brings)
{
	pull_begin(&h, 0);
	h.stop_within = true;
	pull_deliver(100);
	ck_assert(!fake_child()->running);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(h.failed + h.complete, 0);
}
END_TEST

START_TEST(a_fresh_url)
{
	pull_begin(&h, 0);
	pull_deliver(FETCH_BLOCK);
	pull_say(FETCH_EXPIRED, "HTTP status 403");
	ck_assert_uint_eq(h.stale, 1);
	ck_assert(!fake_child()->running);
	fake_timer_pass(10000); /* no answer */
	ck_assert_uint_eq(h.stale, 2);
	fetch_renew(h.fetch, "https://bucket.example:8443/key?fresh");
	pull_again();
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "https://bucket.example:8443/key?fresh\n192.0.2.1\n"));
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "\n16384\n81927\n"));

	/* One that comes when none is waited for. */
	fetch_renew(h.fetch, PULL_URL);
	ck_assert(fake_child()->running);
	ck_assert_uint_eq(fake_child()->starts, 2);
}
END_TEST

START_TEST(no_url_is_good)
{
	pull_begin(&h, 0);
	h.renew_within = true;
	for (unsigned i = 0; i < FETCH_MAX_RENEWALS; i++) {
		pull_say(FETCH_EXPIRED, "HTTP status 403");
		pull_again();
	}
	ck_assert_uint_eq(h.failed, 0);
	pull_say(FETCH_EXPIRED, "HTTP status 403: AccessDenied");
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "HTTP status 403: AccessDenied");
	ck_assert_uint_eq(h.stale, FETCH_MAX_RENEWALS);
}
END_TEST

START_TEST(nobody_gives_a_fresh_url)
{
	pull_begin(&h, 0);
	pull_say(FETCH_EXPIRED, "HTTP status 403");
	fake_timer_pass(FETCH_SILENCE_MS);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "HTTP status 403");
}
END_TEST

START_TEST(redirects)
{
	pull_begin(&h, 0);
	for (unsigned i = 0; i < FETCH_MAX_MOVES; i++) {
		pull_say(FETCH_MOVED, "https://192.0.2.7/there");
		ck_assert(fake_child()->running);
		ck_assert_ptr_nonnull(strstr(fake_child()->input, "https://192.0.2.7/there\n\n/roots.pem\n"));
	}
	pull_say(FETCH_BROKEN, "cut");
	pull_again(); /* from the beginning of the chain */
	ck_assert_ptr_nonnull(strstr(fake_child()->input, PULL_URL));
	for (unsigned i = 0; i <= FETCH_MAX_MOVES; i++)
		pull_say(FETCH_MOVED, "https://192.0.2.7/there");
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "Too many redirects");
}
END_TEST

static const char *const nowhere[] = { "http://192.0.2.7/", "", "https://", "https://a b/", "file:///etc/passwd" };

START_TEST(redirects_to_nowhere)
{
	pull_begin(&h, 0);
	pull_say(FETCH_MOVED, nowhere[_i]);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "A redirect to no URL");
}
END_TEST

START_TEST(too_much)
{
	pull_begin(&h, 0);
	pull_deliver(PULL_SIZE + 1);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert(!fake_child()->running);
	ck_assert_uint_le(h.have, PULL_SIZE);
}
END_TEST

START_TEST(whole_before_its_end)
{
	pull_begin(&h, 0);
	pull_deliver(5);
	pull_say(FETCH_WHOLE, "");
	ck_assert_uint_eq(h.complete + h.failed, 0);
	pull_again();
	ck_assert(fake_child()->running);
}
END_TEST

START_TEST(final)
{
	pull_begin(&h, 0);
	pull_say(FETCH_FAILED, "not \x01 trusted");
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "not ? trusted");
	pull_begin(&h, 0);
	pull_say('?', "a word that nobody knows");
	ck_assert_uint_eq(h.failed, 2);
}
END_TEST

START_TEST(a_helper_that_dies)
{
	pull_begin(&h, 0);
	pull_deliver(10);
	fake_child_end(-EIO);
	ck_assert(!fake_child()->running);
	pull_again();
	ck_assert(fake_child()->running);
	fake_child_end(0);
	pull_again();
	fake_child_end(-ETIME);
	pull_again();
	ck_assert_uint_eq(h.failed, 0);
	fake_child()->start_result = -EAGAIN;
	fake_child_end(127);
	fake_timer_pass(FETCH_SILENCE_MS);
	while (fake_resolve()->asked)
		fake_resolve_fail(-ENOENT);
	while (h.failed == 0)
		fake_timer_pass(fake_timer_next());
}
END_TEST

START_TEST(names)
{
	ck_assert_int_eq(pull_start(&h, PULL_URL, 0), 0);
	fake_timer_pass(0);
	fake_resolve_fail(-ENOENT);
	fake_timer_pass(fake_timer_next());
	ck_assert(fake_resolve()->asked);
	fetch_stop(h.fetch);
	ck_assert(!fake_resolve()->asked);
	fake_resolve()->start_result = -EMFILE;
	ck_assert_int_eq(pull_start(&h, PULL_URL, 0), 0);
	fake_timer_pass(2 * FETCH_SILENCE_MS);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "The server's name is not found");
}
END_TEST

START_TEST(nothing_to_fetch)
{
	ck_assert_int_eq(pull_start(&h, "https://user@a.example/", 0), -EINVAL);
	ck_assert_int_eq(pull_start(&h, "http://a.example/", 0), -EINVAL);
	/* All is there. */
	ck_assert_int_eq(pull_start(&h, PULL_URL, PULL_SIZE), -EINVAL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fetch");
	TCase *tc = tcase_create("fetch");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, all_of_it);
	tcase_add_test(tc, from_where_it_was);
	tcase_add_test(tc, goes_on_after_a_cut);
	tcase_add_test(tc, stopped_by_what_it_brings);
	tcase_add_test(tc, a_fresh_url);
	tcase_add_test(tc, no_url_is_good);
	tcase_add_test(tc, nobody_gives_a_fresh_url);
	tcase_add_test(tc, redirects);
	tcase_add_loop_test(tc, redirects_to_nowhere, 0, ELEMENTS(nowhere));
	tcase_add_test(tc, too_much);
	tcase_add_test(tc, whole_before_its_end);
	tcase_add_test(tc, final);
	tcase_add_test(tc, a_helper_that_dies);
	tcase_add_test(tc, names);
	tcase_add_test(tc, nothing_to_fetch);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
