/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/fetch.h"

#include "fake/child.h"
#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define URL  "https://bucket.example/key?X-Amz-Signature=secret"
#define SIZE (5 * FETCH_BLOCK + 7)

static sd_event *event;
static struct fetch *fetch;
static unsigned complete, failed, stale;
static uint64_t have;
static bool full, stop_within, renew_within;
static char last[FETCH_MAX_REASON + 1];

static bool on_data(void *userdata, uint64_t offset, const void *data, size_t n)
{
	ck_assert_ptr_eq(userdata, &have);
	ck_assert_uint_eq(offset, have);
	ck_assert_ptr_nonnull(data);
	if (stop_within) {
		fetch_stop(fetch);
		return false;
	}
	if (!full)
		have += n;
	return !full;
}

static void on_complete(void *userdata)
{
	(void)userdata;
	complete++;
}

static void on_stale(void *userdata)
{
	(void)userdata;
	stale++;
	if (renew_within)
		fetch_renew(fetch, "https://bucket.example/key?X-Amz-Signature=fresh");
}

static void on_failed(void *userdata, const char *reason)
{
	(void)userdata;
	(void)snprintf(last, sizeof(last), "%s", reason);
	failed++;
}

static void setup(void)
{
	const struct fetch_events events = { .on_data = on_data,
					     .on_complete = on_complete,
					     .on_stale = on_stale,
					     .on_failed = on_failed,
					     .userdata = &have };

	*fake_child() = (struct fake_child){ 0 };
	*fake_resolve() = (struct fake_resolve){ 0 };
	complete = failed = stale = 0;
	full = stop_within = renew_within = false;
	last[0] = '\0';
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(fetch_new(&fetch, event, "/roots.pem", &events), 0);
}

static void teardown(void)
{
	ck_assert_ptr_null(fetch_free(fetch));
	ck_assert_ptr_null(fetch_free(NULL));
	ck_assert(!fake_child()->running && !fake_resolve()->asked);
	sd_event_unref(event);
}

static int start(const char *url, uint64_t from)
{
	have = from;
	return fetch_start(fetch, &(struct fetch_target){ .url = url, .size = SIZE, .have = from });
}

/* Up to the helper. */
static void begin(uint64_t from)
{
	ck_assert_int_eq(start(URL, from), 0);
	fake_timer_pass(0);
	fake_resolve_found("192.0.2.1\n2001:db8::1\nfe80::1%lo\n");
	ck_assert(fake_child()->running);
}

/* The next attempt, whenever it comes. */
static void again(void)
{
	ck_assert(!fake_child()->running);
	fake_timer_pass(fake_timer_next());
	if (fake_resolve()->asked)
		fake_resolve_found("192.0.2.1\n");
}

static void say(char word, const char *text)
{
	char message[512];

	fake_child_say(message, (size_t)snprintf(message, sizeof(message), "%c%s", word, text));
}

static void deliver(size_t n)
{
	static char message[FETCH_MAX_MESSAGE] = "D";

	while (n > 0) {
		size_t k = n < FETCH_MAX_MESSAGE - 1 ? n : FETCH_MAX_MESSAGE - 1;

		fake_child_say(message, 1 + k);
		n -= k;
	}
}

START_TEST(all_of_it)
{
	ck_assert_int_eq(start(URL, 0), 0);
	fake_timer_pass(0);
	ck_assert_str_eq(fake_resolve()->host, "bucket.example");
	ck_assert(!fake_child()->running);
	fake_resolve_found("192.0.2.1\n2001:db8::1\nfe80::1%lo\n");
	ck_assert_str_eq(fake_child()->name, "expresslinkd-fetch");
	ck_assert_str_eq(fake_child()->input, URL "\n192.0.2.1,2001:db8::1\n/roots.pem\n0\n81927\n");
	ck_assert_uint_eq(fake_child()->max, FETCH_MAX_MESSAGE);
	deliver(SIZE);
	ck_assert_uint_eq(complete, 0);
	say(FETCH_WHOLE, "");
	ck_assert_uint_eq(complete, 1);
	ck_assert_uint_eq(failed, 0);
	ck_assert_uint_eq(have, SIZE);
	ck_assert(!fake_child()->running);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
}
END_TEST

