/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dict.h"

#include "at/error.h"
#include "fake/book.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

static struct book book;

static void setup(void)
{
	book_make(&book);
}

static void teardown(void)
{
	book_done(&book);
}

START_TEST(starts_with_factory_values)
{
	book_has(&book, KEY_ABOUT, "expresslinkd - Linux gateway");
	book_has(&book, KEY_TECHSPEC, "v1.0");
	book_has(&book, KEY_THINGNAME, "thing");
	book_has(&book, KEY_ENDPOINT, "staging.example");
	book_has(&book, KEY_SSID, "lab");
	ck_assert_str_eq(book_get(&book, "RootCA"), book.ca->pem);
	ck_assert_str_eq(book_get(&book, "Certificate"), book.below->pem);
	ck_assert_str_eq(book_get(&book, "QoS"), "0");
	ck_assert_str_eq(book_get(&book, "Topic16"), "");
	ck_assert_uint_eq(dict_number(book.dict, KEY_QOS_ID), 0);
	ck_assert_uint_eq(dict_number(book.dict, KEY_DEFENDER), 0);
	ck_assert_uint_eq(dict_damaged(book.dict), 0);
	ck_assert_uint_eq(dict_writes(book.dict), 0);
	ck_assert(!dict_onboarded(book.dict));
	ck_assert(!temp_exists(book.dir, "dictionary"));
}
END_TEST

/* guide 5.1.1 and 5.2, in this order */
static const struct {
	const char *key;
	int read, write;
} errors[] = {
	{ "", AT_ERR_KEY_LENGTH, AT_ERR_KEY_LENGTH },
	{ "abcdefghijklmnopq", AT_ERR_KEY_LENGTH, AT_ERR_KEY_LENGTH },
	{ "Topic 1", AT_ERR_KEY_NAME, AT_ERR_KEY_NAME },
	{ "VERSION", AT_ERR_KEY_UNKNOWN, AT_ERR_KEY_UNKNOWN },
	{ "Topic0", AT_ERR_KEY_UNKNOWN, AT_ERR_KEY_UNKNOWN },
	{ "Topic17", AT_ERR_KEY_UNKNOWN, AT_ERR_KEY_UNKNOWN },
	{ "APN", AT_ERR_KEY_UNKNOWN, AT_ERR_KEY_UNKNOWN },
	{ "RootCAprevious", AT_ERR_KEY_UNKNOWN, AT_ERR_KEY_UNKNOWN },
	{ "About", 0, AT_ERR_KEY_READONLY },
	{ "Version", 0, AT_ERR_KEY_READONLY },
	{ "TechSpec", 0, AT_ERR_KEY_READONLY },
	{ "ThingName", 0, AT_ERR_KEY_READONLY },
	{ "Certificate", 0, AT_ERR_KEY_READONLY },
	{ "Passphrase", AT_ERR_KEY_WRITEONLY, 0 },
	{ "SSID", 0, 0 },
	{ "CustomName", 0, 0 },
	{ "Topic16", 0, 0 },
	{ "QoS", 0, 0 },
};

START_TEST(keys_are_judged_before_values)
{
	const char *key = errors[_i].key, *value;
	const struct key_row *row;
	char huge[5000];
	size_t n;

	memset(huge, 'x', sizeof(huge));
	ck_assert_int_eq(dict_read(book.dict, key, strlen(key), &row, &value, &n), errors[_i].read);
	ck_assert_int_eq(dict_writable(book.dict, key, strlen(key), &row), errors[_i].write);
	ck_assert_int_eq(dict_set(book.dict, key, strlen(key), huge, sizeof(huge), book_answer(&book, 0)),
			 errors[_i].write ? errors[_i].write : AT_ERR_PARAMETER);
	ck_assert_uint_eq(book.calls.count, 0);
}
END_TEST

START_TEST(written_values_are_durable_when_answered)
{
	ck_assert_int_eq(book_put(&book, "CustomName", "n"), 0);
	ck_assert_uint_eq(book.calls.count, 0);
	book_has(&book, KEY_CUSTOMNAME, "");
	book_await(&book, 1);
	ck_assert_int_eq(book.calls.results[0], 0);
	book_has(&book, KEY_CUSTOMNAME, "n");
	ck_assert(temp_exists(book.dir, "dictionary"));
	ck_assert_uint_eq(dict_writes(book.dict), 1);
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "n");
}
END_TEST

