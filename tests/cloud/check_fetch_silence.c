/* SPDX-License-Identifier: Apache-2.0 */
/* cloud/fetch.c and servers that are silent, slow, or deliver what is there already. */
#include "cloud/fetch.h"

#include "fake/child.h"
#include "fake/pull.h"
#include "fake/resolve.h"
#include "fake/suite.h"
#include "fake/timer.h"

static struct pull h;

static void setup(void)
{
	pull_make(&h);
}

static void teardown(void)
{
	pull_done(&h);
}

START_TEST(waits_longer_each_time)
{
	uint64_t before = 0, waited = 0;

	pull_begin(&h, 0);
	while (h.failed == 0) {
		uint64_t next;

		pull_say(FETCH_BROKEN, "cut");
		next = fake_timer_next();
		if (waited + next < FETCH_SILENCE_MS)
			ck_assert_uint_ge(next, before);
		before = next < 8000 ? next : 0;
		waited += next;
		pull_again();
	}
	ck_assert_uint_eq(waited, FETCH_SILENCE_MS);
	ck_assert_str_eq(h.last, "cut");
	ck_assert_uint_le(fake_child()->starts, 12);
}
END_TEST

/* A block is what counts: a byte now and then does not keep it going. */
START_TEST(too_slow)
{
	pull_begin(&h, 0);
	for (unsigned i = 0; i < 54; i++) {
		fake_timer_pass(1000);
		pull_deliver(10);
	}
	ck_assert_uint_eq(h.failed, 0);
	fake_timer_pass(1000);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "The server delivers no data");
}
END_TEST

START_TEST(slow_but_steady)
{
	pull_begin(&h, 0);
	for (unsigned i = 0; i < 5; i++) {
		fake_timer_pass(FETCH_SILENCE_MS - 1);
		pull_deliver(FETCH_BLOCK);
	}
	ck_assert_uint_eq(h.failed, 0);
	pull_deliver(7);
	pull_say(FETCH_WHOLE, "");
	ck_assert_uint_eq(h.complete, 1);
}
END_TEST

/* The server knows no ranges: what it sends again is not silence. */
START_TEST(skips)
{
	pull_begin(&h, 4 * FETCH_BLOCK);
	for (unsigned i = 0; i < 8; i++) {
		fake_timer_pass(FETCH_SILENCE_MS / 2 - 1);
		pull_say(FETCH_SKIPPED, "8192");
	}
	ck_assert_uint_eq(h.failed, 0);
	fake_timer_pass(FETCH_SILENCE_MS - 1);
	pull_deliver(FETCH_BLOCK + 7);
	pull_say(FETCH_WHOLE, "");
	ck_assert_uint_eq(h.complete, 1);
}
END_TEST

static const char *const no_progress[] = { "16383", "1", "65537", "18446744073709551616", "-1", "", "x" };

START_TEST(skips_no_block)
{
	pull_begin(&h, 4 * FETCH_BLOCK);
	fake_timer_pass(FETCH_SILENCE_MS - 1);
	pull_say(FETCH_SKIPPED, no_progress[_i]);
	ck_assert_uint_eq(h.failed, 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_str_eq(h.last, "The server delivers no data");
}
END_TEST

START_TEST(skips_for_ever)
{
	unsigned attempts = 0;

	pull_begin(&h, 4 * FETCH_BLOCK);
	while (h.failed == 0) {
		fake_timer_pass(FETCH_SILENCE_MS - 20000);
		pull_say(FETCH_SKIPPED, "65536");
		pull_say(FETCH_BROKEN, "cut");
		if (h.failed == 0)
			pull_again();
		ck_assert_uint_le(++attempts, FETCH_MAX_SKIPS + 2);
	}
	ck_assert_uint_gt(attempts, FETCH_MAX_SKIPS);

	/* Another block, and they count again. */
	pull_begin(&h, 3 * FETCH_BLOCK);
	for (unsigned i = 0; i < 2 * FETCH_MAX_SKIPS; i++) {
		fake_timer_pass(FETCH_SILENCE_MS - 20000);
		pull_say(FETCH_SKIPPED, "49152");
		if (i == FETCH_MAX_SKIPS - 1)
			pull_deliver(FETCH_BLOCK);
		pull_say(FETCH_BROKEN, "cut");
		ck_assert_uint_eq(h.failed, 1);
		pull_again();
	}
}
END_TEST

START_TEST(patience)
{
	const struct fetch_target target = { .url = PULL_URL, .size = PULL_SIZE, .patience = 5000 };

	h.have = 0;
	ck_assert_int_eq(fetch_start(h.fetch, &target), 0);
	fake_timer_pass(4999);
	ck_assert_uint_eq(h.failed, 0);
	fake_timer_pass(1);
	ck_assert_uint_eq(h.failed, 1);
	ck_assert_int_eq(fetch_start(h.fetch, &target), 0);
	fake_timer_pass(0);
	fake_resolve_found("192.0.2.1\n");
	for (unsigned i = 0; i < 3; i++) {
		fake_timer_pass(4999);
		pull_deliver(FETCH_BLOCK);
	}
	fake_timer_pass(4999);
	ck_assert_uint_eq(h.failed, 1);
	fake_timer_pass(1);
	ck_assert_uint_eq(h.failed, 2);
}
END_TEST

/* Waiting for the disk is nobody's fault. */
START_TEST(no_room)
{
	pull_begin(&h, 0);
	h.full = true;
	pull_deliver(100);
	ck_assert(fake_child()->waiting);
	fake_timer_pass(10 * FETCH_SILENCE_MS);
	ck_assert_uint_eq(h.failed, 0);
	h.full = false;
	fetch_go_on(h.fetch);
	ck_assert(!fake_child()->waiting);
	ck_assert_uint_eq(h.have, 100);
	fetch_go_on(h.fetch);
	ck_assert_uint_eq(h.have, 100);
	fake_timer_pass(FETCH_SILENCE_MS);
	ck_assert_uint_eq(h.failed, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fetch_silence");
	TCase *tc = tcase_create("fetch_silence");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, waits_longer_each_time);
	tcase_add_test(tc, too_slow);
	tcase_add_test(tc, slow_but_steady);
	tcase_add_test(tc, skips);
	tcase_add_loop_test(tc, skips_no_block, 0, ELEMENTS(no_progress));
	tcase_add_test(tc, skips_for_ever);
	tcase_add_test(tc, patience);
	tcase_add_test(tc, no_room);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
