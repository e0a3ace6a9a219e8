/* SPDX-License-Identifier: Apache-2.0 */
#include "ota/renewal.h"

#include "fake/fetch.h"
#include "fake/pki.h"
#include "fake/rig.h"
#include "fake/streams.h"
#include "fake/suite.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 20000000ULL /* for a thread that writes a file; never passes unless something hangs */

static struct rig rig;
static struct renewal *renewal;
static struct pki *ota, *root, *stranger;
static struct record_result result; /* status JOBS_QUEUED: none yet */
static unsigned results;
static struct jobs_execution job;
static struct document document;

static void on_result(void *userdata, const struct record_result *r)
{
	ck_assert_ptr_eq(userdata, &rig);
	result = *r;
	results++;
}

static void start(void)
{
	const struct renewal_events events = { .on_result = on_result, .userdata = &rig };

	ck_assert_int_eq(renewal_new(&renewal, rig.event, rig.settings, rig.dict, rig.epoch, &events), 0);
}

static void setup(void)
{
	ota = pki_leaf("Module OTA", NULL);
	root = pki_ca("Root");
	stranger = pki_leaf("Module OTA", NULL);
	rig_make_dict(&rig, NULL);
	free(rig.settings->ota_certificate_pem);
	rig.settings->ota_certificate_pem = strdup(ota->pem);
	free(rig.settings->root_ca_pem);
	rig.settings->root_ca_pem = strdup(root->pem);
	start();
	result = (struct record_result){ .status = JOBS_QUEUED };
	results = 0;
}

static void teardown(void)
{
	renewal = renewal_free(renewal);
	ck_assert_ptr_null(renewal_free(NULL));
	rig_done(&rig);
	pki_free(ota);
	pki_free(root);
	pki_free(stranger);
}

static void begin(enum document_type type, size_t size)
{
	job = (struct jobs_execution){ .id = "job", .number = 7, .status = JOBS_QUEUED };
	document = (struct document){ .type = type, .size = size, .stream = "stream", .file = 3 };
	renewal_begin(renewal, &job, &document);
}

/* In two blocks, the last one first. */
static void deliver(const char *text)
{
	size_t n = strlen(text), half = n / 2;

	ck_assert(fake_streams_block(half, text + half, n - half));
	ck_assert(fake_streams_block(0, text, half));
	fake_streams_complete();
}

static void bring(enum document_type type, const char *text)
{
	result.status = JOBS_QUEUED;
	begin(type, strlen(text));
	ck_assert_str_eq(renewal_job(renewal), "job");
	deliver(text);
	while (result.status == JOBS_QUEUED)
		ck_assert_int_gt(sd_event_run(rig.event, WAIT_US), 0);
	ck_assert_ptr_null(renewal_job(renewal));
}

static void expect(enum jobs_status status, const char *reason)
{
	ck_assert_str_eq(result.reason, reason);
	ck_assert_int_eq(result.status, status);
	ck_assert_str_eq(result.id, "job");
	ck_assert_int_eq(result.number, 7);
	ck_assert(!result.asked);
}

static void expect_value(enum key_id id, const char *text)
{
	size_t n;

	ck_assert_str_eq(dict_get(rig.dict, id, &n), text);
}

START_TEST(the_next_one)
{
	_cleanup_(pki_freep) struct pki *next = pki_leaf("Module OTA 2", ota);

	begin(DOCUMENT_OTA_CERTIFICATE, strlen(next->pem));
	ck_assert_str_eq(fake_streams()->stream, "stream");
	ck_assert_uint_eq(fake_streams()->file, 3);
	ck_assert_uint_eq(fake_streams()->size, strlen(next->pem));
	ck_assert_uint_eq(fake_streams()->have, 0);
	ck_assert(renewal_is(renewal, &job, &document));
	job.number++;
	ck_assert(!renewal_is(renewal, &job, &document));
	job.number--;
	document.size++;
	ck_assert(!renewal_is(renewal, &job, &document));
	ck_assert(renewal_stop(renewal));
	ck_assert(!fake_streams()->running);
	ck_assert_ptr_null(renewal_job(renewal));
	ck_assert_uint_eq(results, 0);

	bring(DOCUMENT_OTA_CERTIFICATE, next->pem);
	expect(JOBS_SUCCEEDED, "Accepted as OTAcertificate");
	expect_value(KEY_OTACERTIFICATE, next->pem);

	/* It is durable; and when the cloud was not told in time, it comes again. */
	renewal = renewal_free(renewal);
	rig_restart(&rig);
	start();
	expect_value(KEY_OTACERTIFICATE, next->pem);
	bring(DOCUMENT_OTA_CERTIFICATE, next->pem);
	expect(JOBS_SUCCEEDED, "Accepted as OTAcertificate");
	bring(DOCUMENT_OTA_CERTIFICATE, ota->pem);
	expect(JOBS_FAILED, "Invalid signature: not by the key of the present OTAcertificate");
	expect_value(KEY_OTACERTIFICATE, next->pem);
}
END_TEST

