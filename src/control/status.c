/* SPDX-License-Identifier: Apache-2.0 */
#include "control/status.h"

#include "config.h"

#include "cloud/execution.h"
#include "cloud/mqtt.h"
#include "control/certificates.h"
#include "crypto/library.h"
#include "util/timer.h"

#include <cjson/cJSON.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

static const char *text_or_null(const char *text)
{
	return *text ? text : NULL;
}

static void add_versions(struct json *j)
{
	cJSON *versions = json_object(j, NULL, "versions");
	char mosquitto[MQTT_VERSION];
	struct utsname name;

	mqtt_version(mosquitto);
	json_text(j, versions, "expresslinkd", PACKAGE_VERSION);
	json_text(j, versions, "libmosquitto", mosquitto);
	json_text(j, versions, "openssl", library_version());
	json_text(j, versions, "libsystemd", SYSTEMD_VERSION);
	json_text(j, versions, "cjson", cJSON_Version());
	json_text(j, versions, "kernel", uname(&name) == 0 ? name.release : NULL);
}

void status_attempt(struct json *j, cJSON *in, const struct history_entry *entry)
{
	const struct attempt_report *report = &entry->report;

	json_time(j, in, "time", entry->at);
	json_bytes(j, in, "endpoint", entry->endpoint, strlen(entry->endpoint));
	json_text(j, in, "address", text_or_null(report->address));
	json_bool(j, in, "connected", entry->connected);
	if (entry->connected) {
		json_null(j, in, "hint");
		json_null(j, in, "detail");
	} else {
		json_number(j, in, "hint", (uint64_t)entry->fault.hint);
		json_text(j, in, "detail", entry->fault.detail);
	}
	json_text(j, in, "tls", text_or_null(report->tls));
	json_number(j, in, "tries", report->tries);
	json_number(j, in, "name_ms", report->name_ms);
	json_number(j, in, "tcp_ms", report->tcp_ms);
	json_number(j, in, "login_ms", report->tls_ms);
	json_number(j, in, "jobs_ms", report->jobs_ms);
	json_time(j, in, "ended", entry->lost_at);
	json_text(j, in, "reason", text_or_null(entry->reason));
}

static void add_connection(struct json *j, const struct module *m)
{
	const struct history_entry *last = history_get(connection_history(m->connection), 0);
	cJSON *object = json_object(j, NULL, "connection");
	bool up = connection_is_up(m->connection);
	size_t n;
	const char *endpoint = dict_get(m->dict, KEY_ENDPOINT, &n);

	json_bool(j, object, "up", up);
	json_bytes(j, object, "endpoint", endpoint, n);
	json_bool(j, object, "onboarded", dict_onboarded(m->dict));
	json_text(j, object, "address", up && last ? text_or_null(last->report.address) : NULL);
	json_time(j, object, "since", up && last ? last->at : 0);
	if (up && last)
		json_number(j, object, "up_seconds", (timer_now() - last->connected_ms) / 1000);
	else
		json_null(j, object, "up_seconds");
	json_number(j, object, "retry_in_ms", connection_wait(m->connection));
	if (last)
		status_attempt(j, json_object(j, object, "last"), last);
	else
		json_null(j, object, "last");
}

static void add_certificates(struct json *j, const struct module *m)
{
	static const struct {
		const char *use;
		enum key_id key;
	} rows[] = {
		{ "own", KEY_CERTIFICATE_DEVICE },
		{ "RootCA", KEY_ROOTCA },
		{ "OTAcertificate", KEY_OTACERTIFICATE },
		{ "HOTAcertificate", KEY_HOTACERTIFICATE },
	};
	cJSON *array = json_array(j, NULL, "certificates");

	for (size_t i = 0; i < ELEMENTS(rows); i++) {
		size_t n;
		const char *pem = dict_get(m->dict, rows[i].key, &n);

		certificates_add(j, array, rows[i].use, pem, n);
	}
}