START_TEST(from_where_it_was)
{
	begin(12345);
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "\n12345\n81927\n"));
	deliver(SIZE - 12345);
	say(FETCH_WHOLE, "");
	ck_assert_uint_eq(complete, 1);
}
END_TEST

START_TEST(goes_on_after_a_cut)
{
	begin(0);
	deliver(100);
	say(FETCH_BROKEN, "cut");
	ck_assert_uint_eq(failed, 0);
	again();
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "\n100\n81927\n"));
	deliver(SIZE - 100);
	say(FETCH_WHOLE, "");
	ck_assert_uint_eq(complete, 1);
}
END_TEST

START_TEST(waits_longer_each_time)
{
	uint64_t before = 0, waited = 0;

	begin(0);
	while (failed == 0) {
		uint64_t next;

		say(FETCH_BROKEN, "cut");
		next = fake_timer_next();
		if (waited + next < FETCH_SILENCE_MS)
			ck_assert_uint_ge(next, before);
		before = next < 8000 ? next : 0;
		waited += next;
		again();
	}
	ck_assert_uint_eq(waited, FETCH_SILENCE_MS);
	ck_assert_str_eq(last, "cut");
	ck_assert_uint_le(fake_child()->starts, 12);
}
END_TEST

/* A block is what counts: a byte now and then does not keep it going. */
START_TEST(too_slow)
{
	begin(0);
	for (unsigned i = 0; i < 54; i++) {
		fake_timer_pass(1000);
		deliver(10);
	}
	ck_assert_uint_eq(failed, 0);
	fake_timer_pass(1000);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "The server delivers no data");
}
END_TEST

START_TEST(slow_but_steady)
{
	begin(0);
	for (unsigned i = 0; i < 5; i++) {
		fake_timer_pass(FETCH_SILENCE_MS - 1);
		deliver(FETCH_BLOCK);
	}
	ck_assert_uint_eq(failed, 0);
	deliver(7);
	say(FETCH_WHOLE, "");
	ck_assert_uint_eq(complete, 1);
}
END_TEST

/* The server knows no ranges: what it sends again is not silence. */
START_TEST(skips)
{
	begin(4 * FETCH_BLOCK);
	for (unsigned i = 0; i < 8; i++) {
		fake_timer_pass(FETCH_SILENCE_MS / 2 - 1);
		say(FETCH_SKIPPED, "8192");
	}
	ck_assert_uint_eq(failed, 0);
	fake_timer_pass(FETCH_SILENCE_MS - 1);
	deliver(FETCH_BLOCK + 7);
	say(FETCH_WHOLE, "");
	ck_assert_uint_eq(complete, 1);
}
END_TEST

static const char *const no_progress[] = { "16383", "1", "65537", "18446744073709551616", "-1", "", "x" };

START_TEST(skips_no_block)
{
	begin(4 * FETCH_BLOCK);
	fake_timer_pass(FETCH_SILENCE_MS - 1);
	say(FETCH_SKIPPED, no_progress[_i]);
	ck_assert_uint_eq(failed, 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "The server delivers no data");
}
END_TEST

START_TEST(skips_for_ever)
{
	unsigned attempts = 0;

	begin(4 * FETCH_BLOCK);
	while (failed == 0) {
		fake_timer_pass(FETCH_SILENCE_MS - 20000);
		say(FETCH_SKIPPED, "65536");
		say(FETCH_BROKEN, "cut");
		if (failed == 0)
			again();
		ck_assert_uint_le(++attempts, FETCH_MAX_SKIPS + 2);
	}
	ck_assert_uint_gt(attempts, FETCH_MAX_SKIPS);

	/* Another block, and they count again. */
	begin(3 * FETCH_BLOCK);
	for (unsigned i = 0; i < 2 * FETCH_MAX_SKIPS; i++) {
		fake_timer_pass(FETCH_SILENCE_MS - 20000);
		say(FETCH_SKIPPED, "49152");
		if (i == FETCH_MAX_SKIPS - 1)
			deliver(FETCH_BLOCK);
		say(FETCH_BROKEN, "cut");
		ck_assert_uint_eq(failed, 1);
		again();
	}
}
END_TEST