START_TEST(any_bytes_are_kept)
{
	char bytes[128];
	size_t n;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2);
	ck_assert_int_eq(dict_set(book.dict, "Endpoint", 8, bytes, sizeof(bytes), book_answer(&book, 1)), 0);
	book_await(&book, 1);
	book_restart(&book);
	ck_assert_mem_eq(dict_get(book.dict, KEY_ENDPOINT, &n), bytes, sizeof(bytes));
	ck_assert_uint_eq(n, sizeof(bytes));
	ck_assert_int_eq(dict_set(book.dict, "Endpoint", 8, bytes, sizeof(bytes) + 1, book_answer(&book, 1)),
			 AT_ERR_PARAMETER);
}
END_TEST

static void set_every_key(const char *endpoint, const char *defender, const char *passphrase)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "name"), 0);
	ck_assert_int_eq(book_set(&book, "Endpoint", endpoint), 0);
	ck_assert_int_eq(book_set(&book, "RootCA", book.other->pem), 0);
	ck_assert_int_eq(book_set(&book, "Defender", defender), 0);
	ck_assert_int_eq(book_set(&book, "HOTAcertificate", book.other->pem), 0);
	ck_assert_int_eq(book_set(&book, "OTAcertificate", book.below->pem), 0);
	ck_assert_int_eq(book_set(&book, "SSID", "home"), 0);
	ck_assert_int_eq(book_set(&book, "Passphrase", passphrase), 0);
	ck_assert_int_eq(book_set(&book, "Topic1", "t"), 0);
	ck_assert_int_eq(book_set(&book, "QoS", "1"), 0);
}

START_TEST(every_kept_key_comes_back)
{
	set_every_key("a.example:443", "000300", "secret");
	book_restart(&book);
	ck_assert_str_eq(book_get(&book, "CustomName"), "name");
	ck_assert_str_eq(book_get(&book, "Endpoint"), "a.example:443");
	ck_assert_str_eq(book_get(&book, "RootCA"), book.other->pem);
	ck_assert_str_eq(book_get(&book, "Defender"), "300");
	ck_assert_str_eq(book_get(&book, "HOTAcertificate"), book.other->pem);
	ck_assert_str_eq(book_get(&book, "OTAcertificate"), book.below->pem);
	ck_assert_str_eq(book_get(&book, "SSID"), "home");
	book_has(&book, KEY_PASSPHRASE, "secret");
	ck_assert_str_eq(book_get(&book, "Topic1"), "");
	ck_assert_str_eq(book_get(&book, "QoS"), "0");
	ck_assert_uint_eq(dict_number(book.dict, KEY_DEFENDER), 300);
}
END_TEST

