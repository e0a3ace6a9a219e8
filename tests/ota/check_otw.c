/* SPDX-License-Identifier: Apache-2.0 */
/* ota/otw.c: an image without a job. */

#include "at/error.h"
#include "fake/mailbox.h"
#include "fake/packed.h"
#include "fake/suite.h"
#include "fake/timer.h"
#include "ota/ota.h"

#include <errno.h>
#include <string.h>

#define SIZE 3000

static struct mailbox m;
static uint8_t payload[SIZE], file[CONTAINER_HEADER + SIZE];
static int ended; /* 1: not yet */

static void setup(void)
{
	mailbox_make(&m, "[OTA]\nManufacturer=Example\nModel=Gateway\n");
	fake_image()->at_once = true;
	ended = 1;
}

static void teardown(void)
{
	mailbox_done(&m);
}

static void on_send(void *userdata, const void *data, size_t n)
{
	(void)userdata;
	(void)data;
	(void)n;
}

static void on_taken(void *userdata)
{
	(void)userdata;
}

static void on_ended(void *userdata, int r)
{
	ck_assert_ptr_eq(userdata, &m);
	ended = r;
}

static int open_wire(void)
{
	const struct wire_form form = { .size = sizeof(file), .block = sizeof(file) };
	const struct wire_events events = { .send = on_send, .taken = on_taken, .ended = on_ended, .userdata = &m };

	return ota_wire_open(m.ota, &form, &events);
}

static void make(struct packed packed)
{
	packed.payload = payload;
	packed.n = SIZE;
	packed_make(&packed, file);
	memcpy(fake_image()->digest, file + 24, IMAGE_DIGEST);
}

static int receive(struct packed packed)
{
	make(packed);
	ck_assert_int_eq(open_wire(), 0);
	ota_wire_go(m.ota);
	ck_assert_uint_eq(ota_wire_bytes(m.ota, file, sizeof(file)), sizeof(file));
	fake_timer_pass(WIRE_PURGE_MS);
	ck_assert_int_ne(ended, 1);
	return ended;
}

static void receive_good(void)
{
	ck_assert_int_eq(receive((struct packed){ .signer = m.signer, .version = "v2.5.7", .no_digest = true }), 0);
	ck_assert_int_eq(ota_state(m.ota), OTA_MODULE_READY);
}

#define expect_told(text) ck_assert_str_eq(mailbox_told(&m), text)

START_TEST(good)
{
	struct ota_info info;

	receive_good();
	expect_told("4");
	ck_assert_str_eq(ota_detail(m.ota), "v2.5.7");
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_READY);
	ck_assert_str_eq(fake_keeper()->disk.id, "");
	ck_assert(fake_keeper()->disk.document.wire);
	ck_assert_mem_eq(fake_keeper()->disk.digest, file + 24, IMAGE_DIGEST);
	ota_get_info(m.ota, &info);
	ck_assert_ptr_null(info.job);
	ck_assert_uint_eq(info.size, SIZE);
	ck_assert_int_eq(open_wire(), AT_ERR_OTA);
}
END_TEST

static const struct {
	struct packed packed;
	int r;
} cases[] = {
	{ { .manufacturer = "Example", .model = "Gateway" }, 0 },
	{ { .version = "99" }, 0 },
	{ { .manufacturer = "example" }, AT_ERR_OTA },
	{ { .model = "Gate" }, AT_ERR_OTA },
	{ { .version = "v0.1" }, AT_ERR_OTA },
};

START_TEST(what_counts)
{
	struct packed packed = cases[_i].packed;

	packed.signer = m.signer;
	ck_assert_int_eq(receive(packed), cases[_i].r);
	ck_assert_int_eq(ota_state(m.ota), cases[_i].r ? OTA_IDLE : OTA_MODULE_READY);
	expect_told(cases[_i].r ? "" : "4");
}
END_TEST

START_TEST(signatures)
{
	_cleanup_(pki_freep) struct pki *other = pki_leaf("Module OTA", NULL);

	ck_assert_int_eq(receive((struct packed){ .signer = other }), AT_ERR_SIGNATURE);
	ck_assert_int_eq(receive((struct packed){ .signer = NULL }), AT_ERR_SIGNATURE);
	ck_assert_int_eq(ota_state(m.ota), OTA_IDLE);
	expect_told("");
	receive_good();
}
END_TEST

START_TEST(survives)
{
	receive_good();
	(void)mailbox_told(&m);
	ota_reset(m.ota);
	ota_startup(m.ota);
	expect_told("4");
	mailbox_restart(&m);
	ck_assert_int_eq(ota_state(m.ota), OTA_BUSY);
	fake_image_done(0);
	ck_assert_int_eq(ota_state(m.ota), OTA_MODULE_READY);
	ck_assert_str_eq(ota_detail(m.ota), "v2.5.7");
	expect_told("4");
}
END_TEST

