/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status.h"

#include "fake/gpio.h"
#include "fake/gpsd.h"
#include "fake/mqtt.h"
#include "fake/pki.h"
#include "fake/rig.h"
#include "fake/suite.h"
#include "fake/timer.h"

#include <cjson/cJSON.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const struct status_place place = { "/etc/some.conf", "/var/state", "/run/here" };
static struct rig rig;
static cJSON *status;

static void setup(void)
{
	fake_gpio_reset();
	rig_make_module(&rig, "[Pins]\nChip=fake\nEvent=5\nReset=B\n[Network]\nType=wifi\n");
}

static void teardown(void)
{
	cJSON_Delete(status);
	status = NULL;
	rig_done(&rig);
}

static cJSON *parse(char *text)
{
	cJSON *json;

	ck_assert_ptr_nonnull(text);
	ck_assert_ptr_null(strchr(text, '\n'));
	json = cJSON_Parse(text);
	ck_assert_ptr_nonnull(json);
	free(text);
	return json;
}

static void look(void)
{
	cJSON_Delete(status);
	status = parse(status_text(rig.module, &place));
}

/* "connection.last.hint" */
static const cJSON *at(const char *path)
{
	char copy[128], *save;
	const cJSON *json = status;

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *name = strtok_r(copy, ".", &save); name; name = strtok_r(NULL, ".", &save)) {
		json = cJSON_GetObjectItemCaseSensitive(json, name);
		ck_assert_msg(json, "no %s in %s", name, path);
	}
	return json;
}

#define text_is(path, wanted)   ck_assert_str_eq(cJSON_GetStringValue(at(path)), wanted)
#define number_is(path, wanted) ck_assert_double_eq(at(path)->valuedouble, wanted)
#define is_null(path)           ck_assert(cJSON_IsNull(at(path)))

START_TEST(idle)
{
	look();
	text_is("version", "1.0.0");
	number_is("pid", getpid());
	number_is("user", geteuid());
	number_is("uptime", 0);
	text_is("settings", "/etc/some.conf");
	text_is("state_directory", "/var/state");
	text_is("device", "pty:tty");
	text_is("thing", RIG_THING);
	text_is("state", "active");
	ck_assert(cJSON_IsFalse(at("connection.up")));
	ck_assert(cJSON_IsFalse(at("connection.onboarded")));
	text_is("connection.endpoint", RIG_STAGING);
	is_null("connection.address");
	is_null("connection.since");
	is_null("connection.up_seconds");
	is_null("connection.last");
	number_is("connection.retry_in_ms", 0);
	number_is("queues.events.used", 1);
	number_is("queues.events.limit", 64);
	number_is("queues.messages.used", 0);
	number_is("queues.messages.limit", 64);
	number_is("queues.messages.bytes_limit", 262144);
	text_is("pins.chip", "fake");
	text_is("pins.event.line", "5");
	text_is("pins.event.level", "high");
	text_is("pins.reset.line", "B");
	text_is("pins.reset.level", "high");
	is_null("pins.wake.line");
	is_null("pins.wake.level");
	number_is("defender.interval", 0);
	number_is("defender.reports", 0);
	is_null("defender.last");
	number_is("counters.commands", 0);
	text_is("versions.libmosquitto", "2.0.99");
}
END_TEST

START_TEST(location)
{
	memset(fake_gpsd(), 0, sizeof(*fake_gpsd()));
	look();
	is_null("location.gpsd");
	ck_assert(cJSON_IsFalse(at("location.connected")));
	is_null("location.fix");

	fake_gpsd()->connected = true;
	fake_gpsd()->age = 61999;
	fake_gpsd_fix();
	look();
	ck_assert(cJSON_IsTrue(at("location.connected")));
	text_is("location.fix.time", "2026-11-22T12:30:14Z");
	number_is("location.fix.age", 61);
	number_is("location.fix.dimensions", 3);
	number_is("location.fix.latitude", 47.285233);
	number_is("location.fix.longitude", -8.565265);
	number_is("location.fix.elevation", 499.6);
	number_is("location.fix.accuracy", 7.8);

	fake_gpsd()->fix.elevation = fake_gpsd()->fix.accuracy = NAN;
	look();
	is_null("location.fix.elevation");
	is_null("location.fix.accuracy");
}
END_TEST

