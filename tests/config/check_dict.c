/* SPDX-License-Identifier: Apache-2.0 */
#include "config/dict.h"

#include "at/error.h"
#include "config/values.h"
#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char *dir;
static sd_event *event;
static struct settings *settings;
static struct dict *dict;
static struct pki *ca, *other, *below;

/* Calls of done(), the last one's number and result. */
static struct {
	unsigned count;
	uint64_t numbers[40];
	int results[40];
} calls;

static void on_done(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &calls);
	ck_assert_uint_lt(calls.count, ELEMENTS(calls.numbers));
	calls.numbers[calls.count] = number;
	calls.results[calls.count++] = r;
}

static struct done done(uint64_t number)
{
	return (struct done){ on_done, &calls, number };
}

static void replace(char **text, const char *by)
{
	free(*text);
	*text = strdup(by);
}

static void make_settings(const char *more)
{
	char text[1000];

	snprintf(text, sizeof(text), "[Serial]\nDevice=/d\n[Identity]\nCertificate=/c\nPrivateKey=/k\n%s", more);
	settings_free(settings);
	ck_assert_int_eq(settings_parse(&settings, "test", text, strlen(text), NULL, NULL), 0);
	replace(&settings->certificate_pem, below->pem);
	replace(&settings->root_ca_pem, ca->pem);
	replace(&settings->ota_certificate_pem, ca->pem);
	replace(&settings->thing_name, "thing");
}

static void start(void)
{
	ck_assert_int_eq(dict_new(&dict, event, settings, dir), 0);
	ck_assert_int_eq(dict_start(dict), 0);
}

static void restart(void)
{
	dict = dict_free(dict);
	ck_assert_ptr_null(dict);
	start();
}

#define WIFI "[Cloud]\nStagingEndpoint=staging.example\n[Network]\nType=wifi\nDefaultSSID=lab\n"

static void setup(void)
{
	dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&event), 0);
	ca = pki_ca("CA");
	other = pki_ca("Other");
	below = pki_leaf("below", ca);
	memset(&calls, 0, sizeof(calls));
	make_settings(WIFI);
	start();
}

static void teardown(void)
{
	dict = dict_free(dict);
	settings = settings_free(settings);
	event = sd_event_unref(event);
	pki_free(ca);
	pki_free(other);
	pki_free(below);
	temp_remove(dir);
}

/* Turns the loop until there were so many calls. */
static void await(unsigned count)
{
	while (calls.count < count)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_uint_eq(calls.count, count);
}

static int put(const char *key, const char *value)
{
	return dict_set(dict, key, strlen(key), value, strlen(value), done(0));
}

/* Sets it and waits: what the host reads. */
static int set(const char *key, const char *value)
{
	unsigned before = calls.count;
	int r = put(key, value);

	if (r) {
		ck_assert_uint_eq(calls.count, before);
		return r;
	}
	await(before + 1);
	r = calls.results[calls.count - 1];
	calls.count = 0;
	return r;
}

static const char *get(const char *key)
{
	const struct key_row *row;
	const char *value = NULL;
	size_t n = 0;

	ck_assert_int_eq(dict_read(dict, key, strlen(key), &row, &value, &n), 0);
	ck_assert_uint_eq(strlen(value), n);
	return value;
}

static void has(enum key_id id, const char *text)
{
	size_t n;
	const char *value = dict_get(dict, id, &n);

	ck_assert_str_eq(value, text);
	ck_assert_uint_eq(n, strlen(text));
}

static bool exists(const char *name)
{
	return access(temp_path(dir, name), F_OK) == 0;
}

static int factory_reset(void)
{
	unsigned before = calls.count;

	ck_assert_int_eq(dict_factory_reset(dict, done(0)), 0);
	await(before + 1);
	return calls.results[before];
}

START_TEST(starts_with_factory_values)
{
	has(KEY_ABOUT, "expresslinkd - Linux gateway");
	has(KEY_TECHSPEC, "v1.0");
	has(KEY_THINGNAME, "thing");
	has(KEY_ENDPOINT, "staging.example");
	has(KEY_SSID, "lab");
	ck_assert_str_eq(get("RootCA"), ca->pem);
	ck_assert_str_eq(get("Certificate"), below->pem);
	ck_assert_str_eq(get("QoS"), "0");
	ck_assert_str_eq(get("Topic16"), "");
	ck_assert_uint_eq(dict_number(dict, KEY_QOS_ID), 0);
	ck_assert_uint_eq(dict_number(dict, KEY_DEFENDER), 0);
	ck_assert_uint_eq(dict_damaged(dict), 0);
	ck_assert_uint_eq(dict_writes(dict), 0);
	ck_assert(!dict_onboarded(dict));
	ck_assert(!exists("dictionary"));
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
	ck_assert_int_eq(dict_read(dict, key, strlen(key), &row, &value, &n), errors[_i].read);
	ck_assert_int_eq(dict_writable(dict, key, strlen(key), &row), errors[_i].write);
	ck_assert_int_eq(dict_set(dict, key, strlen(key), huge, sizeof(huge), done(0)),
			 errors[_i].write ? errors[_i].write : AT_ERR_PARAMETER);
	ck_assert_uint_eq(calls.count, 0);
}
END_TEST

