/* SPDX-License-Identifier: Apache-2.0 */
/* Memory that runs out while an update comes and is kept: in jobs and streams, with the staging file and the record. */

#include "cloud/inbox.h"
#include "cloud/jobs.h"
#include "cloud/streams.h"
#include "fake/shortage.h"
#include "fake/suite.h"
#include "fake/temp.h"
#include "ota/image.h"
#include "ota/record.h"

#include <stdio.h>
#include <string.h>

static char *dir;
static sd_event *event;

static void setup(void)
{
	dir = temp_dir();
	ck_assert_int_ge(sd_event_new(&event), 0);
}

static void teardown(void)
{
	sd_event_unref(event);
	temp_remove(dir);
}

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
	shortage_must(reason != NULL);
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
	bool mine;
	int r;

	r = inbox_put(inbox, "t", job, strlen(job));
	jobs_up(jobs);
	mine = jobs_message(jobs, "$aws/things/thing/jobs/notify-next", job, strlen(job));
	shortage_must(mine);
	if (r == 0)
		r = jobs_update(jobs, &update);
	if (r == 0)
		r = streams_start(streams, &target);
	if (r < 0)
		return r;
	(void)snprintf(block, sizeof(block), "{\"c\":\"%.16s\",\"f\":0,\"l\":5,\"i\":0,\"p\":\"aGVsbG8=\"}", asked + 6);
	mine = streams_message(streams, "$aws/things/thing/streams/s/data/json", block, strlen(block));
	shortage_must(mine);
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
	shortage_exhaust(step_updates);
}
END_TEST

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
	shortage_must(image_data(image, &n) != NULL && n == 1000);
	image_resume(image, "tag", 2 * sizeof(data), outcome_done());
	return outcome_of();
}

START_TEST(staging_file)
{
	shortage_exhaust(step_image);
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
	shortage_must(back.results_n == 1 || shortage_struck());
	return 0;
}

START_TEST(record_of_updates)
{
	shortage_exhaust(step_keeper);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("oom_updates");
	TCase *tc = tcase_create("oom_updates");

	tcase_set_timeout(tc, 120);
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, updates);
	tcase_add_test(tc, staging_file);
	tcase_add_test(tc, record_of_updates);
	suite_add_tcase(suite, tc);
	return suite_run(suite);
}
