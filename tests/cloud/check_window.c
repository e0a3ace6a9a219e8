/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/window.h"

#include "fake/suite.h"
#include "util/macro.h"

#define T0 1000

static struct window w;
static struct window_request asked;

static void make(unsigned count, unsigned have)
{
	window_init(&w, count, have, T0);
}

static void assert_asked(uint64_t now, unsigned first, uint64_t blocks)
{
	ck_assert(window_ask(&w, now, &asked));
	ck_assert_uint_eq(asked.first, first);
	ck_assert_uint_eq(asked.blocks, blocks);
}

static void assert_silent(uint64_t now)
{
	ck_assert(!window_ask(&w, now, &asked));
}

/* Of the request that has it under way, or of none. */
static unsigned number_of(unsigned block)
{
	for (unsigned i = 0; i < WINDOW_REQUESTS; i++) {
		const struct window_request *r = &w.requests[i];

		if (block >= r->first && block - r->first < WINDOW_SPAN && (r->blocks >> (block - r->first) & 1))
			return r->number;
	}
	return 0;
}

static void came(unsigned first, unsigned last, uint64_t now)
{
	for (unsigned i = first; i <= last; i++) {
		ck_assert(window_wants(&w, i));
		window_came(&w, i, number_of(i), true, now);
		ck_assert(!window_wants(&w, i));
	}
}

/* Up to the largest window, with blocks 0 to 7 of 200 taken. */
static void open_up(void)
{
	make(200, 0);
	assert_asked(T0, 0, 0xf);
	came(0, 3, T0 + 100);
	assert_asked(T0 + 100, 4, 0xff);
	assert_silent(T0 + 100);
	came(4, 11, T0 + 200);
	assert_asked(T0 + 200, 12, 0xff);
	assert_asked(T0 + 200, 20, 0xff);
	assert_silent(T0 + 200);
}

START_TEST(opens_up)
{
	open_up();
	ck_assert_uint_eq(w.limit, WINDOW_BLOCKS);
	came(12, 18, T0 + 300);
	assert_silent(T0 + 300);
	came(19, 19, T0 + 300);
	assert_asked(T0 + 300, 28, 0xff);
	assert_silent(T0 + 300);
}
END_TEST

/* In any order. */
START_TEST(last_ones)
{
	make(6, 1);
	ck_assert(!window_complete(&w));
	ck_assert(!window_wants(&w, 0));
	assert_asked(T0, 1, 0xf);
	came(4, 4, T0);
	came(1, 3, T0);
	assert_asked(T0, 5, 1);
	assert_silent(T0);
	ck_assert(!window_complete(&w));
	came(5, 5, T0);
	ck_assert(window_complete(&w));
	assert_silent(T0);
	ck_assert_uint_eq(window_due(&w), UINT64_MAX);
	ck_assert(!window_wants(&w, 6));
	ck_assert(!window_wants(&w, UINT64_MAX));
	ck_assert(!window_wants(&w, UINT64_C(1) << 32)); /* not 0 */
}
END_TEST

START_TEST(nothing_to_do)
{
	make(3, 3);
	ck_assert(window_complete(&w));
	assert_silent(T0);
	make(WINDOW_FILE, WINDOW_FILE);
	ck_assert(window_complete(&w));
	make(WINDOW_FILE, WINDOW_FILE - 1);
	ck_assert(!window_complete(&w));
	assert_asked(T0, WINDOW_FILE - 1, 1);
	came(WINDOW_FILE - 1, WINDOW_FILE - 1, T0);
	ck_assert(window_complete(&w));
}
END_TEST

/* What a later request overtook is lost, and asked for again, as a hole among others. */
START_TEST(overtaken)
{
	open_up();
	came(12, 13, T0 + 300);
	came(15, 17, T0 + 300);
	came(19, 19, T0 + 300);
	came(20, 26, T0 + 300);
	assert_asked(T0 + 300, 28, 0xff); /* 14, 18 and 27 may still come */
	came(27, 27, T0 + 310);
	assert_asked(T0 + 310, 14, 1 | 1 << 4 | UINT64_C(0x3f) << 22);
	came(18, 18, T0 + 320);
	came(14, 14, T0 + 320);
	ck_assert_uint_eq(w.first, 28);
}
END_TEST

/* A later one that is incomplete itself proves nothing. */
START_TEST(stragglers)
{
	open_up();
	came(12, 18, T0 + 300);
	came(20, 26, T0 + 300);
	assert_asked(T0 + 300, 28, 0xff);
	came(28, 34, T0 + 300);
	assert_asked(T0 + 300, 36, 0xff);

	/* No more requests than that. */
	came(36, 42, T0 + 300);
	assert_silent(T0 + 300);
	came(43, 43, T0 + 300);
	assert_asked(T0 + 300, 19, 1 | 1 << 8 | 1 << 16 | UINT64_C(0x1f) << 25);
}
END_TEST

