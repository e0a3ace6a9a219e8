/* SPDX-License-Identifier: Apache-2.0 */
#include "config/store.h"

#include "fake/suite.h"

#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define TITLE "expresslink-dictionary 1"

#define MAX_ENTRIES 64

struct entries {
	unsigned count;
	char key[MAX_ENTRIES][STORE_MAX_KEY + 1];
	char value[MAX_ENTRIES][600];
	size_t n[MAX_ENTRIES];
};

static void on_entry(void *userdata, const char *key, const void *value, size_t n)
{
	struct entries *e = userdata;

	ck_assert_uint_lt(e->count, MAX_ENTRIES);
	ck_assert_uint_le(n, sizeof(e->value[0]));
	strcpy(e->key[e->count], key);
	memcpy(e->value[e->count], value, n);
	e->n[e->count++] = n;
}

static const char all_bytes[256] = { 0 };

static void fill(char bytes[256])
{
	for (unsigned i = 0; i < 256; i++)
		bytes[i] = (char)i;
}

/* Three entries: text, nothing, every byte. */
static void write_three(struct buf *b)
{
	char bytes[256];

	fill(bytes);
	buf_init(b, STORE_MAX_FILE);
	ck_assert_int_eq(store_header(b, TITLE), 0);
	ck_assert_int_eq(store_entry(b, "Endpoint", "a b%c", 5), 0);
	ck_assert_int_eq(store_entry(b, "CustomName", NULL, 0), 0);
	ck_assert_int_eq(store_entry(b, "SSID", bytes, 256), 0);
	ck_assert_int_eq(store_end(b), 0);
}

/* Is each of the entries that came out one that went in? */
static void are_of_the_three(const struct entries *e)
{
	char bytes[256];

	fill(bytes);
	for (unsigned i = 0; i < e->count; i++) {
		if (strcmp(e->key[i], "Endpoint") == 0) {
			ck_assert_uint_eq(e->n[i], 5);
			ck_assert_mem_eq(e->value[i], "a b%c", 5);
		} else if (strcmp(e->key[i], "CustomName") == 0) {
			ck_assert_uint_eq(e->n[i], 0);
		} else {
			ck_assert_str_eq(e->key[i], "SSID");
			ck_assert_uint_eq(e->n[i], 256);
			ck_assert_mem_eq(e->value[i], bytes, 256);
		}
	}
}

START_TEST(is_this_text)
{
	static const char text[] = "expresslink-dictionary 1\n"
				   "Endpoint 5 4C7F163C a%20b%25c\n"
				   "CustomName 0 1B5F513B \n";
	struct buf b;

	buf_init(&b, STORE_MAX_FILE);
	ck_assert_int_eq(store_header(&b, TITLE), 0);
	ck_assert_int_eq(store_entry(&b, "Endpoint", "a b%c", 5), 0);
	ck_assert_int_eq(store_entry(&b, "CustomName", "", 0), 0);
	ck_assert_uint_eq(buf_used(&b), strlen(text));
	ck_assert_mem_eq(buf_head(&b), text, strlen(text));
	ck_assert_int_eq(store_end(&b), 0);
	ck_assert_mem_eq(buf_head(&b) + strlen(text), "end 78 ", 7);
	ck_assert_uint_eq(buf_used(&b), strlen(text) + 7 + 8 + 1);
	buf_done(&b);
}
END_TEST

/* Only printable ASCII stands for itself. */
START_TEST(other_bytes_are_escaped)
{
	for (unsigned c = 0; c < 256; c++) {
		bool plain = c > 0x20 && c < 0x7f && c != '%';
		char byte = (char)c, expected[8];
		struct buf b;
		int n;

		buf_init(&b, STORE_MAX_FILE);
		ck_assert_int_eq(store_entry(&b, "k", &byte, 1), 0);
		n = plain ? sprintf(expected, " %c\n", byte) : sprintf(expected, " %%%02X\n", c);
		ck_assert_mem_eq(buf_head(&b) + buf_used(&b) - n, expected, (size_t)n);
		buf_done(&b);
	}
}
END_TEST

