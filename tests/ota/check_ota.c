/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/ota.h"

#include "fake/mailbox.h"
#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static struct mailbox m;

static void setup(void)
{
	mailbox_make(&m, NULL);
}

static void teardown(void)
{
	mailbox_done(&m);
}

#define expect_state(state) ck_assert_int_eq(ota_state(m.ota), state)
#define expect_told(text)   ck_assert_str_eq(mailbox_told(&m), text)

/* Reads n bytes and compares them with those that belong at this address. */
static void expect_read(size_t n, uint64_t address, size_t expected)
{
	const uint8_t *data;
	size_t got;

	ck_assert_int_eq(mailbox_read(&m, n), 0);
	data = ota_take(m.ota, &got);
	ck_assert_uint_eq(got, expected);
	for (size_t i = 0; i < got; i++)
		ck_assert_uint_eq(data[i], (uint8_t)((address + i) * 7));
}

/* --- commands --- */

START_TEST(nothing_there)
{
	ck_assert_ptr_null(ota_free(NULL));
	mailbox_reach(&m, (enum ota_state)_i);
	if (_i == OTA_HOST_READY)
		return;
	ck_assert_int_eq(mailbox_read(&m, 10), AT_ERR_NO_IMAGE);
	ck_assert_int_eq(ota_seek(m.ota, 0), AT_ERR_NO_IMAGE);
}
END_TEST

START_TEST(details)
{
	static const char *const texts[] = { "", "v2.5.7", "v2.5.7", "", "v2.5.7", "40000" };

	mailbox_reach(&m, (enum ota_state)_i);
	ck_assert_str_eq(ota_detail(m.ota), texts[_i]);
}
END_TEST

START_TEST(reading)
{
	mailbox_reach(&m, OTA_HOST_READY);
	expect_read(10, 0, 10);
	expect_read(1, 10, 1);
	expect_read(5000, 11, OTA_MAX_READ);
	expect_read(1, 11 + OTA_MAX_READ, 1);
	ck_assert_int_eq(ota_seek(m.ota, MAILBOX_SIZE - 3), 0);
	expect_read(10, MAILBOX_SIZE - 3, 3);
	expect_read(10, MAILBOX_SIZE, 0);
	expect_read(10, MAILBOX_SIZE, 0);
	ck_assert_int_eq(ota_seek(m.ota, MAILBOX_SIZE), 0);
	expect_read(10, MAILBOX_SIZE, 0);
	ck_assert_int_eq(ota_seek(m.ota, MAILBOX_SIZE + 1), AT_ERR_ADDRESS);
	ck_assert_int_eq(ota_seek(m.ota, UINT64_MAX), AT_ERR_ADDRESS);
	ck_assert_int_eq(ota_seek(m.ota, 0), 0);
	expect_read(2, 0, 2);
}
END_TEST

static void ignore(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	(void)r;
}

START_TEST(reading_slowly)
{
	size_t n;

	mailbox_reach(&m, OTA_HOST_READY);
	fake_image()->at_once = false;
	ck_assert_int_eq(mailbox_read(&m, 10), -EINPROGRESS);
	fake_image_done(0);
	ck_assert_int_eq(m.answer, 0);
	(void)ota_take(m.ota, &n);
	ck_assert_uint_eq(n, 10);

	/* The command has given up meanwhile, and the next one gets the same bytes. */
	ck_assert_int_eq(mailbox_read(&m, 10), -EINPROGRESS);
	fake_image_done(0);
	fake_image()->at_once = true;
	expect_read(2, 10, 2);

	/* A reset meanwhile, and the next host begins at the beginning. */
	fake_image()->at_once = false;
	ck_assert_int_eq(mailbox_read(&m, 10), -EINPROGRESS);
	ota_reset(m.ota);
	fake_image_done(0);
	fake_image()->at_once = true;
	expect_read(2, 0, 2);

	/* What is not there any more is not read. */
	fake_image()->at_once = false;
	ck_assert_int_eq(mailbox_read(&m, 10), -EINPROGRESS);
	ota_flush(m.ota, (struct done){ .fn = ignore });
	ck_assert_int_eq(m.answer, AT_ERR_NO_IMAGE);
	expect_state(OTA_IDLE);
}
END_TEST

START_TEST(an_image_that_has_changed)
{
	mailbox_reach(&m, OTA_HOST_READY);
	fake_image()->at_once = false;
	ck_assert_int_eq(mailbox_read(&m, 10), -EINPROGRESS);
	fake_image_done(-EBADMSG);
	ck_assert_int_eq(m.answer, AT_ERR_NO_IMAGE);
	expect_state(OTA_IDLE);
	expect_told("0");
	ck_assert_int_eq(fake_jobs()->status, JOBS_FAILED);
	ck_assert_str_eq(fake_jobs()->value, "The image on the disk has changed");
}
END_TEST

