/* SPDX-License-Identifier: Apache-2.0 */
/* ota/change.c: what the state table says, and when it comes true. */

#include "fake/mailbox.h"
#include "fake/suite.h"
#include "ota/ota.h"

#include <errno.h>
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

/* The disk takes its time from here on. */
static void slow_disk(void)
{
	fake_keeper()->at_once = false;
}

static void expect_result(const char *id, enum jobs_status status, const char *reason)
{
	ck_assert_str_eq(fake_jobs()->id, id);
	ck_assert_int_eq(fake_jobs()->status, status);
	ck_assert_str_eq(fake_jobs()->key, "reason");
	ck_assert_str_eq(fake_jobs()->value, reason);
}

/* --- first durable, then true --- */

START_TEST(accept_is_durable)
{
	mailbox_reach(&m, OTA_HOST_OFFERED);
	fake_image()->at_once = false;
	slow_disk();
	ck_assert_int_eq(mailbox_accept(&m), -EINPROGRESS);
	expect_state(OTA_HOST_OFFERED);
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_NOTHING);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);

	fake_keeper_done(0);
	ck_assert_int_eq(m.answer, 0);
	expect_state(OTA_BUSY);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_DOWNLOAD);
	ck_assert_str_eq(fake_keeper()->disk.id, "job");
	ck_assert_int_eq(fake_keeper()->disk.number, 1);
	ck_assert_str_eq(fake_keeper()->disk.document.stream, "stream");
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_CREATE);
	ck_assert_str_eq(fake_image()->tag, "job/1");
	ck_assert_int_eq(fake_jobs()->status, JOBS_IN_PROGRESS);
	ck_assert_str_eq(fake_jobs()->value, "0/3");
	expect_told("");
}
END_TEST

START_TEST(close_is_durable)
{
	mailbox_reach(&m, OTA_HOST_READY);
	slow_disk();
	ck_assert_int_eq(mailbox_close(&m), -EINPROGRESS);
	expect_state(OTA_HOST_READY);
	ck_assert(fake_image()->published);
	ck_assert_uint_eq(fake_jobs()->updates, 0);

	fake_keeper_done(0);
	ck_assert_int_eq(m.answer, 0);
	expect_state(OTA_IDLE);
	ck_assert(fake_image()->discarded);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 1);
	ck_assert_int_eq(fake_keeper()->disk.results[0].status, JOBS_SUCCEEDED);
	ck_assert(fake_keeper()->disk.results[0].asked);
	expect_result("job", JOBS_SUCCEEDED, "Taken by the host");

	/* What the cloud has taken need not be kept. */
	fake_jobs_updated(NULL);
	fake_keeper_done(0);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
	expect_told("");
}
END_TEST

START_TEST(ready_is_durable)
{
	mailbox_reach(&m, OTA_BUSY);
	memset(fake_image()->digest, 0xab, IMAGE_DIGEST);
	slow_disk();
	mailbox_deliver(&m);
	expect_state(OTA_BUSY);
	ck_assert(!fake_image()->published);
	expect_told("");
	fake_keeper_done(0);
	expect_state(OTA_HOST_READY);
	ck_assert(fake_image()->published);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_READY);
	ck_assert_mem_eq(fake_keeper()->disk.digest, fake_image()->digest, IMAGE_DIGEST);
	expect_told("5");
}
END_TEST

START_TEST(a_command_that_cannot_be_durable)
{
	fake_keeper()->result = 0;
	mailbox_reach(&m, OTA_HOST_OFFERED);
	fake_keeper()->result = -ENOSPC;
	ck_assert_int_eq(mailbox_accept(&m), -ENOSPC);
	expect_state(OTA_HOST_OFFERED);
	ck_assert_int_eq(mailbox_flush(&m), -ENOSPC);
	expect_state(OTA_HOST_OFFERED);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	fake_keeper()->result = 0;
	ck_assert_int_eq(mailbox_accept(&m), 0);
	mailbox_deliver(&m);
	fake_jobs_updated(NULL);
	fake_jobs_forget();

	fake_keeper()->result = -ENOSPC;
	ck_assert_int_eq(mailbox_close(&m), -ENOSPC);
	ck_assert_int_eq(mailbox_flush(&m), -ENOSPC);
	expect_state(OTA_HOST_READY);
	ck_assert_int_eq(mailbox_read(&m, 4), 0);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	expect_told("5");
}
END_TEST

/* Not asked for by anybody, so nobody can be told that it did not happen. */
START_TEST(what_happens_without_a_disk)
{
	mailbox_reach(&m, OTA_BUSY);
	fake_keeper()->result = -ENOSPC;
	fake_streams_fail("ResourceNotFound");
	expect_state(OTA_IDLE);
	expect_result("job", JOBS_FAILED, "ResourceNotFound");
	expect_told("0");

	/* It is written with the next thing that can be. */
	fake_keeper()->result = 0;
	fake_jobs_updated(NULL);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);
}
END_TEST

