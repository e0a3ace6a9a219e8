/* SPDX-License-Identifier: Apache-2.0 */
/* ota/intake.c: jobs that come in, and what the cloud says of those that are known. */

#include "fake/mailbox.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "ota/ota.h"
#include "ota/report.h"

#include <stdio.h>

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

static void expect_refusal(enum jobs_status status, const char *reason)
{
	expect_state(OTA_IDLE);
	expect_told("");
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_int_eq(fake_jobs()->status, status);
	ck_assert_str_eq(fake_jobs()->key, "reason");
	ck_assert_str_eq(fake_jobs()->value, reason);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 1);
}

START_TEST(a_host_image)
{
	mailbox_connect(&m);
	fake_jobs_next("job", 3, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_OFFERED);
	expect_told("2");
	ck_assert_str_eq(ota_detail(m.ota), "v2.5.7");

	/* Named again, it is the same. */
	fake_jobs_next("job", 3, JOBS_QUEUED, mailbox_host_image());
	expect_told("");
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	ck_assert_uint_eq(fake_keeper()->saves, 0);
}
END_TEST

START_TEST(a_module_image)
{
	mailbox_connect(&m);
	fake_jobs_next("job", 3, JOBS_QUEUED, mailbox_module_image(&m, NULL));
	expect_state(OTA_MODULE_OFFERED);
	expect_told("1");
	ck_assert_str_eq(ota_detail(m.ota), "v2.5.7");
	fake_jobs_forget();
}
END_TEST