START_TEST(written_values_are_durable_when_answered)
{
	ck_assert_int_eq(put("CustomName", "n"), 0);
	ck_assert_uint_eq(calls.count, 0);
	has(KEY_CUSTOMNAME, "");
	await(1);
	ck_assert_int_eq(calls.results[0], 0);
	has(KEY_CUSTOMNAME, "n");
	ck_assert(exists("dictionary"));
	ck_assert_uint_eq(dict_writes(dict), 1);
	restart();
	has(KEY_CUSTOMNAME, "n");
}
END_TEST

START_TEST(any_bytes_are_kept)
{
	char bytes[128];
	size_t n;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 2);
	ck_assert_int_eq(dict_set(dict, "Endpoint", 8, bytes, sizeof(bytes), done(1)), 0);
	await(1);
	restart();
	ck_assert_mem_eq(dict_get(dict, KEY_ENDPOINT, &n), bytes, sizeof(bytes));
	ck_assert_uint_eq(n, sizeof(bytes));
	ck_assert_int_eq(dict_set(dict, "Endpoint", 8, bytes, sizeof(bytes) + 1, done(1)), AT_ERR_PARAMETER);
}
END_TEST

START_TEST(every_kept_key_comes_back)
{
	ck_assert_int_eq(set("CustomName", "name"), 0);
	ck_assert_int_eq(set("Endpoint", "a.example:443"), 0);
	ck_assert_int_eq(set("RootCA", other->pem), 0);
	ck_assert_int_eq(set("Defender", "000300"), 0);
	ck_assert_int_eq(set("HOTAcertificate", other->pem), 0);
	ck_assert_int_eq(set("OTAcertificate", below->pem), 0);
	ck_assert_int_eq(set("SSID", "home"), 0);
	ck_assert_int_eq(set("Passphrase", "secret"), 0);
	ck_assert_int_eq(set("Topic1", "t"), 0);
	ck_assert_int_eq(set("QoS", "1"), 0);
	restart();
	ck_assert_str_eq(get("CustomName"), "name");
	ck_assert_str_eq(get("Endpoint"), "a.example:443");
	ck_assert_str_eq(get("RootCA"), other->pem);
	ck_assert_str_eq(get("Defender"), "300");
	ck_assert_str_eq(get("HOTAcertificate"), other->pem);
	ck_assert_str_eq(get("OTAcertificate"), below->pem);
	ck_assert_str_eq(get("SSID"), "home");
	has(KEY_PASSPHRASE, "secret");
	ck_assert_str_eq(get("Topic1"), "");
	ck_assert_str_eq(get("QoS"), "0");
	ck_assert_uint_eq(dict_number(dict, KEY_DEFENDER), 300);
}
END_TEST

