/* SPDX-License-Identifier: Apache-2.0 */
#include "config/values.h"

#include "config/store.h"
#include "fake/drawer.h"
#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct drawer d;

static void setup(void)
{
	drawer_make(&d);
}

static void teardown(void)
{
	drawer_done(&d);
}

START_TEST(factory_values)
{
	struct values v;

	values_init(&v, &d.settings);
	drawer_has(&v, KEY_ABOUT, "A");
	drawer_has(&v, KEY_TECHSPEC, "v1.0");
	drawer_has(&v, KEY_THINGNAME, "A");
	drawer_has(&v, KEY_CERTIFICATE_DEVICE, d.ca->pem);
	drawer_has(&v, KEY_CUSTOMNAME, "");
	drawer_has(&v, KEY_ENDPOINT, "staging.example");
	drawer_has(&v, KEY_ROOTCA, d.ca->pem);
	drawer_has(&v, KEY_DEFENDER, "0");
	drawer_has(&v, KEY_HOTACERTIFICATE, "");
	drawer_has(&v, KEY_OTACERTIFICATE, "");
	drawer_has(&v, KEY_SSID, "lab");
	drawer_has(&v, KEY_PASSPHRASE, "");
	drawer_has(&v, KEY_APN, "");
	drawer_has(&v, KEY_QOS_ID, "0");
	drawer_has(&v, SLOT_PREVIOUS, "");
	values_done(&v);
}
END_TEST

START_TEST(version_is_three_numbers)
{
	struct values v;
	unsigned a, b, c;
	char more;
	size_t n;

	values_init(&v, &d.settings);
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

	values_init(&v, &d.settings);
	drawer_put(&v, KEY_ENDPOINT, "a b");
	drawer_put(&v, KEY_SSID, "");
	drawer_put(&v, KEY_DEFENDER, "300");
	drawer_put(&v, KEY_PASSPHRASE, "secret");
	drawer_put(&v, SLOT_PREVIOUS, d.ca->pem);
	drawer_put(&v, KEY_QOS_ID, "1");
	drawer_save(&d, &v, VALUES_FILE);
	values_init(&w, &d.settings);
	ck_assert_int_eq(values_load(&w, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert(!old);
	drawer_has(&w, KEY_ENDPOINT, "a b");
	drawer_has(&w, KEY_SSID, "");
	drawer_has(&w, KEY_DEFENDER, "300");
	drawer_has(&w, KEY_PASSPHRASE, "secret");
	drawer_has(&w, SLOT_PREVIOUS, d.ca->pem);
	drawer_has(&w, KEY_CUSTOMNAME, "");
	drawer_has(&w, KEY_QOS_ID, "0");
	values_done(&v);
	values_done(&w);
}
END_TEST

/* What equals the factory's value follows it when the settings change. */
START_TEST(factory_values_are_not_written)
{
	_cleanup_(freep) char *text = NULL;
	struct values v;

	values_init(&v, &d.settings);
	drawer_put(&v, KEY_ENDPOINT, "staging.example");
	drawer_put(&v, KEY_CUSTOMNAME, "");
	drawer_save(&d, &v, VALUES_FILE);
	text = temp_read(d.dir, VALUES_FILE, NULL);
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

	values_init(&v, &d.settings);
	drawer_put(&v, KEY_ENDPOINT, "a");
	drawer_put(&v, KEY_CUSTOMNAME, "b");
	drawer_put(&v, KEY_SSID, "c");
	overlay[KEY_ENDPOINT] = &gone;
	overlay[KEY_CUSTOMNAME] = &name;
	buf_init(&out, STORE_MAX_FILE);
	ck_assert_int_eq(values_write(&v, overlay, &out), 0);
	ck_assert_int_eq(values_replace(d.dir, &out, false), 0);
	values_init(&w, &d.settings);
	ck_assert_int_eq(values_load(&w, d.dir, &damaged, &old), 0);
	drawer_has(&w, KEY_ENDPOINT, "staging.example");
	drawer_has(&w, KEY_CUSTOMNAME, "new");
	drawer_has(&w, KEY_SSID, "c");
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
	temp_text(d.dir, VALUES_DAMAGED, "x");
	ck_assert_int_eq(values_replace(d.dir, &out, false), 0);
	ck_assert_int_eq(values_replace(d.dir, &out, false), 0);
	ck_assert(temp_exists(d.dir, VALUES_OLD) && temp_exists(d.dir, VALUES_DAMAGED));
	ck_assert_int_eq(stat(temp_path(d.dir, VALUES_FILE), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	/* There may be a passphrase in it. */
	ck_assert_int_eq(values_replace(d.dir, &out, true), 0);
	ck_assert(temp_exists(d.dir, VALUES_FILE) && !temp_exists(d.dir, VALUES_OLD) &&
		  !temp_exists(d.dir, VALUES_DAMAGED));
	buf_done(&out);
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
	temp_write(d.dir, VALUES_FILE, buf_head(&out), buf_used(&out), 0600);
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	drawer_has(&v, KEY_CUSTOMNAME, "n");
	drawer_has(&v, KEY_ABOUT, "A");
	drawer_has(&v, KEY_QOS_ID, "0");
	buf_done(&out);
	values_done(&v);
}
END_TEST

START_TEST(leftovers_are_removed)
{
	struct values v;
	unsigned damaged;
	bool old = true;

	temp_text(d.dir, VALUES_FILE ".tmp", "half");
	values_init(&v, &d.settings);
	ck_assert_int_eq(values_load(&v, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	ck_assert(!old);
	ck_assert(!temp_exists(d.dir, VALUES_FILE ".tmp"));
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
	values_init(&v, &d.settings);
	drawer_put(&v, KEY_ROOTCA, big->pem);
	drawer_put(&v, KEY_HOTACERTIFICATE, big->pem);
	drawer_put(&v, KEY_OTACERTIFICATE, big->pem);
	drawer_put(&v, SLOT_PREVIOUS, three);
	drawer_put(&v, KEY_ENDPOINT, bytes);
	drawer_put(&v, KEY_CUSTOMNAME, bytes);
	drawer_put(&v, KEY_APN, bytes);
	drawer_save(&d, &v, VALUES_FILE);
	values_init(&w, &d.settings);
	ck_assert_int_eq(values_load(&w, d.dir, &damaged, &old), 0);
	ck_assert_uint_eq(damaged, 0);
	drawer_has(&w, SLOT_PREVIOUS, three);
	drawer_has(&w, KEY_OTACERTIFICATE, big->pem);
	drawer_has(&w, KEY_APN, bytes);
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
	tcase_add_test(c, unknown_keys_are_passed_over);
	tcase_add_test(c, leftovers_are_removed);
	tcase_add_test(c, the_largest_fits);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