/* --- what happens while the disk works --- */

START_TEST(the_connection_is_lost_during_accept)
{
	mailbox_reach(&m, OTA_HOST_OFFERED);
	slow_disk();
	ck_assert_int_eq(mailbox_accept(&m), -EINPROGRESS);
	mailbox_disconnect(&m);
	ck_assert_int_eq(m.answer, -EINPROGRESS);
	fake_keeper_done(_i);
	ck_assert_int_eq(m.answer, _i);
	expect_state(_i == 0 ? OTA_BUSY : OTA_IDLE);
	ck_assert(!fake_streams()->running);
	mailbox_connect(&m);
	ck_assert(fake_streams()->running == (_i == 0));
	expect_told("");
}
END_TEST

START_TEST(a_reset_during_close)
{
	mailbox_reach(&m, OTA_HOST_READY);
	slow_disk();
	ck_assert_int_eq(ota_seek(m.ota, 100), 0);
	ck_assert_int_eq(mailbox_close(&m), -EINPROGRESS);
	mailbox_disconnect(&m);
	ota_reset(m.ota);
	ota_startup(m.ota);
	fake_keeper_done(0);
	expect_state(OTA_IDLE);
	expect_told("");
}
END_TEST

START_TEST(a_reset_during_a_close_that_fails)
{
	mailbox_reach(&m, OTA_HOST_READY);
	slow_disk();
	ck_assert_int_eq(ota_seek(m.ota, 100), 0);
	ck_assert_int_eq(mailbox_close(&m), -EINPROGRESS);
	mailbox_disconnect(&m);
	ota_reset(m.ota);
	ota_startup(m.ota);
	fake_keeper_done(-EIO);
	expect_state(OTA_HOST_READY);
	expect_told("5");
}
END_TEST

static void cancel(void)
{
	fake_jobs_next(NULL, 0, 0, NULL);
	fake_jobs_described("job", 1, JOBS_GONE, NULL, NULL);
}

START_TEST(cancelled_during_accept)
{
	mailbox_reach(&m, OTA_HOST_OFFERED);
	slow_disk();
	ck_assert_int_eq(mailbox_accept(&m), -EINPROGRESS);
	cancel();
	expect_state(OTA_HOST_OFFERED);
	fake_keeper_done(0);
	ck_assert_int_eq(m.answer, 0);
	fake_keeper_done(0);
	expect_state(OTA_IDLE);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
	ck_assert(!fake_streams()->running);
	expect_told("0");
}
END_TEST

/* CLOSE has ended the job before; the cloud will not like it, and the host hears of that. */
START_TEST(cancelled_during_close)
{
	mailbox_reach(&m, OTA_HOST_READY);
	slow_disk();
	ck_assert_int_eq(mailbox_close(&m), -EINPROGRESS);
	cancel();
	fake_keeper_done(0);
	expect_state(OTA_IDLE);
	expect_told("");
	expect_result("job", JOBS_SUCCEEDED, "Taken by the host");
	fake_jobs_updated("ResourceNotFound");
	expect_told("0/ResourceNotFound");
}
END_TEST

START_TEST(complete_during_flush)
{
	mailbox_reach(&m, OTA_BUSY);
	slow_disk();
	ck_assert_int_eq(mailbox_flush(&m), -EINPROGRESS);
	mailbox_deliver(&m);
	expect_state(OTA_BUSY);
	fake_keeper_done(_i);
	ck_assert_int_eq(m.answer, _i);
	if (_i < 0)
		fake_keeper_done(0);
	expect_state(_i == 0 ? OTA_IDLE : OTA_HOST_READY);
	expect_told(_i == 0 ? "" : "5");
}
END_TEST

static unsigned cancelled;

static void on_cancelled(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	ck_assert_int_eq(r, -ECANCELED);
	cancelled++;
}

/* The RST pin took the line of the first two away. */
START_TEST(commands_that_overtake_each_other)
{
	mailbox_reach(&m, OTA_HOST_READY);
	slow_disk();
	ck_assert_int_eq(mailbox_close(&m), -EINPROGRESS);
	ota_close(m.ota, (struct done){ .fn = on_cancelled });
	ck_assert_int_eq(mailbox_flush(&m), -EINPROGRESS);
	ck_assert_uint_eq(cancelled, 1);
	fake_keeper_done(0);
	ck_assert_int_eq(m.answer, 0);
	expect_state(OTA_IDLE);
	expect_result("job", JOBS_SUCCEEDED, "Taken by the host");
	ck_assert_uint_eq(fake_keeper()->waiting, 0);
}
END_TEST

START_TEST(a_job_that_comes_while_the_disk_works)
{
	mailbox_reach(&m, OTA_HOST_READY);
	slow_disk();
	ck_assert_int_eq(mailbox_close(&m), -EINPROGRESS);
	fake_jobs_next("job2", 1, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_READY);
	fake_keeper_done(0);
	expect_state(OTA_IDLE);

	/* It is asked for. */
	ck_assert_uint_ge(fake_jobs()->next, 1);
	fake_jobs_next("job2", 1, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_OFFERED);
	expect_told("2");
}
END_TEST

