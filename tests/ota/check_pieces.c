/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/pieces.h"

#include "fake/suite.h"

#include <string.h>

#define SIZE 4000

static struct pieces pieces;
static unsigned char file[SIZE], copy[SIZE];

static void setup(void)
{
	for (unsigned i = 0; i < SIZE; i++)
		file[i] = (unsigned char)(i * 7 + i / 256);
	memset(copy, 0, SIZE);
	pieces_restart(&pieces, 0);
}

static void teardown(void)
{
	pieces_restart(&pieces, 0);
}

static void put(uint64_t offset, size_t n)
{
	ck_assert_int_eq(pieces_put(&pieces, offset, file + offset, n), 0);
}

/* As they come, each where the one before it ended. */
static size_t take(uint64_t from)
{
	struct piece *all = pieces_take(&pieces);
	uint64_t at = from;

	for (struct piece *p = all; p; p = p->next) {
		ck_assert_uint_lt(p->skip, p->n);
		ck_assert_uint_eq(p->offset + p->skip, at);
		memcpy(copy + at, p->data + p->skip, p->n - p->skip);
		at += p->n - p->skip;
	}
	piece_free_all(all);
	ck_assert_uint_eq(pieces.next, at);
	ck_assert(!pieces_ready(&pieces));
	return (size_t)(at - from);
}

START_TEST(in_order)
{
	for (unsigned i = 0; i < 10; i++) {
		ck_assert(!pieces_ready(&pieces));
		put(i * 100, 100);
		ck_assert(pieces_ready(&pieces));
		ck_assert_uint_gt(pieces.bytes, 100);
		ck_assert_uint_eq(take(i * 100), 100);
		ck_assert_uint_eq(pieces.bytes, 0);
	}
	ck_assert_mem_eq(copy, file, 1000);
	ck_assert_ptr_null(pieces_take(&pieces));
}
END_TEST

START_TEST(backwards)
{
	for (unsigned i = 9; i > 0; i--) {
		put(i * 100, 100);
		ck_assert(!pieces_ready(&pieces));
		ck_assert_ptr_null(pieces_take(&pieces));
	}
	put(0, 100);
	ck_assert_uint_eq(take(0), 1000);
	ck_assert_mem_eq(copy, file, 1000);
	ck_assert_uint_eq(pieces.bytes, 0);
}
END_TEST

START_TEST(what_is_there_is_passed_over)
{
	size_t bytes;

	put(100, 100);
	put(300, 100);
	bytes = pieces.bytes;
	put(100, 100);
	put(120, 50);
	put(399, 1);
	put(200, 0);
	ck_assert_uint_eq(pieces.bytes, bytes);
	put(0, 100);
	ck_assert_uint_eq(take(0), 200);
	bytes = pieces.bytes;
	put(0, 200);
	put(199, 1);
	ck_assert_uint_eq(pieces.bytes, bytes);
	ck_assert(!pieces_ready(&pieces));
	put(200, 100);
	ck_assert_uint_eq(take(200), 200);
	ck_assert_mem_eq(copy, file, 400);
}
END_TEST

START_TEST(overlaps_are_cut)
{
	put(50, 100);
	put(0, 80);
	put(100, 300);
	put(90, 20);
	put(60, 400);
	ck_assert_uint_eq(take(0), 460);
	put(400, 100);
	ck_assert_uint_eq(take(460), 40);
	ck_assert_mem_eq(copy, file, 500);
	ck_assert_uint_eq(pieces.bytes, 0);
}
END_TEST

START_TEST(from_somewhere)
{
	pieces_restart(&pieces, 1000);
	put(500, 400);
	ck_assert_uint_eq(pieces.bytes, 0);
	put(1100, 100);
	put(900, 200);
	ck_assert_uint_eq(take(1000), 200);
	put(1200, 1);
	pieces_restart(&pieces, 10);
	ck_assert(!pieces_ready(&pieces));
	ck_assert_uint_eq(pieces.bytes, 0);
	put(10, 5);
	ck_assert_uint_eq(take(10), 5);
}
END_TEST

/* Pieces of any size in any order, some twice, taken now and then: the file comes out. */
START_TEST(shuffled)
{
	uint32_t x = (uint32_t)_i + 1;
	uint64_t at = 0;

#define RANDOM() ((x = x * 1664525 + 1013904223) >> 8)
	while (at < SIZE) {
		uint64_t offset = RANDOM() % SIZE;
		size_t n = RANDOM() % 200;

		if (RANDOM() % 8 == 0)
			offset = at;
		put(offset, n < SIZE - offset ? n : (size_t)(SIZE - offset));
		if (RANDOM() % 4 == 0)
			at += take(at);
	}
	ck_assert_mem_eq(copy, file, SIZE);
	ck_assert_uint_eq(pieces.bytes, 0);
	ck_assert_ptr_null(pieces.first);
	ck_assert_ptr_null(pieces.last);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pieces");
	TCase *c = tcase_create("pieces");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, in_order);
	tcase_add_test(c, backwards);
	tcase_add_test(c, what_is_there_is_passed_over);
	tcase_add_test(c, overlaps_are_cut);
	tcase_add_test(c, from_somewhere);
	tcase_add_loop_test(c, shuffled, 0, 50);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