static void add_queues(struct json *j, const struct module *m)
{
	cJSON *queues = json_object(j, NULL, "queues");
	cJSON *events = json_object(j, queues, "events"), *messages = json_object(j, queues, "messages");

	json_number(j, events, "used", events_used(m->events));
	json_number(j, events, "limit", m->settings->event_queue);
	json_number(j, messages, "used", messages_used(m->messages));
	json_number(j, messages, "limit", m->settings->message_queue);
	json_number(j, messages, "bytes", messages_bytes(m->messages));
	json_number(j, messages, "bytes_limit", m->settings->message_bytes);
}

void status_update_end(struct json *j, cJSON *in, const struct record_result *result, time_t at)
{
	json_text(j, in, "job", text_or_null(result->id));
	json_number(j, in, "execution", (uint64_t)result->number);
	json_time(j, in, "time", at);
	json_text(j, in, "status", execution_status_name(result->status));
	json_bytes(j, in, "reason", result->reason, strlen(result->reason));
}

static void add_update(struct json *j, const struct module *m)
{
	cJSON *update = json_object(j, NULL, "update");
	struct ota_info info;

	ota_get_info(updates_ota(m->updates), &info);
	json_number(j, update, "code", (uint64_t)info.state);
	json_text(j, update, "state", ota_state_name(info.state));
	json_text(j, update, "job", info.job);
	json_number(j, update, "execution", (uint64_t)info.number);
	json_number(j, update, "size", info.size);
	json_number(j, update, "received", info.have);
	json_number(j, update, "position", info.position);
	json_number(j, update, "unreported", info.results);
	if (info.last)
		status_update_end(j, json_object(j, update, "last"), info.last, info.last_at);
	else
		json_null(j, update, "last");
}

static void add_defender(struct json *j, const struct module *m)
{
	cJSON *defender = json_object(j, NULL, "defender"), *last;
	struct defender_info info;

	defender_get_info(defence_defender(m->defence), &info);
	json_number(j, defender, "interval",
		    info.interval > 0 && info.interval < DEFENDER_LEAST_S ? DEFENDER_LEAST_S : info.interval);
	json_number(j, defender, "reports", info.reports);
	if (info.reports == 0) {
		json_null(j, defender, "last");
		return;
	}
	last = json_object(j, defender, "last");
	json_number(j, last, "id", info.id);
	json_time(j, last, "time", (time_t)info.at);
	json_text(j, last, "outcome", defender_outcome_name(info.outcome));
	json_text(j, last, "code", text_or_null(info.code));
	json_text(j, last, "message", text_or_null(info.message));
}

/* line "": there is none, then the level of an input says nothing; nor does any of a line that was lost. */
static void add_pin(struct json *j, cJSON *to, const struct module *m, enum pin pin, const char *name, const char *line)
{
	cJSON *object = json_object(j, to, name);
	bool known = pins_have(m->pins, pin) || (pin == PIN_EVENT && !*line);

	if (*line)
		json_bytes(j, object, "line", line, strlen(line));
	else
		json_null(j, object, "line");
	json_text(j, object, "level", !known ? NULL : pins_high(m->pins, pin) ? "high" : "low");
}

static void add_pins(struct json *j, const struct module *m)
{
	const struct settings *s = m->settings;
	cJSON *pins = json_object(j, NULL, "pins");

	json_bytes(j, pins, "chip", s->pin_chip, strlen(s->pin_chip));
	add_pin(j, pins, m, PIN_EVENT, "event", s->pin_event);
	add_pin(j, pins, m, PIN_WAKE, "wake", s->pin_wake);
	add_pin(j, pins, m, PIN_RST, "reset", s->pin_reset);
}

static void add_fix(struct json *j, cJSON *location, const struct fix *fix, uint64_t age)
{
	cJSON *object = json_object(j, location, "fix");

	json_time(j, object, "time", fix->time.tv_sec);
	json_number(j, object, "age", age / 1000);
	json_number(j, object, "dimensions", fix->mode);
	json_real(j, object, "latitude", fix->latitude);
	json_real(j, object, "longitude", fix->longitude);
	json_real(j, object, "elevation", fix->elevation);
	json_real(j, object, "accuracy", fix->accuracy);
}

