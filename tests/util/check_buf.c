/* SPDX-License-Identifier: Apache-2.0 */
#include "util/buf.h"

#include "fake/suite.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

START_TEST(starts_empty)
{
	struct buf b;

	buf_init(&b, 10);
	ck_assert_uint_eq(buf_used(&b), 0);
	ck_assert_uint_eq(buf_room(&b), 10);
	ck_assert_ptr_null(buf_head(&b));
	buf_consume(&b, 0);
	buf_truncate(&b, 0);
	buf_clear(&b);
	ck_assert_int_eq(buf_append(&b, NULL, 0), 0);
	buf_done(&b);
}
END_TEST

START_TEST(is_a_queue)
{
	struct buf b;

	buf_init(&b, 100);
	ck_assert_int_eq(buf_append(&b, "ab\0cd", 5), 0);
	ck_assert_int_eq(buf_append(&b, "ef", 2), 0);
	ck_assert_uint_eq(buf_used(&b), 7);
	ck_assert_mem_eq(buf_head(&b), "ab\0cdef", 7);
	buf_consume(&b, 3);
	ck_assert_mem_eq(buf_head(&b), "cdef", 4);
	buf_truncate(&b, 2);
	ck_assert_uint_eq(buf_used(&b), 2);
	ck_assert_int_eq(buf_append(&b, "X", 1), 0);
	ck_assert_mem_eq(buf_head(&b), "cdX", 3);
	buf_truncate(&b, 1);
	ck_assert_uint_eq(buf_used(&b), 1);
	ck_assert_mem_eq(buf_head(&b), "c", 1);
	ck_assert_int_eq(buf_append(&b, "YZ", 2), 0);
	buf_consume(&b, 1);
	ck_assert_mem_eq(buf_head(&b), "YZ", 2);
	buf_truncate(&b, 0);
	ck_assert_uint_eq(buf_used(&b), 0);
	ck_assert_int_eq(buf_append(&b, "123", 3), 0);
	buf_consume(&b, 3);
	ck_assert_uint_eq(buf_used(&b), 0);
	ck_assert_uint_eq(buf_room(&b), 100);
	buf_done(&b);
}
END_TEST

START_TEST(all_or_nothing_at_the_limit)
{
	struct buf b;
	uint8_t *to;

	buf_init(&b, 8);
	ck_assert_int_eq(buf_append(&b, "12345", 5), 0);
	ck_assert_int_eq(buf_append(&b, "6789", 4), -ENOBUFS);
	ck_assert_int_eq(buf_reserve(&b, 4, &to), -ENOBUFS);
	ck_assert_uint_eq(buf_used(&b), 5);
	ck_assert_int_eq(buf_append(&b, "678", 3), 0);
	ck_assert_int_eq(buf_append(&b, "9", 1), -ENOBUFS);
	ck_assert_mem_eq(buf_head(&b), "12345678", 8);

	/* The room in front of the first byte counts as room. */
	buf_consume(&b, 6);
	ck_assert_int_eq(buf_append(&b, "abcdef", 6), 0);
	ck_assert_mem_eq(buf_head(&b), "78abcdef", 8);
	ck_assert_int_eq(buf_append(&b, "x", SIZE_MAX), -ENOBUFS);
	buf_done(&b);
}
END_TEST

START_TEST(reserve_and_commit)
{
	struct buf b;
	uint8_t *to;

	buf_init(&b, 1000);
	ck_assert_int_eq(buf_append(&b, "ab", 2), 0);
	ck_assert_int_eq(buf_reserve(&b, 500, &to), 0);
	memset(to, 'x', 500);
	ck_assert_uint_eq(buf_used(&b), 2);
	buf_commit(&b, 3);
	ck_assert_uint_eq(buf_used(&b), 5);
	ck_assert_mem_eq(buf_head(&b), "abxxx", 5);
	buf_done(&b);
}
END_TEST

START_TEST(gives_memory_back)
{
	char big[20000] = "";
	struct buf b;

	buf_init(&b, 100000);
	ck_assert_int_eq(buf_append(&b, big, sizeof(big)), 0);
	buf_consume(&b, sizeof(big));
	ck_assert_uint_eq(b.size, 0);
	ck_assert_int_eq(buf_append(&b, big, sizeof(big)), 0);
	buf_clear(&b);
	ck_assert_uint_eq(b.size, 0);
	ck_assert_int_eq(buf_append(&b, "small", 5), 0);
	buf_clear(&b);
	ck_assert_uint_gt(b.size, 0);
	ck_assert_uint_eq(b.limit, 100000);
	buf_done(&b);
	ck_assert_uint_eq(b.limit, 100000);
}
END_TEST

/* A queue that stays nearly full for long keeps its bytes, its bound, and its speed. */
START_TEST(keeps_order_over_many_turns)
{
	enum { LIMIT = 5000 };
	unsigned in = 0, out = 0;
	struct buf b;

	srand(1);
	buf_init(&b, LIMIT);
	for (int i = 0; i < 200000; i++) {
		uint8_t piece[40];
		size_t n = (size_t)(rand() % 40);

		if (n <= buf_room(&b)) {
			for (size_t j = 0; j < n; j++)
				piece[j] = (uint8_t)in++;
			if (buf_append(&b, piece, n) != 0)
				ck_abort_msg("append");
		}
		if (b.size > LIMIT + LIMIT / 2)
			ck_abort_msg("%zu bytes allocated", b.size);
		if (buf_used(&b) < LIMIT - 100 && i % 50 != 0)
			continue;
		n = (size_t)(rand() % 80) % (buf_used(&b) + 1);
		for (size_t j = 0; j < n; j++)
			if (buf_head(&b)[j] != (uint8_t)out++)
				ck_abort_msg("byte %u", out - 1);
		buf_consume(&b, n);
	}
	ck_assert_uint_eq(in - out, buf_used(&b));
	buf_done(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_test(tc, starts_empty);
	tcase_add_test(tc, is_a_queue);
	tcase_add_test(tc, all_or_nothing_at_the_limit);
	tcase_add_test(tc, reserve_and_commit);
	tcase_add_test(tc, gives_memory_back);
	tcase_add_test(tc, keeps_order_over_many_turns);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