/* There is nobody to report to, but the operator. */
START_TEST(flushed)
{
	struct ota_info info;

	mailbox_connect(&m);
	receive_good();
	(void)mailbox_told(&m);
	ck_assert_int_eq(mailbox_flush(&m), 0);
	ck_assert_int_eq(ota_state(m.ota), OTA_IDLE);
	ck_assert(fake_image()->discarded);
	ck_assert_uint_eq(fake_jobs()->updates, 0);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
	expect_told("");
	ota_get_info(m.ota, &info);
	ck_assert_str_eq(info.last->id, "");
	ck_assert_int_eq(info.last->status, JOBS_FAILED);
	ck_assert_str_eq(info.last->reason, "Flushed by the host");
}
END_TEST

START_TEST(jobs_wait)
{
	unsigned asked;

	mailbox_connect(&m);
	ck_assert_int_eq(open_wire(), 0);
	ota_wire_go(m.ota);
	fake_jobs_next("job", 1, JOBS_QUEUED, _i ? mailbox_module_image(&m, ",\"force\":true") : mailbox_host_image());
	ck_assert_int_eq(ota_state(m.ota), OTA_IDLE);
	expect_told("");
	asked = fake_jobs()->next;
	ota_wire_lost(m.ota);
	ck_assert_int_eq(ended, AT_ERR_OTA);
	ck_assert_uint_eq(fake_jobs()->next, asked + 1);
	fake_jobs_next("job", 1, JOBS_QUEUED, _i ? mailbox_module_image(&m, ",\"force\":true") : mailbox_host_image());
	ck_assert_int_eq(ota_state(m.ota), _i ? OTA_BUSY : OTA_HOST_OFFERED);
}
END_TEST

/* They need no buffer, wherever they stand: while it comes, and when it is there. */
START_TEST(others_do_not_wait)
{
	static const char certificate[] = "{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"c\",\"files\":[{"
					  "\"filesize\":700,\"fileid\":0,\"fileType\":103}]}}";
	const struct fake_pending all[] = { { "image", 1 }, { "bad", 1 }, { "cert", 1 } };

	mailbox_connect(&m);
	if (_i) {
		receive_good();
		(void)mailbox_told(&m);
	} else {
		ck_assert_int_eq(open_wire(), 0);
		ota_wire_go(m.ota);
	}
	fake_jobs_next("image", 1, JOBS_QUEUED, mailbox_host_image());
	ck_assert_uint_ge(fake_jobs()->pending, 1);
	fake_jobs_pending(all, ELEMENTS(all));
	ck_assert_str_eq(fake_jobs()->described, "bad");
	fake_jobs_described("bad", 1, JOBS_QUEUED, "{}", NULL);
	ck_assert_str_eq(fake_jobs()->id, "bad");
	ck_assert_int_eq(fake_jobs()->status, JOBS_REJECTED);
	fake_jobs_updated(NULL);
	ck_assert_str_eq(fake_jobs()->described, "cert");
	fake_jobs_described("cert", 1, JOBS_QUEUED, certificate, NULL);
	ck_assert_str_eq(fake_renewal()->id, "cert");
	fake_renewal_end(JOBS_SUCCEEDED, "Accepted");
	ck_assert_str_eq(fake_jobs()->id, "cert");
	ck_assert_int_eq(fake_jobs()->status, JOBS_SUCCEEDED);
	ck_assert_int_eq(ota_state(m.ota), _i ? OTA_MODULE_READY : OTA_IDLE);
	expect_told("");

	/* Only the image has waited. */
	if (_i)
		ck_assert_int_eq(mailbox_flush(&m), 0);
	else
		ota_wire_lost(m.ota);
	ck_assert_uint_ge(fake_jobs()->next, 1);
	fake_jobs_next("image", 1, JOBS_QUEUED, mailbox_host_image());
	ck_assert_int_eq(ota_state(m.ota), OTA_HOST_OFFERED);
}
END_TEST

/* That the image has come to be ready does not make it wait for more. */
START_TEST(forced_job_that_has_waited)
{
	const struct fake_pending all[] = { { "job", 1 } };
	const char *document = mailbox_module_image(&m, ",\"force\":true");

	mailbox_connect(&m);
	make((struct packed){ .signer = m.signer, .no_digest = true });
	ck_assert_int_eq(open_wire(), 0);
	ota_wire_go(m.ota);
	fake_jobs_next("job", 1, JOBS_QUEUED, document);
	ck_assert_uint_eq(ota_wire_bytes(m.ota, file, sizeof(file)), sizeof(file));
	ck_assert_int_eq(ended, 0);
	ck_assert_int_eq(ota_state(m.ota), OTA_MODULE_READY);
	fake_jobs_pending(all, 1);
	fake_jobs_described("job", 1, JOBS_QUEUED, document, NULL);
	ck_assert_int_eq(ota_state(m.ota), OTA_BUSY);
}
END_TEST