START_TEST(held)
{
	fake_gpio_drive(1, false, 0);
	rig_idle(&rig);
	fake_timer_pass(1000);
	rig_idle(&rig);
	look();
	text_is("state", "held");
	text_is("pins.reset.level", "low");
	text_is("pins.event.level", "low");
}
END_TEST

START_TEST(connected)
{
	rig_set(&rig, "Topic1", "data");
	rig_connect(&rig);
	fake_mqtt_text("data", "hello");
	fake_timer_pass(61500);
	look();
	text_is("state", "connected");
	ck_assert(cJSON_IsTrue(at("connection.up")));
	text_is("connection.address", RIG_STAGING);
	ck_assert(cJSON_IsString(at("connection.since")));
	number_is("connection.up_seconds", 61);
	ck_assert(cJSON_IsTrue(at("connection.last.connected")));
	is_null("connection.last.hint");
	is_null("connection.last.detail");
	is_null("connection.last.ended");
	number_is("connection.last.tries", 1);
	number_is("uptime", 61);
	number_is("queues.messages.used", 1);
	number_is("queues.messages.bytes", 9);
	number_is("queues.events.used", 2);
	number_is("counters.connects", 1);
	number_is("counters.attempts", 1);
	number_is("counters.received", 1);
	number_is("counters.commands", 1);
}
END_TEST

START_TEST(reports)
{
	rig_set(&rig, "Endpoint", "198.51.100.1");
	rig_set(&rig, "Defender", "600");
	rig_connect(&rig);
	while (fake_mqtt_ack(0))
		;
	look();
	while (at("defender.reports")->valuedouble < 1) {
		ck_assert_int_gt(sd_event_run(rig.event, UINT64_C(60000000)), 0);
		look();
	}
	number_is("defender.interval", 600);
	rig_set(&rig, "Defender", "299");
	look();
	number_is("defender.interval", 300);
	ck_assert_double_gt(at("defender.last.id")->valuedouble, 1.7e9);
	ck_assert(cJSON_IsString(at("defender.last.time")));
	text_is("defender.last.outcome", "waiting");
	is_null("defender.last.code");
	fake_mqtt_text("$aws/things/" RIG_THING "/defender/metrics/json/rejected",
		       "{\"statusDetails\":{\"ErrorCode\":\"Throttled\",\"ErrorMessage\":\"Too often\"}}");
	rig_idle(&rig);
	look();
	text_is("defender.last.outcome", "rejected");
	text_is("defender.last.code", "Throttled");
	text_is("defender.last.message", "Too often");
}
END_TEST

START_TEST(an_update_that_is_refused)
{
	look();
	is_null("update.last");
	rig_connect(&rig);
	fake_mqtt_text(
		"$aws/things/" RIG_THING "/jobs/notify-next",
		"{\"execution\":{\"jobId\":\"night\",\"status\":\"QUEUED\",\"executionNumber\":3,"
		"\"versionNumber\":1,\"jobDocument\":{\"afr_ota\":{\"protocols\":[\"MQTT\"],\"streamname\":\"s\","
		"\"files\":[{\"filesize\":100,\"fileid\":0,\"fileType\":101,\"filepath\":\"v9\"}]}}}}");
	rig_idle(&rig);
	look();
	text_is("update.state", "idle");
	text_is("update.last.job", "night");
	number_is("update.last.execution", 3);
	text_is("update.last.status", "REJECTED");
	text_is("update.last.reason", "No OTAcertificate to verify the signature with");
	ck_assert(cJSON_IsString(at("update.last.time")));
}
END_TEST

START_TEST(lost)
{
	rig_connect(&rig);
	fake_mqtt_lose(ECONNRESET);
	rig_idle(&rig);
	look();
	ck_assert(cJSON_IsFalse(at("connection.up")));
	is_null("connection.address");
	is_null("connection.since");
	ck_assert(cJSON_IsString(at("connection.last.ended")));
	text_is("connection.last.reason", "Connection reset by peer");
	number_is("counters.losses", 1);
}
END_TEST

