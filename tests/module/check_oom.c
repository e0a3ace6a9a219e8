/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out: the n-th allocation fails, for every n, in every constructor and in what a module does with
 * one. The linker puts __wrap_malloc() and its like in the place of malloc() (see Makefile.am); with the real edges. A
 * leak is found by the sanitizer. */

#include "module/module.h"

#include "at/line.h"
#include "at/reply.h"
#include "board/pins.h"
#include "cloud/inbox.h"
#include "cloud/jobs.h"
#include "cloud/streams.h"
#include "commands/commands.h"
#include "config/dict.h"
#include "control/control.h"
#include "crypto/ssl.h"
#include "fake/pki.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "ota/image.h"
#include "ota/record.h"
#include "util/child.h"
#include "util/resolve.h"
#include "util/worker.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define MOST 5000 /* allocations in one step: more would be a loop without end */

/* Of this thread only: others may write files meanwhile. */
static _Thread_local unsigned countdown; /* 0: no more failures */
static _Thread_local bool failed;

static bool fails(void)
{
	if (countdown == 0 || --countdown > 0)
		return false;
	failed = true;
	return true;
}

void *__real_malloc(size_t n);
void *__real_calloc(size_t count, size_t n);
void *__real_realloc(void *p, size_t n);
char *__real_strdup(const char *text);
char *__real_strndup(const char *text, size_t n);
int __real_vasprintf(char **ret, const char *format, va_list ap);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t count, size_t n);
void *__wrap_realloc(void *p, size_t n);
char *__wrap_strdup(const char *text);
char *__wrap_strndup(const char *text, size_t n);
int __wrap_vasprintf(char **ret, const char *format, va_list ap) _printf_(2, 0);
int __wrap_asprintf(char **ret, const char *format, ...) _printf_(2, 3);

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t count, size_t n)
{
	return fails() ? NULL : __real_calloc(count, n);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

char *__wrap_strdup(const char *text)
{
	return fails() ? NULL : __real_strdup(text);
}

char *__wrap_strndup(const char *text, size_t n)
{
	return fails() ? NULL : __real_strndup(text, n);
}

int __wrap_vasprintf(char **ret, const char *format, va_list ap)
{
	return fails() ? -1 : __real_vasprintf(ret, format, ap);
}

int __wrap_asprintf(char **ret, const char *format, ...)
{
	va_list ap;
	int n;

	if (fails())
		return -1;
	va_start(ap, format);
	n = __real_vasprintf(ret, format, ap);
	va_end(ap);
	return n;
}

/* For the steps: libcheck allocates, too. */
#define must(what)                         \
	do {                               \
		unsigned rest = countdown; \
		countdown = 0;             \
		ck_assert(what);           \
		countdown = rest;          \
	} while (0)

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

/* Runs step() until none of its allocations fails. It returns 0 or an error, and has cleaned up. */
static void exhaust(int (*step)(void))
{
	unsigned n;
	int r;

	for (n = 1; n < MOST; n++) {
		countdown = n;
		failed = false;
		r = step();
		countdown = 0;
		if (!failed) {
			ck_assert_int_eq(r, 0);
			break;
		}
		ck_assert_msg(r <= 0, "allocation %u: %d", n, r);
	}
	ck_assert_uint_lt(n, MOST);
	ck_assert_uint_gt(n, 1); /* something was tried */
}

static int step_settings(void)
{
	struct settings *s = NULL;
	int r = settings_parse(&s, "test", text, strlen(text), NULL, NULL);

	must((r == 0) == (s != NULL));
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

	must((r == 0) == (s != NULL));
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
	exhaust(step_settings_file);
}
END_TEST

START_TEST(settings_text)
{
	exhaust(step_settings);
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
		must(messages_bytes(m) == 12 * (size_t)messages_used(m));
	return r;
}

START_TEST(queues)
{
	exhaust(step_queues);
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
	exhaust(step_dict);
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
	exhaust(step_ssl);
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
	exhaust(step_processes);
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
	exhaust(step_lines);
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
		must(buf_used(&out) == 0);
	reply_done(&reply);
	buf_done(&out);
	return r;
}

START_TEST(reply)
{
	exhaust(step_reply);
}
END_TEST

static void on_mail(void *userdata, const char *topic, const void *payload, size_t n)
{
	(void)userdata;
	(void)topic;
	(void)payload;
	(void)n;
}

static void on_next(void *userdata, const struct jobs_execution *next)
{
	(void)userdata;
	(void)next;
}

static void on_updated(void *userdata, const char *id, const char *code)
{
	(void)userdata;
	(void)id;
	(void)code;
}

static bool on_block(void *userdata, uint64_t offset, const void *data, size_t n)
{
	(void)userdata;
	(void)data;
	return offset == 0 && n == 5;
}

static void on_whole(void *userdata)
{
	(void)userdata;
}

static void on_broken(void *userdata, const char *reason)
{
	(void)userdata;
	must(reason != NULL);
}

static char asked[200]; /* the last request */

static int on_publish(void *userdata, const char *topic, const void *payload, size_t n, int qos)
{
	(void)userdata;
	(void)topic;
	(void)qos;
	(void)snprintf(asked, sizeof(asked), "%.*s", (int)n, (const char *)payload);
	return 0;
}

static int on_filter(void *userdata, const char *filter)
{
	(void)userdata;
	(void)filter;
	return 0;
}

static int talk(struct inbox *inbox, struct jobs *jobs, struct streams *streams)
{
	static const char job[] = "{\"execution\":{\"jobId\":\"j\",\"status\":\"QUEUED\",\"jobDocument\":{\"a\":1}}}";
	const struct jobs_update update = { .id = "j", .status = JOBS_FAILED, .key = "reason", .value = "x" };
	const struct streams_target target = { .stream = "s", .size = 5 };
	char block[300];
	int r;

	r = inbox_put(inbox, "t", job, strlen(job));
	jobs_up(jobs);
	must(jobs_message(jobs, "$aws/things/thing/jobs/notify-next", job, strlen(job)));
	if (r == 0)
		r = jobs_update(jobs, &update);
	if (r == 0)
		r = streams_start(streams, &target);
	if (r < 0)
		return r;
	(void)snprintf(block, sizeof(block), "{\"c\":\"%.16s\",\"f\":0,\"l\":5,\"i\":0,\"p\":\"aGVsbG8=\"}", asked + 6);
	must(streams_message(streams, "$aws/things/thing/streams/s/data/json", block, strlen(block)));
	return 0;
}

static int step_updates(void)
{
	const struct jobs_events jobs_events = {
		.on_next = on_next,
		.on_updated = on_updated,
		.publish = on_publish,
	};
	const struct streams_events streams_events = {
		.on_block = on_block,
		.on_complete = on_whole,
		.on_failed = on_broken,
		.publish = on_publish,
		.subscribe = on_filter,
	};
	_cleanup_(inbox_freep) struct inbox *inbox = NULL;
	_cleanup_(jobs_freep) struct jobs *jobs = NULL;
	_cleanup_(streams_freep) struct streams *streams = NULL;
	int r;

	r = inbox_new(&inbox, event, on_mail, NULL);
	if (r == 0)
		r = jobs_new(&jobs, event, "thing", &jobs_events);
	if (r == 0)
		r = streams_new(&streams, event, "thing", &streams_events);
	return r ? r : talk(inbox, jobs, streams);
}

START_TEST(updates)
{
	exhaust(step_updates);
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
	exhaust(step_module);
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
	must(calls == 1);
	return 0;
}

START_TEST(connecting)
{
	ck_assert_int_eq(module_new(&alive, event, settings, commands, dir, dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(alive), 0);
	exhaust(step_connect);
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
	exhaust(step_control);
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
		must(calls == 0);
		return r > 0 ? -r : r;
	}
	while (calls == 0)
		must(sd_event_run(event, UINT64_MAX) > 0);
	must(calls == 1);

	/* What could not be written is not there; what was said to be done is. */
	must(dict_get(alive->dict, KEY_CUSTOMNAME, &n) != NULL);
	return 0;
}

START_TEST(setting)
{
	ck_assert_int_eq(module_new(&alive, event, settings, commands, dir, dir, NULL, NULL), 0);
	ck_assert_int_eq(module_start(alive), 0);
	exhaust(step_set);
	module_free(alive);
}
END_TEST

/* --- updates --- */

static bool told;
static int outcome;

static void on_outcome(void *who, uint64_t number, int r)
{
	(void)who;
	(void)number;
	told = true;
	outcome = r;
}

static struct done outcome_done(void)
{
	told = false;
	return (struct done){ .fn = on_outcome };
}

static int outcome_of(void)
{
	while (!told)
		(void)sd_event_run(event, UINT64_MAX);
	return outcome;
}

/* What is refused for lack of memory finds some at the next turn. */
static void put_piece(struct image *image, uint64_t offset, const void *data, size_t n)
{
	while (!image_put(image, offset, data, n))
		(void)sd_event_run(event, UINT64_MAX);
}

static int step_image(void)
{
	_cleanup_(image_freep) struct image *image = NULL;
	static const char data[70000] = { 1 };
	size_t n;
	int r;

	r = image_new(&image, event, dir);
	if (r < 0)
		return r;
	image_create(image, "tag", 2 * sizeof(data), outcome_done());
	r = outcome_of();
	if (r < 0)
		return r;
	put_piece(image, sizeof(data), data, sizeof(data));
	put_piece(image, 0, data, sizeof(data));
	image_finish(image, outcome_done());
	r = outcome_of();
	if (r < 0)
		return r;
	image_publish(image);
	image_read(image, 65000, 1000, outcome_done());
	r = outcome_of();
	if (r < 0)
		return r;
	must(image_data(image, &n) != NULL && n == 1000);
	image_resume(image, "tag", 2 * sizeof(data), outcome_done());
	return outcome_of();
}

START_TEST(staging_file)
{
	exhaust(step_image);
}
END_TEST

static int step_keeper(void)
{
	_cleanup_(keeper_freep) struct keeper *keeper = NULL;
	struct record record = { .phase = RECORD_NOTHING, .results_n = 1 }, back;
	int r;

	record.results[0] = (struct record_result){ .id = "j", .status = JOBS_FAILED };
	r = keeper_new(&keeper, event, dir);
	if (r < 0)
		return r;
	keeper_save(keeper, &record, outcome_done());
	r = outcome_of();
	if (r < 0)
		return r;
	/* Never fails, but may find nothing. */
	keeper_load(keeper, &back);
	must(back.results_n == 1 || failed);
	return 0;
}

START_TEST(record_of_updates)
{
	exhaust(step_keeper);
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
	tcase_add_test(tc, updates);
	tcase_add_test(tc, module);
	tcase_add_test(tc, connecting);
	tcase_add_test(tc, asking);
	tcase_add_test(tc, setting);
	tcase_add_test(tc, staging_file);
	tcase_add_test(tc, record_of_updates);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