START_TEST(only_its_owner_may_read_the_file)
{
	struct stat st;

	ck_assert_int_eq(book_set(&book, "Passphrase", "secret"), 0);
	ck_assert_int_eq(book_set(&book, "Passphrase", "secret2"), 0);
	ck_assert_int_eq(stat(temp_path(book.dir, "dictionary"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(temp_path(book.dir, "dictionary.old"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(present_values_are_not_written_again)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "n"), 0);
	ck_assert_int_eq(book_put(&book, "CustomName", "n"), 0);
	ck_assert_uint_eq(book.calls.count, 1);
	ck_assert_int_eq(book.calls.results[0], 0);
	book.calls.count = 0;
	ck_assert_int_eq(book_set(&book, "Endpoint", "staging.example"), 0);
	ck_assert_int_eq(book_set(&book, "RootCA", book.ca->pem), 0);
	ck_assert_int_eq(book_set(&book, "OTAcertificate", book.ca->pem), 0);
	ck_assert_int_eq(book_set(&book, "HOTAcertificate", ""), 0);
	ck_assert_int_eq(book_set(&book, "Defender", "000"), 0);
	ck_assert_uint_eq(dict_writes(book.dict), 1);
}
END_TEST

/* Also when the present one is still on its way: then the answer has to wait for it. */
START_TEST(the_value_under_way_is_waited_for)
{
	ck_assert_int_eq(book_put(&book, "CustomName", "n"), 0);
	ck_assert_int_eq(book_put(&book, "CustomName", "n"), 0);
	ck_assert_uint_eq(book.calls.count, 0);
	book_await(&book, 2);
	book_has(&book, KEY_CUSTOMNAME, "n");
}
END_TEST

START_TEST(answers_come_in_order)
{
	char value[20];

	for (unsigned i = 0; i < 20; i++) {
		int n = sprintf(value, "%u", i);

		ck_assert_int_eq(dict_set(book.dict, "CustomName", 10, value, (size_t)n, book_answer(&book, i)), 0);
		ck_assert_int_eq(dict_set(book.dict, "Endpoint", 8, value, (size_t)n, book_answer(&book, 100 + i)), 0);
	}
	book_await(&book, 40);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_uint_eq(book.calls.numbers[i], i / 2 + (i % 2 ? 100 : 0));
		ck_assert_int_eq(book.calls.results[i], 0);
	}
	book_has(&book, KEY_CUSTOMNAME, "19");
	/* Those that waited went together. */
	ck_assert_uint_eq(dict_writes(book.dict), 2);
	book_restart(&book);
	book_has(&book, KEY_ENDPOINT, "19");
}
END_TEST

static void set_again(void *who, uint64_t number, int r)
{
	unsigned *left = who;

	(void)number;
	ck_assert_int_eq(r, 0);
	if (--*left == 0)
		return;
	ck_assert_int_eq(book_put(&book, "CustomName", *left % 2 ? "odd" : "even"), 0);
	ck_assert_int_eq(dict_set(book.dict, "SSID", 4, left, 1, (struct done){ set_again, left, 0 }), 0);
}

START_TEST(a_completion_may_set_again)
{
	unsigned left = 10;

	ck_assert_int_eq(dict_set(book.dict, "SSID", 4, "x", 1, (struct done){ set_again, &left, 0 }), 0);
	while (left)
		ck_assert_int_gt(sd_event_run(book.event, UINT64_MAX), 0);
}
END_TEST

START_TEST(volatile_keys_are_set_at_once)
{
	size_t n;

	ck_assert_int_eq(book_put(&book, "Topic3", "a\\b"), 0);
	ck_assert_int_eq(book_put(&book, "QoS", "1"), 0);
	ck_assert_uint_eq(book.calls.count, 2);
	ck_assert_str_eq(book_get(&book, "Topic3"), "a\\b");
	ck_assert_str_eq(dict_topic(book.dict, 3, &n), "a\\b");
	ck_assert_str_eq(dict_topic(book.dict, 2, &n), "");
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(dict_number(book.dict, KEY_QOS_ID), 1);
	ck_assert_int_eq(book_put(&book, "QoS", "2"), AT_ERR_PARAMETER);
	ck_assert(!temp_exists(book.dir, "dictionary"));
	dict_reset(book.dict);
	ck_assert_str_eq(book_get(&book, "Topic3"), "");
	ck_assert_uint_eq(dict_number(book.dict, KEY_QOS_ID), 0);
}
END_TEST

START_TEST(reset_clears_every_topic)
{
	const unsigned topics[] = { 1, book.settings->max_topic };
	char name[24];

	for (unsigned i = 0; i < ELEMENTS(topics); i++) {
		(void)snprintf(name, sizeof(name), "Topic%u", topics[i]);
		ck_assert_int_eq(book_put(&book, name, "t"), 0);
		ck_assert_str_eq(book_get(&book, name), "t");
		dict_reset(book.dict);
		ck_assert_str_eq(book_get(&book, name), "");
	}
}
END_TEST

START_TEST(reset_leaves_the_kept_ones)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "n"), 0);
	dict_reset(book.dict);
	book_has(&book, KEY_CUSTOMNAME, "n");
}
END_TEST

/* guide 3.7.7 and the column "Factory Reset" of Table 2 */
START_TEST(factory_reset_restores_exactly_its_rows)
{
	_cleanup_(freep) char *text = NULL;

	set_every_key("a.example", "300", "hunter2");
	ck_assert_int_eq(book_factory_reset(&book), 0);
	for (unsigned round = 0; round < 2; round++) {
		book_has(&book, KEY_CUSTOMNAME, "");
		book_has(&book, KEY_ENDPOINT, "staging.example");
		book_has(&book, KEY_ROOTCA, book.other->pem);
		book_has(&book, KEY_DEFENDER, "0");
		book_has(&book, KEY_HOTACERTIFICATE, "");
		book_has(&book, KEY_OTACERTIFICATE, book.below->pem);
		book_has(&book, KEY_SSID, "lab");
		book_has(&book, KEY_PASSPHRASE, "");
		ck_assert_str_eq(book_get(&book, "Topic1"), "");
		ck_assert_str_eq(book_get(&book, "QoS"), "0");
		book_restart(&book);
	}
	/* Nothing of the former owner stays. */
	ck_assert(!temp_exists(book.dir, "dictionary.old"));
	text = temp_read(book.dir, "dictionary", NULL);
	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_ptr_null(strstr(text, "home"));
	ck_assert_ptr_null(strstr(text, "a.example"));
}
END_TEST