/* After a restart, and when RST came while it was written, what waits behind other jobs is seen, too. */
START_TEST(held_after_a_restart)
{
	if (_i) {
		fake_keeper()->at_once = false;
		make((struct packed){ .signer = m.signer });
		ck_assert_int_eq(open_wire(), 0);
		ota_wire_go(m.ota);
		ck_assert_uint_eq(ota_wire_bytes(m.ota, file, sizeof(file)), sizeof(file));
		ota_reset(m.ota);
		fake_keeper_done(0);
		fake_keeper()->at_once = true;
	} else {
		receive_good();
		mailbox_restart(&m);
		fake_image_done(0);
	}
	ck_assert_int_eq(ota_state(m.ota), OTA_MODULE_READY);
	mailbox_connect(&m);
	ck_assert_uint_eq(fake_jobs()->pending, 1);
}
END_TEST

START_TEST(forced_job_takes_its_place)
{
	mailbox_connect(&m);
	receive_good();
	(void)mailbox_told(&m);
	fake_jobs_next("job", 1, JOBS_QUEUED, mailbox_module_image(&m, ",\"force\":true"));
	ck_assert_int_eq(ota_state(m.ota), OTA_BUSY);
	ck_assert_str_eq(fake_keeper()->disk.id, "job");
	ck_assert_uint_eq(fake_keeper()->disk.results_n, 0);
}
END_TEST

START_TEST(reset_ends_it)
{
	make((struct packed){ .signer = m.signer });
	ck_assert_int_eq(open_wire(), 0);
	ck_assert_int_eq(open_wire(), AT_ERR_OTA);
	ota_wire_go(m.ota);
	ck_assert_uint_eq(ota_wire_bytes(m.ota, file, 2000), 2000);
	ota_reset(m.ota);
	ck_assert(fake_image()->discarded);
	ck_assert_int_eq(ended, 1);
	receive_good();
}
END_TEST

START_TEST(not_durable)
{
	fake_keeper()->result = -EROFS;
	ck_assert_int_eq(receive((struct packed){ .signer = m.signer }), AT_ERR_OTA);
	ck_assert_int_eq(ota_state(m.ota), OTA_IDLE);
	expect_told("");
	fake_keeper()->result = 0;
}
END_TEST

/* The host was told that it is not there. */
START_TEST(durable_too_late)
{
	const struct fake_pending all[] = { { "job", 1 } };

	mailbox_connect(&m);
	fake_keeper()->at_once = false;
	make((struct packed){ .signer = m.signer });
	ck_assert_int_eq(open_wire(), 0);
	ota_wire_go(m.ota);
	ck_assert_uint_eq(ota_wire_bytes(m.ota, file, sizeof(file)), sizeof(file));
	ck_assert_uint_eq(fake_keeper()->waiting, 1);
	fake_timer_pass(WIRE_DISK_MS + WIRE_PURGE_MS);
	ck_assert_int_eq(ended, AT_ERR_OTA);
	ck_assert_int_eq(ota_state(m.ota), OTA_IDLE);
	ck_assert(fake_image()->discarded);
	ck_assert_int_eq(open_wire(), AT_ERR_OTA); /* that one is not over */
	fake_jobs_pending(all, 1);
	fake_jobs_described("job", 1, JOBS_QUEUED, mailbox_host_image(), NULL);
	fake_jobs_forget();
	fake_keeper_done(_i);
	ck_assert_int_eq(ota_state(m.ota), OTA_IDLE);
	fake_keeper()->at_once = true;
	while (fake_keeper()->waiting > 0)
		fake_keeper_done(0);
	ck_assert_int_eq(fake_keeper()->disk.phase, RECORD_NOTHING);
	expect_told("");

	/* And what has waited for it comes. */
	ck_assert_uint_eq(fake_jobs()->pending, 1);
	fake_jobs_pending(all, 1);
	fake_jobs_described("job", 1, JOBS_QUEUED, mailbox_host_image(), NULL);
	ck_assert_int_eq(ota_state(m.ota), OTA_HOST_OFFERED);
	ck_assert_int_eq(mailbox_flush(&m), 0);
	fake_jobs_updated(NULL);
	(void)mailbox_told(&m);
	ended = 1;
	receive_good();
}
END_TEST

START_TEST(not_beside_a_job)
{
	mailbox_reach(&m, (enum ota_state)_i);
	ck_assert_int_eq(open_wire(), AT_ERR_OTA);
	ck_assert_int_eq(ota_state(m.ota), _i);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("otw");
	TCase *tc = tcase_create("otw");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, good);
	tcase_add_loop_test(tc, what_counts, 0, ELEMENTS(cases));
	tcase_add_test(tc, signatures);
	tcase_add_test(tc, survives);
	tcase_add_test(tc, flushed);
	tcase_add_loop_test(tc, jobs_wait, 0, 2);
	tcase_add_loop_test(tc, others_do_not_wait, 0, 2);
	tcase_add_test(tc, forced_job_that_has_waited);
	tcase_add_loop_test(tc, held_after_a_restart, 0, 2);
	tcase_add_test(tc, forced_job_takes_its_place);
	tcase_add_test(tc, reset_ends_it);
	tcase_add_test(tc, not_durable);
	tcase_add_loop_test(tc, durable_too_late, -1, 1);
	tcase_add_loop_test(tc, not_beside_a_job, OTA_MODULE_OFFERED, OTA_STATE_COUNT);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
