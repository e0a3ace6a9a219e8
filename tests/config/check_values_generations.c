/* SPDX-License-Identifier: Apache-2.0 */
/* config/values.c with files that are damaged, missing or not to be read: for each value the older generation comes. */
#include "config/values.h"

#include "config/store.h"
#include "fake/drawer.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static struct drawer d;

static void setup(void)
{
	drawer_make(&d);
}

static void teardown(void)
{
	drawer_done(&d);
}

/* Generations: .old says "old" and 100, the present one "new" and 200. */
static void two_generations(void)
{
	struct values v;

	values_init(&v, &d.settings);
	drawer_put(&v, KEY_CUSTOMNAME, "old");
	drawer_put(&v, KEY_DEFENDER, "100");
	drawer_put(&v, KEY_APN, "only-old");
	drawer_save(&d, &v, VALUES_OLD);
	values_done(&v);
	values_init(&v, &d.settings);
	drawer_put(&v, KEY_CUSTOMNAME, "new");
	drawer_put(&v, KEY_DEFENDER, "200");
	drawer_save(&d, &v, VALUES_FILE);
	values_done(&v);
}

static bool is_one_of(const struct values *v, unsigned slot, const char *a, const char *b)
{
	size_t n;
	const char *text = values_get(v, slot, &n);

	return strcmp(text, a) == 0 || strcmp(text, b) == 0;
}

START_TEST(every_cut_falls_back)
{
	_cleanup_(freep) char *text = NULL;
	size_t n;

	two_generations();
	text = temp_read(d.dir, VALUES_FILE, &n);
	for (size_t cut = 0; cut <= n; cut++) {
		struct values v;
		unsigned damaged;
		bool old;

		temp_write(d.dir, VALUES_FILE, text, cut, 0600);
		values_init(&v, &d.settings);
		ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
		ck_assert_int_eq(damaged > 0, cut < n);
		ck_assert(is_one_of(&v, KEY_CUSTOMNAME, "old", "new"));
		ck_assert(is_one_of(&v, KEY_DEFENDER, "100", "200"));
		ck_assert_int_eq(temp_exists(d.dir, VALUES_DAMAGED), cut < n);
		values_done(&v);

		/* The next start finds it sound, with the same values. */
		values_init(&v, &d.settings);
		ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
		ck_assert_uint_eq(damaged, 0);
		ck_assert(is_one_of(&v, KEY_CUSTOMNAME, "old", "new"));
		values_done(&v);
		unlink(temp_path(d.dir, VALUES_DAMAGED));
	}
}
END_TEST

START_TEST(damage_costs_one_key)
{
	_cleanup_(freep) char *text = NULL, *kept = NULL;
	struct values v;
	unsigned damaged;
	char *line;
	size_t n;
	bool old;

	two_generations();
	text = temp_read(d.dir, VALUES_FILE, &n);
	line = strstr(text, "CustomName");
	line[strcspn(line, "\n") - 1] ^= 4;
	temp_write(d.dir, VALUES_FILE, text, n, 0600);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	/* the line and the sum of all */
	ck_assert_uint_eq(damaged, 2);
	drawer_has(&v, KEY_CUSTOMNAME, "old");
	drawer_has(&v, KEY_DEFENDER, "200");
	kept = temp_read(d.dir, VALUES_DAMAGED, NULL);
	ck_assert_str_eq(kept, text);
	values_done(&v);
}
END_TEST

START_TEST(without_an_older_generation_the_factory_value_comes)
{
	struct values v;
	unsigned damaged;
	bool old;

	two_generations();
	unlink(temp_path(d.dir, VALUES_OLD));
	temp_text(d.dir, VALUES_FILE, "rubbish");
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_gt(damaged, 0);
	drawer_has(&v, KEY_CUSTOMNAME, "");
	drawer_has(&v, KEY_DEFENDER, "0");
	values_done(&v);
}
END_TEST