START_TEST(patience)
{
	have = 0;
	ck_assert_int_eq(fetch_start(fetch, &(struct fetch_target){ .url = URL, .size = SIZE, .patience = 5000 }), 0);
	fake_timer_pass(4999);
	ck_assert_uint_eq(failed, 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(failed, 1);
	ck_assert_int_eq(fetch_start(fetch, &(struct fetch_target){ .url = URL, .size = SIZE, .patience = 5000 }), 0);
	fake_timer_pass(0);
	fake_resolve_found("192.0.2.1\n");
	for (unsigned i = 0; i < 3; i++) {
		fake_timer_pass(4999);
		deliver(FETCH_BLOCK);
	}
	fake_timer_pass(4999);
	ck_assert_uint_eq(failed, 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(failed, 2);
}
END_TEST

/* Waiting for the disk is nobody's fault. */
START_TEST(no_room)
{
	begin(0);
	full = true;
	deliver(100);
	ck_assert(fake_child()->waiting);
	fake_timer_pass(10 * FETCH_SILENCE_MS);
	ck_assert_uint_eq(failed, 0);
	full = false;
	fetch_go_on(fetch);
	ck_assert(!fake_child()->waiting);
	ck_assert_uint_eq(have, 100);
	fetch_go_on(fetch);
	ck_assert_uint_eq(have, 100);
	fake_timer_pass(FETCH_SILENCE_MS);
	ck_assert_uint_eq(failed, 1);
}
END_TEST

START_TEST(stopped_by_what_it_brings)
{
	begin(0);
	stop_within = true;
	deliver(100);
	ck_assert(!fake_child()->running);
	ck_assert_uint_eq(fake_timer_next(), UINT64_MAX);
	ck_assert_uint_eq(failed + complete, 0);
}
END_TEST

START_TEST(a_fresh_url)
{
	begin(0);
	deliver(FETCH_BLOCK);
	say(FETCH_EXPIRED, "HTTP status 403");
	ck_assert_uint_eq(stale, 1);
	ck_assert(!fake_child()->running);
	fake_timer_pass(10000); /* no answer */
	ck_assert_uint_eq(stale, 2);
	fetch_renew(fetch, "https://bucket.example:8443/key?fresh");
	again();
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "https://bucket.example:8443/key?fresh\n192.0.2.1\n"));
	ck_assert_ptr_nonnull(strstr(fake_child()->input, "\n16384\n81927\n"));

	/* One that comes when none is waited for. */
	fetch_renew(fetch, URL);
	ck_assert(fake_child()->running);
	ck_assert_uint_eq(fake_child()->starts, 2);
}
END_TEST

START_TEST(no_url_is_good)
{
	begin(0);
	renew_within = true;
	for (unsigned i = 0; i < FETCH_MAX_RENEWALS; i++) {
		say(FETCH_EXPIRED, "HTTP status 403");
		again();
	}
	ck_assert_uint_eq(failed, 0);
	say(FETCH_EXPIRED, "HTTP status 403: AccessDenied");
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "HTTP status 403: AccessDenied");
	ck_assert_uint_eq(stale, FETCH_MAX_RENEWALS);
}
END_TEST

START_TEST(nobody_gives_a_fresh_url)
{
	begin(0);
	say(FETCH_EXPIRED, "HTTP status 403");
	fake_timer_pass(FETCH_SILENCE_MS);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "HTTP status 403");
}
END_TEST