START_TEST(a_disk_that_cannot_be_read)
{
	mailbox_reach(&m, OTA_HOST_READY);
	fake_image()->result = -EIO;
	ck_assert_int_eq(mailbox_read(&m, 10), -EIO);
	fake_image()->result = 0;
	expect_read(1, 0, 1);
}
END_TEST

/* --- signatures --- */

START_TEST(a_bad_signature)
{
	mailbox_reach(&m, OTA_MODULE_OFFERED);
	ck_assert_int_eq(mailbox_accept(&m), 0);
	fake_jobs_updated(NULL);
	fake_image()->digest[5] = 1;
	mailbox_deliver(&m);
	expect_state(OTA_IDLE);
	expect_told("0");
	ck_assert_int_eq(fake_jobs()->status, JOBS_FAILED);
	ck_assert_str_eq(fake_jobs()->value, "Invalid signature, by OTAcertificate: does not verify");
	ck_assert(fake_image()->discarded);
}
END_TEST

START_TEST(a_good_signature)
{
	mailbox_reach(&m, OTA_MODULE_READY);
	ck_assert(!fake_image()->published); /* not for READ */
	ck_assert_int_eq(mailbox_read(&m, 10), AT_ERR_NO_IMAGE);
}
END_TEST

/* --- restarts --- */

START_TEST(restart)
{
	static const enum ota_state after[] = { OTA_IDLE, OTA_IDLE, OTA_IDLE, OTA_BUSY, OTA_BUSY, OTA_BUSY };

	mailbox_reach(&m, (enum ota_state)_i);
	mailbox_restart(&m);
	expect_state(after[_i]);
	expect_told("");
	if (after[_i] == OTA_IDLE) {
		ota_startup(m.ota);
		expect_told("");
		return;
	}
	ota_startup(m.ota);
	expect_told("");
	if (_i == OTA_BUSY) {
		ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_RESUME);
		ck_assert_str_eq(fake_image()->tag, "job/1");
		fake_image()->have = STREAMS_BLOCK;
		fake_image_done(0);
		ck_assert(!fake_streams()->running);
		fake_image()->at_once = true;
		mailbox_connect(&m);
		ck_assert(fake_streams()->running);
		ck_assert_str_eq(fake_streams()->stream, "stream");
		ck_assert_uint_eq(fake_streams()->file, 3);
		ck_assert_uint_eq(fake_streams()->have, STREAMS_BLOCK);
		mailbox_deliver(&m);
		expect_told("5");
		return;
	}
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_VERIFY);
	ck_assert_int_eq(mailbox_read(&m, 1), AT_ERR_NO_IMAGE);
	ck_assert_str_eq(ota_detail(m.ota), "");
	fake_image_done(0);
	expect_state(_i);
	expect_told(_i == OTA_MODULE_READY ? "4" : "5");
	ck_assert(fake_image()->published == (_i == OTA_HOST_READY));
	ck_assert_str_eq(ota_detail(m.ota), _i == OTA_MODULE_READY ? "v2.5.7" : "40000");

	/* And each time that STARTUP is queued. */
	ota_startup(m.ota);
	expect_told(_i == OTA_MODULE_READY ? "4" : "5");
}
END_TEST

START_TEST(the_pointer_after_a_restart)
{
	mailbox_reach(&m, OTA_HOST_READY);
	expect_read(100, 0, 100);
	mailbox_restart(&m);
	fake_image()->at_once = true;
	fake_image_done(0);
	expect_read(2, 0, 2);
	ota_reset(m.ota);
	expect_read(2, 0, 2);

	/* A sleep, a loss, are no reset. */
	ota_startup(m.ota);
	mailbox_connect(&m);
	mailbox_disconnect(&m);
	expect_read(2, 2, 2);
}
END_TEST

START_TEST(damaged_while_the_power_was_off)
{
	mailbox_reach(&m, OTA_HOST_READY);
	mailbox_restart(&m);
	fake_image_done(-EBADMSG);
	expect_state(OTA_IDLE);
	expect_told("0");
	mailbox_connect(&m);
	ck_assert_int_eq(fake_jobs()->status, JOBS_FAILED);
	ck_assert_str_eq(fake_jobs()->value, "The image on the disk is damaged");
}
END_TEST

START_TEST(flushed_before_it_was_read_again)
{
	mailbox_reach(&m, OTA_HOST_READY);
	mailbox_restart(&m);
	ck_assert_int_eq(mailbox_flush(&m), 0);
	expect_state(OTA_IDLE);
	expect_told("");
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 1);
	ck_assert_int_eq(fake_keeper()->disk.results[0].status, JOBS_FAILED);
}
END_TEST