/* A request never reaches further than a bitmap of it would. */
START_TEST(span)
{
	make(200, 0);
	w.limit = WINDOW_BLOCKS;
	assert_asked(T0, 0, 0xff);
	for (unsigned i = 0; i < 200; i++) {
		if (i != 0 && i != 64 && i != 128)
			window_came(&w, i, number_of(i), true, T0);
	}
	window_lost(&w, T0);
	assert_asked(T0, 0, 1);
	assert_asked(T0, 64, 1);
	assert_asked(T0, 128, 1);
	came(0, 0, T0);
	came(64, 64, T0);
	came(128, 128, T0);
	ck_assert(window_complete(&w));
}
END_TEST

START_TEST(twice_and_late)
{
	open_up();
	window_lost(&w, T0 + 900);
	assert_asked(T0 + 900, 12, 0xff);

	/* Those of the first try come after all. */
	came(12, 27, T0 + 950);
	ck_assert_uint_eq(w.first, 28);
	for (unsigned i = 0; i < 28; i++)
		ck_assert(!window_wants(&w, i));
	assert_asked(T0 + 950, 28, 0xff);
}
END_TEST

START_TEST(no_room)
{
	open_up();
	window_came(&w, 12, number_of(12), false, T0 + 300);
	window_came(&w, 13, number_of(13), false, T0 + 300);
	ck_assert(window_wants(&w, 12));
	came(14, 19, T0 + 300);
	assert_asked(T0 + 300, 12, 3 | UINT64_C(0x3f) << 16);
	ck_assert_uint_eq(w.first, 12);
}
END_TEST

/* --- silence --- */

START_TEST(first_silence)
{
	make(100, 0);
	ck_assert_uint_eq(window_due(&w), UINT64_MAX);
	assert_asked(T0 + 50, 0, 0xf);
	ck_assert_uint_eq(window_due(&w), T0 + 50 + 2500);
	window_lost(&w, T0 + 2550);
	ck_assert_uint_eq(window_due(&w), UINT64_MAX);
	assert_asked(T0 + 2550, 0, 1);
	ck_assert_uint_eq(window_due(&w), T0 + 2550 + 5000);
	window_lost(&w, T0 + 7550);
	assert_asked(T0 + 7550, 0, 1);
	ck_assert_uint_eq(window_due(&w), T0 + 7550 + 10000);
	for (unsigned i = 0; i < 20; i++) {
		window_lost(&w, T0 + 17550);
		assert_asked(T0 + 17550, 0, 1);
		ck_assert_uint_eq(window_due(&w), T0 + 17550 + 10000);
	}

	/* One block, and hope is back. */
	came(0, 0, T0 + 17650);
	assert_asked(T0 + 17650, 1, 3);
	ck_assert_uint_lt(window_due(&w), T0 + 17650 + 2600);
}
END_TEST

/* Later on less is asked for when it goes on, not at once. */
START_TEST(another_silence)
{
	uint64_t now = T0 + 300;

	open_up();
	came(12, 12, now);
	for (unsigned most = 16, i = 0; i < 6; i++) {
		unsigned n = 0;

		window_lost(&w, now);
		while (window_ask(&w, now, &asked))
			n += (unsigned)__builtin_popcountll(asked.blocks);
		ck_assert_uint_eq(n, most);
		if (most > 1)
			most /= 2;
	}
}
END_TEST

/* The line is slow: what was asked for first comes, long after it was asked for again. */
START_TEST(given_up_too_early)
{
	make(100, 0);
	assert_asked(T0, 0, 0xf);
	window_lost(&w, T0 + 2500);
	assert_asked(T0 + 2500, 0, 1);
	window_lost(&w, T0 + 7500);
	assert_asked(T0 + 7500, 0, 1);
	window_came(&w, 0, 1, true, T0 + 8000);

	/* The rest of it is expected, and the silence is known that is to be borne. */
	assert_silent(T0 + 8000);
	ck_assert_uint_eq(number_of(1), 1);
	ck_assert_uint_eq(number_of(3), 1);
	ck_assert_uint_eq(window_due(&w), T0 + 8000 + 500 + 2 * 8000);
	came(1, 3, T0 + 32000);
	assert_asked(T0 + 32000, 4, 1);

	/* One for which there is no room is not expected: it has come. */
	make(100, 0);
	assert_asked(T0, 0, 0xf);
	window_lost(&w, T0 + 2500);
	window_came(&w, 1, 1, false, T0 + 8000);
	ck_assert_uint_eq(number_of(0), 1);
	ck_assert_uint_eq(number_of(1), 0);

	/* What was asked for twice, and lost twice, is not there by that. */
	make(100, 0);
	assert_asked(T0, 0, 0xf);
	window_lost(&w, T0 + 2500);
	assert_asked(T0 + 2500, 0, 1);
	came(0, 0, T0 + 2600);
	ck_assert_uint_eq(number_of(1), 0);
	assert_asked(T0 + 2600, 1, 3);
	ck_assert_uint_lt(window_due(&w), T0 + 2600 + 2600);
}
END_TEST