START_TEST(redirects)
{
	begin(0);
	for (unsigned i = 0; i < FETCH_MAX_MOVES; i++) {
		say(FETCH_MOVED, "https://192.0.2.7/there");
		ck_assert(fake_child()->running);
		ck_assert_ptr_nonnull(strstr(fake_child()->input, "https://192.0.2.7/there\n\n/roots.pem\n"));
	}
	say(FETCH_BROKEN, "cut");
	again(); /* from the beginning of the chain */
	ck_assert_ptr_nonnull(strstr(fake_child()->input, URL));
	for (unsigned i = 0; i <= FETCH_MAX_MOVES; i++)
		say(FETCH_MOVED, "https://192.0.2.7/there");
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "Too many redirects");
}
END_TEST

static const char *const nowhere[] = { "http://192.0.2.7/", "", "https://", "https://a b/", "file:///etc/passwd" };

START_TEST(redirects_to_nowhere)
{
	begin(0);
	say(FETCH_MOVED, nowhere[_i]);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "A redirect to no URL");
}
END_TEST

START_TEST(too_much)
{
	begin(0);
	deliver(SIZE + 1);
	ck_assert_uint_eq(failed, 1);
	ck_assert(!fake_child()->running);
	ck_assert_uint_le(have, SIZE);
}
END_TEST

START_TEST(whole_before_its_end)
{
	begin(0);
	deliver(5);
	say(FETCH_WHOLE, "");
	ck_assert_uint_eq(complete + failed, 0);
	again();
	ck_assert(fake_child()->running);
}
END_TEST

START_TEST(final)
{
	begin(0);
	say(FETCH_FAILED, "not \x01 trusted");
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "not ? trusted");
	begin(0);
	say('?', "a word that nobody knows");
	ck_assert_uint_eq(failed, 2);
}
END_TEST

START_TEST(a_helper_that_dies)
{
	begin(0);
	deliver(10);
	fake_child_end(-EIO);
	ck_assert(!fake_child()->running);
	again();
	ck_assert(fake_child()->running);
	fake_child_end(0);
	again();
	fake_child_end(-ETIME);
	again();
	ck_assert_uint_eq(failed, 0);
	fake_child()->start_result = -EAGAIN;
	fake_child_end(127);
	fake_timer_pass(FETCH_SILENCE_MS);
	while (fake_resolve()->asked)
		fake_resolve_fail(-ENOENT);
	while (failed == 0)
		fake_timer_pass(fake_timer_next());
}
END_TEST

START_TEST(names)
{
	ck_assert_int_eq(start(URL, 0), 0);
	fake_timer_pass(0);
	fake_resolve_fail(-ENOENT);
	fake_timer_pass(fake_timer_next());
	ck_assert(fake_resolve()->asked);
	fetch_stop(fetch);
	ck_assert(!fake_resolve()->asked);
	fake_resolve()->start_result = -EMFILE;
	ck_assert_int_eq(start(URL, 0), 0);
	fake_timer_pass(2 * FETCH_SILENCE_MS);
	ck_assert_uint_eq(failed, 1);
	ck_assert_str_eq(last, "The server's name is not found");
}
END_TEST

START_TEST(nothing_to_fetch)
{
	ck_assert_int_eq(start("https://user@a.example/", 0), -EINVAL);
	ck_assert_int_eq(start("http://a.example/", 0), -EINVAL);
	/* All is there. */
	ck_assert_int_eq(start(URL, SIZE), -EINVAL);
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
	tcase_add_test(tc, waits_longer_each_time);
	tcase_add_test(tc, too_slow);
	tcase_add_test(tc, slow_but_steady);
	tcase_add_test(tc, skips);
	tcase_add_loop_test(tc, skips_no_block, 0, ELEMENTS(no_progress));
	tcase_add_test(tc, skips_for_ever);
	tcase_add_test(tc, patience);
	tcase_add_test(tc, no_room);
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
