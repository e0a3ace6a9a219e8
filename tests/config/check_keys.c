/* SPDX-License-Identifier: Apache-2.0 */
#include "config/keys.h"

#include "at/error.h"
#include "fake/suite.h"

#include <stdint.h>
#include <stdio.h>
#include <string.h>

#define R    KEY_READ
#define W    KEY_WRITE
#define WIFI (1U << NETWORK_WIFI)
#define CELL (1U << NETWORK_CELLULAR)
#define ALL  (WIFI | CELL | 1U << NETWORK_ETHERNET)

static int find(enum network_type type, unsigned max_topic, const void *name, size_t n, const struct key_row **ret,
		unsigned *ret_index)
{
	struct settings s = { .network_type = type, .max_topic = max_topic };

	return keys_find(&s, name, n, ret, ret_index);
}

/* Tables 2 and 3 once more, by hand. */
static const struct key_row rows[KEY_COUNT] = {
	{ KEY_ABOUT, "About", R, KEY_TEXT, 64, true, false, ALL },
	{ KEY_VERSION, "Version", R, KEY_TEXT, 32, true, false, ALL },
	{ KEY_TECHSPEC, "TechSpec", R, KEY_TEXT, 16, true, false, ALL },
	{ KEY_THINGNAME, "ThingName", R, KEY_TEXT, 64, true, false, ALL },
	{ KEY_CERTIFICATE_DEVICE, "Certificate", R, KEY_CERTIFICATE, 16384, true, false, ALL },
	{ KEY_CUSTOMNAME, "CustomName", R | W, KEY_TEXT, 128, true, true, ALL },
	{ KEY_ENDPOINT, "Endpoint", R | W, KEY_TEXT, 128, true, true, ALL },
	{ KEY_ROOTCA, "RootCA", R | W, KEY_ROOTS, 16384, true, false, ALL },
	{ KEY_DEFENDER, "Defender", R | W, KEY_SECONDS, 7, true, true, ALL },
	{ KEY_HOTACERTIFICATE, "HOTAcertificate", R | W, KEY_CERTIFICATE, 16384, true, true, ALL },
	{ KEY_OTACERTIFICATE, "OTAcertificate", R | W, KEY_CERTIFICATE, 16384, true, false, ALL },
	{ KEY_SSID, "SSID", R | W, KEY_TEXT, 32, true, true, WIFI },
	{ KEY_PASSPHRASE, "Passphrase", W, KEY_TEXT, 64, true, true, WIFI },
	{ KEY_APN, "APN", R | W, KEY_TEXT, 128, true, true, CELL },
	{ KEY_QOS_ID, "QoS", R | W, KEY_QOS, 1, false, false, ALL },
	{ KEY_TOPIC, "Topic", R | W, KEY_TEXT, 128, false, false, ALL },
};

START_TEST(table)
{
	const struct key_row *want = &rows[_i], *have = keys_row(want->id);

	ck_assert_int_eq(_i, want->id);
	ck_assert_int_eq(have->id, want->id);
	ck_assert_str_eq(have->name, want->name);
	ck_assert_uint_eq(have->access, want->access);
	ck_assert_int_eq(have->kind, want->kind);
	ck_assert_uint_eq(have->size, want->size);
	ck_assert_int_eq(have->persistent, want->persistent);
	ck_assert_int_eq(have->factory_reset, want->factory_reset);
	ck_assert_uint_eq(have->networks, want->networks);
	ck_assert_int_eq(key_is_pem(have), want->kind == KEY_CERTIFICATE || want->kind == KEY_ROOTS);
}
END_TEST

START_TEST(exists_on_its_networks)
{
	const struct key_row *want = &rows[_i], *row = NULL;
	const char *name = want->id == KEY_TOPIC ? "Topic1" : want->name;

	for (enum network_type type = NETWORK_ETHERNET; type <= NETWORK_CELLULAR; type++) {
		bool there = want->networks & 1U << type;
		unsigned index = 99;
		int r = find(type, 16, name, strlen(name), &row, &index);

		ck_assert_int_eq(r, there ? 0 : AT_ERR_KEY_UNKNOWN);
		if (there) {
			ck_assert_ptr_eq(row, keys_row(want->id));
			ck_assert_uint_eq(index, want->id == KEY_TOPIC);
		}
	}
}
END_TEST