static void add_location(struct json *j, const struct module *m)
{
	const char *gpsd = m->settings->gpsd;
	cJSON *location = json_object(j, NULL, "location");
	struct fix fix;
	uint64_t age;

	if (*gpsd)
		json_bytes(j, location, "gpsd", gpsd, strlen(gpsd));
	else
		json_null(j, location, "gpsd");
	json_bool(j, location, "connected", gpsd_is_connected(m->gpsd));
	if (gpsd_fix(m->gpsd, &fix, &age))
		add_fix(j, location, &fix, age);
	else
		json_null(j, location, "fix");
}

static void add_counters(struct json *j, const struct module *m)
{
	cJSON *counters = json_object(j, NULL, "counters");
	struct connection_stats cloud;
	struct at_server_stats at;

	connection_get_stats(m->connection, &cloud);
	at_server_get_stats(m->server, &at);
	json_number(j, counters, "commands", at.commands);
	json_number(j, counters, "errors", at.errors);
	json_number(j, counters, "attempts", cloud.attempts);
	json_number(j, counters, "connects", cloud.connects);
	json_number(j, counters, "losses", cloud.losses);
	json_number(j, counters, "sent", cloud.sent);
	json_number(j, counters, "received", cloud.received);
	json_number(j, counters, "lost", m->messages_lost);
	json_number(j, counters, "writes", dict_writes(m->dict));
	json_number(j, counters, "damaged", dict_damaged(m->dict));
}

static char *finish(struct json *j)
{
	char *text = json_print(j);

	json_done(j);
	return text;
}

char *status_text(const struct module *m, const struct status_place *place)
{
	struct json j;

	json_init(&j);
	json_text(&j, NULL, "version", PACKAGE_VERSION);
	json_number(&j, NULL, "pid", (uint64_t)getpid());
	json_number(&j, NULL, "user", geteuid());
	json_number(&j, NULL, "uptime", (timer_now() - m->started) / 1000);
	json_time(&j, NULL, "time", time(NULL));
	json_bytes(&j, NULL, "settings", place->settings, strlen(place->settings));
	json_bytes(&j, NULL, "state_directory", place->state_dir, strlen(place->state_dir));
	json_bytes(&j, NULL, "device", m->settings->device, strlen(m->settings->device));
	json_text(&j, NULL, "thing", m->settings->thing_name);
	json_text(&j, NULL, "state", state_name(m->state));
	add_connection(&j, m);
	add_certificates(&j, m);
	add_queues(&j, m);
	add_pins(&j, m);
	add_update(&j, m);
	add_location(&j, m);
	add_defender(&j, m);
	add_counters(&j, m);
	add_versions(&j);
	return finish(&j);
}

char *status_attempts(const struct module *m)
{
	const struct history *h = connection_history(m->connection);
	struct json j;
	cJSON *array;

	json_init(&j);
	array = json_array(&j, NULL, "attempts");
	for (unsigned i = 0; history_get(h, i); i++)
		status_attempt(&j, json_object(&j, array, NULL), history_get(h, i));
	return finish(&j);
}

char *status_probe(const struct probe_report *report)
{
	struct json j;
	cJSON *lines;

	json_init(&j);
	json_bool(&j, NULL, "passed", report->passed);
	if (report->passed) {
		json_text(&j, NULL, "summary", report->summary);
	} else {
		json_number(&j, NULL, "hint", (uint64_t)report->fault.hint);
		json_text(&j, NULL, "detail", report->fault.detail);
	}
	lines = json_array(&j, NULL, "lines");
	for (size_t i = 0; i < report->count; i++)
		json_bytes(&j, lines, NULL, report->lines[i], strlen(report->lines[i]));
	return finish(&j);
}