START_TEST(failed)
{
	rig_say(&rig, "AT+CONNECT");
	fake_mqtt_tcp();
	fake_mqtt_connack(5);
	rig_idle(&rig);
	look();
	ck_assert(cJSON_IsFalse(at("connection.last.connected")));
	number_is("connection.last.hint", 5);
	text_is("connection.last.detail", "Login refused: check registration and policy");
	ck_assert_double_gt(at("connection.retry_in_ms")->valuedouble, 0);
	number_is("counters.errors", 1);
}
END_TEST

/* What the host has written may be any bytes; what it has written as a secret is nowhere. */
START_TEST(values_of_the_host)
{
	char *text;

	ck_assert_int_eq(rig_set(&rig, "Endpoint", "h\xff\"\x01"), 0);
	ck_assert_int_eq(rig_set(&rig, "Passphrase", "geheim"), 0);
	look();
	text_is("connection.endpoint", "h\\xFF\"\\x01");
	ck_assert(cJSON_IsTrue(at("connection.onboarded")));
	text = cJSON_PrintUnformatted(status);
	ck_assert_ptr_null(strstr(text, "geheim"));
	free(text);
}
END_TEST

START_TEST(certificates)
{
	struct pki *ca = pki_ca("A root");
	const cJSON *array;
	cJSON *one;

	look();
	ck_assert_int_eq(cJSON_GetArraySize(at("certificates")), 0);
	ck_assert_int_eq(rig_set(&rig, "HOTAcertificate", ca->pem), 0);
	look();
	array = at("certificates");
	ck_assert_int_eq(cJSON_GetArraySize(array), 1);
	one = cJSON_DetachItemFromArray((cJSON *)array, 0);
	cJSON_Delete(status);
	status = one;
	text_is("use", "HOTAcertificate");
	text_is("subject", "A root");
	pki_free(ca);
}
END_TEST

START_TEST(attempts)
{
	status = parse(status_attempts(rig.module));
	ck_assert_int_eq(cJSON_GetArraySize(at("attempts")), 0);
	rig_connect(&rig);
	rig_ask(&rig, "AT+DISCONNECT");
	rig_say(&rig, "AT+CONNECT");
	fake_mqtt_lose(ECONNREFUSED);
	rig_idle(&rig);
	cJSON_Delete(status);
	status = parse(status_attempts(rig.module));
	ck_assert_int_eq(cJSON_GetArraySize(at("attempts")), 2);
	ck_assert(cJSON_IsFalse(cJSON_GetObjectItem(cJSON_GetArrayItem(at("attempts"), 0), "connected")));
	ck_assert(cJSON_IsTrue(cJSON_GetObjectItem(cJSON_GetArrayItem(at("attempts"), 1), "connected")));
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetObjectItem(cJSON_GetArrayItem(at("attempts"), 1), "reason")),
			 "closed by the module");
}
END_TEST

START_TEST(a_probe)
{
	struct probe_report report = {
		.passed = true, .summary = "TLSv1.3 X", .count = 2, .lines = { "one", "t\xffo" }
	};

	status = parse(status_probe(&report));
	ck_assert(cJSON_IsTrue(at("passed")));
	text_is("summary", "TLSv1.3 X");
	ck_assert_int_eq(cJSON_GetArraySize(at("lines")), 2);
	ck_assert_str_eq(cJSON_GetStringValue(cJSON_GetArrayItem(at("lines"), 1)), "t\\xFFo");
	cJSON_Delete(status);

	report = (struct probe_report){ 0 };
	fault_set(&report.fault, HINT_TLS, "not good");
	status = parse(status_probe(&report));
	ck_assert(cJSON_IsFalse(at("passed")));
	number_is("hint", 4);
	text_is("detail", "not good");
	ck_assert_int_eq(cJSON_GetArraySize(at("lines")), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("status");
	TCase *tc = tcase_create("status");

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, idle);
	tcase_add_test(tc, location);
	tcase_add_test(tc, held);
	tcase_add_test(tc, connected);
	tcase_add_test(tc, reports);
	tcase_add_test(tc, an_update_that_is_refused);
	tcase_add_test(tc, lost);
	tcase_add_test(tc, failed);
	tcase_add_test(tc, values_of_the_host);
	tcase_add_test(tc, certificates);
	tcase_add_test(tc, attempts);
	tcase_add_test(tc, a_probe);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