/* Whoever only looks sees what the module would, and leaves all of it as it is. */
START_TEST(peeking)
{
	_cleanup_(freep) char *text = NULL, *after = NULL;
	struct values v;
	char *line;
	size_t n;

	values_init(&v, &d.settings);
	ck_assert_int_eq(values_peek(&v, d.dir), 0);
	drawer_has(&v, KEY_CUSTOMNAME, "");
	ck_assert(!temp_exists(d.dir, VALUES_FILE));
	two_generations();
	ck_assert_int_eq(values_peek(&v, d.dir), 0);
	drawer_has(&v, KEY_CUSTOMNAME, "new");
	values_done(&v);

	temp_text(d.dir, VALUES_FILE ".tmp", "being written");
	text = temp_read(d.dir, VALUES_FILE, &n);
	line = strstr(text, "CustomName");
	line[strcspn(line, "\n") - 1] ^= 4;
	temp_write(d.dir, VALUES_FILE, text, n, 0600);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_peek(&v, d.dir), 0);
	drawer_has(&v, KEY_CUSTOMNAME, "old");
	drawer_has(&v, KEY_DEFENDER, "200");
	ck_assert(!temp_exists(d.dir, VALUES_DAMAGED));
	ck_assert(temp_exists(d.dir, VALUES_FILE ".tmp"));
	after = temp_read(d.dir, VALUES_FILE, NULL);
	ck_assert_str_eq(after, text);
	values_done(&v);
}
END_TEST

START_TEST(both_generations_damaged)
{
	struct values v;
	unsigned damaged;
	bool old;

	temp_text(d.dir, VALUES_FILE, "rubbish");
	temp_text(d.dir, VALUES_OLD, "");
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_gt(damaged, 0);
	drawer_has(&v, KEY_ENDPOINT, "staging.example");
	values_done(&v);
}
END_TEST

/* Between two renames on a file system without links. */
START_TEST(a_missing_file_is_replaced_by_the_older_one)
{
	struct values v;
	unsigned damaged;
	bool old;

	two_generations();
	unlink(temp_path(d.dir, VALUES_FILE));
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert(old);
	drawer_has(&v, KEY_CUSTOMNAME, "old");
	drawer_has(&v, KEY_APN, "only-old");
	values_done(&v);
}
END_TEST

START_TEST(values_that_are_not_valid_fall_back)
{
	struct values v;
	unsigned damaged;
	bool old;

	two_generations();
	values_init(&v, &d.settings);
	drawer_put(&v, KEY_CUSTOMNAME, "new");
	drawer_put(&v, KEY_DEFENDER, "soon");
	drawer_put(&v, KEY_ROOTCA, "no certificate");
	drawer_put(&v, SLOT_PREVIOUS, "-----BEGIN");
	drawer_put(&v, KEY_SSID, "longer than thirty-two bytes can be");
	drawer_save(&d, &v, VALUES_FILE);
	values_done(&v);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 4);
	drawer_has(&v, KEY_CUSTOMNAME, "new");
	drawer_has(&v, KEY_DEFENDER, "100");
	drawer_has(&v, KEY_ROOTCA, d.ca->pem);
	drawer_has(&v, SLOT_PREVIOUS, "");
	drawer_has(&v, KEY_SSID, "lab");
	values_done(&v);
}
END_TEST

/* A folder in its place, or more than there can be: put aside as it is. */
START_TEST(what_cannot_be_read_is_put_aside)
{
	size_t n = STORE_MAX_FILE + 1;
	_cleanup_(freep) char *big = malloc(n);
	struct values v;
	unsigned damaged;
	bool old;

	two_generations();
	memset(big, 'x', n);
	temp_write(d.dir, VALUES_FILE, big, n, 0600);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 1);
	drawer_has(&v, KEY_CUSTOMNAME, "old");
	values_done(&v);
	unlink(temp_path(d.dir, VALUES_DAMAGED));
	unlink(temp_path(d.dir, VALUES_FILE));

	ck_assert_int_eq(mkdir(temp_path(d.dir, VALUES_FILE), 0700), 0);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 1);
	drawer_has(&v, KEY_CUSTOMNAME, "old");
	values_done(&v);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	drawer_has(&v, KEY_CUSTOMNAME, "old");
	values_done(&v);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("values_generations");
	TCase *c = tcase_create("values_generations");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, every_cut_falls_back);
	tcase_add_test(c, damage_costs_one_key);
	tcase_add_test(c, without_an_older_generation_the_factory_value_comes);
	tcase_add_test(c, peeking);
	tcase_add_test(c, both_generations_damaged);
	tcase_add_test(c, a_missing_file_is_replaced_by_the_older_one);
	tcase_add_test(c, values_that_are_not_valid_fall_back);
	tcase_add_test(c, what_cannot_be_read_is_put_aside);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