START_TEST(factory_reset_is_one_write)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "name"), 0);
	ck_assert_int_eq(book_set(&book, "Endpoint", "a.example"), 0);
	ck_assert_int_eq(book_factory_reset(&book), 0);
	ck_assert_uint_eq(dict_writes(book.dict), 3);
	/* And none when there is nothing to reset. */
	ck_assert_int_eq(book_put(&book, "QoS", "1"), 0);
	book.calls.count = 0;
	ck_assert_int_eq(dict_factory_reset(book.dict, book_answer(&book, 0)), 0);
	ck_assert_uint_eq(book.calls.count, 1);
	ck_assert_int_eq(book.calls.results[0], 0);
	ck_assert_uint_eq(dict_writes(book.dict), 3);
	ck_assert_uint_eq(dict_number(book.dict, KEY_QOS_ID), 0);
}
END_TEST

START_TEST(factory_reset_follows_what_is_under_way)
{
	ck_assert_int_eq(book_put(&book, "CustomName", "name"), 0);
	ck_assert_int_eq(dict_factory_reset(book.dict, book_answer(&book, 1)), 0);
	ck_assert_int_eq(book_put(&book, "SSID", "after"), 0);
	book_await(&book, 3);
	book_has(&book, KEY_CUSTOMNAME, "");
	book_has(&book, KEY_SSID, "after");
	book_restart(&book);
	book_has(&book, KEY_CUSTOMNAME, "");
	book_has(&book, KEY_SSID, "after");
}
END_TEST

START_TEST(old_passphrases_go_too)
{
	ck_assert_int_eq(book_set(&book, "Passphrase", "hunter2"), 0);
	ck_assert_int_eq(book_set(&book, "Passphrase", ""), 0);
	ck_assert(temp_exists(book.dir, "dictionary.old"));
	if (_i)
		book_restart(&book);
	ck_assert_int_eq(book_factory_reset(&book), 0);
	ck_assert(!temp_exists(book.dir, "dictionary.old"));
}
END_TEST

START_TEST(factory_values_follow_the_settings)
{
	ck_assert_int_eq(book_set(&book, "CustomName", "n"), 0);
	book_restart_with(&book, "[Cloud]\nStagingEndpoint=new.example\n[Network]\nType=wifi\nDefaultSSID=other\n");
	book_has(&book, KEY_ENDPOINT, "new.example");
	book_has(&book, KEY_SSID, "other");
	book_has(&book, KEY_CUSTOMNAME, "n");
}
END_TEST

/* Wi-Fi keys are not lost while the module is something else. */
START_TEST(keys_of_other_networks_stay)
{
	ck_assert_int_eq(book_set(&book, "SSID", "home"), 0);
	book_restart_with(&book, "");
	ck_assert_int_eq(book_put(&book, "SSID", "x"), AT_ERR_KEY_UNKNOWN);
	ck_assert_int_eq(book_set(&book, "CustomName", "n"), 0);
	book_restart_with(&book, BOOK_WIFI);
	book_has(&book, KEY_SSID, "home");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dict");
	TCase *c = tcase_create("dict");

	tcase_add_checked_fixture(c, setup, teardown);
	tcase_add_test(c, starts_with_factory_values);
	tcase_add_loop_test(c, keys_are_judged_before_values, 0, ELEMENTS(errors));
	tcase_add_test(c, written_values_are_durable_when_answered);
	tcase_add_test(c, any_bytes_are_kept);
	tcase_add_test(c, every_kept_key_comes_back);
	tcase_add_test(c, only_its_owner_may_read_the_file);
	tcase_add_test(c, present_values_are_not_written_again);
	tcase_add_test(c, the_value_under_way_is_waited_for);
	tcase_add_test(c, answers_come_in_order);
	tcase_add_test(c, a_completion_may_set_again);
	tcase_add_test(c, volatile_keys_are_set_at_once);
	tcase_add_test(c, reset_clears_every_topic);
	tcase_add_test(c, reset_leaves_the_kept_ones);
	tcase_add_test(c, factory_reset_restores_exactly_its_rows);
	tcase_add_test(c, factory_reset_is_one_write);
	tcase_add_test(c, factory_reset_follows_what_is_under_way);
	tcase_add_loop_test(c, old_passphrases_go_too, 0, 2);
	tcase_add_test(c, factory_values_follow_the_settings);
	tcase_add_test(c, keys_of_other_networks_stay);
	suite_add_tcase(suite, c);
	return suite_run(suite);
}