/* It is short when blocks are used to come fast, and long when they are not. */
START_TEST(known_pause)
{
	uint64_t now = T0;

	make(1000, 0);
	for (unsigned i = 0; i < 400; i++) {
		(void)window_ask(&w, now, &asked);
		came(i, i, now += 10);
	}
	ck_assert_uint_ge(window_due(&w) - now, 500 + 20);
	ck_assert_uint_lt(window_due(&w) - now, 500 + 60);
	came(400, 400, now += 3000);
	(void)window_ask(&w, now, &asked);
	ck_assert_uint_eq(window_due(&w) - now, 500 + 6000);
}
END_TEST

/* It counts from the last block or, after a pause of our own, from asking. */
START_TEST(silence_since)
{
	make(100, 0);
	assert_asked(T0 + 5000, 0, 0xf);
	ck_assert_uint_eq(window_due(&w), T0 + 5000 + 2500);
	window_resume(&w, T0 + 6000);
	ck_assert_uint_eq(window_due(&w), T0 + 6000 + 2500);
	came(0, 0, T0 + 7000);
	ck_assert_uint_eq(window_due(&w), T0 + 7000 + 2500);
	assert_silent(T0 + 8000);
	ck_assert_uint_eq(window_due(&w), T0 + 7000 + 2500);
}
END_TEST

/* --- the line --- */

/* Blocks that need 1.1 s each: no more of them are under way than come in some seconds. */
START_TEST(slow_line)
{
	uint64_t now = T0;
	unsigned most = 0;

	make(1000, 0);
	for (unsigned i = 0; i < 100; i++) {
		unsigned open = 0;

		while (window_ask(&w, now, &asked))
			;
		for (unsigned k = 0; k < WINDOW_REQUESTS; k++)
			open += (unsigned)__builtin_popcountll(w.requests[k].blocks);
		ck_assert_uint_ge(open, 1);
		if (open > most)
			most = open;
		now += 1100;
		ck_assert_uint_lt(now, window_due(&w));
		came(i, i, now);
	}
	ck_assert_uint_le(most, 4);
	ck_assert_uint_eq(w.limit, 3);

	/* A line that has become fast. */
	for (unsigned i = 100; i < 200; i++) {
		while (window_ask(&w, now, &asked))
			;
		came(i, i, now += 20);
	}
	ck_assert_uint_eq(w.limit, WINDOW_BLOCKS);
}
END_TEST

/* As many as come in 4 s, from the first one on. */
START_TEST(known_at_once)
{
	make(1000, 0);
	assert_asked(T0, 0, 0xf);
	came(0, 0, T0 + 1333);
	ck_assert_uint_eq(w.limit, 3);
	make(1000, 0);
	assert_asked(T0, 0, 0xf);
	came(0, 0, T0 + 1334);
	ck_assert_uint_eq(w.limit, 2);
	make(1000, 0);
	assert_asked(T0, 0, 0xf);
	came(0, 0, T0 + 60000);
	ck_assert_uint_eq(w.limit, 1);
}
END_TEST

/* A long way is no slow line. */
START_TEST(long_way)
{
	uint64_t now = T0;
	unsigned next = 0;

	make(1000, 0);
	for (unsigned round = 0; round < 20; round++) {
		unsigned end = next;

		while (window_ask(&w, now, &asked))
			end = asked.first + (unsigned)__builtin_popcountll(asked.blocks);
		ck_assert_uint_gt(end, next);
		ck_assert_uint_gt(window_due(&w), now + 600);
		now += 600;
		came(next, end - 1, now);
		next = end;
	}
	ck_assert_uint_eq(w.limit, WINDOW_BLOCKS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("window");
	TCase *tc = tcase_create("window");

	tcase_add_test(tc, opens_up);
	tcase_add_test(tc, last_ones);
	tcase_add_test(tc, nothing_to_do);
	tcase_add_test(tc, overtaken);
	tcase_add_test(tc, stragglers);
	tcase_add_test(tc, span);
	tcase_add_test(tc, twice_and_late);
	tcase_add_test(tc, no_room);
	tcase_add_test(tc, first_silence);
	tcase_add_test(tc, another_silence);
	tcase_add_test(tc, given_up_too_early);
	tcase_add_test(tc, known_pause);
	tcase_add_test(tc, silence_since);
	tcase_add_test(tc, slow_line);
	tcase_add_test(tc, known_at_once);
	tcase_add_test(tc, long_way);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
