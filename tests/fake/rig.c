/* SPDX-License-Identifier: Apache-2.0 */
#include "fake/rig.h"

#include "commands/commands.h"
#include "fake/mqtt.h"
#include "fake/temp.h"
#include "fake/tty.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WAIT_US 20000000ULL /* for a thread that writes a file; never passes unless something hangs */

static const char base[] =
	"[Serial]\nDevice=pty:tty\n"
	"[Identity]\nCertificate=/nonexistent.crt\nPrivateKey=/nonexistent.key\nThingName=" RIG_THING "\n"
	"[Location]\nGpsd=none\n"
	"[Cloud]\nStagingEndpoint=" RIG_STAGING "\n"; /* what tests add belongs to it */

static void on_problem(void *userdata, const char *file, unsigned line, const char *text)
{
	(void)userdata;
	ck_abort_msg("%s:%u: %s", file, line, text);
}

void rig_make(struct rig *rig, const char *more)
{
	char *text;
	int n;

	*rig = (struct rig){ .dir = temp_dir() };
	ck_assert_int_ge(sd_event_new(&rig->event), 0);
	n = asprintf(&text, "%s%s", base, more ? more : "");
	ck_assert_int_gt(n, 0);
	ck_assert_int_eq(settings_parse(&rig->settings, "rig", text, (size_t)n, on_problem, NULL), 0);
	free(text);
}

static void start_dict(struct rig *rig)
{
	ck_assert_int_eq(dict_new(&rig->dict, rig->event, rig->settings, rig->dir), 0);
	ck_assert_int_eq(dict_start(rig->dict), 0);
	ck_assert_int_eq(epoch_new(&rig->epoch, rig->event, rig->dir), 0);
	epoch_start(rig->epoch);
}

static void start_module(struct rig *rig)
{
	ck_assert_int_eq(module_new(&rig->module, rig->event, rig->settings, commands, rig->dir, rig->dir, NULL, NULL),
			 0);
	ck_assert_int_eq(module_start(rig->module), 0);
	rig->dict = rig->module->dict;
	rig->epoch = rig->module->epoch;
}

void rig_make_dict(struct rig *rig, const char *more)
{
	rig_make(rig, more);
	start_dict(rig);
}

void rig_make_module(struct rig *rig, const char *more)
{
	rig_make(rig, more);
	start_module(rig);
}

static void stop(struct rig *rig)
{
	if (rig->module) {
		rig->module = module_free(rig->module);
	} else {
		epoch_free(rig->epoch);
		dict_free(rig->dict);
	}
	rig->dict = NULL;
	rig->epoch = NULL;
}

void rig_restart(struct rig *rig)
{
	bool module = rig->module != NULL;

	stop(rig);
	if (module)
		start_module(rig);
	else
		start_dict(rig);
}

void rig_done(struct rig *rig)
{
	stop(rig);
	settings_free(rig->settings);
	sd_event_unref(rig->event);
	temp_remove(rig->dir);
	*rig = (struct rig){ 0 };
}

void rig_idle(struct rig *rig)
{
	int r;

	while ((r = sd_event_run(rig->event, 0)) > 0)
		;
	ck_assert_int_eq(r, 0);
}

static void on_set(void *who, uint64_t number, int r)
{
	ck_assert_uint_eq(number, 1);
	*(int *)who = r;
}

int rig_set(struct rig *rig, const char *key, const char *value)
{
	int result = -EINPROGRESS, r;

	r = dict_set(rig->dict, key, strlen(key), value, strlen(value),
		     (struct done){ .fn = on_set, .who = &result, .number = 1 });
	if (r)
		return r;
	while (result == -EINPROGRESS)
		ck_assert_int_gt(sd_event_run(rig->event, WAIT_US), 0);
	return result;
}

void rig_say(struct rig *rig, const char *line)
{
	fake_tty_take(fake_tty());
	fake_tty_say(fake_tty(), line);
	fake_tty_say(fake_tty(), "\n");
	rig_idle(rig);
}

const char *rig_hear(struct rig *rig)
{
	rig_idle(rig);
	return fake_tty_received(fake_tty(), NULL);
}

const char *rig_ask(struct rig *rig, const char *line)
{
	size_t n;

	rig_say(rig, line);
	while (fake_tty_received(fake_tty(), &n) && n == 0)
		ck_assert_int_gt(sd_event_run(rig->event, WAIT_US), 0);
	return rig_hear(rig);
}

const char *rig_events(struct rig *rig)
{
	static char text[8192];
	size_t n = 0;

	for (;;) {
		const char *answer = rig_ask(rig, "AT+EVENT?");

		if (strcmp(answer, "OK\r\n") == 0)
			break;
		n += (size_t)snprintf(text + n, sizeof(text) - n, "%.*s\n", (int)strcspn(answer + 3, "\r"), answer + 3);
	}
	text[n] = '\0';
	return text;
}

void rig_connect(struct rig *rig)
{
	rig_say(rig, "AT+CONNECT");
	ck_assert_str_eq(rig_hear(rig), "");
	ck_assert(fake_mqtt()->open);
	fake_mqtt_succeed();
	ck_assert_str_eq(rig_hear(rig), "OK 1 CONNECTED\r\n");
	fake_mqtt_forget();
}
