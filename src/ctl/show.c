/* SPDX-License-Identifier: Apache-2.0 */
#include "ctl/show.h"

#include "ctl/ask.h"

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define ROW "%-13s"

static const cJSON *member(const cJSON *object, const char *name)
{
	return cJSON_GetObjectItemCaseSensitive(object, name);
}

static bool is_true(const cJSON *object, const char *name)
{
	return cJSON_IsTrue(member(object, name));
}

static void show_duration(double seconds)
{
	unsigned long s = seconds > 0 ? (unsigned long)seconds : 0;

	if (s >= 86400)
		printf("%lu d ", s / 86400);
	printf("%02lu:%02lu:%02lu", s / 3600 % 24, s / 60 % 60, s % 60);
}

void show_attempt(const cJSON *a)
{
	printf("%s  ", ask_text(a, "time"));
	if (is_true(a, "connected"))
		printf("connected to %s at %s, %s", ask_text(a, "endpoint"), ask_text(a, "address"),
		       ask_text(a, "tls"));
	else
		printf("%s: hint %.0f, %s", ask_text(a, "endpoint"), ask_number(a, "hint"), ask_text(a, "detail"));
	printf(" (%s%s%.0f tr%s; name %.0f ms, TCP %.0f ms, TLS and login %.0f ms, Jobs %.0f ms)",
	       is_true(a, "connected") ? "" : ask_text(a, "address"),
	       !is_true(a, "connected") && *ask_text(a, "address") ? ", " : "", ask_number(a, "tries"),
	       ask_number(a, "tries") == 1 ? "y" : "ies", ask_number(a, "name_ms"), ask_number(a, "tcp_ms"),
	       ask_number(a, "login_ms"), ask_number(a, "jobs_ms"));
	if (*ask_text(a, "ended"))
		printf("; ended %s: %s", ask_text(a, "ended"), ask_text(a, "reason"));
	putchar('\n');
}

static void show_connection(const cJSON *c)
{
	const cJSON *last = member(c, "last");

	printf(ROW, "Connection");
	if (is_true(c, "up")) {
		printf("up since %s (", ask_text(c, "since"));
		show_duration(ask_number(c, "up_seconds"));
		printf(") to %s at %s\n", ask_text(c, "endpoint"), ask_text(c, "address"));
	} else {
		printf("down, endpoint %s", *ask_text(c, "endpoint") ? ask_text(c, "endpoint") : "(not set)");
		if (ask_number(c, "retry_in_ms") > 0)
			printf(", next attempt allowed in %.0f s", (ask_number(c, "retry_in_ms") + 999) / 1000);
		putchar('\n');
	}
	printf(ROW "%s\n", "Account", is_true(c, "onboarded") ? "customer" : "staging");
	printf(ROW, "Last attempt");
	if (cJSON_IsObject(last))
		show_attempt(last);
	else
		puts("none");
}

static void show_pin(const char *name, const cJSON *pin, const char *end)
{
	printf("%s %s", name, *ask_text(pin, "level") ? ask_text(pin, "level") : "-");
	if (*ask_text(pin, "line"))
		printf(" (line %s)", ask_text(pin, "line"));
	else
		printf(" (no line)");
	printf("%s", end);
}

void show_update_end(const cJSON *end)
{
	if (*ask_text(end, "job"))
		printf("job %s", ask_text(end, "job"));
	else
		printf("over the wire");
	printf(": %s, %s\n", ask_text(end, "status"), ask_text(end, "reason"));
}

static void show_update(const cJSON *update)
{
	const cJSON *last = member(update, "last");

	printf(ROW "%s", "Update", ask_text(update, "state"));
	if (*ask_text(update, "job"))
		printf(", job %s: %.0f of %.0f bytes received, %.0f read", ask_text(update, "job"),
		       ask_number(update, "received"), ask_number(update, "size"), ask_number(update, "position"));
	if (ask_number(update, "unreported") > 0)
		printf(", %.0f results to report", ask_number(update, "unreported"));
	printf("\n" ROW, "Last update");
	if (!cJSON_IsObject(last)) {
		puts("none");
		return;
	}
	printf("%s%s", ask_text(last, "time"), *ask_text(last, "time") ? "  " : "");
	show_update_end(last);
}

