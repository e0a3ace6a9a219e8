/* SPDX-License-Identifier: Apache-2.0 */
/* ota/intake.c: jobs that bring certificates, without the host and beside what is in hand. */

#include "fake/mailbox.h"
#include "fake/suite.h"
#include "ota/ota.h"

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

static const char *certificate(int type)
{
	static char text[256];

	(void)snprintf(text, sizeof(text),
		       "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"c\",\"files\":[{\"filesize\":700,"
		       "\"fileid\":0,\"fileType\":%d}]}}",
		       type);
	return text;
}

START_TEST(a_certificate)
{
	mailbox_connect(&m);
	fake_jobs_next("cert", 4, JOBS_QUEUED, certificate(_i));
	ck_assert_str_eq(fake_renewal()->id, "cert");
	ck_assert_int_eq(fake_renewal()->number, 4);
	ck_assert_int_eq(fake_renewal()->document.type, _i);

	/* Named again, it is the same. */
	fake_jobs_next("cert", 4, JOBS_QUEUED, certificate(_i));
	ck_assert_uint_eq(fake_renewal()->begins, 1);
	fake_renewal_end(JOBS_SUCCEEDED, "Accepted");
	expect_state(OTA_IDLE);
	expect_told("");
	ck_assert_uint_eq(fake_jobs()->updates, 1);
	ck_assert_int_eq(fake_jobs()->status, JOBS_SUCCEEDED);
	ck_assert_int_eq(fake_jobs()->number, 4);
	ck_assert_str_eq(fake_jobs()->value, "Accepted");
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 1);
	fake_jobs_next("cert", 4, JOBS_QUEUED, certificate(_i));
	ck_assert_uint_eq(fake_renewal()->begins, 1);

	/* Nobody has to know when the cloud does not want to. */
	fake_jobs_updated("InvalidStateTransition");
	expect_told("");
	ck_assert_uint_eq(fake_jobs()->next, 1);
}
END_TEST

START_TEST(a_certificate_beside_a_job)
{
	const struct fake_pending all[] = { { "job", 1 }, { "cert", 1 }, { "cert2", 1 }, { "bad", 1 } };

	mailbox_reach(&m, (enum ota_state)_i);
	fake_jobs_pending(all, 3);
	fake_jobs_described("cert", 1, JOBS_QUEUED, certificate(103), NULL);
	ck_assert_str_eq(fake_renewal()->id, "cert");
	expect_state(_i);

	/* One after the other. */
	fake_jobs_described("cert2", 1, JOBS_QUEUED, certificate(107), NULL);
	ck_assert_uint_eq(fake_renewal()->begins, 1);
	fake_renewal_end(JOBS_FAILED, "Not accepted");
	ck_assert_int_eq(fake_jobs()->status, JOBS_FAILED);
	fake_jobs_forget();
	fake_jobs_updated(NULL);
	ck_assert_uint_eq(fake_jobs()->pending, 1);
	fake_jobs_pending(all, 3);
	fake_jobs_described("cert", 0, JOBS_QUEUED, NULL, "TerminalStateReached");
	fake_jobs_described("cert2", 1, JOBS_QUEUED, certificate(107), NULL);
	ck_assert_str_eq(fake_renewal()->id, "cert2");
	fake_renewal_end(JOBS_SUCCEEDED, "Accepted");
	expect_state(_i);
	expect_told("");
}
END_TEST

START_TEST(a_certificate_that_is_gone)
{
	const struct fake_pending all[] = { { "job", 1 }, { "cert", 1 } };

	mailbox_connect(&m);
	fake_jobs_next("cert", 1, JOBS_QUEUED, certificate(103));
	fake_jobs_next(NULL, 0, 0, NULL);
	ck_assert(!fake_renewal()->running);

	/* Behind another one; then with the connection. */
	mailbox_reach(&m, OTA_HOST_READY);
	fake_jobs_pending(all, 2);
	fake_jobs_described("cert", 1, JOBS_QUEUED, certificate(103), NULL);
	fake_jobs_pending(all, 2);
	ck_assert(fake_renewal()->running);
	fake_jobs_pending(all, 1);
	ck_assert(!fake_renewal()->running);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	mailbox_disconnect(&m);
	mailbox_connect(&m);
	fake_jobs_pending(all, 2);
	fake_jobs_described("cert", 1, JOBS_QUEUED, certificate(103), NULL);
	ck_assert(fake_renewal()->running);
	mailbox_disconnect(&m);
	ck_assert(!fake_renewal()->running);
	expect_state(OTA_HOST_READY);
}
END_TEST

START_TEST(another_certificate_under_its_name)
{
	mailbox_connect(&m);
	fake_jobs_next("cert", 1, JOBS_QUEUED, certificate(103));
	fake_jobs_next("cert", 1, JOBS_QUEUED, certificate(204));
	ck_assert_uint_eq(fake_renewal()->begins, 2);
	ck_assert_int_eq(fake_renewal()->document.type, 204);

	/* What is written already comes true first. */
	fake_renewal()->writing = true;
	fake_jobs_next("cert", 1, JOBS_QUEUED, certificate(107));
	ck_assert_uint_eq(fake_renewal()->begins, 2);
	fake_renewal_end(JOBS_SUCCEEDED, "Accepted");
	fake_jobs_updated(NULL);
	ck_assert_uint_eq(fake_jobs()->next, 1);
}
END_TEST

/* Its result would drive out others. */
START_TEST(a_certificate_that_has_to_wait)
{
	struct fake_pending all[RECORD_MAX_RESULTS / 2 + 1] = { { "job", 1 } };

	mailbox_reach(&m, OTA_HOST_READY);
	for (unsigned i = 1; i < ELEMENTS(all); i++)
		all[i] = (struct fake_pending){ (const char *[]){ "a", "b", "c", "d" }[i - 1], 1 };
	fake_jobs_pending(all, ELEMENTS(all));
	while (fake_jobs()->describing)
		fake_jobs_described(fake_jobs()->described, 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, RECORD_MAX_RESULTS / 2);
	all[1] = (struct fake_pending){ "cert", 1 };
	fake_jobs_pending(all, 2);
	fake_jobs_described("cert", 1, JOBS_QUEUED, certificate(103), NULL);
	ck_assert_uint_eq(fake_renewal()->begins, 0);
	fake_jobs_forget();
	fake_jobs_updated(NULL);
	ck_assert_uint_eq(fake_jobs()->pending, 1);
	fake_jobs_pending(all, 2);
	fake_jobs_described("cert", 1, JOBS_QUEUED, certificate(103), NULL);
	ck_assert_uint_eq(fake_renewal()->begins, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("intake_certificates");
	TCase *tc = tcase_create("intake_certificates");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_loop_test(tc, a_certificate, 103, 104);
	tcase_add_loop_test(tc, a_certificate, 107, 108);
	tcase_add_loop_test(tc, a_certificate, 204, 205);
	tcase_add_loop_test(tc, a_certificate_beside_a_job, OTA_MODULE_OFFERED, OTA_STATE_COUNT);
	tcase_add_test(tc, a_certificate_that_is_gone);
	tcase_add_test(tc, another_certificate_under_its_name);
	tcase_add_test(tc, a_certificate_that_has_to_wait);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
