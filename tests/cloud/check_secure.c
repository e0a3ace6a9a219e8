/* SPDX-License-Identifier: Apache-2.0 */
#include "cloud/secure.h"

#include "fake/rig.h"
#include "fake/ssl.h"
#include "fake/suite.h"
#include "fake/temp.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rig rig;
static struct endpoint endpoint;
static struct ssl *ssl;

static void setup(void)
{
	rig_make_dict(&rig, NULL);
	endpoint = (struct endpoint){ .host = "abc.iot.example", .port = 8883 };
}

static void teardown(void)
{
	ssl = ssl_free(ssl);
	rig_done(&rig);
}

static int make(void)
{
	ssl = ssl_free(ssl);
	return secure_new(&ssl, rig.settings, rig.dict, rig.epoch, &endpoint);
}

START_TEST(what_it_is_made_of)
{
	size_t n;
	const char *roots = dict_get(rig.dict, KEY_ROOTCA, &n);

	ck_assert_int_eq(make(), 0);
	ck_assert_str_eq(fake_ssl()->host, "abc.iot.example");
	ck_assert(!fake_ssl()->config.host_is_address);
	ck_assert_str_eq(fake_ssl()->alpn, "");
	ck_assert_str_eq(fake_ssl()->pin, "");
	ck_assert_ptr_eq(fake_ssl()->config.certificate_pem, rig.settings->certificate_pem);
	ck_assert_str_eq(fake_ssl()->key_uri, rig.settings->private_key);
	ck_assert_str_eq(fake_ssl()->proof, roots);
	ck_assert_ptr_nonnull(strstr(fake_ssl()->roots, roots));
	ck_assert_int_eq(fake_ssl()->config.time_floor, EPOCH_RELEASE);
	ck_assert(!fake_ssl()->config.clock_is_sure);
}
END_TEST

START_TEST(port_443_offers_alpn)
{
	endpoint.port = 443;
	ck_assert_int_eq(make(), 0);
	ck_assert_str_eq(fake_ssl()->alpn, "x-amzn-mqtt-ca");
}
END_TEST

START_TEST(address)
{
	endpoint = (struct endpoint){ .host = "192.0.2.7", .port = 8883, .numeric = true };
	ck_assert_int_eq(make(), 0);
	ck_assert(fake_ssl()->config.host_is_address);
}
END_TEST

START_TEST(last_known_time)
{
	temp_text(rig.dir, "clock", "1800000000\n");
	epoch_start(rig.epoch);
	ck_assert_int_eq(make(), 0);
	ck_assert_int_eq(fake_ssl()->config.time_floor, 1800000000);
	epoch_note(rig.epoch, 1800000001);
	ck_assert_int_eq(make(), 0);
	ck_assert(fake_ssl()->config.clock_is_sure);
}
END_TEST

START_TEST(token_pin)
{
	temp_text(rig.dir, "pin", "1234\r\n");
	free(rig.settings->pin_file);
	ck_assert_ptr_nonnull(rig.settings->pin_file = strdup(temp_path(rig.dir, "pin")));
	ck_assert_int_eq(make(), 0);
	ck_assert_str_eq(fake_ssl()->pin, "1234");
	temp_text(rig.dir, "pin", "5678"); /* read each time */
	ck_assert_int_eq(make(), 0);
	ck_assert_str_eq(fake_ssl()->pin, "5678");
	ck_assert_int_eq(remove(rig.settings->pin_file), 0);
	ck_assert_int_eq(make(), -ENOENT);
	ck_assert_ptr_null(ssl);
}
END_TEST

START_TEST(unusable_identity)
{
	fake_ssl()->new_result = -EKEYREJECTED;
	ck_assert_int_eq(make(), -EKEYREJECTED);
	ck_assert_ptr_null(ssl);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("secure");
	TCase *tc = tcase_create("secure");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, what_it_is_made_of);
	tcase_add_test(tc, port_443_offers_alpn);
	tcase_add_test(tc, address);
	tcase_add_test(tc, last_known_time);
	tcase_add_test(tc, token_pin);
	tcase_add_test(tc, unusable_identity);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
