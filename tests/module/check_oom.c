/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out in every constructor and in what a module does with one; with the real edges. Updates are in
 * check_oom_updates. */

#include "module/module.h"

#include "at/line.h"
#include "at/reply.h"
#include "board/pins.h"
#include "commands/commands.h"
#include "config/dict.h"
#include "control/control.h"
#include "crypto/ssl.h"
#include "fake/pki.h"
#include "fake/shortage.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "util/child.h"
#include "util/resolve.h"
#include "util/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static char *dir;
static sd_event *event;
static struct settings *settings;
static struct pki *root, *vendor, *device;

static const char text[] = "[Serial]\nDevice=pty:tty\n[Identity]\nCertificate=/a.crt\nPrivateKey=/a.key\n"
			   "ThingName=thing\n[Module]\nAbout=Vendor - Model\n[Cloud]\nStagingEndpoint=localhost\n"
			   "[Location]\nGpsd=127.0.0.1:1\n";

static void replace(char **field, const char *value)
{
	free(*field);
	*field = strdup(value);
	ck_assert_ptr_nonnull(*field);
}

static void setup(void)
{
	dir = temp_dir();
	root = pki_ca("Root");
	vendor = pki_ca("Vendor");
	device = pki_leaf("device", vendor);
	ck_assert_int_ge(sd_event_new(&event), 0);
	ck_assert_int_eq(settings_parse(&settings, "test", text, strlen(text), NULL, NULL), 0);
	replace(&settings->root_ca_pem, root->pem);
	replace(&settings->certificate_pem, device->pem);
	replace(&settings->private_key, temp_path(dir, "device.key"));
	temp_write(dir, "device.key", device->key_pem, strlen(device->key_pem), 0600);
}

static void teardown(void)
{
	settings_free(settings);
	sd_event_unref(event);
	pki_free(device);
	pki_free(vendor);
	pki_free(root);
	temp_remove(dir);
}

static int step_settings(void)
{
	struct settings *s = NULL;
	int r = settings_parse(&s, "test", text, strlen(text), NULL, NULL);

	shortage_must((r == 0) == (s != NULL));
	settings_free(s);
	return r;
}

static void on_problem(void *userdata, const char *file, unsigned line, const char *why)
{
	(void)userdata;
	(void)file;
	(void)line;
	(void)why;
}

static int step_settings_file(void)
{
	struct settings *s = NULL;
	int r = settings_load(&s, temp_path(dir, "el.conf"), on_problem, NULL);

	shortage_must((r == 0) == (s != NULL));
	settings_free(s);
	return r;
}

START_TEST(settings_file)
{
	char lines[4096];

	temp_text(dir, "device.crt", device->pem);
	temp_text(dir, "root.crt", root->pem);
	(void)snprintf(lines, sizeof(lines),
		       "[Serial]\nDevice=pty:tty\n[Identity]\nCertificate=%s\nPrivateKey=%s\n[Cloud]\nRootCA=%s\n",
		       temp_path(dir, "device.crt"), temp_path(dir, "device.key"), temp_path(dir, "root.crt"));
	temp_text(dir, "el.conf", lines);
	shortage_exhaust(step_settings_file);
}
END_TEST

START_TEST(settings_text)
{
	shortage_exhaust(step_settings);
}
END_TEST

static unsigned on_index(void *userdata, const char *topic)
{
	(void)userdata;
	(void)topic;
	return 0;
}

static int step_queues(void)
{
	_cleanup_(events_freep) struct events *e = NULL;
	_cleanup_(messages_freep) struct messages *m = NULL;
	_cleanup_(pins_freep) struct pins *p = NULL;
	int r;

	r = events_new(&e, 64);
	if (r == 0)
		r = messages_new(&m, 64, 1000, on_index, NULL);
	if (r == 0)
		r = pins_new(&p, event, settings, NULL, NULL);
	if (r == 0)
		r = messages_push(m, "topic", "payload", 7);
	if (r == 0)
		r = messages_push(m, "topic", "payload", 7);
	if (m)
		shortage_must(messages_bytes(m) == 12 * (size_t)messages_used(m));
	return r;
}

START_TEST(queues)
{
	shortage_exhaust(step_queues);
}
END_TEST

static int step_dict(void)
{
	_cleanup_(dict_freep) struct dict *d = NULL;
	int r;

	r = dict_new(&d, event, settings, dir);
	return r ? r : dict_start(d);
}

START_TEST(dictionary)
{
	shortage_exhaust(step_dict);
}
END_TEST

static int step_ssl(void)
{
	const struct ssl_config config = { .host = "localhost",
					   .alpn = "x",
					   .roots_pem = root->pem,
					   .proof_pem = root->pem,
					   .proof_n = strlen(root->pem),
					   .certificate_pem = device->pem,
					   .key_uri = settings->private_key };
	_cleanup_(ssl_freep) struct ssl *s = NULL;

	return ssl_new(&s, &config);
}

START_TEST(tls)
{
	shortage_exhaust(step_ssl);
}
END_TEST

static void on_child(void *userdata, int r, const void *output, size_t n)
{
	(void)userdata;
	(void)r;
	(void)output;
	(void)n;
}

static void on_found(void *userdata, int r, const struct addresses *found)
{
	(void)userdata;
	(void)r;
	(void)found;
}

static int nothing(void *arg)
{
	(void)arg;
	return 0;
}

static void on_finished(void *arg, int r)
{
	*(int *)arg = r;
}