START_TEST(without_a_name)
{
	mailbox_connect(&m);
	fake_jobs_next("job", 3, JOBS_QUEUED,
		       "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":[{\"filepath\":null,"
		       "\"filesize\":10,\"fileid\":0,\"fileType\":202}]}}");
	ck_assert_str_eq(ota_detail(m.ota), "unknown");
}
END_TEST

static const struct {
	const char *document, *reason;
} refusals[] = {
	{ NULL, "No job document that can be read" },
	{ "{}", "this is no update: afr_ota is missing" },
	{ "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":[{\"filesize\":17000,\"fileid\":0,"
	  "\"fileType\":202}]}}",
	  "17000 bytes, MaxImageSize is 16384" },
	{ "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":[{\"filesize\":100,\"fileid\":0,"
	  "\"fileType\":101}]}}",
	  "No signature, which is required" },
	{ "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\",\"files\":[{\"filesize\":33000,\"fileid\":0,"
	  "\"fileType\":204}]}}",
	  "33000 bytes, a certificate has at most 32768" },
};

START_TEST(refused)
{
	struct ota_info info;

	teardown();
	mailbox_make(&m, "[OTA]\nMaxImageSize=16K\n");
	mailbox_connect(&m);
	fake_jobs_next("job", 3, JOBS_QUEUED, refusals[_i].document);
	expect_refusal(JOBS_REJECTED, refusals[_i].reason);
	ck_assert_int_eq(fake_jobs()->number, 3);
	ck_assert(!fake_keeper()->disk.results[0].asked);
	ota_get_info(m.ota, &info);
	ck_assert_int_eq(info.state, OTA_IDLE);
	ck_assert_str_eq(info.last->id, "job");
	ck_assert_int_eq(info.last->status, JOBS_REJECTED);
	ck_assert_str_eq(info.last->reason, refusals[_i].reason);

	/* As long as the cloud does not know, and shortly after, it is not taken for a new one. */
	fake_jobs_next("job", 3, JOBS_QUEUED, refusals[_i].document);
	fake_jobs_updated(NULL);
	fake_jobs_next("job", 3, JOBS_QUEUED, refusals[_i].document);
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);

	/* The next one is asked for; should it have the same name, too. */
	ck_assert_uint_eq(fake_jobs()->next, 1);
	fake_timer_pass(REPORT_MEMORY_MS);
	ck_assert_uint_eq(fake_jobs()->next, 2);
	fake_jobs_next("job2", 3, JOBS_QUEUED, refusals[_i].document);
	ck_assert_uint_eq(fake_jobs()->updates, 2);
}
END_TEST

START_TEST(refused_though_begun_once)
{
	mailbox_connect(&m);
	fake_jobs_next("job", 3, JOBS_IN_PROGRESS, "{}");
	expect_refusal(JOBS_FAILED, "this is no update: afr_ota is missing");
}
END_TEST

START_TEST(the_same_name_again)
{
	mailbox_reach(&m, OTA_HOST_READY);
	ck_assert_int_eq(mailbox_close(&m), 0);
	fake_jobs_next("job", 1, JOBS_IN_PROGRESS, mailbox_host_image());
	expect_state(OTA_IDLE);
	fake_jobs_next("job", 2, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_OFFERED);
	expect_told("2");
}
END_TEST

/* --- while one is in hand --- */

START_TEST(another_one_waits)
{
	const struct fake_pending all[] = { { "job", 1 }, { "other", 1 } };

	mailbox_reach(&m, (enum ota_state)_i);
	fake_jobs_pending(all, 2);
	ck_assert_str_eq(fake_jobs()->described, "other");
	fake_jobs_described("other", 1, JOBS_QUEUED, mailbox_host_image(), NULL);
	expect_state(_i);
	expect_told("");
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	ck_assert_uint_eq(fake_jobs()->describes, 1);

	/* Until the buffer is free. */
	ck_assert_int_eq(mailbox_flush(&m), 0);
	fake_jobs_updated(NULL);
	ck_assert_uint_eq(fake_jobs()->next, 1);
	fake_jobs_next("other", 1, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_OFFERED);
}
END_TEST

START_TEST(another_one_that_cannot_be_obeyed)
{
	const struct fake_pending all[] = { { "job", 1 }, { "other", 1 } };

	mailbox_reach(&m, OTA_HOST_READY);
	fake_jobs_pending(all, 2);
	fake_jobs_described("other", 1, JOBS_QUEUED, "{\"afr_ota\":3}", NULL);
	expect_state(OTA_HOST_READY);
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_str_eq(fake_jobs()->id, "other");
	ck_assert_int_eq(fake_jobs()->status, JOBS_REJECTED);
	fake_jobs_updated(NULL);
	expect_state(OTA_HOST_READY);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_READY);
}
END_TEST

/* Of many jobs that cannot be obeyed, each has its turn, and the host's result is not lost. */
START_TEST(many_that_cannot_be_obeyed)
{
	struct fake_pending all[13] = { { "next", 1 } };
	char names[ELEMENTS(all)][8];
	bool heard[ELEMENTS(all)] = { true };
	unsigned which;

	for (unsigned i = 1; i < ELEMENTS(all); i++) {
		(void)snprintf(names[i], sizeof(names[i]), "j%u", i);
		all[i] = (struct fake_pending){ names[i], 1 };
	}
	mailbox_reach(&m, OTA_HOST_READY);
	mailbox_disconnect(&m);
	ck_assert_int_eq(mailbox_close(&m), 0);
	mailbox_connect(&m);
	fake_jobs_next("next", 1, JOBS_QUEUED, mailbox_host_image());
	fake_jobs_pending(all, ELEMENTS(all));
	while (fake_jobs()->describing)
		fake_jobs_described(fake_jobs()->described, 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, RECORD_MAX_RESULTS / 2);
	ck_assert_str_eq(fake_keeper()->disk.results[0].id, "job");
	while (fake_jobs()->updating) {
		if (sscanf(fake_jobs()->id, "j%u", &which) == 1)
			heard[which] = true;
		fake_jobs_forget();
		fake_jobs_updated(NULL);
		if (fake_jobs()->pending == 0)
			continue;
		fake_jobs_pending(all, ELEMENTS(all));
		while (fake_jobs()->describing)
			fake_jobs_described(fake_jobs()->described, 1, JOBS_QUEUED, "{}", NULL);
	}
	for (unsigned i = 0; i < ELEMENTS(all); i++)
		ck_assert(heard[i]);
	expect_state(OTA_HOST_OFFERED);
}
END_TEST

START_TEST(two_forced_ones)
{
	const char *document = mailbox_module_image(&m, ",\"force\":true");
	const struct fake_pending all[] = { { "forced", 1 }, { "other", 1 } };

	mailbox_connect(&m);
	fake_image()->at_once = true;
	fake_jobs_next("forced", 1, JOBS_QUEUED, document);
	expect_state(OTA_BUSY);
	fake_jobs_pending(all, 2);
	fake_jobs_described("other", 1, JOBS_QUEUED, document, NULL);
	ck_assert_str_eq(fake_keeper()->disk.id, "forced");
	mailbox_deliver(&m);
	expect_state(OTA_MODULE_READY);
	expect_told("4");
}
END_TEST

/* --- is it still there? --- */

static const struct {
	enum ota_state state;
	const char *told;
} held[] = {
	{ OTA_MODULE_OFFERED, "0" }, { OTA_HOST_OFFERED, "0" }, { OTA_BUSY, "0" },
	{ OTA_MODULE_READY, "0" },   { OTA_HOST_READY, "0" },
};

START_TEST(gone)
{
	mailbox_reach(&m, held[_i].state);
	fake_jobs_next(NULL, 0, 0, NULL);
	expect_state(held[_i].state);
	fake_jobs_described("job", 0, JOBS_QUEUED, NULL, "ResourceNotFound");
	expect_state(OTA_IDLE);
	expect_told(held[_i].told);
	ck_assert(fake_image()->discarded);
	ck_assert(!fake_streams()->running);

	/* There is nothing to report, and maybe something else to do. */
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	ck_assert_uint_eq(fake_jobs()->next, 1);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
}
END_TEST

START_TEST(not_gone)
{
	mailbox_reach(&m, held[_i].state);
	fake_jobs_next("other", 1, JOBS_QUEUED, mailbox_host_image());
	fake_jobs_described("job", 1, _i < 2 ? JOBS_QUEUED : JOBS_IN_PROGRESS, NULL, NULL);
	expect_state(held[_i].state);
	fake_jobs_next(NULL, 0, 0, NULL);
	fake_jobs_described("job", 0, JOBS_QUEUED, NULL, "");
	expect_state(held[_i].state);
	expect_told("");
}
END_TEST

START_TEST(tried_anew)
{
	mailbox_reach(&m, held[_i].state);
	fake_jobs_next("job", 2, JOBS_QUEUED, mailbox_host_image());
	fake_jobs_described("job", 2, JOBS_QUEUED, mailbox_host_image(), NULL);
	expect_told("0");
	ck_assert_uint_eq(fake_jobs()->next, 1);
	fake_jobs_next("job", 2, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_OFFERED);
	expect_told("2");
}
END_TEST

/* Removed and made anew under its name while we were away. */
START_TEST(something_else_under_its_name)
{
	static const char document[] =
		"{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"stream2\",\"files\":[{\"filepath\":\"v3\","
		"\"filesize\":40000,\"fileid\":3,\"fileType\":202}]}}";

	mailbox_reach(&m, held[_i].state);
	fake_jobs_next("job", 1, JOBS_QUEUED, document);
	expect_state(OTA_IDLE);
	expect_told("0");
	fake_jobs_next("job", 1, JOBS_QUEUED, document);
	expect_state(OTA_HOST_OFFERED);
	ck_assert_str_eq(ota_detail(m.ota), "v3");
}
END_TEST

START_TEST(the_cloud_does_not_know_that_it_is_in_progress)
{
	mailbox_reach(&m, OTA_HOST_READY);
	fake_jobs_next("job", 1, JOBS_QUEUED, mailbox_host_image());
	expect_state(OTA_HOST_READY);
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_int_eq(fake_jobs()->status, JOBS_IN_PROGRESS);
	fake_jobs_updated("VersionMismatch");
	ck_assert_uint_eq(fake_jobs()->describes, 1);
	fake_jobs_described("job", 1, JOBS_IN_PROGRESS, mailbox_host_image(), NULL);
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	expect_state(OTA_HOST_READY);
}
END_TEST

START_TEST(accepted_too_late)
{
	mailbox_connect(&m);
	fake_jobs_next("job", 1, JOBS_QUEUED, mailbox_host_image());
	ck_assert_int_eq(mailbox_accept(&m), 0);
	fake_jobs_updated("InvalidStateTransition");
	fake_jobs_described("job", 0, 0, NULL, "TerminalStateReached");
	expect_state(OTA_IDLE);
	expect_told("2 0");
}
END_TEST

/* --- results --- */

START_TEST(a_result_that_is_refused)
{
	mailbox_reach(&m, OTA_HOST_READY);
	ck_assert_int_eq(_i == 0 ? mailbox_close(&m) : mailbox_flush(&m), 0);
	fake_jobs_updated("InvalidStateTransition");
	expect_told("0/InvalidStateTransition");
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
	ck_assert_uint_eq(fake_jobs()->next, 1);
}
END_TEST

START_TEST(a_result_of_ours_that_is_refused)
{
	mailbox_reach(&m, OTA_BUSY);
	fake_streams_fail("no data");
	expect_told("0");
	fake_jobs_updated("InvalidStateTransition");
	expect_told("");
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
}
END_TEST

START_TEST(a_result_without_a_connection)
{
	mailbox_reach(&m, OTA_HOST_READY);
	mailbox_disconnect(&m);
	ck_assert_int_eq(mailbox_close(&m), 0);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	mailbox_restart(&m);
	expect_state(OTA_IDLE);
	mailbox_connect(&m);
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_int_eq(fake_jobs()->status, JOBS_SUCCEEDED);

	/* The answer to the question of CONNECT still names it. */
	fake_jobs_next("job", 1, JOBS_IN_PROGRESS, mailbox_host_image());
	expect_state(OTA_IDLE);
	fake_jobs_updated("TerminalStateReached");
	expect_told("0/TerminalStateReached");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intake");
	TCase *tc = tcase_create("intake");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_host_image);
	tcase_add_test(tc, a_module_image);
	tcase_add_test(tc, without_a_name);
	tcase_add_loop_test(tc, refused, 0, ELEMENTS(refusals));
	tcase_add_test(tc, refused_though_begun_once);
	tcase_add_test(tc, the_same_name_again);
	tcase_add_loop_test(tc, another_one_waits, OTA_MODULE_OFFERED, OTA_STATE_COUNT);
	tcase_add_test(tc, another_one_that_cannot_be_obeyed);
	tcase_add_test(tc, many_that_cannot_be_obeyed);
	tcase_add_test(tc, two_forced_ones);
	tcase_add_loop_test(tc, gone, 0, ELEMENTS(held));
	tcase_add_loop_test(tc, not_gone, 0, ELEMENTS(held));
	tcase_add_loop_test(tc, tried_anew, 0, ELEMENTS(held));
	tcase_add_loop_test(tc, something_else_under_its_name, 0, ELEMENTS(held));
	tcase_add_test(tc, the_cloud_does_not_know_that_it_is_in_progress);
	tcase_add_test(tc, accepted_too_late);
	tcase_add_loop_test(tc, a_result_that_is_refused, 0, 2);
	tcase_add_test(tc, a_result_of_ours_that_is_refused);
	tcase_add_test(tc, a_result_without_a_connection);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