/* What is written meanwhile does not make a finished image an unfinished one. */
START_TEST(a_result_while_it_is_read_again)
{
	mailbox_reach(&m, OTA_HOST_READY);
	mailbox_restart(&m);
	mailbox_connect(&m);
	fake_jobs_next("other", 1, JOBS_QUEUED, "{}");
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 1);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_READY);
	ck_assert_str_eq(fake_keeper()->disk.id, "job");
	fake_image_done(0);
	expect_state(OTA_HOST_READY);
}
END_TEST

/* --- the connection and resets, in every state --- */

START_TEST(lost)
{
	static const enum ota_state after[] = {
		OTA_IDLE, OTA_IDLE, OTA_IDLE, OTA_BUSY, OTA_MODULE_READY, OTA_HOST_READY
	};

	mailbox_reach(&m, (enum ota_state)_i);
	mailbox_disconnect(&m);
	expect_state(after[_i]);
	ck_assert(!fake_streams()->running);
	expect_told("");
	mailbox_connect(&m);
	expect_state(after[_i]);
	ck_assert(fake_streams()->running == (_i == OTA_BUSY));
	expect_told("");
	if (_i != OTA_MODULE_OFFERED && _i != OTA_HOST_OFFERED)
		return;
	fake_jobs_next("job", 1, JOBS_QUEUED,
		       _i == OTA_HOST_OFFERED ? mailbox_host_image() : mailbox_module_image(&m, NULL));
	expect_state(_i);
	expect_told(_i == OTA_HOST_OFFERED ? "2" : "1");
}
END_TEST

START_TEST(reset)
{
	static const char *const told[] = { "", "", "", "", "4", "5" };

	mailbox_reach(&m, (enum ota_state)_i);
	mailbox_disconnect(&m);
	ota_reset(m.ota);
	ota_startup(m.ota);
	expect_state(_i < OTA_BUSY ? OTA_IDLE : (enum ota_state)_i);
	expect_told(told[_i]);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
}
END_TEST

START_TEST(information)
{
	const time_t before = time(NULL);
	struct ota_info info;

	mailbox_reach(&m, (enum ota_state)_i);
	ota_get_info(m.ota, &info);
	ck_assert_int_eq(info.state, _i);
	ck_assert_uint_eq(info.results, 0);
	if (_i == OTA_IDLE) {
		ck_assert_ptr_null(info.job);
		return;
	}
	ck_assert_str_eq(info.job, "job");
	ck_assert_int_eq(info.number, 1);
	ck_assert_uint_eq(info.size, MAILBOX_SIZE);
	ck_assert_uint_eq(info.have, _i > OTA_BUSY ? MAILBOX_SIZE : 0);
	ck_assert_ptr_null(info.last);
	ck_assert_int_eq(mailbox_flush(&m), 0);
	ota_get_info(m.ota, &info);
	ck_assert_uint_eq(info.results, 1);
	ck_assert_str_eq(info.last->id, "job");
	ck_assert_int_eq(info.last->number, 1);
	ck_assert_int_eq(info.last->status, _i < OTA_BUSY ? JOBS_REJECTED : JOBS_FAILED);
	ck_assert_str_eq(info.last->reason, _i < OTA_BUSY ? "Rejected by the host" : "Flushed by the host");
	ck_assert_int_ge(info.last_at, before);
	ck_assert_int_le(info.last_at, time(NULL));

	/* Of what is still to be told the disk knows, but not since when. */
	mailbox_restart(&m);
	ota_get_info(m.ota, &info);
	ck_assert_str_eq(info.last->id, "job");
	ck_assert_int_eq(info.last_at, 0);
	mailbox_connect(&m);
	fake_jobs_updated(NULL);
	mailbox_restart(&m);
	ota_get_info(m.ota, &info);
	ck_assert_ptr_null(info.last);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("ota");
	TCase *tc = tcase_create("ota");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, nothing_there, OTA_IDLE, OTA_STATE_COUNT);
	tcase_add_loop_test(tc, details, OTA_IDLE, OTA_STATE_COUNT);
	tcase_add_test(tc, reading);
	tcase_add_test(tc, reading_slowly);
	tcase_add_test(tc, an_image_that_has_changed);
	tcase_add_test(tc, a_disk_that_cannot_be_read);
	tcase_add_test(tc, a_bad_signature);
	tcase_add_test(tc, a_good_signature);
	tcase_add_loop_test(tc, restart, OTA_IDLE, OTA_STATE_COUNT);
	tcase_add_test(tc, the_pointer_after_a_restart);
	tcase_add_test(tc, damaged_while_the_power_was_off);
	tcase_add_test(tc, flushed_before_it_was_read_again);
	tcase_add_test(tc, a_result_while_it_is_read_again);
	tcase_add_loop_test(tc, lost, OTA_IDLE, OTA_STATE_COUNT);
	tcase_add_loop_test(tc, reset, OTA_IDLE, OTA_STATE_COUNT);
	tcase_add_loop_test(tc, information, OTA_IDLE, OTA_STATE_COUNT);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