START_TEST(gives_back_what_went_in)
{
	struct entries e = { 0 };
	struct buf b;

	write_three(&b);
	ck_assert_uint_eq(store_parse(TITLE, buf_head(&b), buf_used(&b), on_entry, &e), 0);
	ck_assert_uint_eq(e.count, 3);
	ck_assert_str_eq(e.key[0], "Endpoint");
	ck_assert_str_eq(e.key[1], "CustomName");
	ck_assert_str_eq(e.key[2], "SSID");
	are_of_the_three(&e);
	buf_done(&b);
}
END_TEST

START_TEST(nothing_in_it_is_sound)
{
	struct entries e = { 0 };
	struct buf b;

	buf_init(&b, STORE_MAX_FILE);
	ck_assert_int_eq(store_header(&b, TITLE), 0);
	ck_assert_int_eq(store_end(&b), 0);
	ck_assert_uint_eq(store_parse(TITLE, buf_head(&b), buf_used(&b), on_entry, &e), 0);
	ck_assert_uint_eq(e.count, 0);
	buf_done(&b);
}
END_TEST

START_TEST(a_cut_anywhere_is_seen)
{
	struct buf b;

	write_three(&b);
	for (size_t n = 0; n < buf_used(&b); n++) {
		struct entries e = { 0 };

		ck_assert_uint_gt(store_parse(TITLE, buf_head(&b), n, on_entry, &e), 0);
		are_of_the_three(&e);
	}
	buf_done(&b);
}
END_TEST

START_TEST(every_flipped_bit_is_seen)
{
	struct buf b;

	write_three(&b);
	for (size_t i = 0; i < buf_used(&b); i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			struct entries e = { 0 };

			b.data[b.start + i] ^= (uint8_t)(1U << bit);
			ck_assert_uint_gt(store_parse(TITLE, buf_head(&b), buf_used(&b), on_entry, &e), 0);
			ck_assert_uint_ge(e.count, 1);
			are_of_the_three(&e);
			b.data[b.start + i] ^= (uint8_t)(1U << bit);
		}
	}
	buf_done(&b);
}
END_TEST

START_TEST(a_missing_line_is_seen)
{
	struct entries e = { 0 };
	char text[2000];
	const char *second, *third;
	struct buf b;
	size_t n;

	write_three(&b);
	n = buf_used(&b);
	memcpy(text, buf_head(&b), n);
	second = memchr(text, '\n', n);
	second++;
	third = memchr(second, '\n', n - (size_t)(second - text));
	third++;
	memmove(text + (second - text), third, n - (size_t)(third - text));
	ck_assert_uint_eq(store_parse(TITLE, text, n - (size_t)(third - second), on_entry, &e), 1);
	ck_assert_uint_eq(e.count, 2);
	are_of_the_three(&e);
	buf_done(&b);
}
END_TEST

START_TEST(a_zeroed_sector_costs_only_its_keys)
{
	struct entries e = { 0 };
	struct buf b;
	size_t first;

	write_three(&b);
	first = strlen("expresslink-dictionary 1\n");
	memset(b.data + first, 0, 10);
	ck_assert_uint_eq(store_parse(TITLE, buf_head(&b), buf_used(&b), on_entry, &e), 2);
	ck_assert_uint_eq(e.count, 2);
	ck_assert_str_eq(e.key[0], "CustomName");
	are_of_the_three(&e);
	buf_done(&b);
}
END_TEST

