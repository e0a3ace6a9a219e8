/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/reader.h"

#include "fake/suite.h"

#include <errno.h>
#include <string.h>

#define WINDOW 10u
#define SIZE   57u

static struct reader reader;
static char file[SIZE];
static unsigned calls, loads;
static int result;

static void setup(void)
{
	for (unsigned i = 0; i < SIZE; i++)
		file[i] = (char)(i + 1);
	(void)reader_close(&reader);
	reader_open(&reader, SIZE, WINDOW);
}

static void teardown(void)
{
	(void)reader_close(&reader);
}

static void on_done(void *who, _unused_ uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &reader);
	calls++;
	result = r;
}

static void ask(uint64_t offset, size_t n)
{
	calls = 0;
	reader_ask(&reader, offset, n, (struct done){ on_done, &reader, 0 });
}

static void give(uint32_t index)
{
	size_t n = SIZE - index * WINDOW < WINDOW ? SIZE - index * WINDOW : WINDOW;
	char *data = malloc(n);

	ck_assert_ptr_nonnull(data);
	memcpy(data, file + index * WINDOW, n);
	loads++;
	reader_give(&reader, index, data, n);
}

/* All that it wants, as the disk would do it. */
static void serve(void)
{
	uint32_t index;

	while ((index = reader_wants(&reader)) != READER_NONE)
		give(index);
}

static void has(uint64_t offset, size_t n)
{
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq(result, 0);
	ck_assert_uint_eq(reader.data_n, n);
	ck_assert_mem_eq(reader.data, file + offset, n);
}

START_TEST(wants_nothing_unasked)
{
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
}
END_TEST

START_TEST(from_the_beginning_to_the_end)
{
	for (unsigned n = 1; n <= WINDOW; n++) {
		setup();
		loads = 0;
		for (unsigned at = 0; at < SIZE; at += n) {
			ask(at, n);
			serve();
			has(at, at + n < SIZE ? n : SIZE - at);
		}
		ask(SIZE, n);
		has(SIZE, 0);
		/* Each window once. */
		ck_assert_uint_eq(loads, 6);
		ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
	}
}
END_TEST

START_TEST(answers_at_once_from_memory)
{
	ask(0, 4);
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(reader_wants(&reader), 0);
	give(0);
	has(0, 4);
	ask(4, 6);
	has(4, 6);
	/* And looks ahead. */
	ck_assert_uint_eq(reader_wants(&reader), 1);
	give(1);
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
	ask(8, 10);
	has(8, 10);
	ck_assert_uint_eq(reader_wants(&reader), 2);
	/* Back. */
	ask(0, 1);
	has(0, 1);
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
}
END_TEST

START_TEST(two_windows_in_any_order)
{
	ask(15, 10);
	ck_assert_uint_eq(reader_wants(&reader), 1);
	give(2);
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(reader_wants(&reader), 1);
	give(1);
	has(15, 10);
	ck_assert_uint_eq(reader_wants(&reader), 3);
}
END_TEST

/* What was on its way for the last question comes when the next one wants something else. */
START_TEST(late_windows)
{
	ask(0, 1);
	give(0);
	ck_assert_uint_eq(reader_wants(&reader), 1);
	ask(35, 10);
	ck_assert_uint_eq(reader_wants(&reader), 3);
	give(1);
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(reader_wants(&reader), 3);
	give(3);
	ck_assert_uint_eq(reader_wants(&reader), 4);
	give(0);
	ck_assert_uint_eq(reader_wants(&reader), 4);
	give(4);
	has(35, 10);
}
END_TEST

START_TEST(at_the_end)
{
	ask(50, 10);
	serve();
	has(50, 7);
	ask(56, 10);
	has(56, 1);
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
	ask(57, 10);
	has(57, 0);
	ask(UINT64_MAX, 10);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(reader.data_n, 0);
	ask(0, 0);
	has(0, 0);
	/* Nothing was read, nothing is to be expected. */
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
}
END_TEST

START_TEST(no_more_than_a_window)
{
	ask(5, 1000);
	serve();
	has(5, WINDOW);
	ask(5, SIZE_MAX);
	serve();
	has(5, WINDOW);
}
END_TEST

START_TEST(what_cannot_be_had)
{
	ask(5, 10);
	give(0);
	reader_fail(&reader, 1, -EBADMSG);
	ck_assert_uint_eq(calls, 1);
	ck_assert_int_eq(result, -EBADMSG);
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
	/* Asked for again, it is tried again. */
	ask(10, 1);
	ck_assert_uint_eq(reader_wants(&reader), 1);
	reader_fail(&reader, 1, -EIO);
	ck_assert_int_eq(result, -EIO);
	ask(0, 10);
	has(0, 10);
	/* Nobody has asked for it yet. */
	ck_assert_uint_eq(reader_wants(&reader), 1);
	reader_fail(&reader, 1, -EIO);
	ck_assert_uint_eq(calls, 1);
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
	/* The failure of another one. */
	ask(20, 1);
	reader_fail(&reader, 1, -EIO);
	ck_assert_uint_eq(calls, 0);
	give(2);
	has(20, 1);
}
END_TEST

START_TEST(close_gives_back_who_waits)
{
	struct done done;

	ask(20, 1);
	done = reader_close(&reader);
	ck_assert_ptr_eq(done.fn, on_done);
	ck_assert_uint_eq(calls, 0);
	ck_assert_uint_eq(reader_wants(&reader), READER_NONE);
	done = reader_close(&reader);
	ck_assert(!done.fn);
}
END_TEST

START_TEST(anywhere)
{
	uint32_t x = 5;

#define RANDOM() ((x = x * 1664525 + 1013904223) >> 8)
	for (unsigned i = 0; i < 20000; i++) {
		uint64_t offset = RANDOM() % (SIZE + 2);
		size_t n = RANDOM() % (WINDOW + 2), want = n < WINDOW ? n : WINDOW;

		if (offset >= SIZE)
			want = 0;
		else if (want > SIZE - offset)
			want = (size_t)(SIZE - offset);
		ask(offset, n);
		while (calls == 0)
			give(reader_wants(&reader));
		has(want ? offset : 0, want);
		if (RANDOM() % 2 && reader_wants(&reader) != READER_NONE)
			give(reader_wants(&reader));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("reader");
	TCase *c = tcase_create("reader");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, wants_nothing_unasked);
	tcase_add_test(c, from_the_beginning_to_the_end);
	tcase_add_test(c, answers_at_once_from_memory);
	tcase_add_test(c, two_windows_in_any_order);
	tcase_add_test(c, late_windows);
	tcase_add_test(c, at_the_end);
	tcase_add_test(c, no_more_than_a_window);
	tcase_add_test(c, what_cannot_be_had);
	tcase_add_test(c, close_gives_back_who_waits);
	tcase_add_test(c, anywhere);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