START_TEST(topics_end_at_max_topic)
{
	const struct key_row *row;
	unsigned index;
	char name[20];

	for (unsigned max = 16; max <= 49; max++) {
		for (unsigned i = 0; i <= 120; i++) {
			int n = sprintf(name, "Topic%u", i);
			int r = find(NETWORK_ETHERNET, max, name, (size_t)n, &row, &index);

			ck_assert_int_eq(r, i >= 1 && i <= max ? 0 : AT_ERR_KEY_UNKNOWN);
			if (r == 0) {
				ck_assert_int_eq(row->id, KEY_TOPIC);
				ck_assert_uint_eq(index, i);
			}
		}
	}
}
END_TEST

static const struct {
	const char *name;
	int error;
} wrong[] = {
	{ "", AT_ERR_KEY_LENGTH },
	{ "abcdefghijklmnopq", AT_ERR_KEY_LENGTH },
	{ "abcdefghijklmnop!", AT_ERR_KEY_LENGTH },
	{ "abcdefghijklmnop", AT_ERR_KEY_UNKNOWN },
	{ "abcdefghijklmno!", AT_ERR_KEY_NAME },
	{ "Custom Name", AT_ERR_KEY_NAME },
	{ "About ", AT_ERR_KEY_NAME },
	{ " About", AT_ERR_KEY_NAME },
	{ "Topic_1", AT_ERR_KEY_NAME },
	{ "Topic-1", AT_ERR_KEY_NAME },
	{ "RootCA.previous", AT_ERR_KEY_NAME },
	{ "\xc3\xa9", AT_ERR_KEY_NAME },
	{ "VERSION", AT_ERR_KEY_UNKNOWN },
	{ "about", AT_ERR_KEY_UNKNOWN },
	{ "Abou", AT_ERR_KEY_UNKNOWN },
	{ "Aboutt", AT_ERR_KEY_UNKNOWN },
	{ "Topic", AT_ERR_KEY_UNKNOWN },
	{ "Topic01", AT_ERR_KEY_UNKNOWN },
	{ "Topic1a", AT_ERR_KEY_UNKNOWN },
	{ "Topica", AT_ERR_KEY_UNKNOWN },
	{ "topic1", AT_ERR_KEY_UNKNOWN },
	{ "Topic99999999999", AT_ERR_KEY_UNKNOWN },
	{ "Qos", AT_ERR_KEY_UNKNOWN },
	{ "0", AT_ERR_KEY_UNKNOWN },
};

START_TEST(refuses_other_names)
{
	const struct key_row *row;
	unsigned index;
	int r = find(NETWORK_WIFI, 49, wrong[_i].name, strlen(wrong[_i].name), &row, &index);

	ck_assert_int_eq(r, wrong[_i].error);
}
END_TEST

START_TEST(takes_only_letters_and_digits)
{
	const struct key_row *row;
	unsigned index;

	for (unsigned c = 0; c < 256; c++) {
		bool ok = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
		char name[3] = { 'x', (char)c, 'x' };

		ck_assert_int_eq(find(NETWORK_WIFI, 16, name, 3, &row, &index),
				 ok ? AT_ERR_KEY_UNKNOWN : AT_ERR_KEY_NAME);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("keys");
	TCase *c = tcase_create("keys");

	tcase_add_loop_test(c, table, 0, KEY_COUNT);
	tcase_add_loop_test(c, exists_on_its_networks, 0, KEY_COUNT);
	tcase_add_test(c, topics_end_at_max_topic);
	tcase_add_loop_test(c, refuses_other_names, 0, ELEMENTS(wrong));
	tcase_add_test(c, takes_only_letters_and_digits);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