/* --- results --- */

static const struct {
	enum ota_state state;
	enum jobs_status status;
	const char *reason;
} flushes[] = {
	{ OTA_MODULE_OFFERED, JOBS_REJECTED, "Rejected by the host" },
	{ OTA_HOST_OFFERED, JOBS_REJECTED, "Rejected by the host" },
	{ OTA_BUSY, JOBS_FAILED, "Flushed by the host" },
	{ OTA_MODULE_READY, JOBS_FAILED, "Flushed by the host" },
	{ OTA_HOST_READY, JOBS_FAILED, "Flushed by the host" },
};

START_TEST(flushed)
{
	mailbox_reach(&m, flushes[_i].state);
	ck_assert_int_eq(mailbox_flush(&m), 0);
	expect_state(OTA_IDLE);
	expect_result("job", flushes[_i].status, flushes[_i].reason);
	ck_assert(fake_image()->discarded);
	ck_assert(!fake_streams()->running);
	expect_told("");
}
END_TEST

/* REJECTED is for what was not begun. */
START_TEST(flushed_though_begun_once)
{
	mailbox_connect(&m);
	fake_jobs_next("job", 1, JOBS_IN_PROGRESS, mailbox_host_image());
	ck_assert_int_eq(mailbox_flush(&m), 0);
	expect_result("job", JOBS_FAILED, "Rejected by the host");
}
END_TEST

START_TEST(commands_that_do_not_fit)
{
	mailbox_reach(&m, (enum ota_state)_i);
	ck_assert_int_eq(mailbox_accept(&m), _i == OTA_MODULE_OFFERED || _i == OTA_HOST_OFFERED ? 0 : AT_ERR_OTA);
	teardown();
	setup();
	mailbox_reach(&m, (enum ota_state)_i);
	ck_assert_int_eq(mailbox_close(&m), 0);
	expect_state(_i == OTA_HOST_READY ? OTA_IDLE : (enum ota_state)_i);
	ck_assert_uint_eq(fake_jobs()->updates, _i == OTA_HOST_READY);
	expect_told("");
}
END_TEST

/* --- what a forced update does (guide 8.7) --- */

START_TEST(forced)
{
	static const char *const told[] = { "", "", "", "", "", "" };

	mailbox_reach(&m, (enum ota_state)_i);
	fake_image()->at_once = false;
	fake_jobs_next("forced", 4, JOBS_QUEUED, mailbox_module_image(&m, ",\"force\":\"YES\""));
	expect_state(OTA_BUSY);
	expect_told(told[_i]);
	ck_assert_str_eq(fake_keeper()->disk.id, "forced");
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_DOWNLOAD);
	ck_assert_str_eq(fake_image()->tag, "forced/4");
	ck_assert_int_eq(fake_image()->waiting, FAKE_IMAGE_CREATE);
	if (_i >= OTA_BUSY) {
		expect_result("job", JOBS_FAILED, "Overridden by a forced module update");
		ck_assert(!fake_keeper()->disk.results[0].asked);
		fake_jobs_updated(NULL);
	}
	ck_assert_str_eq(fake_jobs()->id, "forced");
	ck_assert_int_eq(fake_jobs()->status, JOBS_IN_PROGRESS);
	fake_image_done(0);
	ck_assert(fake_streams()->running);
	ck_assert_int_eq(mailbox_read(&m, 1), AT_ERR_NO_IMAGE);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("change");
	TCase *tc = tcase_create("change");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, accept_is_durable);
	tcase_add_test(tc, close_is_durable);
	tcase_add_test(tc, ready_is_durable);
	tcase_add_test(tc, a_command_that_cannot_be_durable);
	tcase_add_test(tc, what_happens_without_a_disk);
	tcase_add_loop_test(tc, the_connection_is_lost_during_accept, -1, 1);
	tcase_add_test(tc, a_reset_during_close);
	tcase_add_test(tc, a_reset_during_a_close_that_fails);
	tcase_add_test(tc, cancelled_during_accept);
	tcase_add_test(tc, cancelled_during_close);
	tcase_add_loop_test(tc, complete_during_flush, -1, 1);
	tcase_add_test(tc, commands_that_overtake_each_other);
	tcase_add_test(tc, a_job_that_comes_while_the_disk_works);
	tcase_add_loop_test(tc, flushed, 0, ELEMENTS(flushes));
	tcase_add_test(tc, flushed_though_begun_once);
	tcase_add_loop_test(tc, commands_that_do_not_fit, OTA_IDLE, OTA_STATE_COUNT);
	tcase_add_loop_test(tc, forced, OTA_IDLE, OTA_STATE_COUNT);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
