/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

#include "config/store.h"
#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char *dir;
static struct pki *ca;
static struct settings settings;

static void setup(void)
{
	static char about[] = "A", staging[] = "staging.example", ssid[] = "lab", empty[] = "";

	dir = temp_dir();
	ca = pki_ca("CA");
	settings = (struct settings){
		.about = about,
		.thing_name = about,
		.certificate_pem = ca->pem,
		.staging_endpoint = staging,
		.root_ca_pem = ca->pem,
		.ota_certificate_pem = empty,
		.default_ssid = ssid,
		.default_passphrase = empty,
		.default_apn = empty,
	};
}

static void teardown(void)
{
	temp_remove(dir);
	pki_free(ca);
}

static void put(struct values *v, unsigned slot, const char *text)
{
	struct value value = { strdup(text), strlen(text) };

	values_take(v, slot, &value);
	ck_assert_ptr_null(value.data);
}

static void has(const struct values *v, unsigned slot, const char *text)
{
	size_t n;
	const char *data = values_get(v, slot, &n);

	ck_assert_uint_eq(n, strlen(text));
	ck_assert_str_eq(data, text);
}

static void save(const struct values *v, const char *name)
{
	struct buf text;

	buf_init(&text, STORE_MAX_FILE);
	ck_assert_int_eq(values_write(v, NULL, &text), 0);
	temp_write(dir, name, buf_head(&text), buf_used(&text), 0600);
	buf_done(&text);
}

static bool exists(const char *name)
{
	return access(temp_path(dir, name), F_OK) == 0;
}

START_TEST(factory_values)
{
	struct values v;

	values_init(&v, &settings);
	has(&v, KEY_ABOUT, "A");
	has(&v, KEY_TECHSPEC, "v1.0");
	has(&v, KEY_THINGNAME, "A");
	has(&v, KEY_CERTIFICATE_DEVICE, ca->pem);
	has(&v, KEY_CUSTOMNAME, "");
	has(&v, KEY_ENDPOINT, "staging.example");
	has(&v, KEY_ROOTCA, ca->pem);
	has(&v, KEY_DEFENDER, "0");
	has(&v, KEY_HOTACERTIFICATE, "");
	has(&v, KEY_OTACERTIFICATE, "");
	has(&v, KEY_SSID, "lab");
	has(&v, KEY_PASSPHRASE, "");
	has(&v, KEY_APN, "");
	has(&v, KEY_QOS_ID, "0");
	has(&v, SLOT_PREVIOUS, "");
	values_done(&v);
}
END_TEST

START_TEST(version_is_three_numbers)
{
	struct values v;
	unsigned a, b, c;
	char more;
	size_t n;

	values_init(&v, &settings);
	ck_assert_int_eq(sscanf(values_get(&v, KEY_VERSION, &n), "%u.%u.%u%c", &a, &b, &c, &more), 3);
	ck_assert_uint_le(n, 32);
}
END_TEST

START_TEST(keeps_what_the_host_writes)
{
	static const bool kept[SLOT_COUNT] = {
		[KEY_CUSTOMNAME] = true, [KEY_ENDPOINT] = true,        [KEY_ROOTCA] = true,
		[KEY_DEFENDER] = true,   [KEY_HOTACERTIFICATE] = true, [KEY_OTACERTIFICATE] = true,
		[KEY_SSID] = true,       [KEY_PASSPHRASE] = true,      [KEY_APN] = true,
		[SLOT_PREVIOUS] = true,
	};

	for (unsigned slot = 0; slot < SLOT_COUNT; slot++)
		ck_assert_int_eq(slot_is_kept(slot), kept[slot]);
}
END_TEST