/* Metres, where they are known. */
static void show_metres(const cJSON *fix, const char *name)
{
	const cJSON *value = member(fix, name);

	if (cJSON_IsNumber(value))
		printf(", %s %.1f m", name, value->valuedouble);
}

static void show_location(const cJSON *location)
{
	const cJSON *fix = member(location, "fix");

	printf(ROW, "Location");
	if (cJSON_IsObject(fix)) {
		printf("%.6f %.6f", ask_number(fix, "latitude"), ask_number(fix, "longitude"));
		show_metres(fix, "elevation");
		show_metres(fix, "accuracy");
		printf(", at %s", ask_text(fix, "time"));
	} else {
		printf("not known");
	}
	if (*ask_text(location, "gpsd"))
		printf("; gpsd at %s: %s\n", ask_text(location, "gpsd"),
		       is_true(location, "connected") ? "connected" : "no connection");
	else
		printf("; no gpsd in the settings\n");
}

static void show_defender(const cJSON *defender, bool onboarded)
{
	const cJSON *last = member(defender, "last");

	printf(ROW, "Defender");
	if (ask_number(defender, "interval") > 0)
		printf("every %.0f s", ask_number(defender, "interval"));
	else
		printf(onboarded ? "off" : "off: the module is not onboarded");
	if (cJSON_IsObject(last))
		printf(", report %.0f %s", ask_number(last, "id"), ask_text(last, "outcome"));
	if (*ask_text(last, "code"))
		printf(": %s", ask_text(last, "code"));
	putchar('\n');
}

static void show_counters(const cJSON *counters)
{
	const cJSON *one;
	const char *before = "";

	printf(ROW, "Counters");
	cJSON_ArrayForEach(one, counters)
	{
		printf("%s%s %.0f", before, one->string, one->valuedouble);
		before = ", ";
	}
	putchar('\n');
}

static void show_versions(const cJSON *versions)
{
	const cJSON *one;
	const char *before = "";

	printf(ROW, "Versions");
	cJSON_ArrayForEach(one, versions)
	{
		printf("%s%s %s", before, one->string, cJSON_IsString(one) ? one->valuestring : "?");
		before = ", ";
	}
	putchar('\n');
}

void show_status(const cJSON *status)
{
	const cJSON *queues = member(status, "queues"), *pins = member(status, "pins"), *one;
	const cJSON *events = member(queues, "events"), *messages = member(queues, "messages");

	printf(ROW "%s on %s\n", "Module", ask_text(status, "thing"), ask_text(status, "device"));
	printf(ROW "expresslinkd %s, pid %.0f, for ", "Running", ask_text(status, "version"),
	       ask_number(status, "pid"));
	show_duration(ask_number(status, "uptime"));
	printf("\n" ROW "%s\n", "Settings", ask_text(status, "settings"));
	printf(ROW "%s\n", "State", ask_text(status, "state"));
	show_connection(member(status, "connection"));
	cJSON_ArrayForEach(one, member(status, "certificates"))
	{
		printf(ROW "%s: %s by %s, until %s\n", "Certificate", ask_text(one, "use"), ask_text(one, "subject"),
		       ask_text(one, "issuer"), ask_text(one, "not_after"));
	}
	printf(ROW "%.0f of %.0f\n", "Events", ask_number(events, "used"), ask_number(events, "limit"));
	printf(ROW "%.0f of %.0f, %.0f of %.0f bytes\n", "Messages", ask_number(messages, "used"),
	       ask_number(messages, "limit"), ask_number(messages, "bytes"), ask_number(messages, "bytes_limit"));
	printf(ROW, "Pins");
	show_pin("EVENT", member(pins, "event"), ", ");
	show_pin("WAKE", member(pins, "wake"), ", ");
	show_pin("RST", member(pins, "reset"), "\n");
	show_update(member(status, "update"));
	show_defender(member(status, "defender"), is_true(member(status, "connection"), "onboarded"));
	printf(ROW "%s\n", "Clock", ask_text(status, "time"));
	show_location(member(status, "location"));
	show_counters(member(status, "counters"));
	show_versions(member(status, "versions"));
}