START_TEST(of_a_stranger)
{
	_cleanup_(pki_freep) struct pki *forged =
		pki_make(&(struct pki_order){ .name = "Module OTA", .issuer = ota, .forged = true });

	bring(DOCUMENT_OTA_CERTIFICATE, stranger->pem);
	expect(JOBS_FAILED, "Invalid signature: not by the key of the present OTAcertificate");
	bring(DOCUMENT_OTA_CERTIFICATE, forged->pem);
	expect(JOBS_FAILED, "Invalid signature: not by the key of the present OTAcertificate");
	bring(DOCUMENT_OTA_CERTIFICATE, "-----BEGIN NONSENSE-----");
	expect(JOBS_FAILED, "The file is no certificate in PEM or DER form");
	expect_value(KEY_OTACERTIFICATE, ota->pem);
}
END_TEST

START_TEST(of_the_host)
{
	_cleanup_(pki_freep) struct pki *forged = pki_make(&(struct pki_order){ .name = "Host", .forged = true });
	_cleanup_(pki_freep) struct pki *next = pki_leaf("Host 2", stranger);

	bring(DOCUMENT_HOST_CERTIFICATE, forged->pem);
	expect(JOBS_FAILED, "Invalid signature: not by the certificate's own key");
	bring(DOCUMENT_HOST_CERTIFICATE, stranger->pem);
	expect(JOBS_SUCCEEDED, "Accepted as HOTAcertificate");
	bring(DOCUMENT_HOST_CERTIFICATE, ota->pem);
	expect(JOBS_FAILED, "Invalid signature: not by the key of the present HOTAcertificate");
	bring(DOCUMENT_HOST_CERTIFICATE, next->pem);
	expect(JOBS_SUCCEEDED, "Accepted as HOTAcertificate");
	expect_value(KEY_HOTACERTIFICATE, next->pem);
	expect_value(KEY_OTACERTIFICATE, ota->pem);
}
END_TEST

START_TEST(of_servers)
{
	_cleanup_(pki_freep) struct pki *next = pki_ca("Root 2");
	_cleanup_(pki_freep) struct pki *other =
		pki_make(&(struct pki_order){ .name = "Root 3", .ca = true, .issuer = next });
	_cleanup_(freep) char *trusted = NULL;

	bring(DOCUMENT_ROOT_CERTIFICATE, other->pem);
	expect(JOBS_FAILED, "Invalid signature: by neither the root itself nor one of the present RootCA");
	bring(DOCUMENT_ROOT_CERTIFICATE, next->pem);
	expect(JOBS_SUCCEEDED, "Accepted as RootCA");
	expect_value(KEY_ROOTCA, next->pem);

	/* Until a server has shown that the new one works. */
	trusted = dict_trusted_roots(rig.dict);
	ck_assert_ptr_nonnull(strstr(trusted, root->pem));
	bring(DOCUMENT_ROOT_CERTIFICATE, other->pem);
	expect(JOBS_SUCCEEDED, "Accepted as RootCA");
}
END_TEST

START_TEST(not_fit)
{
	_cleanup_(pki_freep) struct pki *mail =
		pki_make(&(struct pki_order){ .name = "Module OTA", .issuer = ota, .purpose = "emailProtection" });

	bring(DOCUMENT_OTA_CERTIFICATE, mail->pem);
	expect(JOBS_FAILED, "The certificate cannot be used: its extendedKeyUsage is not for code");
	bring(DOCUMENT_ROOT_CERTIFICATE, ota->pem);
	expect(JOBS_FAILED, "The certificate cannot be used: it is no CA certificate");
	expect_value(KEY_OTACERTIFICATE, ota->pem);
}
END_TEST

START_TEST(too_long)
{
	_cleanup_(pki_freep) struct pki *big =
		pki_make(&(struct pki_order){ .name = "Module OTA", .issuer = ota, .padding = 14000 });

	bring(DOCUMENT_OTA_CERTIFICATE, big->pem);
	expect(JOBS_FAILED, "The certificate is longer than OTAcertificate may be");
}
END_TEST