START_TEST(comes_back)
{
	struct values v, w;
	unsigned damaged = 9;
	bool old = true;

	values_init(&v, &settings);
	put(&v, KEY_ENDPOINT, "a b");
	put(&v, KEY_SSID, "");
	put(&v, KEY_DEFENDER, "300");
	put(&v, KEY_PASSPHRASE, "secret");
	put(&v, SLOT_PREVIOUS, ca->pem);
	put(&v, KEY_QOS_ID, "1");
	save(&v, VALUES_FILE);
	values_init(&w, &settings);
	ck_assert_int_eq(values_load(&w, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert(!old);
	has(&w, KEY_ENDPOINT, "a b");
	has(&w, KEY_SSID, "");
	has(&w, KEY_DEFENDER, "300");
	has(&w, KEY_PASSPHRASE, "secret");
	has(&w, SLOT_PREVIOUS, ca->pem);
	has(&w, KEY_CUSTOMNAME, "");
	has(&w, KEY_QOS_ID, "0");
	values_done(&v);
	values_done(&w);
}
END_TEST

/* What equals the factory's value follows it when the settings change. */
START_TEST(factory_values_are_not_written)
{
	_cleanup_(freep) char *text = NULL;
	struct values v;

	values_init(&v, &settings);
	put(&v, KEY_ENDPOINT, "staging.example");
	put(&v, KEY_CUSTOMNAME, "");
	save(&v, VALUES_FILE);
	text = temp_read(dir, VALUES_FILE, NULL);
	ck_assert_ptr_null(strstr(text, "Endpoint"));
	ck_assert_ptr_null(strstr(text, "CustomName"));
	values_done(&v);
}
END_TEST

START_TEST(overlay_comes_before_present_values)
{
	const struct value *overlay[SLOT_COUNT] = { 0 };
	struct value gone = { 0 }, name = { strdup("new"), 3 };
	struct values v, w;
	unsigned damaged;
	struct buf out;
	bool old;

	values_init(&v, &settings);
	put(&v, KEY_ENDPOINT, "a");
	put(&v, KEY_CUSTOMNAME, "b");
	put(&v, KEY_SSID, "c");
	overlay[KEY_ENDPOINT] = &gone;
	overlay[KEY_CUSTOMNAME] = &name;
	buf_init(&out, STORE_MAX_FILE);
	ck_assert_int_eq(values_write(&v, overlay, &out), 0);
	ck_assert_int_eq(values_replace(dir, &out, false), 0);
	values_init(&w, &settings);
	ck_assert_int_eq(values_load(&w, dir, &damaged, &old), 0);
	has(&w, KEY_ENDPOINT, "staging.example");
	has(&w, KEY_CUSTOMNAME, "new");
	has(&w, KEY_SSID, "c");
	buf_done(&out);
	value_done(&name);
	values_done(&v);
	values_done(&w);
}
END_TEST

START_TEST(replace_keeps_or_forgets)
{
	struct buf out;
	struct stat st;

	buf_init(&out, 100);
	ck_assert_int_eq(buf_append(&out, "one", 3), 0);
	temp_text(dir, VALUES_DAMAGED, "x");
	ck_assert_int_eq(values_replace(dir, &out, false), 0);
	ck_assert_int_eq(values_replace(dir, &out, false), 0);
	ck_assert(exists(VALUES_OLD) && exists(VALUES_DAMAGED));
	ck_assert_int_eq(stat(temp_path(dir, VALUES_FILE), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* There may be a passphrase in it. */
	ck_assert_int_eq(values_replace(dir, &out, true), 0);
	ck_assert(exists(VALUES_FILE) && !exists(VALUES_OLD) && !exists(VALUES_DAMAGED));
	buf_done(&out);
}
END_TEST

/* Generations: .old says "old" and 100, the present one "new" and 200. */
static void two_generations(void)
{
	struct values v;

	values_init(&v, &settings);
	put(&v, KEY_CUSTOMNAME, "old");
	put(&v, KEY_DEFENDER, "100");
	put(&v, KEY_APN, "only-old");
	save(&v, VALUES_OLD);
	values_done(&v);
	values_init(&v, &settings);
	put(&v, KEY_CUSTOMNAME, "new");
	put(&v, KEY_DEFENDER, "200");
	save(&v, VALUES_FILE);
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
	text = temp_read(dir, VALUES_FILE, &n);
	for (size_t cut = 0; cut <= n; cut++) {
		struct values v;
		unsigned damaged;
		bool old;

		temp_write(dir, VALUES_FILE, text, cut, 0600);
		values_init(&v, &settings);
		ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
		ck_assert_int_eq(damaged > 0, cut < n);
		ck_assert(is_one_of(&v, KEY_CUSTOMNAME, "old", "new"));
		ck_assert(is_one_of(&v, KEY_DEFENDER, "100", "200"));
		ck_assert_int_eq(exists(VALUES_DAMAGED), cut < n);
		values_done(&v);

		/* The next start finds it sound, with the same values. */
		values_init(&v, &settings);
		ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
		ck_assert_uint_eq(damaged, 0);
		ck_assert(is_one_of(&v, KEY_CUSTOMNAME, "old", "new"));
		values_done(&v);
		unlink(temp_path(dir, VALUES_DAMAGED));
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
	text = temp_read(dir, VALUES_FILE, &n);
	line = strstr(text, "CustomName");
	line[strcspn(line, "\n") - 1] ^= 4;
	temp_write(dir, VALUES_FILE, text, n, 0600);
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	/* the line and the sum of all */
	ck_assert_uint_eq(damaged, 2);
	has(&v, KEY_CUSTOMNAME, "old");
	has(&v, KEY_DEFENDER, "200");
	kept = temp_read(dir, VALUES_DAMAGED, NULL);
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
	unlink(temp_path(dir, VALUES_OLD));
	temp_text(dir, VALUES_FILE, "rubbish");
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_gt(damaged, 0);
	has(&v, KEY_CUSTOMNAME, "");
	has(&v, KEY_DEFENDER, "0");
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

	values_init(&v, &settings);
	ck_assert_int_eq(values_peek(&v, dir), 0);
	has(&v, KEY_CUSTOMNAME, "");
	ck_assert(!exists(VALUES_FILE));
	two_generations();
	ck_assert_int_eq(values_peek(&v, dir), 0);
	has(&v, KEY_CUSTOMNAME, "new");
	values_done(&v);

	temp_text(dir, VALUES_FILE ".tmp", "being written");
	text = temp_read(dir, VALUES_FILE, &n);
	line = strstr(text, "CustomName");
	line[strcspn(line, "\n") - 1] ^= 4;
	temp_write(dir, VALUES_FILE, text, n, 0600);
	values_init(&v, &settings);
	ck_assert_int_eq(values_peek(&v, dir), 0);
	has(&v, KEY_CUSTOMNAME, "old");
	has(&v, KEY_DEFENDER, "200");
	ck_assert(!exists(VALUES_DAMAGED));
	ck_assert(exists(VALUES_FILE ".tmp"));
	after = temp_read(dir, VALUES_FILE, NULL);
	ck_assert_str_eq(after, text);
	values_done(&v);
}
END_TEST

START_TEST(both_generations_damaged)
{
	struct values v;
	unsigned damaged;
	bool old;

	temp_text(dir, VALUES_FILE, "rubbish");
	temp_text(dir, VALUES_OLD, "");
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_gt(damaged, 0);
	has(&v, KEY_ENDPOINT, "staging.example");
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
	unlink(temp_path(dir, VALUES_FILE));
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert(old);
	has(&v, KEY_CUSTOMNAME, "old");
	has(&v, KEY_APN, "only-old");
	values_done(&v);
}
END_TEST

START_TEST(values_that_are_not_valid_fall_back)
{
	struct values v;
	unsigned damaged;
	bool old;

	two_generations();
	values_init(&v, &settings);
	put(&v, KEY_CUSTOMNAME, "new");
	put(&v, KEY_DEFENDER, "soon");
	put(&v, KEY_ROOTCA, "no certificate");
	put(&v, SLOT_PREVIOUS, "-----BEGIN");
	put(&v, KEY_SSID, "longer than thirty-two bytes can be");
	save(&v, VALUES_FILE);
	values_done(&v);
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 4);
	has(&v, KEY_CUSTOMNAME, "new");
	has(&v, KEY_DEFENDER, "100");
	has(&v, KEY_ROOTCA, ca->pem);
	has(&v, SLOT_PREVIOUS, "");
	has(&v, KEY_SSID, "lab");
	values_done(&v);
}
END_TEST

START_TEST(unknown_keys_are_passed_over)
{
	struct values v;
	unsigned damaged;
	struct buf out;
	bool old;

	buf_init(&out, STORE_MAX_FILE);
	ck_assert_int_eq(store_header(&out, "expresslink-dictionary 1"), 0);
	ck_assert_int_eq(store_entry(&out, "Topic1", "t", 1), 0);
	ck_assert_int_eq(store_entry(&out, "About", "mine", 4), 0);
	ck_assert_int_eq(store_entry(&out, "QoS", "1", 1), 0);
	ck_assert_int_eq(store_entry(&out, "Future", "x", 1), 0);
	ck_assert_int_eq(store_entry(&out, "CustomName", "n", 1), 0);
	ck_assert_int_eq(store_end(&out), 0);
	temp_write(dir, VALUES_FILE, buf_head(&out), buf_used(&out), 0600);
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	has(&v, KEY_CUSTOMNAME, "n");
	has(&v, KEY_ABOUT, "A");
	has(&v, KEY_QOS_ID, "0");
	buf_done(&out);
	values_done(&v);
}
END_TEST

START_TEST(leftovers_are_removed)
{
	struct values v;
	unsigned damaged;
	bool old = true;

	temp_text(dir, VALUES_FILE ".tmp", "half");
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert(!old);
	ck_assert(!exists(VALUES_FILE ".tmp"));
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
	temp_write(dir, VALUES_FILE, big, n, 0600);
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 1);
	has(&v, KEY_CUSTOMNAME, "old");
	values_done(&v);
	unlink(temp_path(dir, VALUES_DAMAGED));
	unlink(temp_path(dir, VALUES_FILE));

	ck_assert_int_eq(mkdir(temp_path(dir, VALUES_FILE), 0700), 0);
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 1);
	has(&v, KEY_CUSTOMNAME, "old");
	values_done(&v);
	values_init(&v, &settings);
	ck_assert_int_eq(values_load(&v, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	has(&v, KEY_CUSTOMNAME, "old");
	values_done(&v);
}
END_TEST

/* The most that there can be. */
START_TEST(the_largest_fits)
{
	_cleanup_(pki_freep) struct pki *big =
		pki_make(&(struct pki_order){ .name = "big", .ca = true, .padding = 11500 });
	_cleanup_(freep) char *three = NULL;
	char bytes[129];
	struct values v, w;
	unsigned damaged;
	bool old;

	memset(bytes, '%', 128);
	bytes[128] = '\0';
	ck_assert_int_ge(asprintf(&three, "%s\n%s\n%s", big->pem, big->pem, big->pem), 0);
	ck_assert_uint_gt(strlen(three), 45000);
	values_init(&v, &settings);
	put(&v, KEY_ROOTCA, big->pem);
	put(&v, KEY_HOTACERTIFICATE, big->pem);
	put(&v, KEY_OTACERTIFICATE, big->pem);
	put(&v, SLOT_PREVIOUS, three);
	put(&v, KEY_ENDPOINT, bytes);
	put(&v, KEY_CUSTOMNAME, bytes);
	put(&v, KEY_APN, bytes);
	save(&v, VALUES_FILE);
	values_init(&w, &settings);
	ck_assert_int_eq(values_load(&w, dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	has(&w, SLOT_PREVIOUS, three);
	has(&w, KEY_OTACERTIFICATE, big->pem);
	has(&w, KEY_APN, bytes);
	values_done(&v);
	values_done(&w);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("values");
	TCase *c = tcase_create("values");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_set_timeout(c, 60);
	tcase_add_test(c, factory_values);
	tcase_add_test(c, version_is_three_numbers);
	tcase_add_test(c, keeps_what_the_host_writes);
	tcase_add_test(c, comes_back);
	tcase_add_test(c, factory_values_are_not_written);
	tcase_add_test(c, overlay_comes_before_present_values);
	tcase_add_test(c, replace_keeps_or_forgets);
	tcase_add_test(c, every_cut_falls_back);
	tcase_add_test(c, damage_costs_one_key);
	tcase_add_test(c, without_an_older_generation_the_factory_value_comes);
	tcase_add_test(c, peeking);
	tcase_add_test(c, both_generations_damaged);
	tcase_add_test(c, a_missing_file_is_replaced_by_the_older_one);
	tcase_add_test(c, values_that_are_not_valid_fall_back);
	tcase_add_test(c, unknown_keys_are_passed_over);
	tcase_add_test(c, leftovers_are_removed);
	tcase_add_test(c, what_cannot_be_read_is_put_aside);
	tcase_add_test(c, the_largest_fits);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