static const struct {
	const char *text;
	unsigned bad;
	unsigned entries;
} damaged[] = {
	{ "", 2, 0 },
	{ "\n", 3, 0 },
	{ "expresslink-dictionary 1\n", 1, 0 },
	{ "expresslink-dictionary 2\n", 3, 0 },
	{ "expresslink-dictionary 1", 2, 0 },
	{ "expresslink-dictionary 1\nend 25 00000000\n", 1, 0 },
	{ "expresslink-dictionary 1\nCustomName 0 1B5F513B \n", 1, 1 },
	{ "expresslink-dictionary 1\nCustomName 00 1B5F513B \n", 1, 1 },
	{ "expresslink-dictionary 1\nCustomName 0 1B5F513B\n", 2, 0 },
	{ "expresslink-dictionary 1\nCustomName 1 1B5F513B \n", 2, 0 },
	{ "expresslink-dictionary 1\nCustomName -0 1B5F513B \n", 2, 0 },
	{ "expresslink-dictionary 1\nCustomName 0 1b5f513b \n", 2, 0 },
	{ "expresslink-dictionary 1\nCustomName 0 1B5F513 \n", 2, 0 },
	{ "expresslink-dictionary 1\nCustomName 0 01B5F513B \n", 2, 0 },
	{ "expresslink-dictionary 1\nCustomName  0 1B5F513B \n", 2, 0 },
	{ "expresslink-dictionary 1\n 0 1B5F513B \n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a%20b%25c\n", 1, 1 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a%20b%25c\r\n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a b%25c\n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a%20b%c\n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a%20b%2\n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a%20b%\n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 5 4C7F163C a%20b%2Gc\n", 2, 0 },
	{ "expresslink-dictionary 1\nEndpoint 99999999999999999999 4C7F163C a%20b%25c\n", 2, 0 },
	{ "expresslink-dictionary 1\nthis-key-is-longer-than-thirty-two 0 00000000 \n", 2, 0 },
	{ "%%%%%%%%%%%%", 2, 0 },
};

START_TEST(damage_is_counted)
{
	struct entries e = { 0 };

	ck_assert_uint_eq(store_parse(TITLE, damaged[_i].text, strlen(damaged[_i].text), on_entry, &e),
			  damaged[_i].bad);
	ck_assert_uint_eq(e.count, damaged[_i].entries);
}
END_TEST

START_TEST(random_bytes_hold_nothing)
{
	uint32_t x = 1;
	char bytes[4096];

	for (unsigned round = 0; round < 200; round++) {
		struct entries e = { 0 };

		for (size_t i = 0; i < sizeof(bytes); i++) {
			x = x * 1664525 + 1013904223;
			bytes[i] = (char)(x >> 24);
		}
		ck_assert_uint_gt(store_parse(TITLE, bytes, sizeof(bytes), on_entry, &e), 0);
		ck_assert_uint_eq(e.count, 0);
	}
	ck_assert_uint_gt(store_parse(TITLE, all_bytes, sizeof(all_bytes), on_entry, NULL), 0);
}
END_TEST

START_TEST(does_not_grow_beyond_its_bound)
{
	struct buf b;
	char value[200];

	memset(value, 0xff, sizeof(value));
	buf_init(&b, 620);
	ck_assert_int_eq(store_header(&b, TITLE), 0);
	ck_assert_int_eq(store_entry(&b, "Topic", value, sizeof(value)), -ENOBUFS);
	ck_assert_int_eq(store_entry(&b, "Topic", value, STORE_MAX_FILE + 1), -ENOBUFS);
	buf_done(&b);
	/* Nothing is cut, wherever the end of the room is. */
	for (size_t room = 1; room < 40; room++) {
		int r;

		buf_init(&b, room);
		r = store_entry(&b, "Topic", "value", 5);
		ck_assert(r == 0 || r == -ENOBUFS);
		if (r == 0)
			ck_assert_uint_eq(b.data[buf_used(&b) - 1], '\n');
		buf_done(&b);
	}
	buf_init(&b, 10);
	ck_assert_int_eq(store_header(&b, TITLE), -ENOBUFS);
	ck_assert_int_eq(store_end(&b), -ENOBUFS);
	buf_done(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("store");
	TCase *c = tcase_create("store");

	tcase_add_test(c, is_this_text);
	tcase_add_test(c, other_bytes_are_escaped);
	tcase_add_test(c, gives_back_what_went_in);
	tcase_add_test(c, nothing_in_it_is_sound);
	tcase_add_test(c, a_cut_anywhere_is_seen);
	tcase_add_test(c, every_flipped_bit_is_seen);
	tcase_add_test(c, a_missing_line_is_seen);
	tcase_add_test(c, a_zeroed_sector_costs_only_its_keys);
	tcase_add_loop_test(c, damage_is_counted, 0, sizeof(damaged) / sizeof(damaged[0]));
	tcase_add_test(c, random_bytes_hold_nothing);
	tcase_add_test(c, does_not_grow_beyond_its_bound);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