static int step_processes(void)
{
	_cleanup_(child_freep) struct child *c = NULL;
	_cleanup_(resolve_freep) struct resolve *q = NULL;
	_cleanup_(worker_freep) struct worker *w = NULL;
	int r, result;

	r = child_start(&c, event, "../../../../../../../../../../../../../../../../../../bin/sh", "exit", 4, 10, 60000,
			on_child, NULL);
	if (r == 0)
		r = resolve_start(&q, event, "localhost", 60000, on_found, NULL);
	if (r == -ENOENT) /* the helper is not beside this program */
		r = 0;
	if (r == 0)
		r = worker_new(&w, event);
	if (r == 0)
		r = worker_run(w, nothing, on_finished, &result);
	return r;
}

START_TEST(processes)
{
	shortage_exhaust(step_processes);
}
END_TEST

static enum line_follows follows(void *userdata, const uint8_t *data, size_t n)
{
	(void)userdata;
	(void)data;
	return n > 0 ? LINE_PASTE : LINE_NOTHING;
}

/* A line that got lost for want of memory is at least answered: as one that did not fit. */
static int step_lines(void)
{
	_cleanup_(line_reader_freep) struct line_reader *lines = NULL;
	static const char paste[] = "\nAT+x\n-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
	static char much[3000];
	unsigned answered = 0;
	struct line line;
	int r;

	r = line_reader_new(&lines, follows, NULL);
	if (r < 0)
		return r;
	memset(much, 'x', sizeof(much));
	for (unsigned i = 0; i < 4; i++) {
		(void)line_feed(lines, "AT\nAT+", 6);
		(void)line_feed(lines, much, sizeof(much));
		(void)line_feed(lines, paste, strlen(paste));
		while (line_next(lines, &line))
			answered += line.kind != LINE_BODY;
	}
	line_reset(lines);
	(void)line_feed(lines, "AT\n", 3);
	while (line_next(lines, &line))
		answered++;
	return answered > 0 ? 0 : -ENOMEM;
}

START_TEST(lines)
{
	shortage_exhaust(step_lines);
}
END_TEST

static int step_reply(void)
{
	struct reply reply;
	struct buf out;
	int r;

	reply_init(&reply);
	buf_init(&out, 10000);
	r = reply_ok(&reply, "first\n", 6);
	if (r == 0)
		r = reply_line(&reply, "second", 6);
	if (r == 0)
		r = reply_write(&reply, 0, &out);
	if (r < 0)
		shortage_must(buf_used(&out) == 0);
	reply_done(&reply);
	buf_done(&out);
	return r;
}

START_TEST(reply)
{
	shortage_exhaust(step_reply);
}
END_TEST

static int step_module(void)
{
	_cleanup_(module_freep) struct module *m = NULL;
	int r;

	r = module_new(&m, event, settings, commands, dir, dir, NULL, NULL);
	return r ? r : module_start(m);
}

START_TEST(module)
{
	shortage_exhaust(step_module);
}
END_TEST

/* A module that lives, and is short of memory from time to time. */
static struct module *alive;
static unsigned calls;

static void on_done(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	(void)r;
	calls++;
}

static int step_connect(void)
{
	calls = 0;
	connection_clear_backoff(alive->connection);
	connection_open(alive->connection, (struct done){ .fn = on_done });
	connection_close(alive->connection);
	shortage_must(calls == 1);
	return 0;
}

START_TEST(connecting)
{
	ck_assert_int_eq(module_new(&alive, event, settings, commands, dir, dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(alive), 0);
	shortage_exhaust(step_connect);
	module_free(alive);
}
END_TEST

static int step_control(void)
{
	const struct status_place place = { .settings = "", .state_dir = dir, .runtime_dir = dir };
	_cleanup_(control_freep) struct control *c = NULL;
	_cleanup_(freep) char *answer = NULL;
	int r = control_new(&c, alive, &place);

	if (r < 0)
		return r;
	control_start(c);
	control_on_state(c, STATE_ACTIVE);
	answer = status_text(alive, &place);
	return answer ? 0 : -ENOMEM;
}

START_TEST(asking)
{
	ck_assert_int_eq(module_new(&alive, event, settings, commands, dir, dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(alive), 0);
	shortage_exhaust(step_control);
	module_free(alive);
}
END_TEST

static int step_set(void)
{
	static unsigned turn;
	char value[32];
	size_t n;
	int r;

	calls = 0;
	(void)snprintf(value, sizeof(value), "name %u", turn++);
	r = dict_set(alive->dict, "CustomName", 10, value, strlen(value), (struct done){ .fn = on_done });
	if (r) {
		shortage_must(calls == 0);
		return r > 0 ? -r : r;
	}
	while (calls == 0) {
		r = sd_event_run(event, UINT64_MAX);
		shortage_must(r > 0);
	}
	shortage_must(calls == 1);

	/* What could not be written is not there; what was said to be done is. */
	shortage_must(dict_get(alive->dict, KEY_CUSTOMNAME, &n) != NULL);
	return 0;
}

START_TEST(setting)
{
	ck_assert_int_eq(module_new(&alive, event, settings, commands, dir, dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(alive), 0);
	shortage_exhaust(step_set);
	module_free(alive);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("oom");
	TCase *tc = tcase_create("oom");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, settings_text);
	tcase_add_test(tc, settings_file);
	tcase_add_test(tc, queues);
	tcase_add_test(tc, dictionary);
	tcase_add_test(tc, tls);
	tcase_add_test(tc, processes);
	tcase_add_test(tc, lines);
	tcase_add_test(tc, reply);
	tcase_add_test(tc, module);
	tcase_add_test(tc, connecting);
	tcase_add_test(tc, asking);
	tcase_add_test(tc, setting);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