START_TEST(only_its_owner_may_read_the_file)
{
	struct stat st;

	ck_assert_int_eq(set("Passphrase", "secret"), 0);
	ck_assert_int_eq(set("Passphrase", "secret2"), 0);
	ck_assert_int_eq(stat(temp_path(dir, "dictionary"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
	ck_assert_int_eq(stat(temp_path(dir, "dictionary.old"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 07777, 0600);
}
END_TEST

START_TEST(present_values_are_not_written_again)
{
	ck_assert_int_eq(set("CustomName", "n"), 0);
	ck_assert_int_eq(put("CustomName", "n"), 0);
	ck_assert_uint_eq(calls.count, 1);
	ck_assert_int_eq(calls.results[0], 0);
	calls.count = 0;
	ck_assert_int_eq(set("Endpoint", "staging.example"), 0);
	ck_assert_int_eq(set("RootCA", ca->pem), 0);
	ck_assert_int_eq(set("OTAcertificate", ca->pem), 0);
	ck_assert_int_eq(set("HOTAcertificate", ""), 0);
	ck_assert_int_eq(set("Defender", "000"), 0);
	ck_assert_uint_eq(dict_writes(dict), 1);
}
END_TEST

/* Also when the present one is still on its way: then the answer has to wait for it. */
START_TEST(the_value_under_way_is_waited_for)
{
	ck_assert_int_eq(put("CustomName", "n"), 0);
	ck_assert_int_eq(put("CustomName", "n"), 0);
	ck_assert_uint_eq(calls.count, 0);
	await(2);
	has(KEY_CUSTOMNAME, "n");
}
END_TEST

START_TEST(answers_come_in_order)
{
	char value[20];

	for (unsigned i = 0; i < 20; i++) {
		int n = sprintf(value, "%u", i);

		ck_assert_int_eq(dict_set(dict, "CustomName", 10, value, (size_t)n, done(i)), 0);
		ck_assert_int_eq(dict_set(dict, "Endpoint", 8, value, (size_t)n, done(100 + i)), 0);
	}
	await(40);
	for (unsigned i = 0; i < 40; i++) {
		ck_assert_uint_eq(calls.numbers[i], i / 2 + (i % 2 ? 100 : 0));
		ck_assert_int_eq(calls.results[i], 0);
	}
	has(KEY_CUSTOMNAME, "19");
	/* Those that waited went together. */
	ck_assert_uint_eq(dict_writes(dict), 2);
	restart();
	has(KEY_ENDPOINT, "19");
}
END_TEST

static void set_again(void *who, uint64_t number, int r)
{
	unsigned *left = who;

	(void)number;
	ck_assert_int_eq(r, 0);
	if (--*left == 0)
		return;
	ck_assert_int_eq(put("CustomName", *left % 2 ? "odd" : "even"), 0);
	ck_assert_int_eq(dict_set(dict, "SSID", 4, left, 1, (struct done){ set_again, left, 0 }), 0);
}

START_TEST(a_completion_may_set_again)
{
	unsigned left = 10;

	ck_assert_int_eq(dict_set(dict, "SSID", 4, "x", 1, (struct done){ set_again, &left, 0 }), 0);
	while (left)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
}
END_TEST

START_TEST(volatile_keys_are_set_at_once)
{
	size_t n;

	ck_assert_int_eq(put("Topic3", "a\\b"), 0);
	ck_assert_int_eq(put("QoS", "1"), 0);
	ck_assert_uint_eq(calls.count, 2);
	ck_assert_str_eq(get("Topic3"), "a\\b");
	ck_assert_str_eq(dict_topic(dict, 3, &n), "a\\b");
	ck_assert_str_eq(dict_topic(dict, 2, &n), "");
	ck_assert_uint_eq(n, 0);
	ck_assert_uint_eq(dict_number(dict, KEY_QOS_ID), 1);
	ck_assert_int_eq(put("QoS", "2"), AT_ERR_PARAMETER);
	ck_assert(!exists("dictionary"));
	dict_reset(dict);
	ck_assert_str_eq(get("Topic3"), "");
	ck_assert_uint_eq(dict_number(dict, KEY_QOS_ID), 0);
}
END_TEST

START_TEST(reset_leaves_the_kept_ones)
{
	ck_assert_int_eq(set("CustomName", "n"), 0);
	dict_reset(dict);
	has(KEY_CUSTOMNAME, "n");
}
END_TEST

/* guide 3.7.7 and the column "Factory Reset" of Table 2 */
START_TEST(factory_reset_restores_exactly_its_rows)
{
	_cleanup_(freep) char *text = NULL;

	ck_assert_int_eq(set("CustomName", "name"), 0);
	ck_assert_int_eq(set("Endpoint", "a.example"), 0);
	ck_assert_int_eq(set("RootCA", other->pem), 0);
	ck_assert_int_eq(set("Defender", "300"), 0);
	ck_assert_int_eq(set("HOTAcertificate", other->pem), 0);
	ck_assert_int_eq(set("OTAcertificate", below->pem), 0);
	ck_assert_int_eq(set("SSID", "home"), 0);
	ck_assert_int_eq(set("Passphrase", "hunter2"), 0);
	ck_assert_int_eq(set("Topic1", "t"), 0);
	ck_assert_int_eq(set("QoS", "1"), 0);
	ck_assert_int_eq(factory_reset(), 0);
	for (unsigned round = 0; round < 2; round++) {
		has(KEY_CUSTOMNAME, "");
		has(KEY_ENDPOINT, "staging.example");
		has(KEY_ROOTCA, other->pem);
		has(KEY_DEFENDER, "0");
		has(KEY_HOTACERTIFICATE, "");
		has(KEY_OTACERTIFICATE, below->pem);
		has(KEY_SSID, "lab");
		has(KEY_PASSPHRASE, "");
		ck_assert_str_eq(get("Topic1"), "");
		ck_assert_str_eq(get("QoS"), "0");
		restart();
	}
	/* Nothing of the former owner stays. */
	ck_assert(!exists("dictionary.old"));
	text = temp_read(dir, "dictionary", NULL);
	ck_assert_ptr_null(strstr(text, "hunter2"));
	ck_assert_ptr_null(strstr(text, "home"));
	ck_assert_ptr_null(strstr(text, "a.example"));
}
END_TEST

START_TEST(factory_reset_is_one_write)
{
	ck_assert_int_eq(set("CustomName", "name"), 0);
	ck_assert_int_eq(set("Endpoint", "a.example"), 0);
	ck_assert_int_eq(factory_reset(), 0);
	ck_assert_uint_eq(dict_writes(dict), 3);
	/* And none when there is nothing to reset. */
	ck_assert_int_eq(put("QoS", "1"), 0);
	calls.count = 0;
	ck_assert_int_eq(dict_factory_reset(dict, done(0)), 0);
	ck_assert_uint_eq(calls.count, 1);
	ck_assert_int_eq(calls.results[0], 0);
	ck_assert_uint_eq(dict_writes(dict), 3);
	ck_assert_uint_eq(dict_number(dict, KEY_QOS_ID), 0);
}
END_TEST

START_TEST(factory_reset_follows_what_is_under_way)
{
	ck_assert_int_eq(put("CustomName", "name"), 0);
	ck_assert_int_eq(dict_factory_reset(dict, done(1)), 0);
	ck_assert_int_eq(put("SSID", "after"), 0);
	await(3);
	has(KEY_CUSTOMNAME, "");
	has(KEY_SSID, "after");
	restart();
	has(KEY_CUSTOMNAME, "");
	has(KEY_SSID, "after");
}
END_TEST

START_TEST(old_passphrases_go_too)
{
	ck_assert_int_eq(set("Passphrase", "hunter2"), 0);
	ck_assert_int_eq(set("Passphrase", ""), 0);
	ck_assert(exists("dictionary.old"));
	restart();
	ck_assert_int_eq(factory_reset(), 0);
	ck_assert(!exists("dictionary.old"));
}
END_TEST

START_TEST(factory_values_follow_the_settings)
{
	ck_assert_int_eq(set("CustomName", "n"), 0);
	dict = dict_free(dict);
	make_settings("[Cloud]\nStagingEndpoint=new.example\n[Network]\nType=wifi\nDefaultSSID=other\n");
	start();
	has(KEY_ENDPOINT, "new.example");
	has(KEY_SSID, "other");
	has(KEY_CUSTOMNAME, "n");
}
END_TEST

/* Wi-Fi keys are not lost while the module is something else. */
START_TEST(keys_of_other_networks_stay)
{
	ck_assert_int_eq(set("SSID", "home"), 0);
	dict = dict_free(dict);
	make_settings("");
	start();
	ck_assert_int_eq(put("SSID", "x"), AT_ERR_KEY_UNKNOWN);
	ck_assert_int_eq(set("CustomName", "n"), 0);
	dict = dict_free(dict);
	make_settings(WIFI);
	start();
	has(KEY_SSID, "home");
}
END_TEST

START_TEST(onboarding)
{
	ck_assert(!dict_onboarded(dict));
	ck_assert_int_eq(dict_set_endpoint(dict, "mine.example:443", done(7)), 0);
	await(1);
	ck_assert_uint_eq(calls.numbers[0], 7);
	ck_assert_int_eq(calls.results[0], 0);
	ck_assert(dict_onboarded(dict));
	has(KEY_ENDPOINT, "mine.example:443");
	restart();
	ck_assert(dict_onboarded(dict));
	/* Compared as texts. */
	ck_assert_int_eq(set("Endpoint", "staging.example:8883"), 0);
	ck_assert(dict_onboarded(dict));
	ck_assert_int_eq(set("Endpoint", "staging.exampl"), 0);
	ck_assert(dict_onboarded(dict));
	ck_assert_int_eq(set("Endpoint", "staging.example"), 0);
	ck_assert(!dict_onboarded(dict));
	ck_assert_int_eq(set("Endpoint", ""), 0);
	ck_assert(dict_onboarded(dict));
}
END_TEST

START_TEST(too_long_endpoints_are_refused)
{
	char endpoint[130];

	memset(endpoint, 'a', 129);
	endpoint[129] = '\0';
	ck_assert_int_eq(dict_set_endpoint(dict, endpoint, done(0)), AT_ERR_PARAMETER);
	ck_assert_uint_eq(calls.count, 0);
}
END_TEST

START_TEST(no_staging_endpoint)
{
	dict = dict_free(dict);
	make_settings("");
	start();
	has(KEY_ENDPOINT, "");
	ck_assert(!dict_onboarded(dict));
	ck_assert_int_eq(set("Endpoint", "x"), 0);
	ck_assert(dict_onboarded(dict));
}
END_TEST

static void trusted_are(const char *a, const char *b, const char *c)
{
	char *want, *have = dict_trusted_roots(dict);

	ck_assert_int_ge(asprintf(&want, "%s%s%s%s%s", a, *b ? "\n" : "", b, *c ? "\n" : "", c), 0);
	ck_assert_str_eq(have, want);
	free(want);
	free(have);
}

/* Those that a write replaced stay trusted until the new ones have proven good. */
START_TEST(replaced_roots_stay_trusted)
{
	_cleanup_(pki_freep) struct pki *third = pki_ca("third");

	trusted_are(ca->pem, "", "");
	dict_roots_proven(dict);
	ck_assert_int_eq(set("RootCA", other->pem), 0);
	trusted_are(other->pem, ca->pem, "");
	restart();
	trusted_are(other->pem, ca->pem, "");
	ck_assert_int_eq(set("RootCA", third->pem), 0);
	trusted_are(third->pem, other->pem, ca->pem);
	ck_assert_str_eq(get("RootCA"), third->pem);
	/* The same once more changes nothing. */
	ck_assert_int_eq(set("RootCA", third->pem), 0);
	trusted_are(third->pem, other->pem, ca->pem);
	ck_assert_int_eq(factory_reset(), 0);
	trusted_are(third->pem, other->pem, ca->pem);

	dict_roots_proven(dict);
	trusted_are(third->pem, "", "");
	calls.count = 0;
	ck_assert_int_eq(set("CustomName", "after it"), 0);
	restart();
	trusted_are(third->pem, "", "");
}
END_TEST

START_TEST(a_proof_is_written_by_itself)
{
	uint64_t writes;

	ck_assert_int_eq(set("RootCA", other->pem), 0);
	writes = dict_writes(dict);
	dict_roots_proven(dict);
	dict_roots_proven(dict);
	while (dict_writes(dict) == writes)
		ck_assert_int_gt(sd_event_run(event, UINT64_MAX), 0);
	ck_assert_uint_eq(dict_writes(dict), writes + 1);
	restart();
	trusted_are(other->pem, "", "");
}
END_TEST

static unsigned changes;

static void on_change(void *who, uint64_t number, int r)
{
	ck_assert_ptr_eq(who, &changes);
	ck_assert_uint_eq(number, 9);
	ck_assert_int_eq(r, 0);
	changes++;
	ck_assert_str_eq(get("Defender"), changes == 1 ? "300" : "0");
	ck_assert_uint_eq(calls.count, 0); /* before the answer */
}

START_TEST(tells_of_its_changes)
{
	dict_on_change(dict, (struct done){ on_change, &changes, 9 });
	ck_assert_int_eq(set("Topic1", "x"), 0);
	ck_assert_int_eq(set("Defender", "x"), AT_ERR_PARAMETER);
	ck_assert_int_eq(set("Defender", "0"), 0);
	ck_assert_uint_eq(changes, 0);
	calls.count = 0;
	ck_assert_int_eq(put("Defender", "300"), 0);
	await(1);
	ck_assert_uint_eq(changes, 1);
	calls.count = 0;
	ck_assert_int_eq(factory_reset(), 0);
	ck_assert_uint_eq(changes, 2);
}
END_TEST

/* A connection that was verified before the new roots came says nothing about them. */
START_TEST(a_proof_of_the_last_roots_is_none_of_the_next)
{
	_cleanup_(pki_freep) struct pki *third = pki_ca("third");

	ck_assert_int_eq(set("RootCA", other->pem), 0);
	ck_assert_int_eq(put("RootCA", third->pem), 0);
	dict_roots_proven(dict);
	await(1);
	trusted_are(third->pem, other->pem, ca->pem);
}
END_TEST

/* However often they are replaced, the first ones, which worked, are not lost, and the file stays small. */
START_TEST(replaced_roots_are_bounded)
{
	for (unsigned i = 0; i < 6; i++) {
		_cleanup_(pki_freep) struct pki *big =
			pki_make(&(struct pki_order){ .name = "big", .ca = true, .padding = 11000 });

		ck_assert_int_eq(set("RootCA", big->pem), 0);
	}
	_cleanup_(freep) char *all = dict_trusted_roots(dict);

	ck_assert_uint_le(strlen(all), 4 * 16384);
	ck_assert_ptr_nonnull(strstr(all, ca->pem));
	restart();
	_cleanup_(freep) char *again = dict_trusted_roots(dict);
	ck_assert_str_eq(all, again);
}
END_TEST

START_TEST(certificates_are_judged_by_the_one_under_way)
{
	_cleanup_(pki_freep) struct pki *next =
		pki_make(&(struct pki_order){ .name = "next", .ca = true, .issuer = ca });
	_cleanup_(pki_freep) struct pki *last = pki_make(&(struct pki_order){ .name = "last", .issuer = next });

	ck_assert_int_eq(put("OTAcertificate", last->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(put("OTAcertificate", next->pem), 0);
	ck_assert_int_eq(put("OTAcertificate", last->pem), 0);
	ck_assert_int_eq(put("OTAcertificate", next->pem), AT_ERR_SIGNATURE);
	await(2);
	has(KEY_OTACERTIFICATE, last->pem);
}
END_TEST

START_TEST(certificates_are_refused_with_the_right_error)
{
	ck_assert_int_eq(put("Certificate", other->pem), AT_ERR_KEY_READONLY);
	ck_assert_int_eq(put("OTAcertificate", other->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(put("OTAcertificate", "x"), AT_ERR_PARAMETER);
	ck_assert_int_eq(put("OTAcertificate", ""), AT_ERR_PARAMETER);
	ck_assert_int_eq(put("RootCA", ""), AT_ERR_PARAMETER);
	ck_assert_int_eq(put("RootCA", below->pem), AT_ERR_SIGNATURE);
	ck_assert_int_eq(set("HOTAcertificate", below->pem), 0);
	ck_assert_int_eq(put("HOTAcertificate", ""), AT_ERR_SIGNATURE);
	ck_assert_int_eq(put("HOTAcertificate", other->pem), AT_ERR_SIGNATURE);
	has(KEY_HOTACERTIFICATE, below->pem);
	ck_assert_int_eq(factory_reset(), 0);
	calls.count = 0;
	ck_assert_int_eq(set("HOTAcertificate", other->pem), 0);
}
END_TEST

/* What cannot be kept is refused, and the old value stays. */
static void writes_fail(void)
{
	uint64_t writes = dict_writes(dict);
	char big[128];

	memset(big, '%', sizeof(big));
	ck_assert_int_eq(dict_set(dict, "CustomName", 10, big, sizeof(big), done(1)), 0);
	ck_assert_int_eq(dict_set(dict, "Endpoint", 8, big, sizeof(big), done(2)), 0);
	ck_assert_int_eq(put("Topic1", "volatile"), 0);
	await(3);
	ck_assert_uint_eq(calls.numbers[1], 1);
	ck_assert_int_eq(calls.results[1], AT_ERR_PARAMETER);
	ck_assert_uint_eq(calls.numbers[2], 2);
	ck_assert_int_eq(calls.results[2], AT_ERR_PARAMETER);
	has(KEY_CUSTOMNAME, "before");
	has(KEY_ENDPOINT, "staging.example");
	ck_assert_str_eq(get("Topic1"), "volatile");
	ck_assert_uint_eq(dict_writes(dict), writes);
	ck_assert_int_eq(factory_reset(), AT_ERR_PARAMETER);
	has(KEY_CUSTOMNAME, "before");
	ck_assert_str_eq(get("Topic1"), "volatile");
	calls.count = 0;
	ck_assert_int_eq(set("CustomName", "before"), 0);
}

START_TEST(large_files_forbidden)
{
	struct rlimit limit = { 200, RLIM_INFINITY }, none = { RLIM_INFINITY, RLIM_INFINITY };

	ck_assert_int_eq(set("CustomName", "before"), 0);
	signal(SIGXFSZ, SIG_IGN);
	limit.rlim_cur = 20;
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &limit), 0);
	writes_fail();
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &none), 0);
	ck_assert_int_eq(set("CustomName", "after"), 0);
	restart();
	has(KEY_CUSTOMNAME, "after");
	has(KEY_ENDPOINT, "staging.example");
}
END_TEST

/* Mounts that only this test sees; false where even that is not allowed. */
static bool own_mounts(void)
{
	if (unshare(CLONE_NEWNS) < 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0)
		return false;
	return mount("none", "/", "none", MS_REC | MS_PRIVATE, NULL) == 0;
}

/* A disk of 64 KiB in place of the folder. */
static bool small_disk(void)
{
	return own_mounts() && mount("tmpfs", dir, "tmpfs", 0, "size=64k,mode=0700") == 0;
}

static void fill_disk(void)
{
	int fd = open(temp_path(dir, "filler"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	char block[512] = { 0 };

	ck_assert_int_ge(fd, 0);
	while (write(fd, block, sizeof(block)) > 0)
		;
	ck_assert_int_eq(errno, ENOSPC);
	close(fd);
}

START_TEST(disk_full)
{
	dict = dict_free(dict);
	if (!small_disk()) {
		start();
		return;
	}
	start();
	ck_assert_int_eq(set("CustomName", "before"), 0);
	fill_disk();
	writes_fail();
	restart();
	has(KEY_CUSTOMNAME, "before");
	calls.count = 0;
	writes_fail();
	unlink(temp_path(dir, "filler"));
	ck_assert_int_eq(set("CustomName", "after"), 0);
	restart();
	has(KEY_CUSTOMNAME, "after");
	dict = dict_free(dict);
	ck_assert_int_eq(umount2(dir, MNT_DETACH), 0);
}
END_TEST

START_TEST(read_only_disk)
{
	dict = dict_free(dict);
	if (!small_disk()) {
		start();
		return;
	}
	start();
	ck_assert_int_eq(set("CustomName", "before"), 0);
	ck_assert_int_eq(mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	writes_fail();
	restart();
	has(KEY_CUSTOMNAME, "before");
	calls.count = 0;
	writes_fail();
	/* Damage that cannot be mended is survived too. */
	ck_assert_int_eq(mount("none", dir, "none", MS_REMOUNT, NULL), 0);
	temp_text(dir, "dictionary", "rubbish");
	ck_assert_int_eq(mount("none", dir, "none", MS_REMOUNT | MS_RDONLY, NULL), 0);
	restart();
	ck_assert_uint_gt(dict_damaged(dict), 0);
	ck_assert_int_eq(mount("none", dir, "none", MS_REMOUNT, NULL), 0);
	ck_assert_int_eq(set("CustomName", "after"), 0);
	dict = dict_free(dict);
	ck_assert_int_eq(umount2(dir, MNT_DETACH), 0);
}
END_TEST

START_TEST(the_folder_may_vanish)
{
	ck_assert_int_eq(set("CustomName", "before"), 0);
	unlink(temp_path(dir, "dictionary"));
	unlink(temp_path(dir, "dictionary.old"));
	ck_assert_int_eq(rmdir(dir), 0);
	writes_fail();
	ck_assert_int_eq(mkdir(dir, 0700), 0);
	ck_assert_int_eq(set("Endpoint", "x"), 0);
	restart();
	has(KEY_CUSTOMNAME, "before");
	has(KEY_ENDPOINT, "x");
}
END_TEST

START_TEST(makes_its_folder)
{
	struct stat st;
	struct dict *d;

	ck_assert_int_eq(dict_new(&d, event, settings, temp_path(dir, "a/b")), 0);
	ck_assert_int_eq(dict_start(d), 0);
	dict_free(d);
	ck_assert_int_eq(stat(temp_path(dir, "a/b"), &st), 0);
	ck_assert_uint_eq(st.st_mode & 0777, 0700);
}
END_TEST

START_TEST(has_its_folder_for_itself)
{
	struct dict *a, *b;

	ck_assert_int_eq(dict_new(&a, event, settings, temp_path(dir, "own")), 0);
	ck_assert_int_eq(dict_new(&b, event, settings, temp_path(dir, "own")), 0);
	ck_assert_int_eq(dict_start(a), 0);
	ck_assert_int_eq(dict_start(b), -EBUSY);
	dict_free(b);
	dict_free(a);
	ck_assert_int_eq(dict_new(&b, event, settings, temp_path(dir, "own")), 0);
	ck_assert_int_eq(dict_start(b), 0);
	dict_free(b);
}
END_TEST

START_TEST(does_not_start_without_a_folder)
{
	struct dict *d;

	temp_text(dir, "file", "");
	ck_assert_int_eq(dict_new(&d, event, settings, temp_path(dir, "file")), 0);
	ck_assert_int_eq(dict_start(d), -ENOTDIR);
	dict_free(d);
	ck_assert_int_eq(dict_new(&d, event, settings, temp_path(dir, "file/below")), 0);
	ck_assert_int_eq(dict_start(d), -ENOTDIR);
	dict_free(d);
	/* Not started: it can be read and freed all the same. */
	ck_assert_int_eq(dict_new(&d, event, settings, dir), 0);
	dict_free(d);
}
END_TEST

START_TEST(damage_is_counted_and_put_aside)
{
	ck_assert_int_eq(set("CustomName", "one"), 0);
	ck_assert_int_eq(set("CustomName", "two"), 0);
	temp_text(dir, "dictionary", "rubbish");
	restart();
	ck_assert_uint_gt(dict_damaged(dict), 0);
	has(KEY_CUSTOMNAME, "one");
	ck_assert(exists("dictionary.damaged"));
	restart();
	ck_assert_uint_eq(dict_damaged(dict), 0);
	has(KEY_CUSTOMNAME, "one");
	ck_assert_int_eq(factory_reset(), 0);
	ck_assert(!exists("dictionary.damaged"));
}
END_TEST

/* What is under way at the end is finished; nobody is told any more. */
/* While the module has the folder. */
START_TEST(peeked_at)
{
	struct dict *peeker;
	size_t n;

	ck_assert_int_eq(set("CustomName", "a name"), 0);
	ck_assert_int_eq(dict_new(&peeker, event, settings, dir), 0);
	ck_assert_int_eq(dict_peek(peeker), 0);
	ck_assert_str_eq(dict_get(peeker, KEY_CUSTOMNAME, &n), "a name");
	dict_free(peeker);
	ck_assert_int_eq(set("CustomName", "another"), 0);
}
END_TEST

START_TEST(free_waits_for_a_write)
{
	ck_assert_int_eq(put("CustomName", "n"), 0);
	ck_assert_int_eq(put("Endpoint", "never"), 0);
	restart();
	ck_assert_uint_eq(calls.count, 0);
	has(KEY_CUSTOMNAME, "n");
	has(KEY_ENDPOINT, "staging.example");
}
END_TEST

/* Sets one value after the other and reports each that was acknowledged. */
static void writer(int report)
{
	char value[20];

	for (unsigned i = 1;; i++) {
		sprintf(value, "%u", i);
		if (set("CustomName", value) != 0)
			_exit(1);
		if (write(report, &i, sizeof(i)) != sizeof(i))
			_exit(2);
	}
}

/* The last number that is read until all writers have gone. */
static unsigned last_report(int fd)
{
	unsigned i, last = 0;

	while (read(fd, &i, sizeof(i)) == sizeof(i))
		last = i;
	return last;
}

/* Killed at any moment, what was acknowledged is there. */
START_TEST(a_kill_loses_nothing)
{
	unsigned entropy = (unsigned)_i * 2654435761U, last;
	struct pollfd poll_fd = { .events = POLLIN };
	int pipes[2], status;
	pid_t pid;

	ck_assert_int_eq(pipe(pipes), 0);
	dict = dict_free(dict);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		close(pipes[0]);
		event = sd_event_unref(event);
		if (sd_event_new(&event) < 0)
			_exit(3);
		start();
		writer(pipes[1]);
	}
	close(pipes[1]);
	poll_fd.fd = pipes[0];
	ck_assert_int_eq(poll(&poll_fd, 1, -1), 1);
	usleep(entropy >> 17); /* up to 33 ms, for a moment of its own */
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert(WIFSIGNALED(status));
	last = last_report(pipes[0]);
	close(pipes[0]);
	ck_assert_uint_gt(last, 0);

	start();
	ck_assert_uint_eq(dict_damaged(dict), 0);
	/* The next one may have been under way. */
	ck_assert_int_ge(atoi(get("CustomName")), (int)last);
	ck_assert_int_le(atoi(get("CustomName")), (int)last + 1);
	ck_assert(!exists("dictionary.tmp"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("dict");
	TCase *c = tcase_create("values"), *w = tcase_create("writing");

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
	tcase_add_test(c, reset_leaves_the_kept_ones);
	tcase_add_test(c, factory_reset_restores_exactly_its_rows);
	tcase_add_test(c, factory_reset_is_one_write);
	tcase_add_test(c, factory_reset_follows_what_is_under_way);
	tcase_add_test(c, old_passphrases_go_too);
	tcase_add_test(c, factory_values_follow_the_settings);
	tcase_add_test(c, keys_of_other_networks_stay);
	tcase_add_test(c, onboarding);
	tcase_add_test(c, too_long_endpoints_are_refused);
	tcase_add_test(c, no_staging_endpoint);
	tcase_add_test(c, replaced_roots_stay_trusted);
	tcase_add_test(c, a_proof_is_written_by_itself);
	tcase_add_test(c, tells_of_its_changes);
	tcase_add_test(c, a_proof_of_the_last_roots_is_none_of_the_next);
	tcase_add_test(c, replaced_roots_are_bounded);
	tcase_add_test(c, certificates_are_judged_by_the_one_under_way);
	tcase_add_test(c, certificates_are_refused_with_the_right_error);
	suite_add_tcase(suite, c);
	tcase_add_checked_fixture(w, setup, teardown);
	tcase_set_timeout(w, 60);
	tcase_add_test(w, large_files_forbidden);
	tcase_add_test(w, disk_full);
	tcase_add_test(w, read_only_disk);
	tcase_add_test(w, the_folder_may_vanish);
	tcase_add_test(w, makes_its_folder);
	tcase_add_test(w, has_its_folder_for_itself);
	tcase_add_test(w, does_not_start_without_a_folder);
	tcase_add_test(w, damage_is_counted_and_put_aside);
	tcase_add_test(w, peeked_at);
	tcase_add_test(w, free_waits_for_a_write);
	tcase_add_loop_test(w, a_kill_loses_nothing, 0, 30);
	suite_add_tcase(suite, w);
	return suite_run(suite);
}