START_TEST(never_there)
{
	begin(DOCUMENT_OTA_CERTIFICATE, 700);
	fake_streams_fail("The stream delivers no data");
	expect(JOBS_FAILED, "The stream delivers no data");
	ck_assert_ptr_null(renewal_job(renewal));

	/* Without a connection nothing has begun. */
	results = 0;
	fake_streams()->start_result = -ENOTCONN;
	begin(DOCUMENT_OTA_CERTIFICATE, 700);
	ck_assert_ptr_null(renewal_job(renewal));
	ck_assert_uint_eq(results, 0);
	fake_streams()->start_result = -ENOMEM;
	begin(DOCUMENT_OTA_CERTIFICATE, 700);
	ck_assert_uint_eq(results, 1);
	ck_assert_int_eq(result.status, JOBS_FAILED);
}
END_TEST

/* --- by HTTPS --- */

static void begin_url(const char *text, const char *stream)
{
	job = (struct jobs_execution){ .id = "job", .number = 7, .status = JOBS_QUEUED };
	document = (struct document){ .type = DOCUMENT_OTA_CERTIFICATE, .size = strlen(text), .url = "https://h/c" };
	strcpy(document.stream, stream);
	renewal_begin(renewal, &job, &document);
	ck_assert(fake_fetch()->running && !fake_streams()->running);
	ck_assert_str_eq(fake_fetch()->url, "https://h/c");
}

START_TEST(from_a_url)
{
	_cleanup_(pki_freep) struct pki *next = pki_leaf("Module OTA 2", ota);

	begin_url(next->pem, "");
	ck_assert(fake_fetch_data(0, next->pem, strlen(next->pem)));
	fake_fetch_complete();
	while (result.status == JOBS_QUEUED)
		ck_assert_int_gt(sd_event_run(rig.event, WAIT_US), 0);
	expect(JOBS_SUCCEEDED, "Accepted as OTAcertificate");
	expect_value(KEY_OTACERTIFICATE, next->pem);
}
END_TEST

START_TEST(the_stream_after_the_url)
{
	_cleanup_(pki_freep) struct pki *next = pki_leaf("Module OTA 2", ota);

	begin_url(next->pem, "stream");
	ck_assert(fake_fetch_data(0, "x", 1));
	fake_fetch_fail("HTTP status 403");
	ck_assert_uint_eq(results, 0);
	ck_assert(fake_streams()->running);
	ck_assert_uint_le(fake_fetch()->patience + fake_streams()->patience, FETCH_SILENCE_MS);
	deliver(next->pem);
	while (result.status == JOBS_QUEUED)
		ck_assert_int_gt(sd_event_run(rig.event, WAIT_US), 0);
	expect(JOBS_SUCCEEDED, "Accepted as OTAcertificate");
}
END_TEST

START_TEST(a_url_that_fails)
{
	begin_url("text", "");
	fake_fetch_fail("HTTP status 403");
	expect(JOBS_FAILED, "HTTP status 403");

	begin_url("text", "");
	ck_assert(renewal_stop(renewal));
	ck_assert(!fake_fetch()->running);
	ck_assert_ptr_null(renewal_job(renewal));
}
END_TEST

/* The disk is not asked whether it wants to stop. */
START_TEST(stopped_too_late)
{
	_cleanup_(pki_freep) struct pki *next = pki_leaf("Module OTA 2", ota);

	begin(DOCUMENT_OTA_CERTIFICATE, strlen(next->pem));
	deliver(next->pem);
	ck_assert_uint_eq(results, 0);
	ck_assert(!renewal_stop(renewal));
	ck_assert_str_eq(renewal_job(renewal), "job");
	while (results == 0)
		ck_assert_int_gt(sd_event_run(rig.event, WAIT_US), 0);
	expect(JOBS_SUCCEEDED, "Accepted as OTAcertificate");
	ck_assert(!renewal_stop(renewal));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("renewal");
	TCase *tc = tcase_create("renewal");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, the_next_one);
	tcase_add_test(tc, of_a_stranger);
	tcase_add_test(tc, of_the_host);
	tcase_add_test(tc, of_servers);
	tcase_add_test(tc, not_fit);
	tcase_add_test(tc, too_long);
	tcase_add_test(tc, never_there);
	tcase_add_test(tc, from_a_url);
	tcase_add_test(tc, the_stream_after_the_url);
	tcase_add_test(tc, a_url_that_fails);
	tcase_add_test(tc, stopped_too_late);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
